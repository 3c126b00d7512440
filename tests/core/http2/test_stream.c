/* http2/stream.c: one exchange on one stream, from its head to its end. */
#include <fcntl.h>

#include "talk.h"

TEST(an_early_answer_ends_the_stream)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask(&talk, 1, 0, "POST", "/");
    say(&talk);
    HEARS(&talk, " head 1 200 data 1 6.");
    EQUAL(talk.echo.aborts, 0);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
    pour(&talk, 1, END_STREAM, FR_SPAN("late"));
    ask(&talk, 3, END_STREAM, "GET", "/");
    say(&talk);
    HEARS(&talk, " head 3 200 data 3 6.");
    close_talk(&talk);
}

TEST(a_body_that_comes_along_needs_no_reset)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask(&talk, 1, 0, "POST", "/");
    pour(&talk, 1, END_STREAM, FR_SPAN("here"));
    say(&talk);
    HEARS(&talk, " head 1 200 data 1 6.");
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
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("late")), FR_E_GONE);
    echo_let_go(talk.echo.exchange);
    talk.echo.mode = ECHO_FIXED;
    ask(&talk, 3, END_STREAM, "GET", "/");
    say(&talk);
    HEARS(&talk, " head 3 200 data 3 6.");
    close_talk(&talk);
}

/* Each refusal is an answer on its stream, and the next request is served: HPACK is in step. */
TEST(limits_are_answers)
{
    static char path[9000], value[9000], total[8000];
    memset(path, 'p', sizeof path - 1);
    path[0] = '/';
    memset(value, 'v', sizeof value - 1);
    memset(total, 't', sizeof total - 1);
    const struct {
        int status, error;
        const char *path;
        const char *const *fields;
    } cases[] = {
        {414, FR_E_REQUEST_LINE_TOO_LONG, path, NULL},
        {431, FR_E_HEAD_TOO_LARGE, "/", FIELDS("x", value)},
        {431, FR_E_HEAD_TOO_LARGE, "/",
         FIELDS("a", total, "b", total, "c", total, "d", total, "e", total, "f", total, "g", total, "h", total, "i",
                total)},
        {413, FR_E_BODY_TOO_LARGE, "/", FIELDS("content-length", "1073741825")},
        {417, FR_E_EXPECTATION, "/", FIELDS("expect", "tea")},
        {400, FR_E_HOST, "/", FIELDS("host", "other")},
        {400, FR_E_TARGET, "/a#b", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct talk talk;
        char expected[64];
        open_talk(&talk, ECHO_FIXED);
        /* More than one frame, as the large ones have to be. */
        struct fr_buffer block;
        fr_buffer_init(&block, 1u << 20);
        add_request(&block, "POST", cases[i].path);
        for (const char *const *field = cases[i].fields; field && *field; field += 2)
            add_field(&block, field[0], field[1]);
        fr_span rest = fr_buffer_span(&block);
        for (int type = NGHTTP2_HEADERS; rest.len; type = NGHTTP2_CONTINUATION) {
            size_t len = rest.len < 16384 ? rest.len : 16384;
            frame_of(&talk, type, len == rest.len ? END_HEADERS : 0, 1, fr_span_slice(rest, 0, len));
            rest = fr_span_skip(rest, len);
        }
        say(&talk);
        snprintf(expected, sizeof expected, " head 1 %d data 1 %zu.", cases[i].status,
                 strlen(fr_error_text(cases[i].error)) + 1);
        HEARS(&talk, expected);
        EQUAL(talk.wire.refused, 1);
        EQUAL(talk.wire.refused_error, cases[i].error);
        EQUAL(talk.wire.refused_status, cases[i].status);
        EQUAL(talk.echo.requests, 0);
        ask(&talk, 3, END_STREAM, "GET", "/");
        say(&talk);
        HEARS(&talk, " head 3 200 data 3 6.");
        fr_clock_advance(&talk.wire.clock, talk.wire.limits.linger_timeout_ms);
        wire_signal(&talk.wire, FR_SIGNAL_EXPIRED);
        HEARS(&talk, " reset 1 0");
        EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
        fr_buffer_free(&block);
        close_talk(&talk);
    }
}

TEST(a_refused_head_has_no_body)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask(&talk, 1, END_STREAM, "HEAD", "/a#b");
    say(&talk);
    HEARS(&talk, " head 1 400.");
    close_talk(&talk);
}

TEST(a_body_that_grows_too_large_is_broken_off)
{
    struct talk talk;
    struct fr_limits limits;
    fr_limits_init(&limits);
    limits.body_bytes_max = 1000;
    open_talk_with(&talk, ECHO_ASK, &limits);
    add_greeting(&talk.out);
    ask(&talk, 1, 0, "POST", "/");
    pour(&talk, 1, 0, FR_SPAN("0123456789"));
    say(&talk);
    hear(&talk);
    EQUAL(talk.echo.body.len, 10);
    pour_many(&talk, 1, 0, 991);
    say(&talk);
    HEARS(&talk, " head 1 413 data 1 23.");
    EQUAL(talk.wire.ended_status, 413);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ABORTED);
    EQUAL(talk.echo.reason, FR_CLOSE_LIMIT);
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

TEST(lengths_have_to_be_true)
{
    for (int how = 0; how < 3; how++) {
        struct talk talk;
        open_talk(&talk, ECHO_ASK);
        ask_with(&talk, 1, 0, "POST", "/", FIELDS("content-length", "5"));
        pour(&talk, 1, how == 0 ? END_STREAM : 0, how == 2 ? FR_SPAN("123456") : FR_SPAN("1234"));
        if (how == 1)
            pour(&talk, 1, END_STREAM, FR_SPAN(""));
        say(&talk);
        HEARS(&talk, " reset 1 1");
        EQUAL(talk.echo.aborts, 1);
        EQUAL(talk.echo.reason, FR_CLOSE_BAD_REQUEST);
        EQUAL(talk.echo.lasts, 0);
        echo_let_go(talk.echo.exchange);
        close_talk(&talk);
    }
}

static void give_head(struct fr_exchange *exchange, int status, int64_t length, bool trailers)
{
    const struct fr_response_head head = {.status = status, .content_length = length, .trailers = trailers};
    EQUAL(fr_exchange_respond(exchange, &head), 0);
}

static struct fr_exchange *begin(struct talk *talk, const char *method)
{
    open_talk(talk, ECHO_LATE);
    ask(talk, 1, END_STREAM, method, "/");
    say(talk);
    return talk->echo.exchange;
}

TEST(a_head_that_nothing_follows_ends_the_stream)
{
    const struct {
        const char *method;
        int status;
        int64_t length;
    } cases[] = {{"HEAD", 200, 100}, {"GET", 204, -1}, {"GET", 304, -1}, {"GET", 200, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct talk talk;
        char expected[32];
        struct fr_exchange *exchange = begin(&talk, cases[i].method);
        give_head(exchange, cases[i].status, cases[i].length, false);
        wire_turn(&talk.wire);
        snprintf(expected, sizeof expected, " head 1 %d.", cases[i].status);
        HEARS(&talk, expected);
        EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS); /* the application has not said that it is done */
        EQUAL(fr_exchange_send(exchange, NULL, true), 0);
        EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
        EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
        echo_let_go(exchange);
        EQUAL(talk.echo.aborts, 0);
        close_talk(&talk);
    }
}

TEST(a_head_that_nothing_follows_does_not_cut_the_body_off)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    ask(&talk, 1, 0, "POST", "/");
    say(&talk);
    give_head(talk.echo.exchange, 204, -1, false);
    fr_exchange_credit(talk.echo.exchange, 100);
    pour(&talk, 1, END_STREAM, FR_SPAN("body"));
    say(&talk);
    EQUAL(talk.echo.lasts, 1);
    EQUAL(fr_exchange_send(talk.echo.exchange, NULL, true), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 204 data 1 0.");
    close_talk(&talk);
}

TEST(interim_answers_come_first)
{
    struct talk talk;
    struct fr_exchange *exchange = begin(&talk, "GET");
    const struct fr_response_header link = {FR_SPAN("Link"), FR_SPAN("</style.css>; rel=preload")};
    const struct fr_response_head hints = {.status = 103, .headers = &link, .header_count = 1, .content_length = -1};
    EQUAL(fr_exchange_respond(exchange, &hints), 0);
    EQUAL(fr_exchange_respond(exchange, &hints), 0);
    EQUAL(fr_exchange_answer_text(exchange, 200, FR_SPAN("x")), 0);
    echo_let_go(exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 103 head 1 103 head 1 200 data 1 1.");
    close_talk(&talk);
}

TEST(there_is_no_101)
{
    struct talk talk;
    struct fr_exchange *exchange = begin(&talk, "GET");
    const struct fr_response_head head = {.status = 101, .content_length = -1};
    EQUAL(fr_exchange_respond(exchange, &head), FR_E_RESPONSE_HEAD);
    echo_let_go(exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 500 data 1 22.");
    close_talk(&talk);
}

TEST(asking_for_a_body_says_continue_once)
{
    for (int early = 0; early < 2; early++) {
        struct talk talk;
        open_talk(&talk, ECHO_LATE);
        ask_with(&talk, 1, 0, "POST", "/", FIELDS("expect", "100-continue", "content-length", "5"));
        if (early)
            pour(&talk, 1, 0, FR_SPAN("h"));
        say(&talk);
        HEARS(&talk, "");
        fr_exchange_credit(talk.echo.exchange, 3);
        fr_exchange_credit(talk.echo.exchange, 3);
        wire_turn(&talk.wire);
        HEARS(&talk, early ? "" : " head 1 100");
        pour(&talk, 1, END_STREAM, early ? FR_SPAN("ello") : FR_SPAN("hello"));
        say(&talk);
        EQUAL(talk.echo.lasts, 1);
        EQUAL(fr_exchange_answer_text(talk.echo.exchange, 200, FR_SPAN("x")), 0);
        echo_let_go(talk.echo.exchange);
        wire_turn(&talk.wire);
        HEARS(&talk, " head 1 200 data 1 1.");
        close_talk(&talk);
    }
}

TEST(trailers_come_behind_the_body)
{
    struct talk talk;
    struct fr_exchange *exchange = begin(&talk, "GET");
    const struct fr_response_header good = {FR_SPAN("X-Sum"), FR_SPAN("42")};
    const struct fr_response_header bad = {FR_SPAN("Content-Length"), FR_SPAN("42")};
    give_head(exchange, 200, -1, true);
    EQUAL(fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN("body")), false), 0);
    EQUAL(fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN(" ends")), true), 0);
    EQUAL(fr_exchange_trailers(exchange, &bad, 1), FR_E_RESPONSE_HEAD);
    EQUAL(fr_exchange_trailers(exchange, &good, 1), 0);
    EQUAL(talk.wire.ended_state, FR_EXCHANGE_ANSWERED);
    echo_let_go(exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 200 data 1 4 data 1 5 head 1 0.");
    SAME(fr_buffer_span(&talk.body), "body ends");
    fr_span fields = heard_fields(&talk);
    SAME(fr_span_skip(fields, fields.len - 10), "x-sum: 42\n");
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

TEST(promised_trailers_may_be_none)
{
    struct talk talk;
    struct fr_exchange *exchange = begin(&talk, "HEAD");
    const struct fr_response_header trailer = {FR_SPAN("X-Sum"), FR_SPAN("42")};
    give_head(exchange, 200, -1, true);
    EQUAL(fr_exchange_send(exchange, NULL, true), 0);
    EQUAL(fr_exchange_trailers(exchange, &trailer, 1), 0);
    echo_let_go(exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 200 data 1 0.");
    close_talk(&talk);
}

TEST(a_cut_comes_behind_what_was_said)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_LATE);
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    static const char much[70000] = {'m'};
    give_head(talk.echo.exchange, 200, -1, false);
    EQUAL(fr_exchange_send(talk.echo.exchange, &FR_CHUNK_COPY(fr_span_of(much, sizeof much)), false), 0);
    fr_exchange_reset(talk.echo.exchange);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    hear(&talk);
    EQUAL(talk.body.len, 65535);
    open_window(&talk, 0, 10000);
    open_window(&talk, 1, 10000);
    say(&talk);
    HEARS(&talk, " data 1 4465 reset 1 2");
    EQUAL(talk.body.len, 70000);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    close_talk(&talk);
}

static void on_release(void *owner)
{
    ++*(int *)owner;
}

TEST(large_pieces_and_files_are_not_copied)
{
    struct talk talk;
    int released = 0;
    static const char much[50000] = {'m'};
    int file = open("tests/core/http2/test_stream.c", O_RDONLY);
    if (file < 0)
        file = open(__FILE__, O_RDONLY);
    IS(file >= 0);
    struct fr_exchange *exchange = begin(&talk, "GET");
    give_head(exchange, 200, -1, false);
    talk.wire.is_stuck = true;
    const struct fr_chunk piece = {fr_span_of(much, sizeof much), -1, 0, on_release, &released};
    const struct fr_chunk stretch = {{NULL, 5000}, file, 7, on_release, &released};
    EQUAL(fr_exchange_send(exchange, &piece, false), 0);
    EQUAL(fr_exchange_send(exchange, &stretch, true), 0);
    echo_let_go(exchange);
    EQUAL(released, 0);
    struct iovec vectors[16];
    int count = fr_outbox_gather(&talk.wire.outbox, vectors, 16);
    EQUAL(count, 1 + 4 + 3 + 1); /* the head and each frame's, the piece in four, up to the file */
    IS(vectors[1].iov_base == much && vectors[7].iov_base == much + 49152);
    talk.wire.is_stuck = false;
    wire_turn(&talk.wire);
    EQUAL(released, 2);
    HEARS(&talk, " head 1 200 data 1 16384 data 1 16384 data 1 16384 data 1 848 data 1 5000.");
    close(file);
    close_talk(&talk);
}

static const char *const upgrade[] = {":protocol", "websocket", NULL};

static void connect(struct talk *talk, uint32_t stream)
{
    struct fr_buffer block;
    fr_buffer_init(&block, 4096);
    add_field(&block, ":method", "CONNECT");
    add_field(&block, upgrade[0], upgrade[1]);
    add_field(&block, ":scheme", "http");
    add_field(&block, ":path", "/chat");
    add_field(&block, ":authority", "a");
    frame_of(talk, NGHTTP2_HEADERS, END_HEADERS, stream, fr_buffer_span(&block));
    fr_buffer_free(&block);
}

TEST(an_accepted_connect_is_a_tunnel)
{
    for (int early = 0; early < 2; early++) {
        struct talk talk;
        open_talk(&talk, ECHO_LATE);
        connect(&talk, 1);
        if (early)
            pour(&talk, 1, 0, FR_SPAN("eager"));
        say(&talk);
        struct fr_exchange *exchange = talk.echo.exchange;
        IS(!exchange->body_expected);
        EQUAL(talk.echo.bodies, 0);
        give_head(exchange, 200, -1, false);
        EQUAL(exchange->state, FR_EXCHANGE_TUNNEL);
        fr_exchange_credit(exchange, 1000);
        if (!early)
            pour(&talk, 1, 0, FR_SPAN("eager"));
        say(&talk);
        SAME(fr_buffer_span(&talk.echo.body), "eager");
        EQUAL(talk.echo.lasts, 0);
        EQUAL(talk.wire.protocol->phase, FR_PHASE_STREAMS);
        EQUAL(fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN("back")), false), 0);
        pour(&talk, 1, END_STREAM, FR_SPAN(""));
        say(&talk);
        EQUAL(talk.echo.lasts, 1);
        EQUAL(fr_exchange_send(exchange, NULL, true), 0);
        echo_let_go(exchange);
        wire_turn(&talk.wire);
        HEARS(&talk, " head 1 200 data 1 4 data 1 0.");
        EQUAL(talk.echo.aborts, 0);
        close_talk(&talk);
    }
}

TEST(a_tunnel_may_be_refused)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    connect(&talk, 1);
    pour(&talk, 1, 0, FR_SPAN("eager"));
    say(&talk);
    EQUAL(fr_exchange_answer_text(talk.echo.exchange, 403, FR_SPAN("no")), 0);
    echo_let_go(talk.echo.exchange);
    wire_turn(&talk.wire);
    HEARS(&talk, " head 1 403 data 1 2.");
    EQUAL(talk.echo.bodies, 0);
    close_talk(&talk);
}

TEST(other_forms_of_connect_are_not_implemented)
{
    struct talk talk;
    struct fr_buffer block;
    fr_buffer_init(&block, 4096);
    open_talk(&talk, ECHO_LATE);
    add_field(&block, ":method", "CONNECT");
    add_field(&block, ":authority", "a:443");
    frame_of(&talk, NGHTTP2_HEADERS, END_HEADERS, 1, fr_buffer_span(&block));
    say(&talk);
    hear(&talk);
    EQUAL(talk.wire.refused_status, 501);
    fr_buffer_free(&block);
    close_talk(&talk);
}
