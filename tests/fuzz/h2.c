/* tests/fuzz/h2.c - Any bytes as HTTP/2: what is asked for does not depend on the cuts, what is answered is
 * well-formed, no exchange is lost, and all memory comes back, whatever happens in between.
 *
 * The first byte chooses the application and whether the preface and SETTINGS are said before, the second what else
 * happens (a signal, a stuck peer, a late answer) and where. The rest is what arrives. */
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/list.h"
#include "fakes/echo_application.h"
#include "fakes/wire.h"
#include "http2/session.h"

#define HELD_MAX 128
#define STREAMS_MAX 512
#define PIECES_MAX 64 /* so that a long input does not take quadratic time */
#define RAW 0x80
#define FRAME_HEAD_BYTES 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

struct talk {
    struct echo_application echo;
    struct fr_application_ops ops; /* the echo's, but what it keeps is held here */
    const struct fr_application_ops *echo_ops;
    struct fr_exchange *held[HELD_MAX];
    unsigned held_count;
    struct wire wire;
};

static void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    struct talk *talk = FR_LIST_OWNER(application, struct talk, echo.base);
    bool holds = talk->echo.mode == ECHO_LATE || talk->echo.mode == ECHO_ASK;
    if (holds && talk->held_count == HELD_MAX) {
        talk->echo.mode = ECHO_FIXED;
        holds = false;
    }
    if (holds)
        talk->held[talk->held_count++] = exchange;
    talk->echo_ops->request(application, exchange);
}

static void open_talk(struct talk *talk, unsigned how, unsigned what)
{
    struct fr_limits limits;
    *talk = (struct talk){.held_count = 0};
    echo_open(&talk->echo, (enum echo_mode)((how & ~(unsigned)RAW) % (ECHO_ASK + 1)));
    talk->echo.stream_bytes = 3000;
    talk->echo_ops = talk->echo.base.ops;
    talk->ops = *talk->echo_ops;
    talk->ops.request = on_request;
    talk->echo.base.ops = &talk->ops;
    fr_limits_init(&limits);
    limits.request_line_bytes_max = 100;
    limits.head_bytes_max = 1000;
    limits.trailer_bytes_max = 100;
    limits.body_bytes_max = 1000;
    limits.fields_max = 5;
    if (what & 64)
        limits.h2_streams_max = 8;
    limits.h2_window_bytes = 500;
    limits.h2_header_table_bytes = what & 1 ? 4096 : 64;
    if (what & 32) {
        limits.write_high_bytes = 1000;
        limits.write_low_bytes = 500;
    }
    wire_open_with(&talk->wire, &fr_http2, &talk->echo.base, &limits);
    if (!(how & RAW))
        wire_send(&talk->wire, FR_SPAN(FR_HTTP2_PREFACE "\0\0\0\4\0\0\0\0\0"));
}

static void let_go_of_last(struct talk *talk)
{
    echo_let_go(talk->held[--talk->held_count]);
}

static uint32_t number_at(const char *bytes, int count)
{
    uint32_t number = 0;
    for (int i = 0; i < count; i++)
        number = number << 8 | (unsigned char)bytes[i];
    return number;
}

/* The block of a head: it decodes, and begins with :status unless it is of trailers. */
static void require_block(nghttp2_hd_inflater *inflater, const char *bytes, size_t len)
{
    nghttp2_nv field;
    int flags = 0;
    while (!(flags & NGHTTP2_HD_INFLATE_FINAL)) {
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, (const uint8_t *)bytes, len, 1);
        require(used >= 0);
        bytes += used;
        len -= (size_t)used;
    }
    nghttp2_hd_inflate_end_headers(inflater);
}

/* All that was written is frames of their sizes, and nothing follows the end of a stream but its reset. */
static void require_frames(fr_span written, bool whole)
{
    nghttp2_hd_inflater *inflater;
    uint8_t ended[STREAMS_MAX] = {0};
    require(nghttp2_hd_inflate_new(&inflater) == 0);
    while (written.len >= FRAME_HEAD_BYTES && written.len - FRAME_HEAD_BYTES >= number_at(written.data, 3)) {
        size_t len = number_at(written.data, 3);
        int type = written.data[3], flags = written.data[4];
        uint32_t stream = number_at(written.data + 5, 4);
        bool is_answer = type == NGHTTP2_HEADERS || type == NGHTTP2_DATA;
        require(len <= 16384);
        require(!is_answer || (stream & 1));
        if (type == NGHTTP2_HEADERS)
            require_block(inflater, written.data + FRAME_HEAD_BYTES, len);
        if (is_answer && stream < STREAMS_MAX) {
            require(!ended[stream]);
            ended[stream] = flags & NGHTTP2_FLAG_END_STREAM;
        }
        if (type == NGHTTP2_RST_STREAM && stream < STREAMS_MAX)
            ended[stream] = 1;
        written = fr_span_skip(written, len + FRAME_HEAD_BYTES);
    }
    require(!whole || written.len == 0);
    nghttp2_hd_inflate_del(inflater);
}

static void close_talk(struct talk *talk)
{
    require_frames(fr_buffer_span(&talk->wire.output), fr_outbox_is_empty(&talk->wire.outbox) && !talk->wire.is_closed);
    if (!talk->wire.is_closed)
        wire_drop(&talk->wire, FR_CLOSE_STOP);
    while (talk->held_count)
        let_go_of_last(talk);
    require(talk->wire.begun == talk->wire.ended);
    require(talk->wire.begun == talk->echo.requests);
    require(talk->echo.kept == 0);
    wire_close(&talk->wire);
    echo_close(&talk->echo);
}

static void send_in_pieces(struct talk *talk, fr_span input, size_t step)
{
    for (size_t at = 0; at < input.len; at += step)
        wire_send(&talk->wire, fr_span_slice(input, at, input.len - at < step ? input.len : at + step));
}

/* Some stream was ended, or all when the peer said GOAWAY: what comes on it then is wrong, or only late, by the
 * cuts. */
static bool has_ended_streams(const struct talk *talk)
{
    fr_span written = fr_buffer_span(&talk->wire.output);
    while (written.len >= FRAME_HEAD_BYTES) {
        if (written.data[3] == NGHTTP2_RST_STREAM || written.data[3] == NGHTTP2_HEADERS)
            return true;
        written = fr_span_skip(written, number_at(written.data, 3) + FRAME_HEAD_BYTES);
    }
    return talk->wire.protocol->close_reason == FR_CLOSE_FINISHED;
}

static void compare(unsigned how, unsigned what, fr_span input, size_t step)
{
    struct talk whole, pieces;
    open_talk(&whole, how, what);
    open_talk(&pieces, how, what);
    wire_send(&whole.wire, input);
    send_in_pieces(&pieces, input, step);
    if (!has_ended_streams(&whole) && !has_ended_streams(&pieces)) {
        require(fr_span_equal(fr_buffer_span(&whole.echo.heads), fr_buffer_span(&pieces.echo.heads)));
        if (whole.echo.aborts == 0 && pieces.echo.aborts == 0) /* else part of it may have come before what was wrong */
            require(fr_span_equal(fr_buffer_span(&whole.echo.body), fr_buffer_span(&pieces.echo.body)));
        require(whole.wire.protocol->finished == pieces.wire.protocol->finished);
        require(whole.wire.protocol->close_reason == pieces.wire.protocol->close_reason);
    }
    close_talk(&whole);
    close_talk(&pieces);
}

static void answer_late(struct talk *talk, unsigned how)
{
    if (!talk->held_count)
        return;
    struct fr_exchange *exchange = talk->held[talk->held_count - 1];
    const struct fr_response_header field = {FR_SPAN("X-Sum"), FR_SPAN("1")};
    const struct fr_response_head head = {.status = 200, .content_length = -1, .trailers = how & 1};
    if (how & 2)
        fr_exchange_credit(exchange, how * 8);
    if (how & 4 && fr_exchange_respond(exchange, &head) == 0)
        talk->echo.last_error = fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN("late")), how & 8);
    if (how & 1 && how & 8)
        talk->echo.last_error = fr_exchange_trailers(exchange, &field, 1);
    if (how & 16)
        let_go_of_last(talk);
    wire_turn(&talk->wire);
}

static void disturb(struct talk *talk, unsigned what)
{
    switch (what % 8) {
    case 0:
        fr_clock_advance(&talk->wire.clock, 31000);
        wire_signal(&talk->wire, FR_SIGNAL_EXPIRED);
        return;
    case 1:
        wire_signal(&talk->wire, FR_SIGNAL_DRAIN);
        return;
    case 2:
        wire_drop(&talk->wire, FR_CLOSE_PEER_RESET);
        return;
    case 3:
        talk->wire.is_stuck = true;
        return;
    case 4:
        wire_signal(&talk->wire, FR_SIGNAL_PEER_ENDED);
        return;
    default:
        answer_late(talk, what >> 2);
        return;
    }
}

static void converse(unsigned how, unsigned what, fr_span input)
{
    struct talk talk;
    size_t cut = input.len * (what >> 3) / 32;
    open_talk(&talk, how, what);
    talk.echo.credit = what % 5;
    talk.echo.flushes = what & 4;
    wire_send(&talk.wire, fr_span_slice(input, 0, cut));
    disturb(&talk, what);
    for (unsigned part = 0; part < 4 && !talk.wire.is_closed; part++) {
        size_t from = cut + (input.len - cut) * part / 4, to = cut + (input.len - cut) * (part + 1) / 4;
        wire_send(&talk.wire, fr_span_slice(input, from, to));
        answer_late(&talk, what >> part);
    }
    if (!talk.wire.is_closed) {
        talk.wire.is_stuck = false;
        wire_turn(&talk.wire);
        fr_clock_advance(&talk.wire.clock, 31000);
        wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
        wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
        while (talk.held_count)
            let_go_of_last(&talk);
        wire_turn(&talk.wire);
    }
    close_talk(&talk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    fr_span input = fr_span_of((const char *)data + 2, len - 2);
    converse(data[0], data[1], input);
    /* How many streams are open at a time, and what may still come on them, depends on the cuts once there are answers;
     * without any it must not. */
    unsigned how = (data[0] & RAW) | ECHO_ASK, what = data[1];
    compare(how, what, input, 1 + input.len / PIECES_MAX);
    compare(how, what, input, 1 + input.len / 3);
    return 0;
}
