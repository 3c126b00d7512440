/* websocket/utf8.c - UTF-8 as what may come next (RFC 3629 section 4, the table of well-formed sequences).
 *
 * In the middle of a character the state is three bytes: how many bytes the character still wants, and the least and
 * the greatest that the next one may be. Only the byte after the first is ever narrower than 80 to BF: that is where
 * overlong forms, surrogates and what lies above U+10FFFF show. Runs of ASCII are passed over many bytes at a time,
 * and so is, where the machine can (utf8_blocks.c), all that is valid. */
#include "websocket/utf8.h"

#include <stddef.h>
#include <string.h>

#include "websocket/utf8_blocks.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* A state: so many more bytes, the next of which is from `least` to `greatest`. */
#define WANTS(count, least, greatest) \
    ((fr_utf8_state)(count) | (fr_utf8_state)(least) << 8 | (fr_utf8_state)(greatest) << 16)
#define COUNT(state) ((state) & 0xff)
#define LEAST(state) ((state) >> 8 & 0xff)
#define GREATEST(state) ((state) >> 16)

/* The state after the first byte of a character that is not ASCII; 0: no character begins so. */
static fr_utf8_state begin_character(unsigned char byte)
{
    if (byte < 0xc2 || byte > 0xf4)
        return 0;
    if (byte < 0xe0)
        return WANTS(1, 0x80, 0xbf);
    if (byte < 0xf0)
        return WANTS(2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    return WANTS(3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
}

/* The end of the ASCII that begins at `at`, or somewhat before. */
static const char *skip_ascii(const char *at, const char *end)
{
#if defined(__SSE2__)
    for (; end - at >= 16; at += 16) {
        int others = _mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)at));
        if (others)
            return at + __builtin_ctz((unsigned)others);
    }
#endif
    for (uint64_t word; (size_t)(end - at) >= sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        if (word & 0x8080808080808080u)
            break;
    }
    return at;
}

/* Below this many bytes there is no vector to fill. */
#define BLOCKS_BYTES_MIN 16

/* The end of the characters that are valid for sure, from the beginning of one. */
static const char *skip_blocks(const char *at, const char *end)
{
    fr_utf8_skip_function *skip = end - at < BLOCKS_BYTES_MIN ? NULL : fr_utf8_skip_of(fr_cpu_best());
    return skip ? at + skip(fr_span_of(at, (size_t)(end - at))) : at;
}

bool fr_utf8_feed(fr_utf8_state *state, fr_span bytes)
{
    if (bytes.len == 0)
        return true;
    fr_utf8_state now = *state;
    const char *end = bytes.data + bytes.len;
    bool skipped = false; /* once: it ends where nothing more can be skipped */
    for (const char *at = bytes.data; at < end; at++) {
        if (!now && !skipped && (unsigned char)*at >= 0x80) {
            skipped = true;
            at = skip_blocks(at, end);
            if (at == end)
                break;
        }
        unsigned char byte = (unsigned char)*at;
        if (now) {
            if (byte < LEAST(now) || byte > GREATEST(now))
                return false;
            now = COUNT(now) > 1 ? WANTS(COUNT(now) - 1, 0x80, 0xbf) : 0;
        } else if (byte >= 0x80) {
            now = begin_character(byte);
            if (!now)
                return false;
        } else {
            at = skip_ascii(at + 1, end) - 1;
        }
    }
    *state = now;
    return true;
}
