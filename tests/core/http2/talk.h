/* tests/core/http2/talk.h - One HTTP/2 connection with an echo behind it, spoken to in frames and heard in words.
 *
 * What the server says is told as text, one word and its numbers for each frame, " " before each: "settings", "ack",
 * "pong", "head 1 200", "data 1 6", "reset 1 8", "goaway 1 0", "window 1 1000"; a "." behind one that ends its
 * stream. Fields and bodies are kept apart. */
#ifndef FR_TESTS_TALK_H
#define FR_TESTS_TALK_H

#include "fakes/echo_application.h"
#include "fakes/wire.h"
#include "frames.h"

struct talk {
    struct echo_application echo;
    struct wire wire;
    struct fr_buffer out;    /* what the client says next */
    struct fr_buffer fields; /* "name: value\n" of all heads that were heard */
    struct fr_buffer body;   /* of all DATA that was heard */
    struct fr_buffer told;
    fr_span rest; /* of what was written: part of a frame */
    size_t heard; /* bytes of the wire's output that were heard */
    nghttp2_hd_inflater *inflater;
};

static inline void open_talk_with(struct talk *talk, enum echo_mode mode, const struct fr_limits *limits)
{
    memset(talk, 0, sizeof *talk);
    fr_buffer_init(&talk->out, 64u << 20);
    fr_buffer_init(&talk->fields, 64u << 20);
    fr_buffer_init(&talk->body, 64u << 20);
    fr_buffer_init(&talk->told, 64u << 20);
    EQUAL(nghttp2_hd_inflate_new(&talk->inflater), 0);
    echo_open(&talk->echo, mode);
    wire_open_with(&talk->wire, &fr_http2, &talk->echo.base, limits);
}

static inline void close_talk(struct talk *talk)
{
    wire_close(&talk->wire);
    echo_close(&talk->echo);
    nghttp2_hd_inflate_del(talk->inflater);
    fr_buffer_free(&talk->out);
    fr_buffer_free(&talk->fields);
    fr_buffer_free(&talk->body);
    fr_buffer_free(&talk->told);
}

static inline void tell(struct talk *talk, const struct frame *frame)
{
    char text[64] = "";
    const char *end = frame->flags & END_STREAM ? "." : "";
    switch (frame->type) {
    case NGHTTP2_DATA:
        add_bytes(&talk->body, frame->payload.data, frame->payload.len);
        sprintf(text, " data %u %zu%s", frame->stream, frame->payload.len, end);
        break;
    case NGHTTP2_HEADERS:
        sprintf(text, " head %u %d%s", frame->stream, decode_block(talk->inflater, frame->payload, &talk->fields), end);
        break;
    case NGHTTP2_RST_STREAM:
        sprintf(text, " reset %u %u", frame->stream, number_at(frame->payload, 0, 4));
        break;
    case NGHTTP2_SETTINGS:
        sprintf(text, frame->flags & ACK ? " ack" : " settings");
        break;
    case NGHTTP2_PING:
        sprintf(text, frame->flags & ACK ? " pong" : " ping");
        break;
    case NGHTTP2_GOAWAY:
        sprintf(text, " goaway %u %u", number_at(frame->payload, 0, 4), number_at(frame->payload, 4, 4));
        break;
    case NGHTTP2_WINDOW_UPDATE:
        sprintf(text, " window %u %u", frame->stream, number_at(frame->payload, 0, 4));
        break;
    default:
        UNIT_FAIL("the server sent a frame of type %d", frame->type);
    }
    add_bytes(&talk->told, text, strlen(text));
}

/* What the server has said since the last call; valid until the next. */
static inline const char *hear(struct talk *talk)
{
    struct frame frame;
    fr_span bytes = fr_span_skip(fr_buffer_span(&talk->wire.output), talk->heard);
    size_t before = bytes.len;
    fr_buffer_free(&talk->told);
    while (next_frame(&bytes, &frame))
        tell(talk, &frame);
    talk->heard += before - bytes.len;
    add_bytes(&talk->told, "", 1);
    return talk->told.data;
}

#define HEARS(talk, text) SAME(fr_span_of_string(hear(talk)), text)

/* Sends what was made ready. */
static inline void say(struct talk *talk)
{
    wire_send(&talk->wire, fr_buffer_span(&talk->out));
    fr_buffer_free(&talk->out);
}

static inline void frame_of(struct talk *talk, int type, int flags, uint32_t stream, fr_span payload)
{
    add_frame(&talk->out, type, flags, stream, payload);
}

/* A request, and what else its head says: names and values in turn, up to NULL; may be NULL. */
static inline void ask_with(struct talk *talk, uint32_t stream, int flags, const char *method, const char *path,
                            const char *const *fields)
{
    struct fr_buffer block;
    fr_buffer_init(&block, 1u << 20);
    add_request(&block, method, path);
    for (; fields && *fields; fields += 2)
        add_field(&block, fields[0], fields[1]);
    frame_of(talk, NGHTTP2_HEADERS, END_HEADERS | flags, stream, fr_buffer_span(&block));
    fr_buffer_free(&block);
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void ask(struct talk *talk, uint32_t stream, int flags, const char *method, const char *path)
{
    ask_with(talk, stream, flags, method, path, NULL);
}

static inline void pour(struct talk *talk, uint32_t stream, int flags, fr_span bytes)
{
    frame_of(talk, NGHTTP2_DATA, flags, stream, bytes);
}

static inline void pour_many(struct talk *talk, uint32_t stream, int flags, size_t count)
{
    static const char many[16384] = {'m'};
    for (size_t len; count; count -= len) {
        len = count < sizeof many ? count : sizeof many;
        pour(talk, stream, len == count ? flags : 0, fr_span_of(many, len));
    }
}

static inline void number_frame(struct talk *talk, int type, uint32_t stream, uint32_t number)
{
    struct fr_buffer payload;
    fr_buffer_init(&payload, 8);
    add_number(&payload, number, 4);
    frame_of(talk, type, 0, stream, fr_buffer_span(&payload));
    fr_buffer_free(&payload);
}

static inline void reset_stream(struct talk *talk, uint32_t stream, uint32_t code)
{
    number_frame(talk, NGHTTP2_RST_STREAM, stream, code);
}

static inline void open_window(struct talk *talk, uint32_t stream, uint32_t by)
{
    number_frame(talk, NGHTTP2_WINDOW_UPDATE, stream, by);
}

/* A talk in which the first words are spoken. */
static inline void open_talk(struct talk *talk, enum echo_mode mode)
{
    struct fr_limits limits;
    fr_limits_init(&limits);
    open_talk_with(talk, mode, &limits);
    add_greeting(&talk->out);
    say(talk);
    HEARS(talk, " settings window 0 983041 ack");
}

/* The client's windows stay as they are at first, 65535 bytes. */
static inline void open_narrow_talk(struct talk *talk, enum echo_mode mode)
{
    struct fr_limits limits;
    fr_limits_init(&limits);
    open_talk_with(talk, mode, &limits);
    add_bytes(&talk->out, FR_HTTP2_PREFACE, sizeof FR_HTTP2_PREFACE - 1);
    frame_of(talk, NGHTTP2_SETTINGS, 0, 0, FR_SPAN(""));
    say(talk);
    HEARS(talk, " settings window 0 983041 ack");
}

static inline bool is_over(const struct talk *talk, enum fr_close_reason reason)
{
    return talk->wire.protocol->finished && talk->wire.protocol->close_reason == reason;
}

static inline fr_span heard_fields(struct talk *talk)
{
    return fr_buffer_span(&talk->fields);
}

#endif
