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
