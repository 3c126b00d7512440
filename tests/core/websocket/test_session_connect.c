/* A WebSocket that was opened by CONNECT (RFC 8441): its stream is the tunnel, whose end and reset are those of the
 * WebSocket, and no other stream's. What HTTP/2 makes of it is in tests/gateway/test_http2_websocket.py. */
#include "fakes/recording_protocol.h"
#include "fakes/websocket_application.h"
#include "unit.h"
#include "websocket/client.h"

struct stream {
    struct websocket_application application;
    struct recorder recorder;
    struct fr_exchange *exchange;
    struct fr_header fields[2];
    struct fr_request_head head;
};

static void open_stream(struct stream *stream, bool waits)
{
    memset(stream, 0, sizeof *stream);
    websocket_application_open(&stream->application, &stream->recorder.limits);
    recorder_open(&stream->recorder, &stream->application.base);
    stream->exchange = &stream->recorder.exchange;
    stream->application.waits = waits;
    stream->fields[0] = (struct fr_header){FR_SPAN("sec-websocket-version"), FR_SPAN("13"), //
                                           FR_HEADER_SEC_WEBSOCKET_VERSION};
    stream->fields[1] = (struct fr_header){FR_SPAN("origin"), FR_SPAN("https://a"), FR_HEADER_ORIGIN};
    stream->head = (struct fr_request_head){
        .method = FR_METHOD_CONNECT,
        .version = FR_HTTP_2,
        .method_text = FR_SPAN("CONNECT"),
        .target = FR_SPAN("/chat"),
        .path = FR_SPAN("/chat"),
        .scheme = FR_SPAN("https"),
        .authority = FR_SPAN("a"),
        .protocol = FR_SPAN("websocket"),
        .body_length = FR_BODY_NONE,
        .header_count = 2,
        .headers = stream->fields,
    };
    fr_exchange_begin(stream->exchange, &stream->head);
}

static void close_stream(struct stream *stream)
{
    fr_exchange_abort(stream->exchange, FR_CLOSE_STOP);
    websocket_application_close(&stream->application);
    fr_exchange_protocol_let_go(stream->exchange);
    recorder_close(&stream->recorder);
}

#define RECORDED(stream, text) SAME(fr_span_of_string(recorder_take(&(stream)->recorder)), text)

/* A frame of the peer's, in DATA frames of `step` bytes. */
static void say(struct stream *stream, unsigned char first, fr_span payload, size_t step)
{
    struct fr_buffer frame;
    fr_buffer_init(&frame, BYTES_MAX);
    add_frame_of(&frame, first, payload, payload.len);
    fr_span bytes = fr_buffer_span(&frame);
    for (size_t at = 0; at < bytes.len; at += step)
        fr_exchange_body(stream->exchange, fr_span_slice(bytes, at, bytes.len - at < step ? bytes.len : at + step),
                         false);
    fr_buffer_free(&frame);
}

TEST(it_is_accepted_by_200_and_then_both_sides_talk)
{
    struct stream stream;
    open_stream(&stream, false);
    RECORDED(&stream, " begun respond:200 credit");
    EQUAL(stream.exchange->state, FR_EXCHANGE_TUNNEL);
    stream.application.echoes = true;
    say(&stream, TEXT, FR_SPAN("hello"), 100);
    HEARD(&stream, " text:hello");
    RECORDED(&stream, " send:\x81\x05hello");
    say(&stream, PING, FR_SPAN("x"), 1);
    RECORDED(&stream, " send:\x8a\x01x");
    close_stream(&stream);
}

TEST(frames_may_come_in_pieces_of_any_size)
{
    for (size_t step = 1; step < 12; step++) {
        struct stream stream;
        open_stream(&stream, false);
        say(&stream, TEXT, FR_SPAN("hello"), step);
        say(&stream, BINARY, FR_SPAN("bytes"), step);
        HEARD(&stream, " text:hello binary:bytes");
        close_stream(&stream);
    }
}

TEST(no_more_than_its_credit_may_come)
{
    struct stream stream;
    open_stream(&stream, true);
    EQUAL(stream.exchange->credit, 0); /* what a client sends before the answer stays where it is */
    EQUAL(websocket_application_accept(&stream.application), 0);
    uint64_t credit = stream.exchange->credit;
    IS(credit > 0);
    stream.application.takes = 1;
    say(&stream, TEXT, FR_SPAN("1"), 100);
    while (stream.exchange->credit >= 100)
        say(&stream, TEXT, FR_SPAN("waits"), 100);
    IS(stream.exchange->request_bytes <= credit + 100);
    EQUAL(stream.application.messages, 1);
    close_stream(&stream);
}

TEST(the_closing_handshake_ends_the_stream)
{
    struct stream stream;
    char room[10];
    open_stream(&stream, false);
    RECORDED(&stream, " begun respond:200 credit");
    say(&stream, CLOSE, close_payload(room, 1000, ""), 100);
    HEARD(&stream, " closed:1000:");
    EQUAL(stream.exchange->state, FR_EXCHANGE_ANSWERED);
    IS(strstr(recorder_take(&stream.recorder), " send:-! ended:200"));
    close_stream(&stream);
}

TEST(an_end_of_the_stream_without_a_close_frame_is_1006)
{
    struct stream stream;
    open_stream(&stream, false);
    RECORDED(&stream, " begun respond:200 credit");
    fr_exchange_body(stream.exchange, FR_SPAN(""), true);
    HEARD(&stream, " closed:1006:");
    RECORDED(&stream, " send:-! ended:200");
    close_stream(&stream);
}

TEST(a_close_frame_and_the_end_of_the_stream_may_come_together)
{
    struct stream stream;
    char room[10];
    struct fr_buffer frame;
    open_stream(&stream, false);
    fr_buffer_init(&frame, BYTES_MAX);
    fr_span payload = close_payload(room, 4000, "");
    add_frame_of(&frame, CLOSE, payload, payload.len);
    fr_exchange_body(stream.exchange, fr_buffer_span(&frame), true);
    HEARD(&stream, " closed:4000:");
    fr_buffer_free(&frame);
    close_stream(&stream);
}

TEST(a_reset_is_1006_and_nothing_is_sent)
{
    struct stream stream;
    open_stream(&stream, false);
    RECORDED(&stream, " begun respond:200 credit");
    fr_exchange_abort(stream.exchange, FR_CLOSE_PEER_RESET);
    HEARD(&stream, " aborted closed:1006:");
    RECORDED(&stream, " ended:200");
    close_stream(&stream);
}

TEST(a_reset_before_it_is_accepted)
{
    struct stream stream;
    open_stream(&stream, true);
    fr_exchange_abort(stream.exchange, FR_CLOSE_PEER_RESET);
    HEARD(&stream, " aborted");
    RECORDED(&stream, " begun ended:0");
    close_stream(&stream);
}

TEST(a_drain_is_1012)
{
    struct stream stream;
    char room[10];
    open_stream(&stream, false);
    recorder_take(&stream.recorder);
    fr_exchange_drain(stream.exchange);
    HEARD(&stream, " drained");
    IS(strstr(recorder_take(&stream.recorder), "restart"));
    say(&stream, CLOSE, close_payload(room, 1012, ""), 100);
    HEARD(&stream, " closed:1012:");
    IS(strstr(recorder_take(&stream.recorder), " send:-! ended:200"));
    close_stream(&stream);
}

TEST(an_owner_that_gives_up_resets_the_stream)
{
    struct stream stream;
    open_stream(&stream, false);
    recorder_take(&stream.recorder);
    websocket_application_close(&stream.application);
    RECORDED(&stream, " reset ended:200");
    fr_exchange_protocol_let_go(stream.exchange);
    recorder_close(&stream.recorder);
}
