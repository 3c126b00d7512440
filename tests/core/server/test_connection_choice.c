/* server/connection.c: whoever opens with the preface of HTTP/2 is spoken to in it, and nobody else notices. */
#include "server/connection.h"

#include "fakes/echo_application.h"
#include "http1/connection.h"
#include "http2/session.h"
#include "scripted_protocol.h"
#include "server/refusal.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- what the scripted protocol, as HTTP/2, is given ---- */

static struct echo_application echo;

static void open_choice(struct stage *stage)
{
    echo_open(&echo, ECHO_FIXED);
    echo.text = FR_SPAN("hi");
    stage_open(stage, &echo.base);
    stage->shared.http2 = &scripted;
    stage->choice = true;
}

static void close_choice(struct stage *stage)
{
    close_all(stage);
    echo_close(&echo);
}

static void send_in_two(struct stage *stage, int end, const char *text, size_t cut)
{
    fr_span all = fr_span_of_string(text);
    if (cut)
        memory_send(stage->loop, end, fr_span_slice(all, 0, cut));
    stage_turn(stage);
    if (cut < all.len)
        memory_send(stage->loop, end, fr_span_skip(all, cut));
    stage_turn(stage);
}

TEST(the_preface_chooses_wherever_it_is_split)
{
    static const char text[] = FR_HTTP2_PREFACE "frames";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct stage stage;
        open_choice(&stage);
        script.received_len = 0;
        script.closed = FR_CLOSE_NONE;
        int end = stage_connect(&stage, &fr_http1);
        send_in_two(&stage, end, text, cut);
        SAME(fr_span_of(script.received, script.received_len), text);
        EQUAL(memory_take(stage.loop, end, 100).len, 0);
        EQUAL(echo.requests, 0);
        IS(stage_connection(&stage)->protocol->application == &echo.base);
        close_choice(&stage);
        EQUAL(script.closed, FR_CLOSE_STOP);
    }
}

TEST(the_preface_byte_by_byte)
{
    struct stage stage;
    open_choice(&stage);
    int end = stage_connect(&stage, &fr_http1);
    for (const char *at = FR_HTTP2_PREFACE; *at; at++) {
        EQUAL(script.received_len, 0);
        memory_send(stage.loop, end, fr_span_of(at, 1));
        stage_turn(&stage);
    }
    SAME(fr_span_of(script.received, script.received_len), FR_HTTP2_PREFACE);
    close_choice(&stage);
}

TEST(methods_that_begin_like_it_are_not_harmed)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "PRI", "PROPFIND", "P", "GET"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char text[100];
        size_t len = (size_t)snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]);
        for (size_t cut = 0; cut <= len; cut++) {
            struct stage stage;
            open_choice(&stage);
            int end = stage_connect(&stage, &fr_http1);
            send_in_two(&stage, end, text, cut);
            IS(strstr(memory_take(stage.loop, end, 1000).data, "HTTP/1.1 200 OK\r\n"));
            EQUAL(echo.requests, 1);
            EQUAL(script.receives, 0);
            close_choice(&stage);
        }
    }
}

TEST(only_the_first_bytes_choose)
{
    struct stage stage;
    open_choice(&stage);
    int end = stage_connect(&stage, &fr_http1);
    send_text(&stage, end, GET);
    EQUAL(echo.requests, 1);
    send_text(&stage, end, FR_HTTP2_PREFACE);
    EQUAL(script.receives, 0);
    IS(strstr(memory_take(stage.loop, end, 1000).data, "HTTP/1.1 505 "));
    close_choice(&stage);
}

TEST(where_there_is_no_choice_the_preface_is_a_bad_request)
{
    struct stage stage;
    open_choice(&stage);
    stage.choice = false;
    int end = stage_connect(&stage, &fr_http1);
    send_text(&stage, end, FR_HTTP2_PREFACE);
    IS(strstr(memory_take(stage.loop, end, 1000).data, "HTTP/1.1 505 "));
    EQUAL(script.receives, 0);
    close_choice(&stage);
}

TEST(what_was_held_back_is_told_before_the_deadline)
{
    struct stage stage;
    open_choice(&stage);
    int end = stage_connect(&stage, &fr_http1);
    stage_wait(&stage, 5000);
    send_text(&stage, end, "PRI * HT");
    stage_wait(&stage, 4900);
    EQUAL(memory_take(stage.loop, end, 100).len, 0);
    stage_wait(&stage, 200); /* from the beginning, not from the first byte */
    IS(strstr(memory_take(stage.loop, end, 1000).data, "HTTP/1.1 408 "));
    close_choice(&stage);
}

TEST(a_choice_leaves_no_more_time_for_the_head)
{
    struct stage stage;
    open_choice(&stage);
    int end = stage_connect(&stage, &fr_http1);
    stage_wait(&stage, 9900);
    send_text(&stage, end, FR_HTTP2_PREFACE);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    stage_wait(&stage, 200);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    close_choice(&stage);
}

TEST(an_end_within_the_preface_is_an_end)
{
    struct stage stage;
    open_choice(&stage);
    int end = stage_connect(&stage, &fr_http1);
    send_text(&stage, end, "PRI");
    memory_end(stage.loop, end);
    stage_turn(&stage);
    IS(memory_has_closed(stage.loop, end));
    close_choice(&stage);
}

TEST(who_chooses_while_the_worker_drains_hears_of_it)
{
    struct stage stage;
    open_choice(&stage);
    int end = stage_connect(&stage, &fr_http1);
    send_text(&stage, end, "PRI * ");
    fr_connection_drain(stage_connection(&stage));
    stage_turn(&stage);
    EQUAL(script.signals[FR_SIGNAL_DRAIN], 0);
    send_text(&stage, end, "HTTP/2.0\r\n\r\nSM\r\n\r\n");
    EQUAL(script.signals[FR_SIGNAL_DRAIN], 1);
    close_choice(&stage);
}

TEST(a_choice_that_does_not_open_is_closed)
{
    struct stage stage;
    open_choice(&stage);
    script.open_result = FR_E_SYSTEM;
    int end = stage_connect(&stage, &fr_http1);
    send_text(&stage, end, FR_HTTP2_PREFACE "frames");
    EQUAL(script.closed, FR_CLOSE_SYSTEM);
    EQUAL(script.receives, 0);
    IS(memory_has_closed(stage.loop, end));
    close_choice(&stage);
}

TEST(a_larger_protocol_has_its_room)
{
    struct fr_protocol_ops large = scripted;
    struct stage stage;
    large.size = 1000;
    open_choice(&stage);
    stage.shared.http2 = &large;
    int end = stage_connect(&stage, &fr_refusal_of_version);
    memset(stage_connection(&stage)->protocol + 1, 1, large.size - sizeof(struct fr_protocol));
    send_text(&stage, end, FR_HTTP2_PREFACE "frames"); /* the socket behind it is as it was */
    SAME(fr_span_of(script.received, script.received_len), FR_HTTP2_PREFACE "frames");
    close_choice(&stage);
}

/* ---- several exchanges, each with a deadline ---- */

static void be_due(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    if (signal != FR_SIGNAL_EXPIRED)
        return;
    protocol->finished = false; /* only what is due need end */
    protocol->due_ms += 1000;
}

TEST(streams_say_themselves_when_they_are_due)
{
    struct stage stage;
    open_choice(&stage);
    script.on_signal = be_due;
    stage_connect(&stage, &scripted);
    struct fr_protocol *protocol = stage_connection(&stage)->protocol;
    protocol->due_ms = 0;
    enter_phase(&stage, FR_PHASE_STREAMS);
    stage_wait(&stage, 100000);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    protocol->due_ms = protocol->clock->now_ms + 500;
    enter_phase(&stage, FR_PHASE_STREAMS);
    stage_wait(&stage, 450);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    stage_wait(&stage, 150);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    stage_wait(&stage, 1000);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 2);
    protocol->due_ms = 0; /* the last stream is over */
    enter_phase(&stage, FR_PHASE_IDLE);
    stage_wait(&stage, 4900);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 2);
    close_choice(&stage);
}

static void end_the_last(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    if (signal != FR_SIGNAL_EXPIRED)
        return;
    protocol->finished = false;
    protocol->phase = FR_PHASE_IDLE;
}

TEST(the_last_stream_may_expire_and_the_connection_stay)
{
    struct stage stage;
    open_choice(&stage);
    script.on_signal = end_the_last;
    stage_connect(&stage, &scripted);
    struct fr_protocol *protocol = stage_connection(&stage)->protocol;
    protocol->due_ms = protocol->clock->now_ms + 500;
    enter_phase(&stage, FR_PHASE_STREAMS);
    stage_wait(&stage, 600);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    EQUAL(script.closed, FR_CLOSE_NONE);
    script.on_signal = NULL;
    stage_wait(&stage, 5100);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 2); /* of keep-alive, which began then */
    close_choice(&stage);
}
