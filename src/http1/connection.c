/* http1/connection.c - One connection's HTTP/1.0 and HTTP/1.1. RFC 9112 section 9; RFC 9110 sections 7.8, 10.1.1.
 *
 * The rules of the file: requests are begun one at a time and in order, by a loop and never by recursion; bytes
 * are worked on where they are, and only what cannot be used yet is copied into `pending`. An answer may come
 * from inside that loop (`busy`) or at any later time; what follows from it (phase, pause, the next request) is
 * settled once, when the outermost call returns. A request that waits behind a late answer is not begun inside the
 * application's call but when the connection calls receive() again (`resume`). */
#include "http1/connection.h"

#include <assert.h>

#include "base/buffer.h"
#include "http1/body_decoder.h"
#include "http1/error_response.h"
#include "http1/partial_head.h"
#include "http1/response_writer.h"

/* What is left of a body after its answer is read and dropped up to here; beyond, closing is cheaper. */
#define DISCARD_BYTES_MAX 65536

/* More than one read of the socket delivers; a caller that heeds `paused` never comes near. */
#define READ_BYTES_MAX (512 * 1024)

struct http1_exchange {
    struct fr_exchange base;
    struct fr_pool *pool; /* outlives the connection */
    struct fr_response_plan plan;
    bool peer_goes_on;    /* the request did not ask to close */
    bool upgrades;        /* it offers to switch protocols */
    bool awaits_continue; /* it expects 100, which was not sent, and no byte of its body has come */
};

_Static_assert(sizeof(struct http1_exchange) <= sizeof(struct fr_exchange) + 24, "an idle WebSocket owns one");

struct connection {
    struct fr_protocol base;
    struct fr_buffer pending;        /* received, not used yet */
    struct http1_exchange *current;  /* begun, and its answer not complete */
    struct fr_partial_head *partial; /* what pending begins with, when that is part of a head */
    struct fr_body_decoder body;     /* of current, or of what is discarded */
    uint32_t discard_left;           /* bytes that may still be discarded */
    bool discarding;                 /* the rest of an answered request's body is being dropped */
    bool busy;                       /* receive() or signal() is on the stack, and settles when it returns */
    bool served;                     /* a head was complete once */
    bool peer_ended;
};

_Static_assert(sizeof(struct connection) <= 184, "an idle connection owns little else");

static struct connection *connection_of(struct fr_protocol *protocol)
{
    return (struct connection *)(void *)protocol;
}

static struct http1_exchange *own(struct fr_exchange *exchange)
{
    return (struct http1_exchange *)(void *)exchange;
}

/* ---- the end ---- */

/* Nothing more will be answered. With `linger` the peer may still be sending: it gets the time to read what it is
 * owed before a reset could overtake it (RFC 9112 section 9.6). */
static void finish(struct connection *connection, enum fr_close_reason reason, bool linger)
{
    struct fr_protocol *base = &connection->base;
    if (base->finished)
        return;
    base->finished = true;
    base->close_reason = reason;
    base->phase = linger && !connection->peer_ended ? FR_PHASE_LINGER : FR_PHASE_ANSWER;
    connection->discarding = false;
}

/* A request that cannot be begun. */
static void refuse(struct connection *connection, int error)
{
    int status = fr_error_response_write(&connection->base, error);
    finish(connection, fr_error_response_reason(error), true);
    connection->base.events->refused(&connection->base, error, status);
}

static struct http1_exchange *take_current(struct connection *connection)
{
    struct http1_exchange *exchange = connection->current;
    connection->current = NULL;
    return exchange;
}

static void abort_current(struct connection *connection, enum fr_close_reason reason)
{
    struct http1_exchange *exchange = take_current(connection);
    enum fr_exchange_state state = exchange->base.state;
    connection->base.cut = state != FR_EXCHANGE_BEGUN && state != FR_EXCHANGE_ANSWERED;
    fr_exchange_abort(&exchange->base, reason);
    fr_exchange_protocol_let_go(&exchange->base);
}

/* A request that was begun and went wrong. The peer is told, unless the application was faster. */
static void break_off(struct connection *connection, int error)
{
    struct fr_exchange *exchange = &connection->current->base;
    bool unanswered = exchange->state == FR_EXCHANGE_BEGUN;
    if (unanswered)
        exchange->status = fr_error_response_write(&connection->base, error);
    abort_current(connection, fr_error_response_reason(error));
    finish(connection, fr_error_response_reason(error), true);
}

/* ---- bytes that cannot be used yet ---- */

static void drop_partial(struct connection *connection)
{
    fr_partial_head_give(connection->base.pool, connection->base.limits, connection->partial);
    connection->partial = NULL;
}

static void drop_pending(struct connection *connection)
{
    drop_partial(connection);
    fr_buffer_free(&connection->pending);
}

static int keep_pending(struct connection *connection, fr_span bytes)
{
    int error = fr_buffer_append(&connection->pending, bytes);
    if (!error)
        return 0;
    if (connection->current)
        abort_current(connection, FR_CLOSE_LIMIT);
    finish(connection, FR_CLOSE_LIMIT, true);
    return error;
}

/* ---- the request ---- */

static void begin(struct connection *connection, const struct fr_request_head *head, bool body_is_here)
{
    struct fr_protocol *base = &connection->base;
    struct http1_exchange *exchange = fr_pool_take(base->pool, sizeof *exchange);
    fr_exchange_init(&exchange->base, base);
    exchange->pool = base->pool;
    exchange->plan.framing = FR_FRAMING_NONE;
    exchange->plan.keep_alive = head->keep_alive && base->limits->keep_alive_timeout_ms > 0;
    exchange->peer_goes_on = head->keep_alive;
    exchange->upgrades = head->upgrade && head->version == FR_HTTP_1_1;
    exchange->awaits_continue = head->expect_continue && head->body_length != FR_BODY_NONE && !body_is_here;
    if (head->body_length != FR_BODY_NONE)
        fr_body_decoder_init(&connection->body, head->body_length);
    connection->current = exchange;
    connection->served = true;
    fr_exchange_begin(&exchange->base, head);
}

static ssize_t take_head(struct connection *connection, fr_span bytes)
{
    struct fr_protocol *base = &connection->base;
    struct fr_partial_head *partial = connection->partial;
    struct fr_request_head *head = partial ? &partial->head : base->scratch;
    struct fr_request_parser fresh, *parser = partial ? &partial->parser : &fresh;
    if (base->outbox->bytes > base->limits->write_high_bytes) {
        base->awaits_writable = true;
        return 0;
    }
    if (!partial)
        fr_request_parser_reset(parser);
    ssize_t len = fr_request_parse(parser, base->limits, bytes, head);
    if (len == 0) {
        if (!partial)
            connection->partial = fr_partial_head_keep(base->pool, base->limits, parser, head);
        return 0;
    }
    if (len > 0 && head->body_length > 0 && (uint64_t)head->body_length > base->limits->body_bytes_max)
        len = FR_E_BODY_TOO_LARGE;
    if (len > 0)
        begin(connection, head, (size_t)len < bytes.len);
    else
        refuse(connection, (int)len);
    drop_partial(connection);
    return len;
}

static ssize_t take_body(struct connection *connection, fr_span bytes)
{
    struct http1_exchange *exchange = connection->current;
    fr_span body;
    if (bytes.len)
        exchange->awaits_continue = false;
    ssize_t taken = fr_body_decode(&connection->body, connection->base.limits, bytes, exchange->base.credit, &body);
    if (taken < 0) {
        break_off(connection, (int)taken);
        return taken;
    }
    bool done = fr_body_decoder_is_done(&connection->body);
    if (body.len || done)
        fr_exchange_body(&exchange->base, body, done);
    return taken;
}

static ssize_t take_tunnel(struct connection *connection, fr_span bytes)
{
    struct fr_exchange *exchange = &connection->current->base;
    size_t len = exchange->credit < bytes.len ? (size_t)exchange->credit : bytes.len;
    if (len)
        fr_exchange_body(exchange, fr_span_slice(bytes, 0, len), false);
    return (ssize_t)len;
}

static ssize_t discard_body(struct connection *connection, fr_span bytes)
{
    fr_span body;
    ssize_t taken = fr_body_decode(&connection->body, connection->base.limits, bytes, connection->discard_left, &body);
    if (taken < 0) {
        finish(connection, fr_error_response_reason((int)taken), true);
        return taken;
    }
    connection->discard_left -= (uint32_t)body.len;
    if (fr_body_decoder_is_done(&connection->body))
        connection->discarding = false;
    else if (taken == 0 && bytes.len)
        finish(connection, FR_CLOSE_FINISHED, true);
    return taken;
}

/* The next step with what is at the front of `bytes`: how much it used; 0 when it cannot go on for now. */
static ssize_t take_some(struct connection *connection, fr_span bytes, bool may_begin)
{
    const struct http1_exchange *current = connection->current;
    if (current && current->base.state == FR_EXCHANGE_TUNNEL)
        return take_tunnel(connection, bytes);
    if (current)
        return current->base.body_ended ? 0 : take_body(connection, bytes);
    if (!may_begin)
        return 0;
    return connection->discarding ? discard_body(connection, bytes) : take_head(connection, bytes);
}

/* Goes as far into `bytes` as it can now. */
static int work(struct connection *connection, fr_span bytes, bool may_begin, size_t *used)
{
    *used = 0;
    while (!connection->base.finished && *used < bytes.len) {
        ssize_t taken = take_some(connection, fr_span_skip(bytes, *used), may_begin);
        if (taken <= 0)
            return (int)taken;
        *used += (size_t)taken;
    }
    return 0;
}

static int work_pending(struct connection *connection, bool may_begin)
{
    size_t used;
    int error = work(connection, fr_buffer_span(&connection->pending), may_begin, &used);
    if (connection->base.finished)
        return error; /* settle() drops it all */
    fr_buffer_consume(&connection->pending, used);
    if (connection->pending.len == 0)
        fr_buffer_free(&connection->pending);
    return error;
}

/* ---- what follows from it ---- */

static enum fr_phase phase_of(const struct connection *connection)
{
    const struct http1_exchange *current = connection->current;
    if (current && current->base.status == 101)
        return FR_PHASE_TUNNEL;
    if (current)
        return !current->base.body_ended && current->base.credit ? FR_PHASE_BODY : FR_PHASE_ANSWER;
    if (connection->discarding)
        return FR_PHASE_BODY;
    if (connection->partial || (!connection->served && !connection->base.draining))
        return FR_PHASE_HEAD;
    return connection->pending.len ? FR_PHASE_ANSWER : FR_PHASE_IDLE;
}

/* The peer sends no more: what is complete is still answered, what is not will never be. */
static void heed_peer_end(struct connection *connection)
{
    struct http1_exchange *current = connection->current;
    bool all_used = connection->pending.len == 0;
    if (connection->base.finished)
        return;
    if (!current) {
        if (all_used || connection->partial)
            finish(connection, connection->partial ? FR_CLOSE_PEER_CLOSED : FR_CLOSE_FINISHED, false);
    } else if (all_used && !current->base.body_ended) {
        if (current->base.state == FR_EXCHANGE_TUNNEL) {
            fr_exchange_body(&current->base, FR_SPAN(""), true);
        } else {
            abort_current(connection, FR_CLOSE_PEER_CLOSED);
            finish(connection, FR_CLOSE_PEER_CLOSED, false);
        }
    } else if (current->base.body_ended && current->base.state != FR_EXCHANGE_TUNNEL) { /* though more requests wait */
        fr_exchange_peer_end(&current->base);
    }
}

static void settle(struct connection *connection)
{
    struct fr_protocol *base = &connection->base;
    if (connection->peer_ended)
        heed_peer_end(connection);
    if (base->finished) {
        drop_pending(connection);
        base->paused = base->resume = base->awaits_writable = false;
        return;
    }
    bool is_full = base->outbox->bytes > base->limits->write_high_bytes;
    bool waits = connection->pending.len > 0 && (is_full || !connection->partial);
    base->paused = waits;
    base->resume = waits && !connection->current && !is_full;
    base->awaits_writable |= waits && !connection->current && is_full;
    base->phase = phase_of(connection);
}

/* At the end of each call of the answering side. */
static void settle_later_call(struct connection *connection)
{
    if (connection->busy)
        return;
    connection->busy = true; /* the peer's end may call the application, and that call back in */
    settle(connection);
    connection->busy = false;
    connection->base.events->output(&connection->base);
}

/* ---- the wire side ---- */

static int open_connection(struct fr_protocol *base)
{
    struct connection *connection = connection_of(base);
    *connection = (struct connection){.base = *base};
    fr_buffer_init(&connection->pending, base->limits->head_bytes_max + READ_BYTES_MAX);
    base->phase = FR_PHASE_HEAD;
    return 0;
}

static int receive(struct fr_protocol *base, fr_span bytes)
{
    struct connection *connection = connection_of(base);
    int error = 0;
    if (base->finished)
        return 0; /* lingering */
    assert(!connection->busy);
    connection->busy = true;
    if (connection->pending.len == 0) {
        size_t used;
        error = work(connection, bytes, true, &used);
        if (!error && !base->finished && used < bytes.len)
            error = keep_pending(connection, fr_span_skip(bytes, used));
    } else {
        error = keep_pending(connection, bytes);
        if (!error)
            error = work_pending(connection, true);
    }
    settle(connection);
    connection->busy = false;
    return error;
}

static void on_writable(struct connection *connection)
{
    connection->base.awaits_writable = false;
    if (connection->current)
        fr_exchange_writable(&connection->current->base);
    if (connection->pending.len && work_pending(connection, true) != 0)
        assert(connection->base.finished); /* and the peer was told */
}

static void on_expired(struct connection *connection)
{
    switch (connection->base.phase) {
    case FR_PHASE_IDLE:
        finish(connection, connection->base.draining ? FR_CLOSE_DRAIN : FR_CLOSE_KEEP_ALIVE_TIMEOUT, false);
        return;
    case FR_PHASE_HEAD:
        if (connection->partial)
            refuse(connection, FR_E_HEAD_TIMEOUT);
        else
            finish(connection, FR_CLOSE_HEAD_TIMEOUT, false);
        return;
    case FR_PHASE_BODY:
        if (connection->current)
            break_off(connection, FR_E_BODY_TIMEOUT);
        else
            finish(connection, FR_CLOSE_BODY_TIMEOUT, true);
        return;
    case FR_PHASE_LINGER:
        connection->base.phase = FR_PHASE_ANSWER;
        return;
    case FR_PHASE_ANSWER:
    case FR_PHASE_TUNNEL:
    case FR_PHASE_STREAMS:
        return;
    }
}

/* An idle connection is not ended here: its next request may be on the way, and is answered with
 * Connection: close. The caller sees to it that its time is short. */
static void on_drain(struct connection *connection)
{
    connection->base.draining = true;
    if (connection->current)
        fr_exchange_drain(&connection->current->base);
}

static void signal_connection(struct fr_protocol *base, enum fr_protocol_signal signal)
{
    struct connection *connection = connection_of(base);
    assert(!connection->busy);
    connection->busy = true;
    switch (signal) {
    case FR_SIGNAL_PEER_ENDED:
        connection->peer_ended = true;
        if (base->phase == FR_PHASE_LINGER)
            base->phase = FR_PHASE_ANSWER;
        break;
    case FR_SIGNAL_WRITABLE:
        on_writable(connection);
        break;
    case FR_SIGNAL_EXPIRED:
        on_expired(connection);
        break;
    case FR_SIGNAL_DRAIN:
        on_drain(connection);
        break;
    }
    settle(connection);
    connection->busy = false;
    base->events->output(base);
}

static void close_connection(struct fr_protocol *base, enum fr_close_reason reason)
{
    struct connection *connection = connection_of(base);
    finish(connection, reason, false);
    if (connection->current)
        abort_current(connection, reason);
    if (!connection->busy) /* else somebody below is still reading there, and settles */
        drop_pending(connection);
}

/* ---- the answering side ---- */

/* Dropping the rest of the body is cheap enough to keep the connection, as far as can be seen. */
static bool may_discard(const struct connection *connection)
{
    return connection->body.chunked || connection->body.left <= DISCARD_BYTES_MAX;
}

/* The connection may be used again after this answer, as far as is known when its head is written: an application
 * that has not asked for the body until now is taken not to want it; and while the peer awaits 100 Continue, nobody
 * knows whether the body will come. */
static bool may_go_on(const struct connection *connection, const struct http1_exchange *exchange)
{
    bool unwanted = !exchange->base.body_ended && exchange->base.credit == 0 && exchange->base.request_bytes == 0;
    bool was_last = connection->peer_ended && connection->pending.len == 0;
    return exchange->plan.keep_alive && !connection->base.draining && !was_last && !exchange->awaits_continue &&
           !(unwanted && !may_discard(connection));
}

/* The answer is complete. */
static void end_exchange(struct connection *connection)
{
    struct http1_exchange *exchange = take_current(connection);
    bool body_left = !exchange->base.body_ended;
    bool goes_on = exchange->plan.keep_alive && !connection->base.draining && (!body_left || may_discard(connection));
    if (goes_on) {
        connection->discarding = body_left;
        connection->discard_left = DISCARD_BYTES_MAX;
    } else {
        finish(connection, connection->base.draining ? FR_CLOSE_DRAIN : FR_CLOSE_FINISHED,
               body_left || exchange->peer_goes_on);
    }
    fr_exchange_protocol_let_go(&exchange->base);
}

static int respond(struct fr_exchange *base, const struct fr_response_head *head)
{
    struct http1_exchange *exchange = own(base);
    struct connection *connection = connection_of(base->protocol);
    struct fr_protocol *protocol = base->protocol;
    bool is_final = head->status >= 200, switches = head->status == 101;
    if (switches && !exchange->upgrades)
        return FR_E_RESPONSE_HEAD;
    if (!is_final && base->version == FR_HTTP_1_0)
        return 0; /* it knows no interim answers: RFC 9110 section 15.2 */
    struct fr_response_plan plan = {.keep_alive = may_go_on(connection, exchange)};
    int error = fr_response_write_head(protocol->outbox, base, head, protocol->policy, protocol->clock, &plan);
    if (error)
        return error;
    if (is_final)
        exchange->plan = plan;
    else if (switches)
        exchange->plan = (struct fr_response_plan){.framing = FR_FRAMING_UNTIL_CLOSE};
    else if (head->status == 100)
        exchange->awaits_continue = false;
    settle_later_call(connection);
    return 0;
}

static int send_piece(struct fr_exchange *base, const struct fr_chunk *chunk, bool last)
{
    struct connection *connection = connection_of(base->protocol);
    enum fr_framing framing = own(base)->plan.framing;
    int error = 0;
    if (chunk)
        fr_response_write_body(connection->base.outbox, framing, chunk);
    if (last) {
        error = fr_response_write_end(connection->base.outbox, framing, NULL, 0);
        end_exchange(connection);
    }
    settle_later_call(connection);
    return error;
}

static int send_trailers(struct fr_exchange *base, const struct fr_response_header *trailers, size_t count)
{
    struct connection *connection = connection_of(base->protocol);
    int error = fr_response_write_end(connection->base.outbox, own(base)->plan.framing, trailers, count);
    if (error)
        return error;
    end_exchange(connection);
    settle_later_call(connection);
    return 0;
}

static void credit(struct fr_exchange *base)
{
    struct http1_exchange *exchange = own(base);
    struct connection *connection = connection_of(base->protocol);
    if (exchange->awaits_continue && base->state == FR_EXCHANGE_BEGUN) {
        fr_outbox_copy(connection->base.outbox, FR_SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
        exchange->awaits_continue = false;
    }
    if (connection->busy)
        return; /* the loop below looks at the credit after each piece */
    if (connection->pending.len) {
        connection->busy = true;
        if (work_pending(connection, false) != 0)
            assert(connection->base.finished);
        connection->busy = false;
    }
    settle_later_call(connection);
}

/* A cut answer shows as one by its framing; without any (HTTP/1.0 until close) nothing could. */
static void reset(struct fr_exchange *base)
{
    struct connection *connection = connection_of(base->protocol);
    struct http1_exchange *exchange = take_current(connection);
    connection->base.cut = true;
    finish(connection, FR_CLOSE_APPLICATION, true);
    fr_exchange_protocol_let_go(&exchange->base);
    settle_later_call(connection);
}

static void release(struct fr_exchange *base)
{
    struct http1_exchange *exchange = own(base);
    fr_pool_give(exchange->pool, exchange, sizeof *exchange);
}

const struct fr_protocol_ops fr_http1 = {
    .name = "http/1.1",
    .size = sizeof(struct connection),
    .open = open_connection,
    .receive = receive,
    .signal = signal_connection,
    .close = close_connection,
    .respond = respond,
    .send = send_piece,
    .trailers = send_trailers,
    .credit = credit,
    .reset = reset,
    .release = release,
};
