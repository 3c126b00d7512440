/* http2/frame_reader.c - Nine bytes, then as many as they say. RFC 9113 section 4.1. */
#include "http2/frame_reader.h"

#include <nghttp2/nghttp2.h>

#define FR_PREFACE_BYTES 24

void fr_frame_reader_init(struct fr_frame_reader *reader)
{
    *reader = (struct fr_frame_reader){.preface_left = FR_PREFACE_BYTES};
}

static uint32_t read_number(const uint8_t *bytes, int count)
{
    uint32_t number = 0;
    for (int i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* After a head: a block is open from the first frame without END_HEADERS to the one that has it. */
static void open_frame(struct fr_frame_reader *reader)
{
    reader->length = read_number(reader->head, 3);
    reader->type = reader->head[3];
    reader->flags = reader->head[4];
    reader->stream = read_number(reader->head + 5, 4) & 0x7fffffff;
    reader->payload_left = reader->length;
    if (reader->type == NGHTTP2_HEADERS)
        reader->in_block = true;
}

static void end_frame(struct fr_frame_reader *reader)
{
    reader->head_len = 0;
    if (reader->flags & NGHTTP2_FLAG_END_HEADERS &&
        (reader->type == NGHTTP2_HEADERS || reader->type == NGHTTP2_CONTINUATION))
        reader->in_block = false;
}

static size_t at_most(size_t wanted, fr_span bytes, size_t taken)
{
    size_t left = bytes.len - taken;
    return wanted < left ? wanted : left;
}

size_t fr_frame_reader_take(struct fr_frame_reader *reader, fr_span bytes, enum fr_frame_event *event)
{
    size_t taken = at_most(reader->preface_left, bytes, 0);
    reader->preface_left -= (uint8_t)taken;
    *event = taken && reader->preface_left == 0 ? FR_FRAME_PREFACE : FR_FRAME_MORE;
    if (taken)
        return taken;
    if (reader->head_len < FR_FRAME_HEAD_BYTES) {
        size_t len = at_most(FR_FRAME_HEAD_BYTES - reader->head_len, bytes, taken);
        if (len)
            memcpy(reader->head + reader->head_len, bytes.data + taken, len);
        reader->head_len += (uint8_t)len;
        if (reader->head_len == FR_FRAME_HEAD_BYTES) {
            open_frame(reader);
            *event = FR_FRAME_BEGUN;
        }
        return taken + len;
    }
    size_t len = at_most(reader->payload_left, bytes, taken);
    reader->payload_left -= (uint32_t)len;
    if (reader->payload_left == 0) {
        end_frame(reader);
        *event = FR_FRAME_ENDED;
    }
    return taken + len;
}
