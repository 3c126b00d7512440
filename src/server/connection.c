/* server/connection.c - One client from accept to close.
 *
 * Owns the connection's memory, its deadline and its way out. Knows neither what the bytes mean (the protocol
 * does) nor how they travel (the channel does). */
#include "server/connection.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "http2/session.h"
#include "net/address.h"
#include "server/deadline.h"
#include "server/refusal.h"
#include "server/tally.h"

/* How often in one settle a protocol may refill an outbox that empties at once; then others get their turn. */
#define REFILLS_MAX 4

/* What says at the first byte that the client speaks HTTP/2, or another language. */
static const char preface[] = FR_HTTP2_PREFACE;
#define PREFACE_BYTES (sizeof preface - 1)

#define ROUND_UP(size) FR_CONNECTION_ROUND_UP(size)

static struct fr_connection *connection_of_channel(struct fr_channel *channel)
{
    return FR_LIST_OWNER(channel, struct fr_connection, channel);
}

static uint64_t now_ms(const struct fr_connection *connection)
{
    return connection->protocol->clock->now_ms;
}

/* Deadlines are counted from here, and not from before an application has worked. */
static uint64_t latest_ms(const struct fr_connection *connection)
{
    return fr_clock_latest_ms(connection->protocol->clock);
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
    if (fr_channel_is_empty(&connection->channel) && !connection->gathering)
        return true;
    connection->gathering = more;
    int error = fr_channel_flush(&connection->channel, more);
    if (error == 0)
        return true;
    fr_connection_close(connection, error == FR_E_TLS      ? FR_CLOSE_TLS
                                    : error == FR_E_SYSTEM ? FR_CLOSE_SYSTEM
                                                           : FR_CLOSE_PEER_RESET);
    return false;
}

/* Nothing is missing behind what the peer was told: TLS may say so. Where nothing else shows the end of an answer
 * (RFC 9112 section 6.3) a cut one is told by it. */
static bool is_complete(const struct fr_connection *connection)
{
    const struct fr_protocol *protocol = connection->protocol;
    if (!protocol->finished)
        return protocol->phase == FR_PHASE_IDLE;
    return !protocol->cut && connection->reason != FR_CLOSE_PEER_RESET;
}

/* Writes what is queued. A protocol that waited for room, or has requests waiting inside, goes on here as long as
 * the peer takes what it says, but not for ever: a peer that reads as fast as we write must not keep the loop. */
static void write_output(struct fr_connection *connection)
{
    struct fr_protocol *protocol = connection->protocol;
    const struct fr_outbox *outbox = &connection->channel.outbox;
    for (int refill = 0; refill < REFILLS_MAX; refill++) {
        if (protocol->finished && is_complete(connection))
            fr_channel_finish(&connection->channel);
        if (!flush_channel(connection, false) || connection->reason)
            return;
        if (connection->channel.yielded)
            break;
        if (protocol->finished)
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
    if (fr_channel_is_empty(&connection->channel))
        connection->stuck_since_ms = 0;
    else if (fr_channel_has_moved(&connection->channel, moved > 0) || connection->stuck_since_ms == 0)
        connection->stuck_since_ms = latest_ms(connection);
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
    connection->phase_due_ms = latest_ms(connection) + linger_ms;
    fr_channel_end(&connection->channel, is_complete(connection));
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
    if (connection->channel.tls)
        fr_handshakes_leave(&shared->handshakes, &connection->channel.tls->handshake);
    bool complete = is_complete(connection);
    connection->entered = true; /* for good: nothing is marked any more */
    protocol->ops->close(protocol, reason);
    if (fr_list_is_linked(&connection->mark))
        fr_list_remove(&connection->mark);
    fr_channel_close(&connection->channel, complete);
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
    if (!connection->reason && protocol->finished && fr_channel_is_empty(&connection->channel))
        leave(connection);
    if (connection->reason) {
        close_now(connection);
        return;
    }
    follow_output(connection);
    fr_deadline_follow(connection);
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
    fr_deadline_shorten(connection);
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

/* ---- what the protocol says ---- */

static void on_output(struct fr_protocol *protocol)
{
    struct fr_connection *connection = fr_connection_of(protocol);
    if (!connection->entered)
        mark(connection);
}

/* Called from inside the protocol or the application: what follows from it is left to settle. */
static void on_flush(struct fr_protocol *protocol, bool more)
{
    struct fr_connection *connection = fr_connection_of(protocol);
    if (connection->reason)
        return;
    if (!flush_channel(connection, more))
        protocol->gone = true;
    on_output(protocol);
}

static const struct fr_protocol_events protocol_events = {
    .output = on_output,
    .flush = on_flush,
    .begun = fr_tally_begun,
    .ended = fr_tally_ended,
    .refused = fr_tally_refused,
};

/* ---- which protocol ---- */

static void open_protocol(struct fr_connection *connection, const struct fr_protocol_ops *ops,
                          struct fr_application *application)
{
    struct fr_connection_shared *shared = connection->shared;
    struct fr_protocol *protocol = connection->protocol;
    *protocol = (struct fr_protocol){
        .ops = ops,
        .events = &protocol_events,
        .outbox = &connection->channel.outbox,
        .application = application,
        .pool = fr_loop_pool(shared->loop),
        .clock = fr_loop_clock(shared->loop),
        .limits = shared->limits,
        .log = shared->log,
        .policy = shared->policy,
        .peer = &connection->peer,
        .scratch = shared->scratch,
    };
    connection->entered = true;
    int error = ops->open(protocol);
    connection->entered = false;
    if (error)
        fr_connection_close(connection, FR_CLOSE_SYSTEM);
}

/* Another protocol takes the place of one that has used nothing yet, or that nothing more will reach. */
static void replace_protocol(struct fr_connection *connection, const struct fr_protocol_ops *ops,
                             enum fr_close_reason reason)
{
    struct fr_protocol *protocol = connection->protocol;
    connection->undecided = false;
    connection->entered = true;
    protocol->ops->close(protocol, reason);
    connection->entered = false;
    open_protocol(connection, ops, protocol->application);
    if (connection->drain == FR_CONNECTION_DRAINS && !connection->reason)
        start_draining(connection);
}

/* There is nothing more to choose: what was held back is for the protocol that is there. */
static void decide(struct fr_connection *connection)
{
    if (!connection->undecided)
        return;
    connection->undecided = false;
    if (connection->preface_held && !connection->reason && !connection->protocol->finished)
        receive_bytes(connection, fr_span_of(preface, connection->preface_held));
}

/* The first bytes. As long as they are those of the preface they need not be kept, for they are known. */
static void receive_first(struct fr_connection *connection, fr_span bytes)
{
    size_t held = connection->preface_held, left = PREFACE_BYTES - held;
    size_t len = bytes.len < left ? bytes.len : left;
    if (memcmp(bytes.data, preface + held, len) == 0) {
        if (len < left) {
            connection->preface_held = (uint8_t)(held + len);
            return;
        }
        replace_protocol(connection, connection->shared->http2, FR_CLOSE_FINISHED);
        connection->undecided = true; /* what is held of the preface is for the new one */
    }
    decide(connection);
    if (!connection->reason && !connection->protocol->finished)
        receive_bytes(connection, bytes);
}

/* ---- the handshake ---- */

/* One too many puts an end to the oldest. A refusal is a thing of HTTP/1.1. */
static void begin_handshake(struct fr_connection *connection, struct fr_tls_context *context)
{
    struct fr_connection_shared *shared = connection->shared;
    struct fr_channel *channel = &connection->channel;
    fr_channel_secure(channel, context, connection->refused, shared->plain);
    fr_deadline_of_handshake(connection);
    struct fr_list *given_up = fr_handshakes_begin(&shared->handshakes, &channel->tls->handshake);
    if (!given_up)
        return;
    struct fr_connection *oldest =
        connection_of_channel(FR_LIST_OWNER(given_up, struct fr_channel_tls, handshake)->channel);
    oldest->phase = FR_PHASE_UNKNOWN;
    fr_connection_close(oldest, FR_CLOSE_LIMIT);
}

static const char *name_of_peer(const struct fr_connection *connection)
{
    const char *host = connection->peer.remote.host;
    return host[0] ? host : "a unix socket";
}

/* `why` is for the log; `reason`, unless it is 0, closes. */
static void fail_handshake(struct fr_connection *connection, const char *why, enum fr_close_reason reason)
{
    struct fr_list *node = &connection->channel.tls->handshake;
    connection->phase = FR_PHASE_UNKNOWN;
    fr_handshakes_fail(&connection->shared->handshakes, node, name_of_peer(connection), why);
    if (reason)
        fr_connection_close(connection, reason);
}

/* ---- what the channel says ---- */

static void on_received(struct fr_channel *channel, fr_span bytes)
{
    struct fr_connection *connection = connection_of_channel(channel);
    FR_STATS_ADD(connection->shared->stats, bytes_received, bytes.len);
    if (!connection->protocol->finished && !connection->reason) {
        connection->progressed = true;
        if (connection->undecided)
            receive_first(connection, bytes);
        else
            receive_bytes(connection, bytes);
    }
    settle(connection);
}

static void on_ended(struct fr_channel *channel)
{
    struct fr_connection *connection = connection_of_channel(channel);
    connection->peer_ended = true;
    if (connection->phase == FR_PHASE_HANDSHAKE) {
        fail_handshake(connection, NULL, FR_CLOSE_PEER_CLOSED);
        settle(connection);
        return;
    }
    if (fr_channel_is_cut(channel) && !connection->lingering)
        fr_log_print(connection->shared->log, FR_LOG_DEBUG, "%s:%u ended without a TLS close_notify",
                     connection->peer.remote.host, (unsigned)connection->peer.remote.port);
    decide(connection);
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
    enum fr_close_reason reason = peer ? FR_CLOSE_PEER_RESET : FR_CLOSE_SYSTEM;
    if (connection->phase == FR_PHASE_HANDSHAKE)
        fail_handshake(connection, NULL, reason);
    fr_connection_close(connection, reason);
    settle(connection);
}

static void on_secured(struct fr_channel *channel)
{
    struct fr_connection *connection = connection_of_channel(channel);
    struct fr_connection_shared *shared = connection->shared;
    const struct fr_tls_stream *stream = channel->tls->stream;
    connection->peer.tls = fr_tls_stream_facts(stream);
    if (connection->phase == FR_PHASE_HANDSHAKE)
        fr_handshakes_succeed(&shared->handshakes, &channel->tls->handshake, connection->peer.tls->resumed);
    connection->phase = FR_PHASE_UNKNOWN;
    connection->stuck_since_ms = 0;
    fr_span agreed = fr_tls_stream_alpn(stream);
    if (agreed.len && connection->undecided) {
        connection->undecided = false;
        if (fr_span_equal(agreed, fr_span_of_string(shared->http2->name)))
            replace_protocol(connection, shared->http2, FR_CLOSE_FINISHED);
    }
    settle(connection);
}

/* The alert is on its way, and lingering lets it arrive. */
static void on_broken(struct fr_channel *channel, int error)
{
    struct fr_connection *connection = connection_of_channel(channel);
    bool plain = error == FR_E_TLS_PLAIN_HTTP;
    const char *complaint = error == FR_E_TLS ? fr_tls_stream_complaint(channel->tls->stream) : fr_error_text(error);
    if (connection->phase == FR_PHASE_HANDSHAKE)
        fail_handshake(connection, plain ? NULL : complaint, FR_CLOSE_NONE); /* a refusal has a line of its own */
    else if (!plain)
        fr_log_print(connection->shared->log, FR_LOG_INFO, "TLS with %s failed: %s", name_of_peer(connection),
                     complaint);
    if (error == FR_E_FLOOD) {
        fr_connection_close(connection, FR_CLOSE_FLOOD);
    } else if (!plain) {
        replace_protocol(connection, &fr_refusal_by_alert, FR_CLOSE_TLS);
        fr_outbox_clear(&channel->outbox);
    } else if (!connection->refused) {
        replace_protocol(connection, &fr_refusal_of_plain_http, FR_CLOSE_FINISHED);
    }
    settle(connection);
}

static void on_closed(struct fr_channel *channel)
{
    struct fr_connection *connection = connection_of_channel(channel);
    struct fr_connection_shared *shared = connection->shared;
    bool refused = connection->refused;
    fr_list_remove(&connection->node);
    shared->count--;
    FR_STATS_ADD(shared->stats, connections_open, -1);
    fr_pool_give(fr_loop_pool(shared->loop), connection, connection->size);
    shared->closed(shared, refused);
}

static const struct fr_channel_events channel_events = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .failed = on_failed,
    .closed = on_closed,
    .secured = on_secured,
    .broken = on_broken,
};

/* ---- the deadline ---- */

static void expire_phase(struct fr_connection *connection)
{
    connection->phase_due_ms = 0;
    if (connection->phase == FR_PHASE_HANDSHAKE) {
        fail_handshake(connection, fr_close_reason_text(FR_CLOSE_HANDSHAKE_TIMEOUT), FR_CLOSE_HANDSHAKE_TIMEOUT);
        return;
    }
    if (connection->lingering) {
        close_finished(connection);
        return;
    }
    decide(connection);
    bool is_one_of_many = connection->protocol->phase == FR_PHASE_STREAMS;
    tell_protocol(connection, FR_SIGNAL_EXPIRED);
    assert(connection->protocol->finished || is_one_of_many);
    (void)is_one_of_many;
}

static void on_deadline(struct fr_timer *timer)
{
    struct fr_connection *connection = FR_LIST_OWNER(timer, struct fr_connection, deadline);
    uint64_t now = now_ms(connection);
    follow_output(connection);
    fr_deadline_follow_phase(connection); /* another timer of this turn may have moved it on */
    if (connection->stuck_since_ms && now >= connection->stuck_since_ms + connection->shared->limits->write_timeout_ms)
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
    shared->handshakes = (struct fr_handshakes){
        .log = shared->log,
        .clock = fr_loop_clock(shared->loop),
        .stats = shared->stats,
        .limits = shared->limits,
    };
    fr_handshakes_init(&shared->handshakes);
}

void fr_connection_shared_leave(struct fr_connection_shared *shared)
{
    assert(shared->count == 0 && fr_list_is_empty(&shared->marked));
    fr_loop_forget(shared->loop, &shared->settle_marked);
}

size_t fr_connection_bytes(const struct fr_protocol_ops *protocol, const struct fr_transport_ops *transport)
{
    return FR_CONNECTION_PROTOCOL_OFFSET + ROUND_UP(protocol->size) + transport->socket_size;
}

/* Storage for whichever protocol it will be. */
static size_t protocol_room(const struct fr_connection_shared *shared, const struct fr_entrance *entrance)
{
    size_t first = entrance->protocol->size;
    bool grows = entrance->choice && shared->http2 && shared->http2->size > first;
    return ROUND_UP(grows ? shared->http2->size : first);
}

static void note_peer(struct fr_connection *connection, const struct fr_entrance *entrance, const struct sockaddr *peer,
                      socklen_t len)
{
    struct fr_remote *remote = &connection->peer.remote;
    connection->peer.local = entrance->local;
    connection->peer.unix_socket = entrance->unix_socket;
    fr_address_text(peer, len, remote->host, sizeof(remote->host), &remote->port);
}

int fr_connection_open(struct fr_connection_shared *shared, const struct fr_entrance *entrance, int fd,
                       const struct sockaddr *peer, socklen_t peer_len)
{
    const struct fr_protocol_ops *ops = entrance->protocol;
    size_t room = protocol_room(shared, entrance),
           size = FR_CONNECTION_PROTOCOL_OFFSET + room + shared->transport->socket_size;
    assert(size <= UINT16_MAX);
    struct fr_connection *connection = fr_pool_take(fr_loop_pool(shared->loop), size);
    memset(connection, 0, size);
    connection->shared = shared;
    connection->size = (uint16_t)size;
    connection->protocol = (struct fr_protocol *)(void *)((char *)connection + FR_CONNECTION_PROTOCOL_OFFSET);
    if (fr_channel_open(&connection->channel, shared->loop, shared->transport, &channel_events,
                        (char *)connection->protocol + room, shared->limits->write_low_bytes, fd) != 0) {
        fr_pool_give(fr_loop_pool(shared->loop), connection, size);
        return FR_E_SYSTEM;
    }
    note_peer(connection, entrance, peer, peer_len);
    connection->deadline.expired = on_deadline;
    connection->phase = FR_PHASE_UNKNOWN;
    connection->refused = ops == &fr_refusal;
    connection->undecided = entrance->choice && shared->http2;
    fr_list_append(&shared->connections, &connection->node);
    shared->count++;
    FR_STATS_ADD(shared->stats, connections_open, 1);
    if (entrance->tls)
        begin_handshake(connection, entrance->tls);
    open_protocol(connection, ops, entrance->application);
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
