/* http1/connection.c: how it ends: refusals, deadlines, the peer's end, draining, tunnels, aborts. */
#include "http1/connection.h"

#include "talk.h"

#define REFUSED(status, length, sentence)                                          \
    "HTTP/1.1 " status "\r\n" FIELDS "Content-Type: text/plain; charset=utf-8\r\n" \
    "Content-Length: " length "\r\nConnection: close\r\n\r\n" sentence "\n"

/* The connection is over, for this reason, with or without time for the peer to read. */
static void expect_end(const struct talk *talk, enum fr_close_reason reason, bool lingers)
{
    const struct fr_protocol *protocol = talk->wire.protocol;
    IS(protocol->finished);
    EQUAL(protocol->close_reason, reason);
    EQUAL(protocol->phase == FR_PHASE_LINGER, lingers);
    EQUAL(fr_pool_taken(talk->wire.pool), talk->echo.kept); /* of a finished one, only what others keep */
}

/* ---- refusals ---- */

TEST(a_bad_request_is_answered_and_what_follows_is_dropped)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, GET("/1") "GET /2 HTTP/1.1\r\n\r\n" GET("/3"));
    SAME(wire_take(&talk.wire), HELLO REFUSED("400 Bad Request", "34", "missing, repeated or invalid Host"));
    EQUAL(talk.echo.requests, 1);
    EQUAL(talk.wire.error, FR_E_HOST);
    EQUAL(talk.wire.refused, 1);
    EQUAL(talk.wire.refused_error, FR_E_HOST);
    EQUAL(talk.wire.refused_status, 400);
    EQUAL(talk.wire.begun, 1);
    expect_end(&talk, FR_CLOSE_BAD_REQUEST, true);
    say(&talk, GET("/4"));
    SAME(wire_take(&talk.wire), "");
    close_talk(&talk);
}

TEST(a_head_too_large_names_the_limit)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    talk.wire.limits.request_line_bytes_max = 20;
    say(&talk, "GET /a-very-long-target");
    SAME(wire_take(&talk.wire), REFUSED("414 URI Too Long", "22", "request line too long"));
    expect_end(&talk, FR_CLOSE_LIMIT, true);
    close_talk(&talk);
}

TEST(a_bad_body_is_answered_when_no_head_was_sent)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "3\r\nabc\r\nzz"));
    SAME(wire_take(&talk.wire), REFUSED("400 Bad Request", "21", "malformed chunk size"));
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_BAD_REQUEST);
    EQUAL(talk.wire.refused, 0);
    EQUAL(talk.wire.ended, 1);
    EQUAL(talk.wire.ended_status, 400);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ABORTED);
    EQUAL(talk.wire.error, FR_E_CHUNK_SIZE);
    expect_end(&talk, FR_CLOSE_BAD_REQUEST, true);
    close_talk(&talk);
}

TEST(a_bad_body_that_waited_is_refused_when_it_is_asked_for)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "3\r\nabcX"));
    EQUAL(talk.echo.aborts, 0);
    fr_exchange_credit(talk.echo.exchange, 10);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.wire.ended_status, 400);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), REFUSED("400 Bad Request", "34", "chunk data without CR LF after it"));
    expect_end(&talk, FR_CLOSE_BAD_REQUEST, true);
    close_talk(&talk);
}

TEST(a_bad_body_cuts_an_answer_that_was_begun)
{
    struct talk talk;
    open_talk(&talk, ECHO_CHUNKS);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "3\r\nabc\r\nzz"));
    SAME(wire_take(&talk.wire), OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.wire.ended_status, 200);
    expect_end(&talk, FR_CLOSE_BAD_REQUEST, true);
    close_talk(&talk);
}

TEST(a_chunked_body_too_large_is_413)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    talk.wire.limits.body_bytes_max = 4;
    say(&talk, POST("/", "Transfer-Encoding: chunked", "3\r\nabc\r\n2\r\n"));
    SAME(wire_take(&talk.wire), REFUSED("413 Content Too Large", "23", "request body too large"));
    EQUAL(talk.wire.ended_status, 413);
    expect_end(&talk, FR_CLOSE_LIMIT, true);
    close_talk(&talk);
}

TEST(a_bad_body_that_nobody_wanted_ends_quietly)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "zz"));
    SAME(wire_take(&talk.wire), HELLO);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
    expect_end(&talk, FR_CLOSE_BAD_REQUEST, true);
    close_talk(&talk);
}

/* ---- wrong applications ---- */

TEST(an_application_that_says_nothing_is_a_500_and_the_connection_goes_on)
{
    struct talk talk;
    open_talk(&talk, ECHO_LEAVE);
    say(&talk, GET("/1") GET("/2"));
#define FAILED                                                                                    \
    "HTTP/1.1 500 Internal Server Error\r\n" FIELDS "Content-Type: text/plain; charset=utf-8\r\n" \
    "Content-Length: 22\r\n\r\nInternal Server Error\n"
    SAME(wire_take(&talk.wire), FAILED FAILED);
    EQUAL(talk.wire.ended_status, 500);
    IS(!talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(an_answer_too_short_is_cut)
{
    struct talk talk;
    open_talk(&talk, ECHO_SHORT);
    say(&talk, GET("/1") GET("/2"));
    SAME(wire_take(&talk.wire), OK_HEAD "Content-Length: 7\r\n\r\nhello\n");
    EQUAL(talk.echo.last_error, FR_E_LENGTH);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ABORTED);
    EQUAL(talk.echo.aborts, 0);
    EQUAL(talk.echo.requests, 1);
    expect_end(&talk, FR_CLOSE_APPLICATION, true);
    close_talk(&talk);
}

TEST(an_answer_too_long_loses_the_excess_only)
{
    struct talk talk;
    open_talk(&talk, ECHO_LONG);
    say(&talk, GET("/1"));
    SAME(wire_take(&talk.wire), OK_HEAD "Content-Length: 5\r\n\r\nhello");
    EQUAL(talk.echo.last_error, FR_E_LENGTH);
    IS(!talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(a_reset_after_the_head_cuts_the_answer)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    const struct fr_response_head head = {.status = 200, .content_length = -1};
    say(&talk, GET("/"));
    EQUAL(fr_exchange_respond(talk.echo.exchange, &head), 0);
    EQUAL(fr_exchange_send(talk.echo.exchange, &FR_CHUNK_COPY(FR_SPAN("abc")), false), 0);
    fr_exchange_reset(talk.echo.exchange);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EQUAL(fr_exchange_send(talk.echo.exchange, NULL, true), FR_E_GONE);
    echo_let_go(talk.echo.exchange);
    EQUAL(talk.wire.ended, 1);
    expect_end(&talk, FR_CLOSE_APPLICATION, true);
    close_talk(&talk);
}

/* ---- deadlines ---- */

TEST(a_slow_head_is_408)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "GET / HT");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_HEAD);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    SAME(wire_take(&talk.wire), REFUSED("408 Request Timeout", "40", "the request head did not arrive in time"));
    EQUAL(talk.wire.refused_error, FR_E_HEAD_TIMEOUT);
    expect_end(&talk, FR_CLOSE_HEAD_TIMEOUT, true);
    close_talk(&talk);
}

TEST(a_silent_connection_ends_without_a_word)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    SAME(wire_take(&talk.wire), "");
    expect_end(&talk, FR_CLOSE_HEAD_TIMEOUT, false);
    close_talk(&talk);
}

TEST(an_idle_connection_ends_without_a_word)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, GET("/"));
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    SAME(wire_take(&talk.wire), HELLO);
    expect_end(&talk, FR_CLOSE_KEEP_ALIVE_TIMEOUT, false);
    close_talk(&talk);
}

TEST(a_slow_body_is_408_when_no_head_was_sent)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, POST("/", "Content-Length: 3", "ab"));
    EQUAL(talk.wire.protocol->phase, FR_PHASE_BODY);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    SAME(wire_take(&talk.wire), REFUSED("408 Request Timeout", "42", "the request body made no progress in time"));
    EQUAL(talk.echo.reason, FR_CLOSE_BODY_TIMEOUT);
    EQUAL(talk.wire.ended_status, 408);
    expect_end(&talk, FR_CLOSE_BODY_TIMEOUT, true);
    close_talk(&talk);
}

TEST(a_slow_body_cuts_an_answer_that_was_begun)
{
    struct talk talk;
    open_talk(&talk, ECHO_CHUNKS);
    say(&talk, POST("/", "Content-Length: 3", "ab"));
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    SAME(wire_take(&talk.wire), OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    expect_end(&talk, FR_CLOSE_BODY_TIMEOUT, true);
    close_talk(&talk);
}

TEST(a_slow_rest_that_nobody_wants_ends_quietly)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, POST("/", "Content-Length: 3", "ab"));
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    SAME(wire_take(&talk.wire), HELLO);
    expect_end(&talk, FR_CLOSE_BODY_TIMEOUT, true);
    close_talk(&talk);
}

TEST(lingering_has_an_end)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "nonsense\r\n\r\n");
    IS(talk.wire.protocol->phase == FR_PHASE_LINGER);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    IS(talk.wire.protocol->phase != FR_PHASE_LINGER);
    close_talk(&talk);
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "nonsense\r\n\r\n");
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    IS(talk.wire.protocol->phase != FR_PHASE_LINGER);
    close_talk(&talk);
}

/* ---- the peer's end ---- */

TEST(the_peer_may_leave_between_requests)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, GET("/"));
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    expect_end(&talk, FR_CLOSE_FINISHED, false);
    close_talk(&talk);
}

TEST(half_a_head_is_not_answered)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "GET / HT");
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    SAME(wire_take(&talk.wire), "");
    expect_end(&talk, FR_CLOSE_PEER_CLOSED, false);
    close_talk(&talk);
}

TEST(complete_requests_are_answered_after_the_peers_end)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    const struct fr_response_head head = {.status = 204, .content_length = -1};
    say(&talk, GET("/1") GET("/2") "GET /3");
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    for (int i = 0; i < 2; i++) {
        struct fr_exchange *exchange = talk.echo.exchange;
        IS(!talk.wire.protocol->finished);
        EQUAL(talk.echo.peer_ends, i + 1);
        EQUAL(fr_exchange_respond(exchange, &head), 0);
        EQUAL(fr_exchange_send(exchange, NULL, true), 0);
        echo_let_go(exchange);
        wire_turn(&talk.wire);
        SAME(wire_take(&talk.wire), "HTTP/1.1 204 No Content\r\n" FIELDS "\r\n");
    }
    EQUAL(talk.echo.requests, 2);
    EQUAL(talk.echo.aborts, 0);
    expect_end(&talk, FR_CLOSE_PEER_CLOSED, false);
    close_talk(&talk);
}

TEST(the_last_answer_after_the_peers_end_says_so)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, GET("/1"));
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    EQUAL(talk.echo.peer_ends, 1);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("")), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), OK_HEAD "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n"
                                        "Connection: close\r\n\r\n");
    expect_end(&talk, FR_CLOSE_FINISHED, false);
    close_talk(&talk);
}

TEST(half_a_body_aborts_the_exchange)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, POST("/", "Content-Length: 3", "ab"));
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_PEER_CLOSED);
    EQUAL(talk.wire.ended_status, 0);
    SAME(wire_take(&talk.wire), "");
    expect_end(&talk, FR_CLOSE_PEER_CLOSED, false);
    close_talk(&talk);
}

TEST(a_body_that_waits_whole_survives_the_peers_end)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/", "Content-Length: 3", "abc"));
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    EQUAL(talk.echo.aborts, 0);
    fr_exchange_credit(talk.echo.exchange, 10);
    SAME(fr_buffer_span(&talk.echo.body), "abc");
    EQUAL(talk.echo.lasts, 1);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    EQUAL(talk.wire.ended_status, 500);
    expect_end(&talk, FR_CLOSE_FINISHED, false);
    close_talk(&talk);
}

TEST(a_body_that_waits_in_part_is_aborted_when_it_is_asked_for)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/", "Content-Length: 3", "ab"));
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    EQUAL(talk.echo.aborts, 0);
    fr_exchange_credit(talk.echo.exchange, 10);
    SAME(fr_buffer_span(&talk.echo.body), "ab");
    EQUAL(talk.echo.aborts, 1);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("")), FR_E_GONE);
    echo_let_go(talk.echo.exchange);
    expect_end(&talk, FR_CLOSE_PEER_CLOSED, false);
    close_talk(&talk);
}

/* ---- draining ---- */

TEST(draining_ends_an_idle_connection_when_its_time_is_up)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, GET("/"));
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    IS(!talk.wire.protocol->finished);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    expect_end(&talk, FR_CLOSE_DRAIN, false);
    close_talk(&talk);
}

TEST(draining_answers_a_request_that_was_on_its_way)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    say(&talk, GET("/1") GET("/2"));
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    EQUAL(talk.echo.requests, 1);
    expect_end(&talk, FR_CLOSE_DRAIN, true);
    close_talk(&talk);
}

TEST(draining_lets_a_head_in_pieces_be_answered)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "GET / HTTP/1.1\r\n");
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    IS(!talk.wire.protocol->finished);
    say(&talk, "Host: a\r\n\r\n");
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    expect_end(&talk, FR_CLOSE_DRAIN, true);
    close_talk(&talk);
}

TEST(draining_tells_the_application_and_closes_after_the_answer)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, GET("/1") GET("/2"));
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    EQUAL(talk.echo.drains, 1);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("x")), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), OK_HEAD "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 1\r\n"
                                        "Connection: close\r\n\r\nx");
    EQUAL(talk.echo.requests, 1);
    expect_end(&talk, FR_CLOSE_DRAIN, true);
    close_talk(&talk);
}

TEST(draining_closes_also_when_the_head_promised_otherwise)
{
    struct talk talk;
    open_talk(&talk, ECHO_CHUNKS);
    say(&talk, POST("/1", "Content-Length: 2", "a"));
    wire_signal(&talk.wire, FR_SIGNAL_DRAIN);
    say(&talk, "b" GET("/2"));
    EQUAL(talk.echo.requests, 1);
    expect_end(&talk, FR_CLOSE_DRAIN, true);
    close_talk(&talk);
}

/* ---- tunnels ---- */

#define UPGRADE "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

TEST(a_tunnel_carries_raw_bytes_both_ways)
{
    struct talk talk;
    open_talk(&talk, ECHO_TUNNEL);
    say(&talk, UPGRADE "GET not a request");
    SAME(wire_take(&talk.wire), "HTTP/1.1 101 Switching Protocols\r\n\r\nGET not a request");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_TUNNEL);
    say(&talk, "\r\n\r\n");
    SAME(wire_take(&talk.wire), "\r\n\r\n");
    wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
    IS(!talk.wire.protocol->finished);
    wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
    EQUAL(talk.echo.lasts, 1);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
    expect_end(&talk, FR_CLOSE_FINISHED, false);
    close_talk(&talk);
}

TEST(a_tunnel_may_be_accepted_late_and_has_credit)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    const struct fr_response_header fields[] = {{FR_SPAN("Upgrade"), FR_SPAN("echo")},
                                                {FR_SPAN("Connection"), FR_SPAN("Upgrade")}};
    const struct fr_response_head head = {.status = 101, .headers = fields, .header_count = 2, .content_length = -1};
    say(&talk, UPGRADE "abcdef");
    EQUAL(fr_exchange_respond(talk.echo.exchange, &head), 0);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_TUNNEL);
    IS(talk.wire.protocol->paused);
    fr_exchange_credit(talk.echo.exchange, 4);
    SAME(fr_buffer_span(&talk.echo.body), "abcd");
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n");
    EQUAL(fr_exchange_send(talk.echo.exchange, &FR_CHUNK_COPY(FR_SPAN("bye")), true), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), "bye");
    expect_end(&talk, FR_CLOSE_FINISHED, true);
    close_talk(&talk);
}

TEST(nobody_is_switched_who_did_not_offer_it)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    const struct fr_response_head head = {.status = 101, .content_length = -1};
    say(&talk, GET("/"));
    EQUAL(fr_exchange_respond(talk.echo.exchange, &head), FR_E_RESPONSE_HEAD);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 426, FR_SPAN("")), 0);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

/* ---- close ---- */

TEST(closing_aborts_what_is_open)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/1", "Content-Length: 3", "a") "b");
    wire_drop(&talk.wire, FR_CLOSE_PEER_RESET);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.reason, FR_CLOSE_PEER_RESET);
    EQUAL(talk.wire.ended, 1);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ABORTED);
    EQUAL(fr_pool_taken(talk.wire.pool), 1);
    fr_exchange_credit(talk.echo.exchange, 1);
    fr_exchange_flush(talk.echo.exchange);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("")), FR_E_GONE);
    echo_let_go(talk.echo.exchange);
    EQUAL(fr_pool_taken(talk.wire.pool), 0);
    close_talk(&talk);
}

TEST(closing_from_inside_a_flush)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 100000;
    talk.echo.flushes = true;
    talk.wire.drops_on_flush = true;
    say(&talk, "GET /1 HTTP/1.1\r\nHo");
    say(&talk, "st: a\r\n\r\n" GET("/2"));
    EQUAL(talk.wire.flushes, 1);
    EQUAL(talk.echo.aborts, 1);
    EQUAL(talk.echo.requests, 1);
    EQUAL(fr_pool_taken(talk.wire.pool), 0);
    close_talk(&talk);
}

TEST(an_exchange_outlives_its_connection)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, GET("/1"));
    struct fr_exchange *exchange = talk.echo.exchange;
    EQUAL(fr_exchange_answer_text(exchange, 200, FR_SPAN("")), 0);
    wire_drop(&talk.wire, FR_CLOSE_PEER_CLOSED);
    memset(talk.wire.protocol, 0xa5, fr_http1.size); /* its memory is somebody else's now */
    EQUAL(talk.echo.aborts, 0);
    EQUAL(fr_exchange_send(exchange, NULL, true), FR_E_STATE);
    fr_exchange_credit(exchange, 1);
    fr_exchange_flush(exchange);
    echo_let_go(exchange);
    close_talk(&talk);
}

TEST(closing_gives_back_half_a_head)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, "GET / HTTP/1.1\r\nHost:");
    wire_drop(&talk.wire, FR_CLOSE_STOP);
    EQUAL(fr_pool_taken(talk.wire.pool), 0);
    close_talk(&talk);
}

TEST(a_caller_that_does_not_heed_paused_meets_a_limit)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    static char much[100000];
    say(&talk, POST("/", "Content-Length: 10000000", "a"));
    IS(talk.wire.protocol->paused);
    int error = 0;
    for (int i = 0; i < 10 && !error; i++)
        error = fr_http1.receive(talk.wire.protocol, fr_span_of(much, sizeof much));
    EQUAL(error, FR_E_LIMIT);
    EQUAL(talk.echo.aborts, 1);
    IS(talk.wire.protocol->finished);
    EQUAL(talk.wire.protocol->close_reason, FR_CLOSE_LIMIT);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}
