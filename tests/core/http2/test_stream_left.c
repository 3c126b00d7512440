/* A peer that sends no more: what it can still be given is given, and what waits for a window is not waited for.
 * And one that sends more though it has its answer. */
#include "http2/session.h"
#include "http2/talk.h"

#define WINDOW 65535

static void end_peer(struct talk *talk)
{
    wire_signal(&talk->wire, FR_SIGNAL_PEER_ENDED);
}

TEST(an_answer_that_needs_no_window_is_given)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    end_peer(&talk);
    EQUAL(talk.echo.peer_ends, 1);
    EQUAL(talk.echo.aborts, 0);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("late")), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 200 data 1 4. goaway 1 0");
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    close_talk(&talk);
}

TEST(an_answer_that_waits_for_a_window_is_given_up)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 1000000;
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    EQUAL(talk.echo.aborts, 0);
    end_peer(&talk);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_PEER_CLOSED);
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    close_talk(&talk);
}

TEST(an_answer_that_comes_to_a_shut_window_is_given_up_then)
{
    static const char body[WINDOW + 1] = "x";
    struct talk talk;
    open_narrow_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    end_peer(&talk);
    const struct fr_response_head head = {.status = 200, .content_length = -1};
    EQUAL(fr_exchange_respond(talk.echo.exchange, &head), 0);
    EQUAL(fr_exchange_send(talk.echo.exchange, &FR_CHUNK_COPY(fr_span_of(body, WINDOW)), false), 0);
    wire_turn(&talk.wire);
    EQUAL(talk.echo.aborts, 0);
    EQUAL(fr_exchange_send(talk.echo.exchange, &FR_CHUNK_COPY(FR_SPAN("more")), false), FR_E_GONE);
    EQUAL(talk.echo.aborts, 1);
    echo_let_go(talk.echo.exchange);
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    close_talk(&talk);
}

/* ---- a window that is shut, and only the end to be said ---- */

static void fill_window(struct talk *talk)
{
    static const char body[WINDOW] = "x";
    open_narrow_talk(talk, ECHO_LATE);
    ask(talk, 1, END_STREAM, "GET", "/");
    say(talk);
    const struct fr_response_head head = {.status = 200, .content_length = -1};
    EQUAL(fr_exchange_respond(talk->echo.exchange, &head), 0);
    EQUAL(fr_exchange_send(talk->echo.exchange, &FR_CHUNK_COPY(fr_span_of(body, WINDOW)), false), 0);
    wire_turn(&talk->wire);
    hear(talk);
}

TEST(an_end_that_waits_for_a_window_has_a_deadline)
{
    struct talk talk;
    fill_window(&talk);
    EQUAL(fr_exchange_send(talk.echo.exchange, NULL, true), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, "");
    EQUAL(talk.wire.protocol->due_ms, talk.wire.clock.now_ms + 30000);
    fr_clock_advance(&talk.wire.clock, 30000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    HEARS(&talk, " reset 1 8");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(an_end_that_waits_for_a_window_is_not_waited_for_behind_the_peer_s)
{
    struct talk talk;
    fill_window(&talk);
    EQUAL(fr_exchange_send(talk.echo.exchange, NULL, true), 0);
    echo_let_go(talk.echo.exchange);
    end_peer(&talk);
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    close_talk(&talk);
}

TEST(a_cut_needs_no_window)
{
    struct talk talk;
    fill_window(&talk);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " reset 1 2");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

/* ---- a request that goes on behind its answer ---- */

#define LINGER_MS 2000

static void answer_early(struct talk *talk, const char *const fields[])
{
    open_talk(talk, ECHO_FIXED);
    ask_with(talk, 1, 0, "POST", "/", fields);
    say(talk);
}

TEST(the_end_of_a_request_may_come_behind_its_answer)
{
    struct talk talk;
    answer_early(&talk, FIELDS("content-length", "0"));
    HEARS(&talk, " head 1 200 data 1 6.");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS);
    pour(&talk, 1, END_STREAM, FR_SPAN(""));
    say(&talk);
    HEARS(&talk, "");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(it_is_not_waited_for_long)
{
    struct talk talk;
    answer_early(&talk, FIELDS(NULL));
    HEARS(&talk, " head 1 200 data 1 6.");
    EQUAL(talk.wire.protocol->due_ms, talk.wire.clock.now_ms + LINGER_MS);
    fr_clock_advance(&talk.wire.clock, LINGER_MS - 1);
    pour(&talk, 1, 0, FR_SPAN("still"));
    say(&talk);
    HEARS(&talk, "");
    fr_clock_advance(&talk.wire.clock, 1);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    HEARS(&talk, " reset 1 0");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(a_long_rest_may_come_as_long)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask_with(&talk, 1, 0, "POST", "/", FIELDS("content-length", "565535"));
    pour_many(&talk, 1, 0, 65535); /* its first window comes with the head */
    say(&talk);
    HEARS(&talk, " head 1 200 window 1 32768 window 1 32767 data 1 6.");
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < 5; i++) {
            pour_many(&talk, 1, half && i == 4 ? END_STREAM : 0, 50000);
            say(&talk);
        }
        IS(strstr(hear(&talk), " window 1 "));
    }
    EQUAL(talk.echo.bodies, 0);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(without_time_to_linger_it_is_reset_at_once)
{
    struct talk talk;
    struct fr_limits limits;
    fr_limits_init(&limits);
    limits.linger_timeout_ms = 0;
    open_talk_with(&talk, ECHO_FIXED, &limits);
    add_greeting(&talk.out);
    ask(&talk, 1, 0, "POST", "/");
    say(&talk);
    HEARS(&talk, " settings window 0 983041 ack head 1 200 data 1 6. reset 1 0");
    pour(&talk, 1, 0, FR_SPAN("late"));
    say(&talk);
    HEARS(&talk, "");
    close_talk(&talk);
}

/* ---- a peer that reads nothing at all ---- */

TEST(a_reset_that_cannot_leave_has_no_deadline)
{
    struct talk talk;
    fill_window(&talk);
    struct fr_exchange *late = talk.echo.exchange;
    EQUAL(fr_exchange_send(late, &FR_CHUNK_COPY(FR_SPAN("held back")), false), 0);
    open_window(&talk, 0, 200000);
    talk.echo.mode = ECHO_STREAM;
    talk.echo.stream_bytes = 1000000;
    for (uint32_t stream = 3; stream < 7; stream += 2)
        ask(&talk, stream, END_STREAM, "GET", "/");
    talk.wire.is_stuck = true;
    say(&talk);
    IS(talk.wire.outbox.bytes >= talk.wire.limits.write_high_bytes);
    fr_clock_advance(&talk.wire.clock, 30000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    EQUAL(talk.echo.aborts, 1);
    IS(talk.wire.protocol->due_ms > talk.wire.clock.now_ms); /* of those that wait for room */
    talk.wire.is_stuck = false;
    wire_turn(&talk.wire);
    const char *told = hear(&talk), *reset = strstr(told, " reset 1 8");
    IS(reset && !strstr(reset + 1, " reset 1 "));
    echo_let_go(late);
    close_talk(&talk);
}

TEST(a_head_that_stays_half_holds_up_nobody)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    frame_of(&talk, NGHTTP2_HEADERS, END_STREAM, 3, FR_SPAN("\x82"));
    say(&talk);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS);
    end_peer(&talk);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS);
    fr_clock_advance(&talk.wire.clock, 10000);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    EQUAL(talk.echo.aborts, 0);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("late")), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " reset 3 8 head 1 200 data 1 4. goaway 3 0");
    IS(is_over(&talk, FR_CLOSE_FINISHED));
    close_talk(&talk);
}
