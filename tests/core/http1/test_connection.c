/* http1/connection.c: requests in, answers out, in order. How it ends is in test_connection_end.c. */
#include "http1/connection.h"

#include "talk.h"

#define ECHOED(length, body) OK_HEAD "Content-Length: " length "\r\n\r\n" body
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static enum fr_phase phase(const struct talk *talk)
{
    return talk->wire.protocol->phase;
}

/* ---- keep-alive ---- */

TEST(a_request_is_answered_and_the_connection_goes_on)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    EQUAL(phase(&talk), FR_PHASE_HEAD);
    say(&talk, GET("/one"));
    SAME(wire_take(&talk.wire), HELLO);
    EQUAL(phase(&talk), FR_PHASE_IDLE);
    say(&talk, GET("/two"));
    SAME(wire_take(&talk.wire), HELLO);
    SAME(fr_buffer_span(&talk.echo.heads), "GET /one\nGET /two\n");
    IS(!talk.wire.protocol->finished);
    EQUAL(talk.wire.begun, 2);
    EQUAL(talk.wire.ended, 2);
    EQUAL(talk.wire.ended_status, 200);
    EQUAL(talk.wire.ended_bytes, 6);
    close_talk(&talk);
}

TEST(an_idle_connection_owns_no_memory)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, "POST / HTTP/1.1\r\nHo");
    IS(fr_pool_taken(talk.wire.pool) > 0);
    say(&talk, "st: a\r\nContent-Length: 3\r\n\r\nab");
    say(&talk, "c");
    EQUAL(fr_pool_taken(talk.wire.pool), 0);
    close_talk(&talk);
}

TEST(the_peer_may_ask_to_close)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    IS(talk.wire.protocol->finished);
    EQUAL(talk.wire.protocol->close_reason, FR_CLOSE_FINISHED);
    IS(phase(&talk) != FR_PHASE_LINGER);
    close_talk(&talk);
}

TEST(http10_closes_unless_asked_to_go_on)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    SAME(wire_take(&talk.wire), OK_HEAD "Content-Length: 6\r\nConnection: keep-alive\r\n\r\nhello\n");
    IS(!talk.wire.protocol->finished);
    say(&talk, "GET / HTTP/1.0\r\n\r\n");
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    IS(talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(a_body_of_unknown_length_ends_an_http10_connection)
{
    struct talk talk;
    open_talk(&talk, ECHO_CHUNKS);
    say(&talk, "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc");
    SAME(wire_take(&talk.wire), OK_HEAD "Connection: close\r\n\r\nabc");
    IS(talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(keep_alive_may_be_switched_off)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    talk.wire.limits.keep_alive_timeout_ms = 0;
    say(&talk, GET("/"));
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    IS(talk.wire.protocol->finished);
    close_talk(&talk);
}

/* ---- bodies ---- */

TEST(a_body_reaches_the_application_as_it_comes)
{
    struct talk talk;
    open_talk(&talk, ECHO_CHUNKS);
    say(&talk, POST("/", "Content-Length: 6", "ab"));
    EQUAL(phase(&talk), FR_PHASE_BODY);
    say(&talk, "cd");
    EQUAL(talk.echo.bodies, 2);
    say(&talk, "ef" GET("/next"));
    SAME(fr_buffer_span(&talk.echo.body), "abcdef");
    EQUAL(talk.echo.lasts, 1);
    SAME(wire_take(&talk.wire),
         OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n2\r\nef\r\n0\r\n\r\n" OK_HEAD
                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    close_talk(&talk);
}

TEST(a_chunked_body_is_unwrapped)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"));
    SAME(wire_take(&talk.wire), ECHOED("5", "abcde"));
    IS(!talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(body_bytes_flow_as_far_as_credit_goes)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/", "Content-Length: 10", "0123"));
    EQUAL(talk.echo.bodies, 0);
    EQUAL(phase(&talk), FR_PHASE_ANSWER);
    IS(talk.wire.protocol->paused);
    fr_exchange_credit(talk.echo.exchange, 3);
    SAME(fr_buffer_span(&talk.echo.body), "012");
    IS(talk.wire.protocol->paused);
    fr_exchange_credit(talk.echo.exchange, 4);
    SAME(fr_buffer_span(&talk.echo.body), "0123");
    IS(!talk.wire.protocol->paused);
    EQUAL(phase(&talk), FR_PHASE_BODY);
    say(&talk, "456789");
    SAME(fr_buffer_span(&talk.echo.body), "0123456");
    EQUAL(phase(&talk), FR_PHASE_ANSWER);
    fr_exchange_credit(talk.echo.exchange, UINT64_MAX);
    SAME(fr_buffer_span(&talk.echo.body), "0123456789");
    EQUAL(talk.echo.lasts, 1);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("")), 0);
    echo_let_go(talk.echo.exchange);
    EQUAL(phase(&talk), FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(the_end_of_a_chunked_body_needs_no_credit)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    talk.echo.credit = 3;
    say(&talk, POST("/", "Transfer-Encoding: chunked", ""));
    fr_exchange_credit(talk.echo.exchange, 3);
    say(&talk, "3\r\nabc\r\n");
    EQUAL(talk.echo.lasts, 0);
    say(&talk, "0\r\n\r\n");
    EQUAL(talk.echo.lasts, 1);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(a_body_too_large_is_refused_before_it_is_read)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    talk.wire.limits.body_bytes_max = 10;
    say(&talk, POST("/", "Content-Length: 10", "0123456789"));
    SAME(wire_take(&talk.wire), ECHOED("10", "0123456789"));
    say(&talk, POST("/", "Content-Length: 11", ""));
    EQUAL(talk.wire.refused_error, FR_E_BODY_TOO_LARGE);
    EQUAL(talk.wire.refused_status, 413);
    EQUAL(talk.echo.requests, 1);
    close_talk(&talk);
}

TEST(a_body_that_was_not_asked_for_is_dropped_when_small)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, POST("/", "Content-Length: 60000", "begin"));
    SAME(wire_take(&talk.wire), HELLO);
    EQUAL(phase(&talk), FR_PHASE_BODY);
    for (int left = 60000 - 5; left > 0; left -= 5)
        say(&talk, "rest.");
    EQUAL(phase(&talk), FR_PHASE_IDLE);
    say(&talk, GET("/next"));
    SAME(wire_take(&talk.wire), HELLO);
    close_talk(&talk);
}

TEST(a_chunked_body_that_was_not_asked_for_is_dropped_up_to_a_bound)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "5\r\nabcde\r\n0\r\n\r\n") GET("/next"));
    SAME(wire_take(&talk.wire), HELLO HELLO);
    say(&talk, POST("/", "Transfer-Encoding: chunked", "10000\r\n"));
    for (int i = 0; i < 65536 / 16; i++)
        say(&talk, "0123456789abcdef");
    IS(!talk.wire.protocol->finished);
    say(&talk, "\r\n1\r\nx");
    IS(talk.wire.protocol->finished);
    EQUAL(phase(&talk), FR_PHASE_LINGER);
    close_talk(&talk);
}

TEST(an_answer_that_ignores_a_large_body_closes)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, POST("/", "Content-Length: 65537", ""));
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    IS(talk.wire.protocol->finished);
    EQUAL(phase(&talk), FR_PHASE_LINGER);
    say(&talk, "still coming, and dropped" GET("/not-answered"));
    SAME(wire_take(&talk.wire), "");
    EQUAL(talk.echo.requests, 1);
    close_talk(&talk);
}

/* ---- 100 Continue ---- */

#define EXPECTING "Content-Length: 3\r\nExpect: 100-continue"

TEST(continue_is_said_when_the_body_is_asked_for)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/", EXPECTING, ""));
    SAME(wire_take(&talk.wire), "");
    fr_exchange_credit(talk.echo.exchange, 1);
    fr_exchange_credit(talk.echo.exchange, 100);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), CONTINUE);
    say(&talk, "abc");
    SAME(fr_buffer_span(&talk.echo.body), "abc");
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("")), 0);
    echo_let_go(talk.echo.exchange);
    IS(!talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(continue_is_not_said_when_the_body_came_along)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, POST("/", EXPECTING, "a"));
    say(&talk, "bc");
    SAME(wire_take(&talk.wire), ECHOED("3", "abc"));
    close_talk(&talk);
}

TEST(continue_is_not_said_when_the_body_came_before_it_was_asked_for)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, POST("/", EXPECTING, ""));
    say(&talk, "ab");
    fr_exchange_credit(talk.echo.exchange, 100);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), "");
    SAME(fr_buffer_span(&talk.echo.body), "ab");
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(an_answer_instead_of_continue_closes)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    say(&talk, POST("/", EXPECTING, ""));
    SAME(wire_take(&talk.wire), HELLO_CLOSE);
    IS(talk.wire.protocol->finished);
    EQUAL(phase(&talk), FR_PHASE_LINGER);
    close_talk(&talk);
}

TEST(continue_after_the_final_head_is_never_said)
{
    struct talk talk;
    open_talk(&talk, ECHO_CHUNKS);
    say(&talk, POST("/", EXPECTING, ""));
    SAME(wire_take(&talk.wire), OK_HEAD "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    say(&talk, "abc");
    SAME(wire_take(&talk.wire), "3\r\nabc\r\n0\r\n\r\n");
    IS(talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(an_application_may_say_continue_itself)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    const struct fr_response_head head = {.status = 100, .content_length = -1};
    say(&talk, POST("/", EXPECTING, ""));
    EQUAL(fr_exchange_respond(talk.echo.exchange, &head), 0);
    fr_exchange_credit(talk.echo.exchange, 100);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), CONTINUE);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(http10_hears_no_interim_answers)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    const struct fr_response_header link = {FR_SPAN("Link"), FR_SPAN("</a.css>")};
    const struct fr_response_head hints = {.status = 103, .headers = &link, .header_count = 1, .content_length = -1};
    say(&talk, "POST / HTTP/1.0\r\n" EXPECTING "\r\n\r\n");
    EQUAL(fr_exchange_respond(talk.echo.exchange, &hints), 0);
    fr_exchange_credit(talk.echo.exchange, 100);
    wire_turn(&talk.wire);
    SAME(wire_take(&talk.wire), "");
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    say(&talk, "abc");
    close_talk(&talk);
}

/* ---- pipelining ---- */

TEST(pipelined_requests_are_answered_in_order)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    say(&talk, POST("/1", "Content-Length: 1", "a") POST("/2", "Content-Length: 2", "bc") GET("/3")
                   POST("/4", "Transfer-Encoding: chunked", "1\r\nd\r\n0\r\n\r\n"));
    SAME(wire_take(&talk.wire), ECHOED("1", "a") ECHOED("2", "bc") ECHOED("0", "") ECHOED("1", "d"));
    SAME(fr_buffer_span(&talk.echo.heads), "POST /1\nPOST /2\nGET /3\nPOST /4\n");
    close_talk(&talk);
}

TEST(a_thousand_pipelined_requests_need_no_stack)
{
    struct talk talk;
    struct fr_buffer all;
    open_talk(&talk, ECHO_FIXED);
    fr_buffer_init(&all, 1u << 20);
    for (int i = 0; i < 1000; i++)
        EQUAL(fr_buffer_append(&all, FR_SPAN(GET("/"))), 0);
    wire_send(&talk.wire, fr_buffer_span(&all));
    EQUAL(talk.echo.requests, 1000);
    EQUAL(wire_take(&talk.wire).len, 1000 * strlen(HELLO));
    fr_buffer_free(&all);
    close_talk(&talk);
}

TEST(the_next_request_waits_for_a_late_answer)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    say(&talk, GET("/1") GET("/2") "GET /3 HT");
    EQUAL(talk.echo.requests, 1);
    IS(talk.wire.protocol->paused);
    EQUAL(phase(&talk), FR_PHASE_ANSWER);
    struct fr_exchange *first = talk.echo.exchange;
    unsigned outputs = talk.wire.outputs;
    EQUAL(fr_exchange_answer_text(first, 200, FR_SPAN("one")), 0);
    EQUAL(talk.echo.requests, 1); /* not begun inside the application's call */
    IS(talk.wire.outputs > outputs);
    IS(talk.wire.protocol->resume);
    wire_turn(&talk.wire);
    EQUAL(talk.echo.requests, 2);
    echo_let_go(first); /* may come later */
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    IS(!talk.wire.protocol->paused);
    EQUAL(phase(&talk), FR_PHASE_HEAD);
    SAME(fr_buffer_span(&talk.echo.heads), "GET /1\nGET /2\n");
    EQUAL(talk.wire.ended, 2);
    close_talk(&talk);
}

TEST(no_request_is_begun_while_much_output_waits)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 66000; /* just over the high mark, in one go of the loop below */
    talk.wire.limits.write_high_bytes = 65536;
    talk.wire.is_stuck = true;
    say(&talk, GET("/1") GET("/2"));
    EQUAL(talk.echo.requests, 1);
    IS(talk.wire.protocol->awaits_writable);
    talk.wire.is_stuck = false;
    wire_turn(&talk.wire);
    EQUAL(talk.echo.requests, 2);
    EQUAL(talk.wire.ended, 2);
    IS(!talk.wire.protocol->paused);
    close_talk(&talk);
}

TEST(a_request_behind_a_body_asked_for_late_waits_for_its_turn)
{
    struct talk talk;
    open_talk(&talk, ECHO_BODY);
    talk.echo.mode = ECHO_LATE;
    say(&talk, POST("/1", "Content-Length: 3", "abc") GET("/2"));
    struct fr_exchange *first = talk.echo.exchange;
    fr_exchange_credit(first, 3);
    EQUAL(fr_exchange_answer_text(first, 200, FR_SPAN("")), 0);
    echo_let_go(first);
    EQUAL(talk.echo.requests, 1);
    wire_turn(&talk.wire);
    EQUAL(talk.echo.requests, 2);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(a_bad_request_that_waited_is_refused_in_its_turn)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 66000;
    talk.wire.is_stuck = true;
    say(&talk, GET("/1") "GET /2 HTTP/1.1\r\n\r\n");
    IS(talk.wire.protocol->awaits_writable);
    EQUAL(talk.wire.refused, 0);
    talk.wire.is_stuck = false;
    wire_turn(&talk.wire);
    EQUAL(talk.wire.refused_error, FR_E_HOST);
    IS(talk.wire.protocol->finished);
    close_talk(&talk);
}

/* ---- trailers ---- */

TEST(trailers_end_a_chunked_answer)
{
    struct talk talk;
    const struct fr_response_header trailers[] = {{FR_SPAN("Digest"), FR_SPAN("x")},
                                                  {FR_SPAN("Bad Name"), FR_SPAN("y")}};
    const struct fr_response_head head = {.status = 200, .content_length = -1, .trailers = true};
    open_talk(&talk, ECHO_LATE);
    say(&talk, GET("/1") GET("/2"));
    for (int i = 0; i < 2; i++) {
        struct fr_exchange *exchange = talk.echo.exchange;
        EQUAL(fr_exchange_respond(exchange, &head), 0);
        EQUAL(fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN("abc")), true), 0);
        EQUAL(fr_exchange_trailers(exchange, trailers, 2), FR_E_RESPONSE_HEAD);
        EQUAL(fr_exchange_trailers(exchange, trailers, 1), 0);
        echo_let_go(exchange);
        wire_turn(&talk.wire);
        SAME(wire_take(&talk.wire), OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nDigest: x\r\n\r\n");
    }
    EQUAL(talk.wire.ended, 2);
    EQUAL(phase(&talk), FR_PHASE_IDLE);
    close_talk(&talk);
}

/* ---- backpressure ---- */

TEST(a_stream_stops_at_the_high_mark_and_goes_on_at_the_low)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 1000000;
    talk.wire.is_stuck = true;
    say(&talk, GET("/"));
    IS(talk.wire.outbox.bytes > 65536 && talk.wire.outbox.bytes < 70000);
    EQUAL(talk.echo.writables, 0);
    IS(talk.wire.protocol->awaits_writable);
    talk.wire.is_stuck = false;
    wire_turn(&talk.wire);
    IS(talk.echo.writables > 10);
    EQUAL(talk.echo.kept, 0);
    EQUAL(talk.wire.ended_bytes, 1000000);
    close_talk(&talk);
}

TEST(a_stream_that_flushes_is_not_called_back_from_inside)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 1000000;
    talk.echo.flushes = true;
    say(&talk, GET("/"));
    EQUAL(talk.echo.writables, 0);
    EQUAL(talk.wire.flushes, 999); /* what ends an answer goes out with the turn */
    EQUAL(talk.wire.ended_bytes, 1000000);
    close_talk(&talk);
}

/* ---- the same, however it is cut ---- */

struct outcome {
    char output[4096], heads[256], body[256];
    int error, ended_status, refused_status;
    unsigned begun, ended, refused;
    bool finished;
    enum fr_phase phase;
};

static void copy_out(char *to, size_t room, fr_span from)
{
    IS(from.len < room);
    if (from.len)
        memcpy(to, from.data, from.len);
    to[from.len] = '\0';
}

static void note_outcome(struct outcome *outcome, struct talk *talk)
{
    memset(outcome, 0, sizeof *outcome);
    copy_out(outcome->output, sizeof outcome->output, wire_take(&talk->wire));
    copy_out(outcome->heads, sizeof outcome->heads, fr_buffer_span(&talk->echo.heads));
    copy_out(outcome->body, sizeof outcome->body, fr_buffer_span(&talk->echo.body));
    outcome->error = talk->wire.error;
    outcome->ended_status = talk->wire.ended_status;
    outcome->refused_status = talk->wire.refused_status;
    outcome->begun = talk->wire.begun;
    outcome->ended = talk->wire.ended;
    outcome->refused = talk->wire.refused;
    outcome->finished = talk->wire.protocol->finished;
    outcome->phase = talk->wire.protocol->phase;
}

/* Sends `text` in pieces that end at the offsets given, and at its end. */
static void converse(struct outcome *outcome, enum echo_mode mode, fr_span text, size_t cut, size_t step)
{
    struct talk talk;
    open_talk(&talk, mode);
    wire_send(&talk.wire, fr_span_slice(text, 0, cut));
    for (size_t at = cut; at < text.len; at += step)
        wire_send(&talk.wire, fr_span_slice(text, at, text.len - at < step ? text.len : at + step));
    note_outcome(outcome, &talk);
    close_talk(&talk);
}

static void expect_same(const struct outcome *a, const struct outcome *b, size_t cut)
{
    if (memcmp(a, b, sizeof *a) != 0)
        UNIT_FAIL("cut at %zu: \"%s\" error %d, whole: \"%s\" error %d", cut, b->output, b->error, a->output, a->error);
}

static void try_all_cuts(enum echo_mode mode, const char *string)
{
    fr_span text = fr_span_of_string(string);
    struct outcome whole, cut;
    converse(&whole, mode, text, text.len, 1);
    for (size_t at = 1; at < text.len; at++) {
        converse(&cut, mode, text, at, text.len);
        expect_same(&whole, &cut, at);
    }
    converse(&cut, mode, text, 0, 1);
    expect_same(&whole, &cut, 0);
}

TEST(where_the_bytes_are_cut_makes_no_difference)
{
    const enum echo_mode modes[] = {ECHO_FIXED, ECHO_BODY, ECHO_LEAVE, ECHO_SHORT, ECHO_LONG};
    const char *texts[] = {
        GET("/1") GET("/2"),
        POST("/1", "Content-Length: 3", "abc") GET("/2"),
        POST("/1", "Transfer-Encoding: chunked", "3;e=\"x\"\r\nabc\r\n00a\r\n0123456789\r\n0\r\nT: 1\r\n\r\n")
            GET("/2"),
        POST("/1", "Content-Length: 3\r\nConnection: close", "abc") GET("/2"),
        "\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        GET("/1") "GET /2 HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n" GET("/3"),
        POST("/1", "Transfer-Encoding: chunked", "3\r\nabc\r\nX\r\n"),
        POST("/1", "Transfer-Encoding: chunked", "3\r\nabcX\r\n0\r\n\r\n"),
        GET("/1") "GET /2 HTTP/1.1\r\nHo",
    };
    for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++)
        for (size_t text = 0; text < sizeof texts / sizeof *texts; text++)
            try_all_cuts(modes[mode], texts[text]);
}
