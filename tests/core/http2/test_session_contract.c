/* http2/session.c as a protocol among others. */
#include "contract_protocol.h"
#include "frames.h"

static void ask(struct fr_buffer *out, unsigned number, const char *method, const char *path, size_t length)
{
    struct fr_buffer block;
    fr_buffer_init(&block, 4096);
    add_request(&block, method, path);
    add_frame(out, NGHTTP2_HEADERS, END_HEADERS | (length ? 0 : END_STREAM), number * 2 - 1, fr_buffer_span(&block));
    fr_buffer_free(&block);
}

static void pour(struct fr_buffer *out, unsigned number, fr_span bytes, bool last)
{
    add_frame(out, NGHTTP2_DATA, last ? END_STREAM : 0, number * 2 - 1, bytes);
}

static void hear(fr_span written, const char *const *methods, unsigned number, struct contract_answer *answer)
{
    nghttp2_hd_inflater *inflater;
    struct frame frame;
    (void)methods;
    EQUAL(nghttp2_hd_inflate_new(&inflater), 0);
    while (next_frame(&written, &frame)) {
        bool is_ours = frame.stream == number * 2 - 1;
        if (frame.type == NGHTTP2_HEADERS) {
            int status = decode_block(inflater, frame.payload, NULL);
            if (is_ours)
                answer->status = status;
        }
        if (is_ours && frame.type == NGHTTP2_DATA)
            add_bytes(&answer->body, frame.payload.data, frame.payload.len);
        if (is_ours && (frame.type == NGHTTP2_DATA || frame.type == NGHTTP2_HEADERS))
            answer->is_complete |= frame.flags & END_STREAM;
    }
    nghttp2_hd_inflate_del(inflater);
}

static const struct contract_protocol http2 = {&fr_http2, add_greeting, ask, pour, hear};

CONTRACT_PROTOCOL(http2)
