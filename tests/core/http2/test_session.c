/* http2/session.c: a connection from its first word to its last. */
#include "talk.h"

TEST(requests_are_answered_side_by_side)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    ask(&talk, 1, 0, "POST", "/1");
    ask(&talk, 3, 0, "POST", "/3");
    pour(&talk, 3, END_STREAM, FR_SPAN("three"));
    pour(&talk, 1, END_STREAM, FR_SPAN("one"));
    say(&talk);
    HEARS(&talk, " head 3 200 head 1 200 data 1 3. data 3 5.");
    SAME(fr_buffer_span(&talk.echo.heads), "POST /1\nPOST /3\n");
    SAME(fr_buffer_span(&talk.body), "onethree");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(all_answers_of_a_read_leave_in_one_write)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    for (uint32_t stream = 1; stream < 20; stream += 2)
        ask(&talk, stream, END_STREAM, "GET", "/");
    say(&talk);
    EQUAL(talk.wire.ended, 10);
    EQUAL(talk.wire.flushes, 0);
    close_talk(&talk);
}

TEST(a_connection_that_says_nothing_ends_after_the_head_timeout)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_HEAD);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    IS(is_over(&talk, FR_CLOSE_HEAD_TIMEOUT));
    HEARS(&talk, " goaway 0 0");
    close_talk(&talk);
}

TEST(something_else_than_the_preface_is_refused)
{
    struct talk talk;
    struct fr_limits limits;
    fr_limits_init(&limits);
    open_talk_with(&talk, ECHO_FIXED, &limits);
    wire_send(&talk.wire, FR_SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EQUAL(talk.wire.error, FR_E_HTTP2);
    IS(is_over(&talk, FR_CLOSE_BAD_REQUEST));
    EQUAL(talk.echo.requests, 0);
    close_talk(&talk);
}

TEST(pings_are_answered)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    frame_of(&talk, NGHTTP2_PING, 0, 0, FR_SPAN("12345678"));
    say(&talk);
    HEARS(&talk, " pong");
    close_talk(&talk);
}

TEST(a_drain_is_told_twice)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    HEARS(&talk, " goaway 2147483647 0");
    EQUAL(talk.echo.drains, 1);
    struct fr_exchange *first = talk.echo.exchange;
    ask(&talk, 3, END_STREAM, "GET", "/on-its-way");
    say(&talk);
    EQUAL(talk.echo.requests, 2);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("3")), 0);
    echo_let_go(talk.echo.exchange);
    EQUAL(fr_exchange_answer_text(first, 200, FR_SPAN("1")), 0);
    echo_let_go(first);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 3 200 data 3 1. head 1 200 data 1 1. goaway 3 0");
    IS(is_over(&talk, FR_CLOSE_DRAIN));
    EQUAL(talk.wire.protocol->phase, FR_PHASE_LINGER);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_ANSWER);
    close_talk(&talk);
}

TEST(an_idle_connection_is_told_when_it_ends)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    HEARS(&talk, " head 1 200 data 1 6.");
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    IS(is_over(&talk, FR_CLOSE_KEEP_ALIVE_TIMEOUT));
    HEARS(&talk, " goaway 1 0");
    close_talk(&talk);
}

TEST(what_breaks_the_protocol_ends_the_connection)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    pour(&talk, 0, 0, FR_SPAN("data on stream 0"));
    say(&talk);
    IS(is_over(&talk, FR_CLOSE_BAD_REQUEST));
    HEARS(&talk, " goaway 1 1");
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_BAD_REQUEST);
    EQUAL(talk.wire.ended, 1);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(a_block_that_stays_unfinished_ends_the_connection)
{
    for (int others = 0; others < 2; others++) {
        struct talk talk;
        open_talk(&talk, ECHO_LATE);
        if (others)
            ask(&talk, 1, END_STREAM, "GET", "/");
        frame_of(&talk, NGHTTP2_HEADERS, END_STREAM, 3, FR_SPAN("\x82"));
        say(&talk);
        EQUAL(talk.wire.protocol->phase, others ? FR_PHASE_STREAMS : FR_PHASE_HEAD);
        EQUAL(talk.wire.protocol->due_ms, talk.wire.clock.now_ms + 10000);
        fr_clock_advance(&talk.wire.clock, 9999);
        frame_of(&talk, NGHTTP2_CONTINUATION, 0, 3, FR_SPAN("\x86"));
        say(&talk);
        IS(!talk.wire.protocol->finished);
        fr_clock_advance(&talk.wire.clock, 1);
        wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
        IS(is_over(&talk, FR_CLOSE_HEAD_TIMEOUT));
        if (others)
            echo_let_go(talk.echo.exchange);
        close_talk(&talk);
    }
}

TEST(a_client_that_leaves_hears_what_it_asked_for)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    frame_of(&talk, NGHTTP2_GOAWAY, 0, 0, FR_SPAN("\0\0\0\0\0\0\0\0"));
    say(&talk);
    IS(!talk.wire.protocol->finished);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("bye")), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 200 data 1 3. goaway 1 0");
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    close_talk(&talk);
}

TEST(the_end_of_the_peer_ends_what_is_not_complete)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/complete");
    say(&talk);
    struct fr_exchange *complete = talk.echo.exchange;
    ask(&talk, 3, 0, "POST", "/not");
    say(&talk);
    struct fr_exchange *cut = talk.echo.exchange;
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    EQUAL(talk.echo.peer_ends, 1);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_PEER_CLOSED);
    EQUAL(cut->state, FR_EXCHANGE_ABORTED);
    echo_let_go(cut);
    IS(!talk.wire.protocol->finished);
    EQUAL(fr_exchange_answer_text(complete, 200, FR_SPAN("still")), 0);
    echo_let_go(complete);
    wire_turn(&talk.wire);
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    EQUAL(talk.wire.protocol->phase, FR_PHASE_ANSWER);
    close_talk(&talk);
}

TEST(the_outbox_is_not_filled_beyond_its_mark)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 1u << 20;
    talk.wire.is_stuck = true;
    for (uint32_t stream = 1; stream < 40; stream += 2)
        ask(&talk, stream, END_STREAM, "GET", "/");
    say(&talk);
    EQUAL(talk.echo.kept, 20);
    IS(talk.wire.outbox.bytes < 65536 + 2 * (16384 + 9));
    IS(talk.wire.protocol->awaits_writable);
    IS(!talk.wire.protocol->paused);
    talk.wire.is_stuck = false;
    wire_turn(&talk.wire);
    hear(&talk);
    EQUAL(talk.body.len, 20u << 20);
    EQUAL(talk.echo.kept, 0);
    close_talk(&talk);
}

TEST(an_application_may_lose_the_connection_while_it_answers)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 100000;
    talk.echo.flushes = true;
    talk.wire.drops_on_flush = true;
    ask(&talk, 1, END_STREAM, "GET", "/");
    ask(&talk, 3, END_STREAM, "GET", "/");
    say(&talk);
    EQUAL(talk.echo.requests, 1);
    EQUAL(talk.wire.ended, 1);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ABORTED);
    EQUAL(talk.echo.kept, 0);
    close_talk(&talk);
}

TEST(late_answers_too_may_lose_it)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    struct fr_exchange *exchange = talk.echo.exchange;
    const struct fr_response_head head = {.status = 200, .content_length = -1};
    talk.wire.drops_on_flush = true;
    EQUAL(fr_exchange_respond(exchange, &head), 0);
    IS(fr_exchange_send_now(exchange, &FR_CHUNK_COPY(FR_SPAN("x")), false) <= 0);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(fr_exchange_send(exchange, NULL, true), FR_E_GONE);
    echo_let_go(exchange);
    close_talk(&talk);
}

TEST(a_flush_finds_what_was_sent)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    const struct fr_response_head head = {.status = 200, .content_length = -1};
    EQUAL(fr_exchange_respond(talk.echo.exchange, &head), 0);
    EQUAL(fr_exchange_send_now(talk.echo.exchange, &FR_CHUNK_COPY(FR_SPAN("x")), false), 0);
    HEARS(&talk, " head 1 200 data 1 1");
    EQUAL(fr_exchange_send_now(talk.echo.exchange, &FR_CHUNK_COPY(FR_SPAN("yz")), true), 0);
    HEARS(&talk, " data 1 2.");
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(a_block_in_several_frames_may_be_cut_anywhere)
{
    for (size_t step = 1; step < 60; step++) {
        struct talk talk;
        struct fr_buffer out;
        fr_buffer_init(&out, 4096);
        open_talk(&talk, ECHO_FIXED);
        add_frame(&out, NGHTTP2_HEADERS, END_STREAM, 1, FR_SPAN("\x82\x86"));
        add_frame(&out, NGHTTP2_CONTINUATION, 0, 1, FR_SPAN("\x84"));
        add_frame(&out, NGHTTP2_CONTINUATION, 0, 1, FR_SPAN("\x41\1a"));
        add_frame(&out, NGHTTP2_CONTINUATION, END_HEADERS, 1, FR_SPAN(""));
        for (size_t at = 0; at < out.len; at += step)
            wire_send(&talk.wire, fr_span_slice(fr_buffer_span(&out), at, at + step < out.len ? at + step : out.len));
        HEARS(&talk, " head 1 200 data 1 6.");
        fr_buffer_free(&out);
        close_talk(&talk);
    }
}
