/* base/sha1.c - One digest at a time, from memory (RFC 3174 section 6.1).
 *
 * A handshake hashes sixty bytes, so this is written to be read; nothing here is secret, so it need not take the same
 * time for all bytes. */
#include "base/sha1.h"

#include <stdint.h>

#define BLOCK_BYTES 64
#define LENGTH_BYTES 8 /* of the length, in bits, at the end of the last block */
#define WORDS (FR_SHA1_BYTES / 4)

static uint32_t turn_left(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t read_word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_word(unsigned char *at, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(word >> (24 - 8 * i));
}

static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    static const uint32_t constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t mixed = b ^ c ^ d;
    if (round < 20)
        mixed = (b & c) | (~b & d);
    else if (round >= 40 && round < 60)
        mixed = (b & c) | (b & d) | (c & d);
    return mixed + constants[round / 20];
}

static void add_block(uint32_t state[WORDS], const unsigned char *block)
{
    uint32_t schedule[80];
    for (unsigned i = 0; i < 16; i++)
        schedule[i] = read_word(block + 4 * i);
    for (unsigned i = 16; i < 80; i++)
        schedule[i] = turn_left(schedule[i - 3] ^ schedule[i - 8] ^ schedule[i - 14] ^ schedule[i - 16], 1);

    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = turn_left(a, 5) + mix(i, b, c, d) + e + schedule[i];
        e = d;
        d = c;
        c = turn_left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void fr_sha1_digest(fr_span bytes, unsigned char digest[FR_SHA1_BYTES])
{
    uint32_t state[WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint64_t bits = (uint64_t)bytes.len * 8;
    for (; bytes.len >= BLOCK_BYTES; bytes = fr_span_skip(bytes, BLOCK_BYTES))
        add_block(state, (const unsigned char *)bytes.data);

    /* What is left, a single one-bit, zeros, and the length: one block, or two when the length has no room. */
    unsigned char rest[2 * BLOCK_BYTES] = {0};
    if (bytes.len > 0)
        memcpy(rest, bytes.data, bytes.len);
    rest[bytes.len] = 0x80;
    size_t rest_len = bytes.len + 1 + LENGTH_BYTES > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES;
    write_word(rest + rest_len - 8, (uint32_t)(bits >> 32));
    write_word(rest + rest_len - 4, (uint32_t)bits);
    for (size_t at = 0; at < rest_len; at += BLOCK_BYTES)
        add_block(state, rest + at);

    for (unsigned i = 0; i < WORDS; i++)
        write_word(digest + (size_t)4 * i, state[i]);
}
