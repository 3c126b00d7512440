/* websocket/frame.c - Two bytes that say most of it, then the length, then the key (RFC 6455 section 5.2).
 *
 * The heads that a client sends have 6, 8 or 14 bytes; without the key, as a server sends them, 2, 4 or 10. */
#include "websocket/frame.h"

#include <assert.h>
#include <string.h>

#define FIN 0x80
#define RSV1 0x40
#define RSV 0x70
#define OPCODE 0x0f
#define MASKED 0x80u

/* Values of the seven bits of length that say that the length follows. */
#define LEN_16 126
#define LEN_64 127

static bool is_opcode(unsigned char opcode)
{
    const unsigned known = 1u << FR_FRAME_CONTINUATION | 1u << FR_FRAME_TEXT | 1u << FR_FRAME_BINARY |
                           1u << FR_FRAME_CLOSE | 1u << FR_FRAME_PING | 1u << FR_FRAME_PONG;
    return known >> opcode & 1;
}

/* The first byte, which says what kind of frame it is, is one that a client may send. */
static bool is_kind(unsigned char byte, bool compression)
{
    unsigned char opcode = byte & OPCODE, reserved = byte & RSV;
    bool begins_message = opcode == FR_FRAME_TEXT || opcode == FR_FRAME_BINARY;
    if (reserved && !(reserved == RSV1 && compression && begins_message))
        return false;
    return is_opcode(opcode) && ((byte & FIN) || !fr_frame_is_control(opcode));
}

/* The second byte is one that may follow the first. */
static bool is_length(unsigned char opcode, unsigned char byte)
{
    return (byte & MASKED) && !(fr_frame_is_control(opcode) && (byte & ~MASKED) > FR_FRAME_CONTROL_BYTES_MAX);
}

static uint64_t read_number(const unsigned char *at, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | at[i];
    return number;
}

/* A length of eight bytes, of which `len` are there, has its top bit set or would fit in two. */
static bool is_wrong_length(const unsigned char *at, size_t len)
{
    return (len > 0 && (at[0] & 0x80)) || (len >= 6 && read_number(at, 6) == 0);
}

int fr_frame_parse(fr_span bytes, bool compression, struct fr_frame *frame)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    if (bytes.len > 0 && !is_kind(at[0], compression))
        return FR_E_FRAME;
    if (bytes.len < 2)
        return 0;
    unsigned char opcode = at[0] & OPCODE;
    if (!is_length(opcode, at[1]))
        return FR_E_FRAME;

    uint64_t len = at[1] & ~MASKED;
    size_t len_bytes = len == LEN_16 ? 2 : len == LEN_64 ? 8 : 0;
    if (len_bytes == 8 && is_wrong_length(at + 2, bytes.len - 2))
        return FR_E_FRAME;
    if (bytes.len < 2 + len_bytes)
        return 0;
    if (len_bytes > 0)
        len = read_number(at + 2, len_bytes);
    if (len_bytes == 2 && len < LEN_16)
        return FR_E_FRAME;

    size_t head_bytes = 2 + len_bytes + FR_FRAME_KEY_BYTES;
    if (bytes.len < head_bytes)
        return 0;
    *frame =
        (struct fr_frame){.len = len, .opcode = opcode, .last = (at[0] & FIN) != 0, .compressed = (at[0] & RSV1) != 0};
    memcpy(frame->key, at + 2 + len_bytes, sizeof frame->key);
    return (int)head_bytes;
}

static size_t write_number(char *at, uint64_t number, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (char)(number >> (8 * (len - 1 - i)));
    return len;
}

size_t fr_frame_write(char head[FR_FRAME_WRITE_BYTES_MAX], enum fr_frame_opcode opcode, bool last, bool compressed,
                      uint64_t len)
{
    assert(len >> 63 == 0);
    assert(!fr_frame_is_control((unsigned char)opcode) || (last && !compressed && len <= FR_FRAME_CONTROL_BYTES_MAX));
    head[0] = (char)((unsigned)opcode | (last ? FIN : 0) | (compressed ? RSV1 : 0));
    if (len < LEN_16) {
        head[1] = (char)len;
        return 2;
    }
    head[1] = len <= UINT16_MAX ? LEN_16 : LEN_64;
    return 2 + write_number(head + 2, len, len <= UINT16_MAX ? 2 : 8);
}
