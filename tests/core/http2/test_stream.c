/* http2/stream.c: one exchange, its body, its answer. */
#include "talk.h"

TEST(an_early_answer_ends_the_stream)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask(&talk, 1, 0, "POST", "/");
    say(&talk);
    HEARS(&talk, " head 1 200 data 1 6. reset 1 0");
    EQUAL(talk.echo.aborts, 0);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
    pour(&talk, 1, END_STREAM, FR_SPAN("late"));
    ask(&talk, 3, END_STREAM, "GET", "/");
    say(&talk);
    HEARS(&talk, " head 3 200 data 3 6.");
    close_talk(&talk);
}

TEST(a_reset_aborts_one_stream)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    reset_stream(&talk, 1, NGHTTP2_CANCEL);
    say(&talk);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_PEER_RESET);
    echo_let_go(talk.echo.exchange);
    talk.echo.mode = ECHO_FIXED;
    ask(&talk, 3, END_STREAM, "GET", "/");
    say(&talk);
    HEARS(&talk, " head 3 200 data 3 6.");
    close_talk(&talk);
}
