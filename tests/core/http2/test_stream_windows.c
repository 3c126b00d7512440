/* http2/stream.c: windows both ways, and who is late. */
#include "talk.h"

#define WINDOW 65535

TEST(what_nobody_asks_for_waits_within_the_window)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, 0, "POST", "/");
    pour_many(&talk, 1, 0, WINDOW);
    say(&talk);
    HEARS(&talk, "");
    EQUAL(talk.echo.bodies, 0);
    pour(&talk, 1, 0, FR_SPAN("x"));
    say(&talk);
    EQUAL(talk.echo.aborts, 1); /* beyond its window: FLOW_CONTROL_ERROR */
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(asking_makes_the_window_wider)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, 0, "POST", "/");
    pour_many(&talk, 1, 0, WINDOW);
    say(&talk);
    fr_exchange_credit(talk.echo.exchange, 1);
    wire_turn(&talk.wire);
    EQUAL(talk.echo.body.len, 1);
    HEARS(&talk, " window 1 196609");
    fr_exchange_credit(talk.echo.exchange, 40000);
    wire_turn(&talk.wire);
    EQUAL(talk.echo.body.len, 40001);
    fr_exchange_credit(talk.echo.exchange, UINT64_MAX);
    wire_turn(&talk.wire);
    EQUAL(talk.echo.body.len, WINDOW);
    HEARS(&talk, ""); /* what was taken is given back when it is half of the window */
    pour_many(&talk, 1, 0, 80000);
    say(&talk);
    HEARS(&talk, " window 1 145535");
    EQUAL(talk.echo.body.len, WINDOW + 80000);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(a_short_body_needs_no_wider_window)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    ask_with(&talk, 1, 0, "POST", "/", FIELDS("content-length", "30000"));
    pour_many(&talk, 1, 0, 20000);
    say(&talk);
    HEARS(&talk, "");
    pour_many(&talk, 1, END_STREAM, 10000);
    say(&talk);
    HEARS(&talk, " head 1 200 data 1 16384 data 1 13616.");
    close_talk(&talk);
}

TEST(a_stalled_stream_does_not_stop_others)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, 0, "POST", "/stalled");
    say(&talk);
    struct fr_exchange *stalled = talk.echo.exchange;
    fr_exchange_credit(stalled, 1);
    pour_many(&talk, 1, 0, 30000);
    say(&talk);
    pour_many(&talk, 1, 0, 30000);
    say(&talk);
    talk.echo.mode = ECHO_BODY;
    for (uint32_t stream = 3; stream < 103; stream += 2) {
        ask(&talk, stream, 0, "POST", "/");
        pour_many(&talk, stream, END_STREAM, 60000);
        say(&talk);
    }
    EQUAL(talk.wire.ended, 50);
    IS(!talk.wire.protocol->finished);
    EQUAL(stalled->request_bytes, 1);
    echo_let_go(stalled);
    close_talk(&talk);
}

/* What waits on one connection is bounded by its window, whatever the number of streams. */
TEST(the_connection_bounds_what_waits)
{
    struct talk talk;
    struct fr_exchange *held[100];
    size_t sent = 0;
    int count = 0;
    open_talk(&talk, ECHO_LATE);
    for (uint32_t stream = 1; stream < 200 && sent < 4 * 262144; stream += 2) {
        size_t len = 4 * 262144 - sent < WINDOW ? 4 * 262144 - sent : WINDOW;
        ask(&talk, stream, 0, "POST", "/");
        pour_many(&talk, stream, 0, len);
        say(&talk);
        sent += len;
        held[count++] = talk.echo.exchange;
    }
    HEARS(&talk, "");
    IS(!talk.wire.protocol->finished);
    for (int i = 0; i < count; i++) {
        EQUAL(fr_exchange_answer_text(held[i], 200, FR_SPAN("x")), 0);
        echo_let_go(held[i]);
    }
    wire_turn(&talk.wire);
    const char *told = hear(&talk); /* the window is whole again, bit by bit */
    size_t given = 0;
    for (const char *at = told; (at = strstr(at, " window 0 ")); at++)
        given += (size_t)atoi(at + 10);
    IS(given >= 2 * 262144);
    close_talk(&talk);
}

TEST(bytes_for_a_stream_that_is_over_cost_no_window)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    for (uint32_t stream = 1; stream < 101; stream += 2) {
        ask(&talk, stream, 0, "POST", "/");
        say(&talk);
        pour_many(&talk, stream, 0, 60000);
        say(&talk);
    }
    IS(!talk.wire.protocol->finished);
    EQUAL(talk.wire.ended, 50);
    close_talk(&talk);
}

TEST(an_answer_goes_as_far_as_the_window)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 300000;
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    hear(&talk);
    EQUAL(talk.body.len, WINDOW);
    IS(!fr_exchange_is_writable(talk.echo.exchange));
    unsigned writables = talk.echo.writables;
    open_window(&talk, 0, 200000);
    say(&talk);
    EQUAL(talk.body.len, WINDOW);
    EQUAL(talk.echo.writables, writables);
    open_window(&talk, 1, 200000);
    say(&talk);
    hear(&talk);
    EQUAL(talk.body.len, WINDOW + 200000);
    IS(talk.echo.writables > writables);
    open_window(&talk, 0, 200000);
    open_window(&talk, 1, 200000);
    say(&talk);
    hear(&talk);
    EQUAL(talk.body.len, 300000);
    EQUAL(talk.echo.kept, 0);
    close_talk(&talk);
}

TEST(who_gives_no_window_is_late_in_the_end)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 300000;
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    uint64_t began = talk.wire.clock.now_ms;
    EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS);
    EQUAL(talk.wire.protocol->due_ms, began + 30000);
    fr_clock_advance(&talk.wire.clock, 20000);
    open_window(&talk, 1, 1000);
    open_window(&talk, 0, 1000);
    say(&talk); /* progress */
    fr_clock_advance(&talk.wire.clock, 10000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    IS(!talk.wire.protocol->finished);
    EQUAL(talk.echo.aborts, 0);
    EQUAL(talk.wire.protocol->due_ms, began + 50000);
    hear(&talk);
    fr_clock_advance(&talk.wire.clock, 20000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    HEARS(&talk, " reset 1 8");
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_WRITE_TIMEOUT);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    EQUAL(talk.wire.protocol->due_ms, 0);
    close_talk(&talk);
}

TEST(a_complete_answer_too_has_to_be_taken)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_BODY);
    ask(&talk, 1, 0, "POST", "/");
    pour_many(&talk, 1, 0, 60000);
    say(&talk);
    pour_many(&talk, 1, END_STREAM, 60000);
    say(&talk);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS);
    hear(&talk);
    fr_clock_advance(&talk.wire.clock, 30000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    HEARS(&talk, " reset 1 8");
    EQUAL(talk.echo.aborts, 0);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(a_body_that_stops_is_late)
{
    struct talk talk;
    open_talk(&talk, ECHO_ASK);
    ask(&talk, 1, 0, "POST", "/");
    say(&talk);
    uint64_t began = talk.wire.clock.now_ms;
    EQUAL(talk.wire.protocol->due_ms, began + 30000);
    fr_clock_advance(&talk.wire.clock, 25000);
    pour(&talk, 1, 0, FR_SPAN("x"));
    say(&talk);
    fr_clock_advance(&talk.wire.clock, 5000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    EQUAL(talk.wire.protocol->due_ms, began + 55000);
    fr_clock_advance(&talk.wire.clock, 25000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    HEARS(&talk, " window 1 196609 head 1 408 data 1 42.");
    EQUAL(talk.wire.ended_status, 408);
    EQUAL(talk.echo.reason, FR_CLOSE_BODY_TIMEOUT);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(nobody_is_late_whom_nobody_waits_for)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, 0, "POST", "/");
    say(&talk);
    EQUAL(talk.wire.protocol->due_ms, 0);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}
