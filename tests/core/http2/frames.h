/* tests/core/http2/frames.h - What a client says and hears in HTTP/2, frame by frame.
 *
 * Frames are made by hand, so that wrong ones can be; fields are literals without indexing. What the server has
 * written is read frame by frame, its heads decoded by nghttp2's inflater, in order, for HPACK has a memory. */
#ifndef FR_TESTS_FRAMES_H
#define FR_TESTS_FRAMES_H

#include <nghttp2/nghttp2.h>
#include <stdint.h>

#include "base/buffer.h"
#include "http2/session.h"
#include "unit.h"

#define END_STREAM NGHTTP2_FLAG_END_STREAM
#define END_HEADERS NGHTTP2_FLAG_END_HEADERS
#define ACK NGHTTP2_FLAG_ACK

static inline void add_bytes(struct fr_buffer *out, const void *bytes, size_t len)
{
    EQUAL(fr_buffer_append(out, fr_span_of(bytes, len)), 0);
}

static inline void add_number(struct fr_buffer *out, uint32_t number, int bytes)
{
    while (bytes-- > 0) {
        char byte = (char)(number >> 8 * bytes);
        add_bytes(out, &byte, 1);
    }
}

static inline void add_frame(struct fr_buffer *out, int type, int flags, uint32_t stream, fr_span payload)
{
    add_number(out, (uint32_t)payload.len, 3);
    add_number(out, (uint32_t)type, 1);
    add_number(out, (uint32_t)flags, 1);
    add_number(out, stream, 4);
    if (payload.len)
        add_bytes(out, payload.data, payload.len);
}

static inline void add_setting(struct fr_buffer *out, int id, uint32_t value)
{
    add_number(out, (uint32_t)id, 2);
    add_number(out, value, 4);
}

/* An integer of HPACK with a prefix of `bits` (RFC 7541 section 5.1). */
static inline void add_integer(struct fr_buffer *out, int first, int bits, size_t number)
{
    size_t most = ((size_t)1 << bits) - 1;
    if (number < most) {
        add_number(out, (uint32_t)first | (uint32_t)number, 1);
        return;
    }
    add_number(out, (uint32_t)first | (uint32_t)most, 1);
    for (number -= most; number >= 128; number /= 128)
        add_number(out, 128 | (uint32_t)(number % 128), 1);
    add_number(out, (uint32_t)number, 1);
}

static inline void add_field_span(struct fr_buffer *out, fr_span name, fr_span value)
{
    add_number(out, 0, 1);
    add_integer(out, 0, 7, name.len);
    add_bytes(out, name.data, name.len);
    add_integer(out, 0, 7, value.len);
    if (value.len)
        add_bytes(out, value.data, value.len);
}

static inline void add_field(struct fr_buffer *out, const char *name, const char *value)
{
    add_field_span(out, fr_span_of_string(name), fr_span_of_string(value));
}

/* The pseudo-headers of an ordinary request. */
static inline void add_request(struct fr_buffer *out, const char *method, const char *path)
{
    add_field(out, ":method", method);
    add_field(out, ":scheme", "http");
    add_field(out, ":path", path);
    add_field(out, ":authority", "a");
}

/* The preface, SETTINGS, and windows that are never in the way. */
static inline void add_greeting(struct fr_buffer *out)
{
    struct fr_buffer settings;
    fr_buffer_init(&settings, 1024);
    add_bytes(out, FR_HTTP2_PREFACE, sizeof FR_HTTP2_PREFACE - 1);
    add_setting(&settings, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, INT32_MAX);
    add_frame(out, NGHTTP2_SETTINGS, 0, 0, fr_buffer_span(&settings));
    fr_buffer_free(&settings);
    add_number(&settings, INT32_MAX - 65535, 4);
    add_frame(out, NGHTTP2_WINDOW_UPDATE, 0, 0, fr_buffer_span(&settings));
    fr_buffer_free(&settings);
}

/* ---- hearing ---- */

struct frame {
    int type;
    int flags;
    uint32_t stream;
    fr_span payload;
};

static inline uint32_t number_at(fr_span bytes, size_t at, int count)
{
    uint32_t number = 0;
    for (int i = 0; i < count; i++)
        number = number << 8 | (unsigned char)bytes.data[at + (size_t)i];
    return number;
}

/* Takes the frame at the front of `bytes`; false when there is no whole one. */
static inline bool next_frame(fr_span *bytes, struct frame *frame)
{
    if (bytes->len < 9)
        return false;
    size_t len = number_at(*bytes, 0, 3);
    if (bytes->len < 9 + len)
        return false;
    frame->type = (int)number_at(*bytes, 3, 1);
    frame->flags = (int)number_at(*bytes, 4, 1);
    frame->stream = number_at(*bytes, 5, 4);
    frame->payload = fr_span_slice(*bytes, 9, 9 + len);
    *bytes = fr_span_skip(*bytes, 9 + len);
    return true;
}

/* Decodes a block, and appends "name: value\n" for each field if `text` is given. Returns :status, or 0. */
static inline int decode_block(nghttp2_hd_inflater *inflater, fr_span block, struct fr_buffer *text)
{
    int status = 0;
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, (const uint8_t *)block.data, block.len, 1);
        IS(used >= 0);
        block = fr_span_skip(block, (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            if (field.namelen == 7 && memcmp(field.name, ":status", 7) == 0)
                status = atoi((const char *)field.value);
            if (text) {
                add_bytes(text, field.name, field.namelen);
                add_bytes(text, ": ", 2);
                add_bytes(text, field.value, field.valuelen);
                add_bytes(text, "\n", 1);
            }
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(inflater);
    return status;
}

#endif
