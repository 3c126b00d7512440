/* tests/core/contract_protocol.h - What every version of HTTP must do: one TEST per clause, run on each of them.
 *
 * A program describes how a client of its protocol speaks and calls CONTRACT_PROTOCOL(it). Requests are numbered from
 * 1 in the order in which they are sent. */
#ifndef FR_TESTS_CONTRACT_PROTOCOL_H
#define FR_TESTS_CONTRACT_PROTOCOL_H

#include "fakes/echo_application.h"
#include "fakes/wire.h"
#include "unit.h"

#define CONTRACT_BODY_BYTES_MAX (2u << 20)

struct contract_answer {
    int status;       /* of the final head; 0: none has come */
    bool is_complete; /* it ended as it should; false: not yet, or cut */
    struct fr_buffer body;
};

struct contract_protocol {
    const struct fr_protocol_ops *ops;
    /* Appends what a client says before its first request. */
    void (*greet)(struct fr_buffer *out);
    /* Appends request `number`: its head, which says that a body of `length` bytes follows (0: none). */
    void (*ask)(struct fr_buffer *out, unsigned number, const char *method, const char *path, size_t length);
    /* Appends a piece of its body. */
    void (*pour)(struct fr_buffer *out, unsigned number, fr_span bytes, bool last);
    /* Finds answer `number` in everything that the server has written; methods[number] is what was asked. The body
     * is appended to answer->body. */
    void (*hear)(fr_span written, const char *const *methods, unsigned number, struct contract_answer *answer);
};

#define CONTRACT_REQUESTS_MAX 16

struct contract {
    const struct contract_protocol *protocol;
    struct echo_application echo;
    struct wire wire;
    struct fr_buffer out; /* what the client says next */
    const char *methods[CONTRACT_REQUESTS_MAX + 1];
    unsigned asked;
    struct contract_answer answer;
};

static void contract_say(struct contract *contract)
{
    wire_send(&contract->wire, fr_buffer_span(&contract->out));
    fr_buffer_free(&contract->out);
}

static void contract_open(struct contract *contract, const struct contract_protocol *protocol, enum echo_mode mode)
{
    memset(contract, 0, sizeof *contract);
    contract->protocol = protocol;
    fr_buffer_init(&contract->out, CONTRACT_BODY_BYTES_MAX);
    fr_buffer_init(&contract->answer.body, CONTRACT_BODY_BYTES_MAX);
    echo_open(&contract->echo, mode);
    wire_open(&contract->wire, protocol->ops, &contract->echo.base);
    protocol->greet(&contract->out);
}

static void contract_close(struct contract *contract)
{
    wire_close(&contract->wire);
    echo_close(&contract->echo);
    fr_buffer_free(&contract->out);
    fr_buffer_free(&contract->answer.body);
}

static void contract_ask(struct contract *contract, const char *method, const char *path, fr_span body)
{
    IS(contract->asked < CONTRACT_REQUESTS_MAX);
    contract->methods[++contract->asked] = method;
    contract->protocol->ask(&contract->out, contract->asked, method, path, body.len);
    if (body.len)
        contract->protocol->pour(&contract->out, contract->asked, body, true);
}

static const struct contract_answer *contract_hear(struct contract *contract, unsigned number)
{
    struct contract_answer *answer = &contract->answer;
    fr_buffer_free(&answer->body);
    answer->status = 0;
    answer->is_complete = false;
    contract->protocol->hear(fr_buffer_span(&contract->wire.output), contract->methods, number, answer);
    return answer;
}

/* Answer `number` came whole: this status, this body. */
static void contract_expect(struct contract *contract, unsigned number, int status, const char *body)
{
    const struct contract_answer *answer = contract_hear(contract, number);
    EQUAL(answer->status, status);
    IS(answer->is_complete);
    SAME(fr_buffer_span(&answer->body), body);
}

#define NO_BODY ((fr_span){NULL, 0})

/* ---- the clauses ---- */

static void contract_answers(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_FIXED);
    contract_ask(&contract, "GET", "/one?a=b", NO_BODY);
    contract_say(&contract);
    contract_expect(&contract, 1, 200, "hello\n");
    SAME(fr_buffer_span(&contract.echo.heads), "GET /one?a=b\n");
    EQUAL(contract.wire.begun, 1);
    EQUAL(contract.wire.ended, 1);
    EQUAL(contract.wire.ended_status, 200);
    EQUAL(contract.wire.ended_bytes, 6);
    EQUAL(contract.wire.ended_state, FR_EXCHANGE_ANSWERED);
    EQUAL(contract.wire.protocol->phase, FR_PHASE_IDLE);
    contract_close(&contract);
}

static void contract_answers_several(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_BODY);
    contract_ask(&contract, "POST", "/1", FR_SPAN("one"));
    contract_ask(&contract, "GET", "/2", NO_BODY);
    contract_ask(&contract, "POST", "/3", FR_SPAN("three"));
    contract_say(&contract);
    contract_expect(&contract, 1, 200, "one");
    contract_expect(&contract, 2, 200, "");
    contract_expect(&contract, 3, 200, "three");
    EQUAL(contract.wire.ended, 3);
    contract_close(&contract);
}

static void contract_does_not_mind_cuts(const struct contract_protocol *protocol)
{
    struct contract whole;
    contract_open(&whole, protocol, ECHO_BODY);
    contract_ask(&whole, "POST", "/1", FR_SPAN("one"));
    contract_ask(&whole, "GET", "/2", NO_BODY);
    fr_span said = fr_buffer_span(&whole.out);
    for (size_t cut = 0; cut <= said.len; cut++) {
        struct contract contract;
        contract_open(&contract, protocol, ECHO_BODY);
        memcpy(contract.methods, whole.methods, sizeof contract.methods);
        wire_send(&contract.wire, fr_span_slice(said, 0, cut));
        wire_send(&contract.wire, fr_span_skip(said, cut));
        contract_expect(&contract, 1, 200, "one");
        contract_expect(&contract, 2, 200, "");
        contract_close(&contract);
    }
    contract_close(&whole);
}

static void contract_has_no_body_where_none_belongs(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_FIXED);
    contract_ask(&contract, "HEAD", "/", NO_BODY);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    contract_expect(&contract, 1, 200, "");
    contract_expect(&contract, 2, 200, "hello\n");
    contract_close(&contract);
}

static void contract_gives_bodies_as_far_as_credit_goes(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LATE);
    contract_ask(&contract, "POST", "/", FR_SPAN("0123456789"));
    contract_say(&contract);
    EQUAL(contract.echo.bodies, 0);
    struct fr_exchange *exchange = contract.echo.exchange;
    IS(exchange->body_expected && !exchange->body_ended);
    for (size_t at = 1; at <= 10; at++) {
        fr_exchange_credit(exchange, 1);
        wire_turn(&contract.wire);
        EQUAL(contract.echo.body.len, at);
    }
    SAME(fr_buffer_span(&contract.echo.body), "0123456789");
    EQUAL(contract.echo.lasts, 1);
    EQUAL(fr_exchange_answer_text(exchange, 200, FR_SPAN("thanks")), 0);
    echo_let_go(exchange);
    wire_turn(&contract.wire);
    contract_expect(&contract, 1, 200, "thanks");
    contract_close(&contract);
}

static void contract_carries_much(const struct contract_protocol *protocol)
{
    static char much[1u << 20];
    struct contract contract;
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)('a' + i % 23);
    contract_open(&contract, protocol, ECHO_BODY);
    contract.echo.credit = 10000;
    contract.methods[1] = "POST";
    protocol->ask(&contract.out, 1, "POST", "/", sizeof much);
    for (size_t at = 0; at < sizeof much; at += 1u << 14) {
        protocol->pour(&contract.out, 1, fr_span_of(much + at, 1u << 14), at + (1u << 14) == sizeof much);
        contract_say(&contract);
    }
    const struct contract_answer *answer = contract_hear(&contract, 1);
    EQUAL(answer->status, 200);
    IS(answer->is_complete);
    IS(fr_span_equal(fr_buffer_span(&answer->body), fr_span_of(much, sizeof much)));
    contract_close(&contract);
}

static void contract_streams_as_there_is_room(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_STREAM);
    contract.echo.stream_bytes = 300000;
    contract.wire.is_stuck = true;
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    EQUAL(contract.echo.writables, 0);
    EQUAL(contract.echo.kept, 1);
    IS(!fr_exchange_is_writable(contract.echo.exchange));
    contract.wire.is_stuck = false;
    wire_turn(&contract.wire);
    IS(contract.echo.writables > 0);
    EQUAL(contract.echo.kept, 0);
    const struct contract_answer *answer = contract_hear(&contract, 1);
    IS(answer->is_complete);
    EQUAL(answer->body.len, 300000);
    contract_close(&contract);
}

static void contract_answers_for_a_silent_application(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LEAVE);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    contract_expect(&contract, 1, 500, "Internal Server Error\n");
    contract_close(&contract);
}

static void contract_shows_a_cut_as_a_cut(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LATE);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    struct fr_exchange *exchange = contract.echo.exchange;
    const struct fr_response_head head = {.status = 200, .content_length = -1};
    EQUAL(fr_exchange_respond(exchange, &head), 0);
    EQUAL(fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN("half")), false), 0);
    fr_exchange_reset(exchange);
    echo_let_go(exchange);
    wire_turn(&contract.wire);
    EQUAL(contract.wire.ended_state, FR_EXCHANGE_ABORTED);
    EQUAL(contract.echo.aborts, 0);
    IS(!contract_hear(&contract, 1)->is_complete);
    contract_close(&contract);
}

static void contract_refuses_a_bad_head_whole(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LATE);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    struct fr_exchange *exchange = contract.echo.exchange;
    size_t written = contract.wire.output.len;
    const struct fr_response_header bad = {FR_SPAN("X"), FR_SPAN("a\r\nSet-Cookie: b")};
    const struct fr_response_head head = {.status = 200, .headers = &bad, .header_count = 1, .content_length = -1};
    EQUAL(fr_exchange_respond(exchange, &head), FR_E_RESPONSE_HEAD);
    wire_turn(&contract.wire);
    EQUAL(contract.wire.output.len, written);
    EQUAL(fr_exchange_answer_text(exchange, 500, FR_SPAN("sorry")), 0);
    echo_let_go(exchange);
    wire_turn(&contract.wire);
    contract_expect(&contract, 1, 500, "sorry");
    contract_close(&contract);
}

static void contract_aborts_what_is_open(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LATE);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    wire_drop(&contract.wire, FR_CLOSE_PEER_RESET);
    EQUAL(contract.echo.aborts, 1);
    EQUAL(contract.echo.reason, FR_CLOSE_PEER_RESET);
    EQUAL(contract.wire.ended, 1);
    memset(contract.wire.protocol, 0xa5, protocol->ops->size); /* the exchange outlives the connection */
    EQUAL(fr_exchange_answer_text(contract.echo.exchange, 200, FR_SPAN("late")), FR_E_GONE);
    fr_exchange_credit(contract.echo.exchange, 1);
    fr_exchange_flush(contract.echo.exchange);
    echo_let_go(contract.echo.exchange);
    EQUAL(fr_pool_taken(contract.wire.pool), 0);
    contract_close(&contract);
}

static void contract_drains(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LATE);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    wire_signal(&contract.wire, FR_SIGNAL_DRAIN);
    EQUAL(contract.echo.drains, 1);
    IS(!contract.wire.protocol->finished);
    EQUAL(fr_exchange_answer_text(contract.echo.exchange, 200, FR_SPAN("bye")), 0);
    echo_let_go(contract.echo.exchange);
    wire_turn(&contract.wire);
    contract_expect(&contract, 1, 200, "bye");
    IS(contract.wire.protocol->finished);
    EQUAL(contract.wire.protocol->close_reason, FR_CLOSE_DRAIN);
    contract_ask(&contract, "GET", "/not-answered", NO_BODY);
    contract_say(&contract);
    EQUAL(contract.echo.requests, 1);
    contract_close(&contract);
}

static void contract_ends_when_idle(const struct contract_protocol *protocol)
{
    const enum fr_protocol_signal signals[] = {FR_SIGNAL_PEER_ENDED, FR_SIGNAL_EXPIRED};
    for (int i = 0; i < 2; i++) {
        struct contract contract;
        contract_open(&contract, protocol, ECHO_FIXED);
        contract_ask(&contract, "GET", "/", NO_BODY);
        contract_say(&contract);
        IS(!contract.wire.protocol->finished);
        wire_signal(&contract.wire, signals[i]);
        IS(contract.wire.protocol->finished);
        IS(contract.wire.protocol->close_reason != FR_CLOSE_NONE);
        contract_expect(&contract, 1, 200, "hello\n");
        contract_close(&contract);
    }
}

/* An idle connection has a moment left when it is drained, for the request that may be on its way. */
static void contract_drains_when_idle(const struct contract_protocol *protocol)
{
    for (int late = 0; late < 2; late++) {
        struct contract contract;
        contract_open(&contract, protocol, ECHO_FIXED);
        contract_ask(&contract, "GET", "/1", NO_BODY);
        contract_say(&contract);
        wire_signal(&contract.wire, FR_SIGNAL_DRAIN);
        IS(!contract.wire.protocol->finished);
        EQUAL(contract.wire.protocol->phase, FR_PHASE_IDLE);
        if (late) {
            contract_ask(&contract, "GET", "/2", NO_BODY);
            contract_say(&contract);
            contract_expect(&contract, 2, 200, "hello\n");
        } else {
            wire_signal(&contract.wire, FR_SIGNAL_EXPIRED);
        }
        IS(contract.wire.protocol->finished);
        EQUAL(contract.wire.protocol->close_reason, FR_CLOSE_DRAIN);
        contract_close(&contract);
    }
}

static void contract_tells_of_later_output(const struct contract_protocol *protocol)
{
    struct contract contract;
    contract_open(&contract, protocol, ECHO_LATE);
    contract_ask(&contract, "GET", "/", NO_BODY);
    contract_say(&contract);
    unsigned outputs = contract.wire.outputs;
    EQUAL(fr_exchange_answer_text(contract.echo.exchange, 200, FR_SPAN("late")), 0);
    IS(contract.wire.outputs > outputs);
    echo_let_go(contract.echo.exchange);
    wire_turn(&contract.wire);
    contract_expect(&contract, 1, 200, "late");
    contract_close(&contract);
}

#define CONTRACT_CLAUSE(clause, it) \
    TEST(clause)                    \
    {                               \
        contract_##clause(&(it));   \
    }

#define CONTRACT_PROTOCOL(it)                               \
    CONTRACT_CLAUSE(answers, it)                            \
    CONTRACT_CLAUSE(answers_several, it)                    \
    CONTRACT_CLAUSE(does_not_mind_cuts, it)                 \
    CONTRACT_CLAUSE(has_no_body_where_none_belongs, it)     \
    CONTRACT_CLAUSE(gives_bodies_as_far_as_credit_goes, it) \
    CONTRACT_CLAUSE(carries_much, it)                       \
    CONTRACT_CLAUSE(streams_as_there_is_room, it)           \
    CONTRACT_CLAUSE(answers_for_a_silent_application, it)   \
    CONTRACT_CLAUSE(shows_a_cut_as_a_cut, it)               \
    CONTRACT_CLAUSE(refuses_a_bad_head_whole, it)           \
    CONTRACT_CLAUSE(aborts_what_is_open, it)                \
    CONTRACT_CLAUSE(drains, it)                             \
    CONTRACT_CLAUSE(ends_when_idle, it)                     \
    CONTRACT_CLAUSE(drains_when_idle, it)                   \
    CONTRACT_CLAUSE(tells_of_later_output, it)

#endif
