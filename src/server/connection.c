/* server/connection.c - One client from accept to close.
 *
 * Owns the connection's memory, its deadline and its way out. Knows neither what the bytes mean (the protocol
 * does) nor how they travel (the channel does). */
#include "server/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/address.h"
#include "server/access_log.h"

/* How often in one settle a protocol may refill an outbox that empties at once; then others get their turn. */
#define REFILLS_MAX 4

/* A drained connection that is idle gets this long: the peer's next request may be on its way, and is answered. */
#define DRAIN_IDLE_MS 200

/* A stuck write is looked at this many times before it counts as stalled, since progress is only seen by looking. */
#define STUCK_LOOKS 4

/* No phase has been looked at, or the last look no longer counts. */
#define PHASE_UNKNOWN UINT8_MAX

#define ROUND_UP(size) (((size) + 15) & ~(size_t)15)
#define PROTOCOL_OFFSET ROUND_UP(sizeof(struct fr_connection))

static struct fr_connection *connection_of_channel(struct fr_channel *channel)
{
    return FR_LIST_OWNER(channel, struct fr_connection, channel);
}

static struct fr_connection *connection_of(struct fr_protocol *protocol)
{
    return (struct fr_connection *)(void *)((char *)protocol - PROTOCOL_OFFSET);
}

static uint64_t now_ms(const struct fr_connection *connection)
{
    return connection->protocol->clock->now_ms;
}

/* To be settled before the loop sleeps. */
static void mark(struct fr_connection *connection)
{
    struct fr_connection_shared *shared = connection->shared;
    if (fr_list_is_linked(&connection->mark) || connection->channel.closing)
        return;
    fr_list_append(&shared->marked, &connection->mark);
    fr_loop_defer(shared->loop, &shared->settle_marked);
}

static void tell_protocol(struct fr_connection *connection, enum fr_protocol_signal signal)
{
    struct fr_protocol *protocol = connection->protocol;
    if (protocol->finished)
        return;
    connection->entered = true;
    protocol->ops->signal(protocol, signal);
    connection->entered = false;
}

static void receive_bytes(struct fr_connection *connection, fr_span bytes)
{
    struct fr_protocol *protocol = connection->protocol;
    connection->entered = true;
    if (protocol->ops->receive(protocol, bytes) != 0)
        assert(protocol->finished);
    connection->entered = false;
}

/* Written is what is queued, and what the kernel held back because more was promised. */
static bool flush_channel(struct fr_connection *connection, bool more)
{
    if (fr_outbox_is_empty(&connection->channel.outbox) && !connection->gathering)
        return true;
    connection->gathering = more;
    if (fr_channel_flush(&connection->channel, more) == 0)
        return true;
    fr_connection_close(connection, FR_CLOSE_PEER_RESET);
    return false;
}

/* Writes what is queued. A protocol that waited for room, or has requests waiting inside, goes on here as long as
 * the peer takes what it says, but not for ever: a peer that reads as fast as we write must not keep the loop. */
static void write_output(struct fr_connection *connection)
{
    struct fr_protocol *protocol = connection->protocol;
    const struct fr_outbox *outbox = &connection->channel.outbox;
    for (int refill = 0; refill < REFILLS_MAX; refill++) {
        if (!flush_channel(connection, false) || connection->reason || protocol->finished)
            return;
        if (protocol->awaits_writable && outbox->bytes <= connection->channel.socket.low_bytes)
            tell_protocol(connection, FR_SIGNAL_WRITABLE);
        else if (protocol->resume)
            receive_bytes(connection, (fr_span){NULL, 0});
        else
            return;
    }
    mark(connection);
}

/* Notes what has left the outbox, and since when nothing has. */
static void follow_output(struct fr_connection *connection)
{
    const struct fr_outbox *outbox = &connection->channel.outbox;
    uint64_t moved = outbox->consumed - connection->sent_bytes;
    if (moved) {
        connection->sent_bytes = outbox->consumed;
        FR_STATS_ADD(connection->shared->stats, bytes_sent, moved);
    }
    if (fr_outbox_is_empty(outbox))
        connection->stuck_since_ms = 0;
    else if (moved || connection->stuck_since_ms == 0)
        connection->stuck_since_ms = now_ms(connection);
}

static unsigned phase_timeout_ms(const struct fr_connection *connection)
{
    const struct fr_limits *limits = connection->shared->limits;
    switch (connection->protocol->phase) {
    case FR_PHASE_IDLE:
        return connection->protocol->draining ? DRAIN_IDLE_MS : limits->keep_alive_timeout_ms;
    case FR_PHASE_HEAD:
        return limits->head_timeout_ms;
    case FR_PHASE_BODY:
        return limits->body_timeout_ms;
    case FR_PHASE_LINGER:
        return limits->linger_timeout_ms;
    case FR_PHASE_ANSWER:
    case FR_PHASE_TUNNEL:
    case FR_PHASE_STREAMS:
        break;
    }
    return 0;
}

/* A phase's deadline counts from its beginning, a body's from its last bytes. Two heads in a row are two
 * phases, told apart by the requests begun. */
static void follow_phase(struct fr_connection *connection)
{
    enum fr_phase phase = connection->protocol->phase;
    if (phase == FR_PHASE_STREAMS) {
        connection->phase = (uint8_t)phase;
        connection->phase_due_ms = connection->protocol->due_ms;
        return;
    }
    bool same = phase == connection->phase && connection->phase_request == connection->request_count;
    if (same && !(connection->progressed && phase == FR_PHASE_BODY))
        return;
    connection->progressed = false;
    connection->phase = (uint8_t)phase;
    connection->phase_request = connection->request_count;
    bool timed = phase != FR_PHASE_ANSWER && phase != FR_PHASE_TUNNEL;
    connection->phase_due_ms = timed ? now_ms(connection) + phase_timeout_ms(connection) : 0;
}

/* A deadline that is gone is left to fire and find nothing: cheaper than taking it out for each request. */
static void set_deadline(struct fr_connection *connection)
{
    uint64_t now = now_ms(connection), due = connection->phase_due_ms;
    if (connection->stuck_since_ms) {
        unsigned timeout_ms = connection->shared->limits->write_timeout_ms;
        uint64_t stalled = connection->stuck_since_ms + timeout_ms;
        uint64_t look = now + timeout_ms / STUCK_LOOKS + 1;
        look = look < stalled ? look : stalled;
        due = due && due < look ? due : look;
    }
    if (due && due != connection->deadline.due_ms)
        fr_timer_set(connection->shared->loop, &connection->deadline, due > now ? due - now : 0);
}

static void close_finished(struct fr_connection *connection)
{
    enum fr_close_reason reason = connection->protocol->close_reason;
    fr_connection_close(connection, reason ? reason : FR_CLOSE_FINISHED);
}

/* The protocol is finished and everything is written. */
static void leave(struct fr_connection *connection)
{
    unsigned linger_ms = connection->shared->limits->linger_timeout_ms;
    if (connection->lingering)
        return;
    if (connection->peer_ended || connection->protocol->phase != FR_PHASE_LINGER || linger_ms == 0) {
        close_finished(connection);
        return;
    }
    connection->lingering = true;
    connection->phase_due_ms = now_ms(connection) + linger_ms;
    fr_channel_end(&connection->channel);
}

static void close_now(struct fr_connection *connection)
{
    struct fr_connection_shared *shared = connection->shared;
    struct fr_protocol *protocol = connection->protocol;
    enum fr_close_reason reason = connection->reason;
    if (connection->channel.closing)
        return;
    follow_output(connection);
    fr_timer_clear(shared->loop, &connection->deadline);
    connection->entered = true; /* for good: nothing is marked any more */
    protocol->ops->close(protocol, reason);
    if (fr_list_is_linked(&connection->mark))
        fr_list_remove(&connection->mark);
    fr_channel_close(&connection->channel);
    fr_log_print(shared->log, FR_LOG_DEBUG, "%s:%u closed after %u requests: %s", connection->peer.remote.host,
                 (unsigned)connection->peer.remote.port, (unsigned)connection->request_count,
                 fr_close_reason_text(reason));
}

/* Carries out what the protocol has said. Every entry ends here, and the loop enters here for marked ones. */
static void settle(struct fr_connection *connection)
{
    struct fr_protocol *protocol = connection->protocol;
    assert(!connection->entered);
    if (!connection->reason)
        write_output(connection);
    if (!connection->reason && protocol->finished && fr_outbox_is_empty(&connection->channel.outbox))
        leave(connection);
    if (connection->reason) {
        close_now(connection);
        return;
    }
    follow_output(connection);
    if (!protocol->finished)
        follow_phase(connection);
    else if (!connection->lingering)
        connection->phase_due_ms = 0;
    set_deadline(connection);
    /* Last, because bytes that wait may come in at once. Reading goes on when finished: see lingering. */
    bool wanted = (protocol->finished || !protocol->paused) && !connection->peer_ended;
    if (wanted != connection->reading) {
        connection->reading = wanted;
        fr_channel_read(&connection->channel, wanted);
    }
}

static void start_draining(struct fr_connection *connection)
{
    connection->drain = FR_CONNECTION_DRAINS;
    tell_protocol(connection, FR_SIGNAL_DRAIN);
    if (connection->protocol->phase == FR_PHASE_IDLE)
        connection->phase = PHASE_UNKNOWN; /* its deadline is now another one */
}

static void on_settle_marked(struct fr_deferred *deferred)
{
    struct fr_connection_shared *shared = FR_LIST_OWNER(deferred, struct fr_connection_shared, settle_marked);
    struct fr_list batch, *node;
    fr_list_init(&batch);
    fr_list_move_all(&shared->marked, &batch);
    while ((node = fr_list_take_first(&batch))) {
        struct fr_connection *connection = FR_LIST_OWNER(node, struct fr_connection, mark);
        if (connection->drain == FR_CONNECTION_TO_DRAIN)
            start_draining(connection);
        settle(connection);
    }
}

/* ---- what the channel says ---- */

static void on_received(struct fr_channel *channel, fr_span bytes)
{
    struct fr_connection *connection = connection_of_channel(channel);
    FR_STATS_ADD(connection->shared->stats, bytes_received, bytes.len);
    if (!connection->protocol->finished && !connection->reason) {
        connection->progressed = true;
        receive_bytes(connection, bytes);
    }
    settle(connection);
}

static void on_ended(struct fr_channel *channel)
{
    struct fr_connection *connection = connection_of_channel(channel);
    connection->peer_ended = true;
    if (connection->lingering)
        close_finished(connection);
    else
        tell_protocol(connection, FR_SIGNAL_PEER_ENDED);
    settle(connection);
}

static void on_drained(struct fr_channel *channel)
{
    settle(connection_of_channel(channel));
}

static void on_failed(struct fr_channel *channel, int error)
{
    struct fr_connection *connection = connection_of_channel(channel);
    bool peer = error == ECONNRESET || error == EPIPE || error == ETIMEDOUT;
    fr_connection_close(connection, peer ? FR_CLOSE_PEER_RESET : FR_CLOSE_SYSTEM);
    settle(connection);
}

static void on_closed(struct fr_channel *channel)
{
    struct fr_connection *connection = connection_of_channel(channel);
    struct fr_connection_shared *shared = connection->shared;
    const struct fr_protocol_ops *ops = connection->protocol->ops;
    fr_list_remove(&connection->node);
    shared->count--;
    FR_STATS_ADD(shared->stats, connections_open, -1);
    fr_pool_give(fr_loop_pool(shared->loop), connection, fr_connection_bytes(ops, shared->transport));
    shared->closed(shared, ops);
}

static const struct fr_channel_events channel_events = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .failed = on_failed,
    .closed = on_closed,
};

/* ---- what the protocol says ---- */

static void on_output(struct fr_protocol *protocol)
{
    struct fr_connection *connection = connection_of(protocol);
    if (!connection->entered)
        mark(connection);
}

/* Called from inside the protocol or the application: what follows from it is left to settle. */
static void on_flush(struct fr_protocol *protocol, bool more)
{
    struct fr_connection *connection = connection_of(protocol);
    if (connection->reason)
        return;
    if (!flush_channel(connection, more))
        protocol->gone = true;
    on_output(protocol);
}

static void on_begun(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    struct fr_connection *connection = connection_of(protocol);
    struct fr_connection_shared *shared = connection->shared;
    connection->request_count++;
    FR_STATS_ADD(shared->stats, requests_begun, 1);
    FR_STATS_ADD(shared->stats, requests_open, 1);
    if (shared->access_log)
        fr_access_log_begin(shared->access_log, exchange);
}

static void count_response(struct fr_stats *stats, int status)
{
    if (status < 200)
        FR_STATS_ADD(stats, responses_1xx, 1);
    else if (status < 300)
        FR_STATS_ADD(stats, responses_2xx, 1);
    else if (status < 400)
        FR_STATS_ADD(stats, responses_3xx, 1);
    else if (status < 500)
        FR_STATS_ADD(stats, responses_4xx, 1);
    else
        FR_STATS_ADD(stats, responses_5xx, 1);
}

static void on_ended_exchange(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    struct fr_connection *connection = connection_of(protocol);
    struct fr_connection_shared *shared = connection->shared;
    FR_STATS_ADD(shared->stats, requests_open, -1);
    if (exchange->state == FR_EXCHANGE_ABORTED)
        FR_STATS_ADD(shared->stats, responses_cut, 1);
    if (exchange->status)
        count_response(shared->stats, exchange->status);
    if (shared->access_log)
        fr_access_log_end(shared->access_log, &connection->peer, exchange);
}

static void on_refused(struct fr_protocol *protocol, int error, int status)
{
    struct fr_connection *connection = connection_of(protocol);
    struct fr_connection_shared *shared = connection->shared;
    FR_STATS_ADD(shared->stats, requests_refused, 1);
    count_response(shared->stats, status);
    if (shared->access_log)
        fr_access_log_refuse(shared->access_log, &connection->peer, status);
    fr_log_print(shared->log, FR_LOG_INFO, "refused a request from %s with %d: %s",
                 connection->peer.remote.host[0] ? connection->peer.remote.host : "a unix socket", status,
                 fr_error_text(error));
}

static const struct fr_protocol_events protocol_events = {
    .output = on_output,
    .flush = on_flush,
    .begun = on_begun,
    .ended = on_ended_exchange,
    .refused = on_refused,
};

/* ---- the deadline ---- */

static void expire_phase(struct fr_connection *connection)
{
    connection->phase_due_ms = 0;
    if (connection->lingering) {
        close_finished(connection);
        return;
    }
    tell_protocol(connection, FR_SIGNAL_EXPIRED);
    assert(connection->protocol->finished || connection->protocol->phase == FR_PHASE_STREAMS);
}

static void on_deadline(struct fr_timer *timer)
{
    struct fr_connection *connection = FR_LIST_OWNER(timer, struct fr_connection, deadline);
    uint64_t now = now_ms(connection);
    follow_output(connection);
    if (!connection->protocol->finished)
        follow_phase(connection); /* another timer of this turn may have moved it on */
    if (connection->stuck_since_ms && now - connection->stuck_since_ms >= connection->shared->limits->write_timeout_ms)
        fr_connection_close(connection, FR_CLOSE_WRITE_TIMEOUT);
    else if (connection->phase_due_ms && now >= connection->phase_due_ms)
        expire_phase(connection);
    settle(connection);
}

/* ---- from birth to the mark of death ---- */

void fr_connection_shared_init(struct fr_connection_shared *shared)
{
    fr_list_init(&shared->connections);
    fr_list_init(&shared->marked);
    shared->count = 0;
    shared->settle_marked = (struct fr_deferred){.run = on_settle_marked};
}

void fr_connection_shared_leave(struct fr_connection_shared *shared)
{
    assert(shared->count == 0 && fr_list_is_empty(&shared->marked));
    fr_loop_forget(shared->loop, &shared->settle_marked);
}

size_t fr_connection_bytes(const struct fr_protocol_ops *protocol, const struct fr_transport_ops *transport)
{
    return PROTOCOL_OFFSET + ROUND_UP(protocol->size) + transport->socket_size;
}

static void give_protocol(struct fr_connection *connection, const struct fr_protocol_ops *ops)
{
    struct fr_connection_shared *shared = connection->shared;
    struct fr_protocol *protocol = connection->protocol;
    protocol->ops = ops;
    protocol->events = &protocol_events;
    protocol->outbox = &connection->channel.outbox;
    protocol->application = shared->application;
    protocol->pool = fr_loop_pool(shared->loop);
    protocol->clock = fr_loop_clock(shared->loop);
    protocol->limits = shared->limits;
    protocol->log = shared->log;
    protocol->policy = shared->policy;
    protocol->peer = &connection->peer;
    protocol->scratch = shared->scratch;
}

int fr_connection_open(struct fr_connection_shared *shared, const struct fr_protocol_ops *ops, int fd,
                       const struct sockaddr *peer, socklen_t peer_len, const struct fr_endpoint *local,
                       bool unix_socket)
{
    size_t size = fr_connection_bytes(ops, shared->transport);
    struct fr_connection *connection = fr_pool_take(fr_loop_pool(shared->loop), size);
    memset(connection, 0, size);
    connection->shared = shared;
    connection->protocol = (struct fr_protocol *)(void *)((char *)connection + PROTOCOL_OFFSET);
    void *storage = (char *)connection->protocol + ROUND_UP(ops->size);
    if (fr_channel_open(&connection->channel, shared->loop, shared->transport, &channel_events, storage,
                        shared->limits->write_low_bytes, fd) != 0) {
        fr_pool_give(fr_loop_pool(shared->loop), connection, size);
        return FR_E_SYSTEM;
    }
    connection->peer.local = local;
    connection->peer.unix_socket = unix_socket;
    fr_address_text(peer, peer_len, connection->peer.remote.host, sizeof(connection->peer.remote.host),
                    &connection->peer.remote.port);
    connection->deadline.expired = on_deadline;
    connection->phase = PHASE_UNKNOWN;
    fr_list_append(&shared->connections, &connection->node);
    shared->count++;
    FR_STATS_ADD(shared->stats, connections_open, 1);
    give_protocol(connection, ops);
    connection->entered = true;
    int error = ops->open(connection->protocol);
    connection->entered = false;
    if (error)
        fr_connection_close(connection, FR_CLOSE_SYSTEM);
    settle(connection);
    return 0;
}

void fr_connection_close(struct fr_connection *connection, enum fr_close_reason reason)
{
    assert(reason != FR_CLOSE_NONE);
    if (!connection->reason)
        connection->reason = (uint8_t)reason;
    if (!connection->entered)
        mark(connection);
}

void fr_connection_drain(struct fr_connection *connection)
{
    if (connection->drain == FR_CONNECTION_STAYS)
        connection->drain = FR_CONNECTION_TO_DRAIN;
    mark(connection);
}
