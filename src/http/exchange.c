/* http/exchange.c - One request and its response: who may do what, and when.
 *
 * The rules of the file: the state changes here and nowhere else, by the one table below, where an empty cell
 * is a refused event. Neither side's data is looked at. Anybody may call back in from inside any call, so after
 * each call out the state is read again, and an exchange is freed only when both owners have let go and no
 * function of this file is on the stack with it. */
#include "http/exchange.h"

#include <assert.h>
#include <string.h>

#include "http/application.h"
#include "http/headers.h"
#include "http/protocol.h"
#include "http/status.h"

enum event {
    EVENT_BEGIN,    /* the request head is complete */
    EVENT_INFORM,   /* a 1xx head */
    EVENT_HEAD,     /* the final head */
    EVENT_ACCEPT,   /* the head that opens a tunnel */
    EVENT_PIECE,    /* of body or tunnel; more follows */
    EVENT_END,      /* nothing follows */
    EVENT_PROMISE,  /* only trailers follow */
    EVENT_TRAILERS, /* and here they are */
    EVENT_RESET,    /* the application cannot finish */
    EVENT_ABORT,    /* the peer or the connection is gone */
    EVENT_COUNT
};

#define REFUSE 0 /* FR_EXCHANGE_IDLE: nothing leads back there */

static const unsigned char transitions[FR_EXCHANGE_STATE_COUNT][EVENT_COUNT] = {
    [FR_EXCHANGE_IDLE][EVENT_BEGIN] = FR_EXCHANGE_BEGUN,
    [FR_EXCHANGE_IDLE][EVENT_ABORT] = FR_EXCHANGE_ABORTED,

    [FR_EXCHANGE_BEGUN][EVENT_INFORM] = FR_EXCHANGE_BEGUN,
    [FR_EXCHANGE_BEGUN][EVENT_HEAD] = FR_EXCHANGE_ANSWERING,
    [FR_EXCHANGE_BEGUN][EVENT_ACCEPT] = FR_EXCHANGE_TUNNEL,
    [FR_EXCHANGE_BEGUN][EVENT_RESET] = FR_EXCHANGE_ABORTED,
    [FR_EXCHANGE_BEGUN][EVENT_ABORT] = FR_EXCHANGE_ABORTED,

    [FR_EXCHANGE_ANSWERING][EVENT_PIECE] = FR_EXCHANGE_ANSWERING,
    [FR_EXCHANGE_ANSWERING][EVENT_END] = FR_EXCHANGE_ANSWERED,
    [FR_EXCHANGE_ANSWERING][EVENT_PROMISE] = FR_EXCHANGE_TRAILING,
    [FR_EXCHANGE_ANSWERING][EVENT_RESET] = FR_EXCHANGE_ABORTED,
    [FR_EXCHANGE_ANSWERING][EVENT_ABORT] = FR_EXCHANGE_ABORTED,

    [FR_EXCHANGE_TRAILING][EVENT_TRAILERS] = FR_EXCHANGE_ANSWERED,
    [FR_EXCHANGE_TRAILING][EVENT_RESET] = FR_EXCHANGE_ABORTED,
    [FR_EXCHANGE_TRAILING][EVENT_ABORT] = FR_EXCHANGE_ABORTED,

    [FR_EXCHANGE_TUNNEL][EVENT_PIECE] = FR_EXCHANGE_TUNNEL,
    [FR_EXCHANGE_TUNNEL][EVENT_END] = FR_EXCHANGE_ANSWERED,
    [FR_EXCHANGE_TUNNEL][EVENT_RESET] = FR_EXCHANGE_ABORTED,
    [FR_EXCHANGE_TUNNEL][EVENT_ABORT] = FR_EXCHANGE_ABORTED,

    [FR_EXCHANGE_ANSWERED][EVENT_ABORT] = FR_EXCHANGE_ABORTED,
};

static bool may(const struct fr_exchange *exchange, enum event event)
{
    return transitions[exchange->state][event] != REFUSE;
}

static int refusal(const struct fr_exchange *exchange)
{
    return exchange->state == FR_EXCHANGE_ABORTED ? FR_E_GONE : FR_E_STATE;
}

static int step(struct fr_exchange *exchange, enum event event)
{
    if (!may(exchange, event))
        return refusal(exchange);
    exchange->state = transitions[exchange->state][event];
    return 0;
}

static void enter(struct fr_exchange *exchange)
{
    assert(exchange->depth < UINT8_MAX);
    exchange->depth++;
}

static void leave(struct fr_exchange *exchange)
{
    if (--exchange->depth == 0 && !exchange->owned_by_protocol && !exchange->owned_by_application)
        exchange->protocol_ops->release(exchange);
}

/* Around every call to the application; the answer of the first is for the second. */
static bool enter_application(struct fr_exchange *exchange)
{
    bool was_calling = exchange->calling;
    enter(exchange);
    exchange->calling = true;
    return was_calling;
}

static void leave_application(struct fr_exchange *exchange, bool was_calling)
{
    exchange->calling = was_calling;
    leave(exchange);
}

/* The protocol may have let go in the call that ended the exchange, so the caller remembers it. */
static void tell_ended(struct fr_exchange *exchange, struct fr_protocol *protocol)
{
    if (exchange->ended || !protocol)
        return;
    exchange->ended = true;
    protocol->events->ended(protocol, exchange);
}

static void release_chunk(const struct fr_chunk *chunk)
{
    if (chunk && chunk->release)
        chunk->release(chunk->owner);
}

/* ---- the response ---- */

/* The length that a head declares: >= 0, -1 for none, FR_E_RESPONSE_HEAD when it does so twice or badly. */
static int64_t declared_length(const struct fr_response_head *head)
{
    int64_t declared = -1;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct fr_response_header *header = &head->headers[i];
        if (header->name.len != 14 || !fr_span_equal_nocase(header->name, FR_SPAN("content-length")))
            continue;
        if (declared >= 0)
            return FR_E_RESPONSE_HEAD;
        declared = fr_parse_content_length(header->value);
        if (declared < 0)
            return FR_E_RESPONSE_HEAD;
    }
    if (head->content_length < 0)
        return declared;
    return declared >= 0 && declared != head->content_length ? FR_E_RESPONSE_HEAD : head->content_length;
}

/* 101, or on HTTP/2 a 2xx to CONNECT (RFC 8441); HTTP/1 refuses CONNECT before an exchange begins. */
static bool opens_tunnel(const struct fr_exchange *exchange, int status)
{
    return status == 101 || (exchange->method == FR_METHOD_CONNECT && status >= 200 && status < 300);
}

static int inform(struct fr_exchange *exchange, const struct fr_response_head *head)
{
    if (!may(exchange, EVENT_INFORM))
        return refusal(exchange);
    int error = exchange->protocol_ops->respond(exchange, head);
    return error ? error : step(exchange, EVENT_INFORM);
}

static int give_final_head(struct fr_exchange *exchange, const struct fr_response_head *head)
{
    bool tunnel = opens_tunnel(exchange, head->status);
    enum event event = tunnel ? EVENT_ACCEPT : EVENT_HEAD;
    if (!may(exchange, event) || (tunnel && !exchange->body_ended))
        return refusal(exchange); /* what is left of a body cannot be told from the tunnel's first bytes */
    int64_t length = declared_length(head);
    if (length < -1)
        return FR_E_RESPONSE_HEAD;
    bool was_head_only = exchange->head_only;
    exchange->status = head->status;
    exchange->head_only = !tunnel && (was_head_only || fr_status_is_bodiless(head->status));
    exchange->response_left = tunnel ? -1 : length;
    exchange->trailers_follow = head->trailers;
    int error = exchange->protocol_ops->respond(exchange, head);
    if (error) {
        exchange->status = 0;
        exchange->head_only = was_head_only;
        exchange->response_left = -1;
        return error;
    }
    error = step(exchange, event);
    if (!error && tunnel) {
        exchange->body_expected = true;
        exchange->body_ended = false;
    }
    return error;
}

int fr_exchange_respond(struct fr_exchange *exchange, const struct fr_response_head *head)
{
    if (head->status < 100 || head->status > 999)
        return may(exchange, EVENT_HEAD) ? FR_E_RESPONSE_HEAD : refusal(exchange);
    enter(exchange);
    int error = head->status < 200 && head->status != 101 ? inform(exchange, head) : give_final_head(exchange, head);
    leave(exchange);
    return error;
}

/* Hands a piece to the protocol; whatever happens its release is taken over. */
static int pass_on(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last)
{
    struct fr_protocol *protocol = exchange->protocol;
    bool promised = last && exchange->trailers_follow && exchange->state == FR_EXCHANGE_ANSWERING;
    int error = 0;
    if (exchange->head_only && chunk) {
        release_chunk(chunk);
        chunk = NULL;
    }
    if (chunk || (last && !promised))
        error = exchange->protocol_ops->send(exchange, chunk, last && !promised);
    if (!error)
        error = step(exchange, promised ? EVENT_PROMISE : last ? EVENT_END : EVENT_PIECE);
    if (exchange->state == FR_EXCHANGE_ANSWERED)
        tell_ended(exchange, protocol);
    else if (!error && exchange->outbox->bytes > protocol->limits->write_high_bytes)
        exchange->blocked = protocol->awaits_writable = true;
    return error;
}

/* Cuts what may not be sent off `chunk` and counts the rest; FR_E_LENGTH when there was an excess. */
static int account(struct fr_exchange *exchange, struct fr_chunk *chunk)
{
    int error = 0;
    if (exchange->response_left >= 0 && !exchange->head_only) {
        if (chunk->bytes.len > (uint64_t)exchange->response_left) {
            chunk->bytes.len = (size_t)exchange->response_left;
            error = FR_E_LENGTH;
        }
        exchange->response_left -= (int64_t)chunk->bytes.len;
    }
    exchange->response_bytes += chunk->bytes.len;
    return error;
}

static void cut(struct fr_exchange *exchange)
{
    struct fr_protocol *protocol = exchange->protocol;
    if (step(exchange, EVENT_RESET))
        return;
    exchange->protocol_ops->reset(exchange);
    tell_ended(exchange, protocol);
}

int fr_exchange_send(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last)
{
    if (!may(exchange, EVENT_END)) { /* whoever may end may also send a piece */
        release_chunk(chunk);
        return refusal(exchange);
    }
    if (exchange->protocol->gone) {
        release_chunk(chunk);
        return FR_E_GONE;
    }
    enter(exchange);
    struct fr_chunk piece = chunk ? *chunk : FR_CHUNK_COPY(FR_SPAN(""));
    int excess = chunk ? account(exchange, &piece) : 0;
    int error;
    if (last && exchange->response_left > 0 && !exchange->head_only) {
        /* The piece still goes out: the peer sees how far the answer came, and then that it is cut. */
        error = chunk ? pass_on(exchange, &piece, false) : 0;
        if (!error)
            error = FR_E_LENGTH;
        cut(exchange);
    } else {
        error = pass_on(exchange, chunk ? &piece : NULL, last);
    }
    leave(exchange);
    return error ? error : excess;
}

int fr_exchange_send_now(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last)
{
    struct fr_protocol *protocol = exchange->protocol;
    enter(exchange);
    int error = fr_exchange_send(exchange, chunk, last);
    exchange->in_burst &= !last;
    if (exchange->protocol)
        fr_exchange_flush(exchange);
    else if (protocol)
        protocol->events->flush(protocol, false);
    leave(exchange);
    return error;
}

int fr_exchange_trailers(struct fr_exchange *exchange, const struct fr_response_header *trailers, size_t count)
{
    if (!may(exchange, EVENT_TRAILERS))
        return refusal(exchange);
    enter(exchange);
    struct fr_protocol *protocol = exchange->protocol;
    int error = exchange->protocol_ops->trailers(exchange, trailers, count);
    if (!error)
        error = step(exchange, EVENT_TRAILERS);
    if (exchange->state == FR_EXCHANGE_ANSWERED)
        tell_ended(exchange, protocol);
    leave(exchange);
    return error;
}

void fr_exchange_flush(struct fr_exchange *exchange)
{
    struct fr_protocol *protocol = exchange->protocol;
    if (!protocol || exchange->state == FR_EXCHANGE_ABORTED)
        return;
    /* Room that this very call makes is seen by is_writable, not told by writable(): an application that
     * sends and flushes from there would be called deeper and deeper. */
    bool was_blocked = exchange->blocked;
    exchange->blocked = false;
    enter(exchange);
    protocol->events->flush(protocol, exchange->in_burst);
    if (was_blocked && exchange->protocol && exchange->outbox->bytes > protocol->limits->write_low_bytes)
        exchange->blocked = protocol->awaits_writable = true;
    leave(exchange);
}

const struct fr_peer *fr_exchange_peer(const struct fr_exchange *exchange)
{
    return exchange->protocol ? exchange->protocol->peer : NULL;
}

bool fr_exchange_is_writable(const struct fr_exchange *exchange)
{
    return !exchange->blocked && exchange->state != FR_EXCHANGE_ABORTED;
}

int fr_exchange_answer_text(struct fr_exchange *exchange, int status, fr_span text)
{
    const struct fr_response_header type = {FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8")};
    struct fr_response_head head = {.status = status, .headers = &type, .header_count = 1};
    head.content_length = (int64_t)text.len;
    enter(exchange);
    int error = fr_exchange_respond(exchange, &head);
    if (!error)
        error = fr_exchange_send(exchange, &FR_CHUNK_COPY(text), true);
    leave(exchange);
    return error;
}

void fr_exchange_refuse_tunnel(struct fr_exchange *exchange)
{
    int error = fr_exchange_answer_text(exchange, 501, FR_SPAN("Nobody here answers this kind of CONNECT.\n"));
    assert(error == 0 || error == FR_E_GONE);
    (void)error;
    fr_exchange_let_go(exchange);
}

void fr_exchange_reset(struct fr_exchange *exchange)
{
    enter(exchange);
    if (exchange->state != FR_EXCHANGE_BEGUN ||
        fr_exchange_answer_text(exchange, 500, FR_SPAN("Internal Server Error\n")) != 0)
        cut(exchange);
    leave(exchange);
}

void fr_exchange_let_go(struct fr_exchange *exchange)
{
    assert(exchange->owned_by_application);
    enter(exchange);
    fr_exchange_reset(exchange); /* refused by the table when the answer is complete or nobody waits for it */
    exchange->owned_by_application = false;
    leave(exchange);
}

/* ---- the request ---- */

void fr_exchange_init(struct fr_exchange *exchange, struct fr_protocol *protocol)
{
    *exchange = (struct fr_exchange){
        .protocol = protocol,
        .protocol_ops = protocol->ops,
        .application = protocol->application,
        .outbox = protocol->outbox,
        .response_left = -1,
        .owned_by_protocol = true,
    };
}

void fr_exchange_begin(struct fr_exchange *exchange, const struct fr_request_head *head)
{
    struct fr_protocol *protocol = exchange->protocol;
    int refused = step(exchange, EVENT_BEGIN);
    assert(!refused);
    (void)refused;
    enter(exchange);
    exchange->head = head;
    exchange->method = head->method;
    exchange->version = head->version;
    exchange->head_only = head->method == FR_METHOD_HEAD;
    exchange->request_length = head->body_length;
    exchange->body_expected = head->body_length != FR_BODY_NONE;
    exchange->body_ended = !exchange->body_expected;
    exchange->begun_ns = protocol->clock->now_ms * 1000000u;
    exchange->owned_by_application = true;
    protocol->events->begun(protocol, exchange);
    bool was_calling = enter_application(exchange);
    exchange->application->ops->request(exchange->application, exchange);
    leave_application(exchange, was_calling);
    exchange->head = NULL;
    leave(exchange);
}

/* Nobody is called who has let go, or whose answer is over. */
static bool is_listening(const struct fr_exchange *exchange)
{
    return exchange->owned_by_application && exchange->state != FR_EXCHANGE_ANSWERED &&
           exchange->state != FR_EXCHANGE_ABORTED;
}

void fr_exchange_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    assert(!exchange->body_ended && bytes.len <= exchange->credit);
    exchange->credit -= bytes.len;
    exchange->request_bytes += bytes.len;
    exchange->body_ended = last;
    if (!is_listening(exchange))
        return;
    bool was_calling = enter_application(exchange);
    exchange->application->ops->body(exchange, bytes, last);
    leave_application(exchange, was_calling);
}

void fr_exchange_credit(struct fr_exchange *exchange, uint64_t bytes)
{
    if (exchange->body_ended || !exchange->protocol || !is_listening(exchange))
        return;
    enter(exchange);
    exchange->credit = bytes > UINT64_MAX - exchange->credit ? UINT64_MAX : exchange->credit + bytes;
    exchange->protocol_ops->credit(exchange);
    leave(exchange);
}

void fr_exchange_writable(struct fr_exchange *exchange)
{
    if (!exchange->blocked)
        return;
    exchange->blocked = false;
    if (!is_listening(exchange))
        return;
    bool was_calling = enter_application(exchange);
    exchange->application->ops->writable(exchange);
    leave_application(exchange, was_calling);
}

void fr_exchange_drain(struct fr_exchange *exchange)
{
    void (*draining)(struct fr_exchange *) = exchange->application->ops->draining;
    if (!draining || !is_listening(exchange) || exchange->draining)
        return;
    exchange->draining = true;
    bool was_calling = enter_application(exchange);
    draining(exchange);
    leave_application(exchange, was_calling);
}

void fr_exchange_peer_end(struct fr_exchange *exchange)
{
    void (*peer_ended)(struct fr_exchange *) = exchange->application->ops->peer_ended;
    if (!peer_ended || !is_listening(exchange) || exchange->peer_ended)
        return;
    exchange->peer_ended = true;
    bool was_calling = enter_application(exchange);
    peer_ended(exchange);
    leave_application(exchange, was_calling);
}

void fr_exchange_abort(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    struct fr_protocol *protocol = exchange->protocol;
    bool missed = exchange->state != FR_EXCHANGE_ANSWERED || !exchange->body_ended;
    if (step(exchange, EVENT_ABORT))
        return;
    enter(exchange);
    exchange->credit = 0;
    tell_ended(exchange, protocol);
    if (missed && exchange->owned_by_application) {
        bool was_calling = enter_application(exchange);
        exchange->application->ops->aborted(exchange, reason);
        leave_application(exchange, was_calling);
    }
    leave(exchange);
}

void fr_exchange_protocol_let_go(struct fr_exchange *exchange)
{
    assert(exchange->owned_by_protocol);
    enter(exchange);
    exchange->owned_by_protocol = false;
    exchange->protocol = NULL;
    exchange->outbox = NULL;
    leave(exchange);
}

const char *fr_exchange_state_name(enum fr_exchange_state state)
{
    static const char *const names[FR_EXCHANGE_STATE_COUNT] = {
        [FR_EXCHANGE_IDLE] = "idle",         [FR_EXCHANGE_BEGUN] = "begun",   [FR_EXCHANGE_ANSWERING] = "answering",
        [FR_EXCHANGE_TRAILING] = "trailing", [FR_EXCHANGE_TUNNEL] = "tunnel", [FR_EXCHANGE_ANSWERED] = "answered",
        [FR_EXCHANGE_ABORTED] = "aborted",
    };
    return names[state];
}
