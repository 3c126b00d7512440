/* server/channel.c - A socket, encrypted or not.
 *
 * Owns the outbox of plaintext, and of an encrypted one that of records. Bytes cross it in two functions, take_in and
 * put_out; encryption lives behind these two and nowhere else. Does not know HTTP, deadlines, or who listens. */
#include "server/channel.h"

#include <assert.h>
#include <errno.h>

/* As much waits sealed at most: what a slow peer has not taken stays plaintext, where its backpressure is seen. */
#define RECORDS_BYTES_MAX 65536

/* As often as this in one flush that much is sealed and written; then others get their turn. */
#define SEAL_ROUNDS_MAX 16

/* Answers that TLS makes by itself are short and few. A peer that provokes more and reads none is not one. */
#define RECORDS_FLOOD_BYTES (2 * RECORDS_BYTES_MAX)

static struct fr_channel *channel_of(struct fr_socket *socket)
{
    return FR_LIST_OWNER(socket, struct fr_channel, socket);
}

static void tell_end(struct fr_channel *channel)
{
    if (channel->ended)
        return;
    channel->ended = true;
    channel->events->ended(channel);
}

/* ---- records ---- */

static bool may_seal(const struct fr_channel_tls *tls)
{
    enum fr_tls_state state = fr_tls_stream_state(tls->stream);
    return (state == FR_TLS_OPEN || state == FR_TLS_ENDED) && !tls->ending;
}

static int seal_out(struct fr_channel *channel, bool more)
{
    struct fr_channel_tls *tls = channel->tls;
    uint64_t now_ms = fr_loop_clock(channel->socket.loop)->now_ms;
    channel->yielded = false;
    if (tls->holding)
        return 0;
    for (int round = 0; round < SEAL_ROUNDS_MAX; round++) {
        int error = 0;
        if (!fr_outbox_is_empty(&channel->outbox) && may_seal(tls))
            error = fr_tls_stream_seal(tls->stream, &channel->outbox, RECORDS_BYTES_MAX, now_ms);
        if (!error && tls->finishing && fr_outbox_is_empty(&channel->outbox))
            fr_tls_stream_end(tls->stream);
        if (!error)
            error = channel->transport->flush(&channel->socket, more);
        if (error)
            return error;
        if (!fr_outbox_is_empty(&tls->records) || fr_outbox_is_empty(&channel->outbox) || !may_seal(tls))
            return 0;
    }
    channel->yielded = true;
    return 0;
}

static void free_tls(struct fr_channel *channel)
{
    struct fr_channel_tls *tls = channel->tls;
    channel->tls = NULL;
    channel->socket.outbox = &channel->outbox;
    fr_outbox_clear(&tls->records);
    fr_tls_stream_close(tls->stream);
    fr_pool_give(fr_loop_pool(channel->socket.loop), tls, sizeof *tls);
}

/* What TLS says by itself (its half of the handshake, tickets, alerts) goes out without being asked for. */
static void write_records(struct fr_channel *channel)
{
    if (fr_outbox_is_empty(&channel->tls->records))
        return;
    if (channel->transport->flush(&channel->socket, false) != 0)
        channel->events->failed(channel, ECONNRESET);
}

static void break_off(struct fr_channel *channel, int error, fr_span bytes)
{
    if (error == FR_E_TLS_PLAIN_HTTP) {
        channel->events->broken(channel, error);
        free_tls(channel);
        if (!channel->closing)
            channel->events->received(channel, bytes);
        return;
    }
    channel->tls->broken = true;
    write_records(channel);
    if (!channel->closing)
        channel->events->broken(channel, error);
}

/* When bytes came right behind the handshake, its tickets leave with what those bring about. */
static void tell_secured(struct fr_channel *channel, bool bytes_follow)
{
    struct fr_channel_tls *tls = channel->tls;
    enum fr_tls_state state = fr_tls_stream_state(tls->stream);
    if (tls->secured || state == FR_TLS_HANDSHAKE || state == FR_TLS_LEFT)
        return;
    tls->secured = true;
    tls->holding = bytes_follow;
    channel->events->secured(channel);
    tls->holding = false;
}

/* What came before something broke has been told, and what broke has not. */
static bool has_failed(const struct fr_channel_tls *tls)
{
    return fr_tls_stream_state(tls->stream) == FR_TLS_FAILED;
}

static bool has_ended(const struct fr_channel_tls *tls)
{
    enum fr_tls_state state = fr_tls_stream_state(tls->stream);
    return state == FR_TLS_ENDED || state == FR_TLS_LEFT;
}

/* Whatever is called here may close the channel, and then nothing more is told. */
static void unseal_in(struct fr_channel *channel, fr_span bytes)
{
    struct fr_channel_tls *tls = channel->tls;
    ssize_t len = 1;
    while (len > 0 && (bytes.len > 0 || has_failed(tls)) && !channel->closing && !tls->broken) {
        len = fr_tls_stream_unseal(tls->stream, &bytes, tls->plain, FR_CHANNEL_PLAIN_BYTES);
        if (len >= 0 && tls->records.bytes > RECORDS_FLOOD_BYTES)
            len = FR_E_FLOOD;
        if (len < 0) {
            break_off(channel, (int)len, bytes);
            return;
        }
        tell_secured(channel, len > 0);
        if (len > 0 && !channel->closing)
            channel->events->received(channel, fr_span_of(tls->plain, (size_t)len));
    }
    if (!channel->closing)
        write_records(channel);
    if (!channel->closing && has_ended(tls))
        tell_end(channel);
}

/* ---- the two crossings ---- */

/* From the wire upwards. */
static void take_in(struct fr_channel *channel, fr_span bytes)
{
    if (channel->tls)
        unseal_in(channel, bytes);
    else
        channel->events->received(channel, bytes);
}

/* From the outbox down to the wire. */
static int put_out(struct fr_channel *channel, bool more)
{
    return channel->tls ? seal_out(channel, more) : channel->transport->flush(&channel->socket, more);
}

/* ---- what the socket says ---- */

static void on_received(struct fr_socket *socket, fr_span bytes)
{
    struct fr_channel *channel = channel_of(socket);
    if (!channel->closing)
        take_in(channel, bytes);
}

static void on_ended(struct fr_socket *socket)
{
    struct fr_channel *channel = channel_of(socket);
    if (!channel->closing)
        tell_end(channel);
}

/* A write that fails needs no word: nobody is left to whom it would matter when this ends. */
static void end_behind_records(struct fr_channel *channel)
{
    if (channel->transport->flush(&channel->socket, false) == 0 && fr_outbox_is_empty(&channel->tls->records))
        channel->transport->end(&channel->socket);
}

static void on_drained(struct fr_socket *socket)
{
    struct fr_channel *channel = channel_of(socket);
    if (channel->closing)
        return;
    if (channel->tls && channel->tls->ending)
        end_behind_records(channel);
    else
        channel->events->drained(channel);
}

static void on_failed(struct fr_socket *socket, int error)
{
    struct fr_channel *channel = channel_of(socket);
    if (!channel->closing)
        channel->events->failed(channel, error);
}

/* What was queued is let go of only here: until now the kernel may have been reading it. */
static void on_closed(struct fr_socket *socket)
{
    struct fr_channel *channel = channel_of(socket);
    fr_outbox_clear(&channel->outbox);
    if (channel->tls)
        free_tls(channel);
    channel->events->closed(channel);
}

static const struct fr_socket_events socket_events = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .failed = on_failed,
    .closed = on_closed,
};

int fr_channel_open(struct fr_channel *channel, struct fr_loop *loop, const struct fr_transport_ops *transport,
                    const struct fr_channel_events *events, void *storage, size_t low_bytes, int fd)
{
    channel->transport = transport;
    channel->events = events;
    channel->tls = NULL;
    channel->closing = channel->ended = channel->yielded = false;
    fr_outbox_init(&channel->outbox, fr_loop_pool(loop));
    channel->socket = (struct fr_socket){
        .loop = loop,
        .events = &socket_events,
        .outbox = &channel->outbox,
        .low_bytes = low_bytes,
        .transport = storage,
    };
    return transport->open(&channel->socket, fd);
}

void fr_channel_secure(struct fr_channel *channel, struct fr_tls_context *context, bool http1_only, char *plain)
{
    struct fr_pool *pool = fr_loop_pool(channel->socket.loop);
    struct fr_channel_tls *tls = fr_pool_take(pool, sizeof *tls);
    assert(!channel->tls && fr_outbox_is_empty(&channel->outbox));
    *tls = (struct fr_channel_tls){.channel = channel, .plain = plain};
    fr_outbox_init(&tls->records, pool);
    tls->stream = fr_tls_stream_open(context, &tls->records, http1_only);
    channel->tls = tls;
    channel->socket.outbox = &tls->records;
}

void fr_channel_read(struct fr_channel *channel, bool wanted)
{
    assert(!channel->closing);
    channel->transport->read(&channel->socket, wanted);
}

int fr_channel_flush(struct fr_channel *channel, bool more)
{
    assert(!channel->closing);
    return put_out(channel, more);
}

void fr_channel_finish(struct fr_channel *channel)
{
    if (channel->tls)
        channel->tls->finishing = true;
}

bool fr_channel_is_cut(const struct fr_channel *channel)
{
    const struct fr_channel_tls *tls = channel->tls;
    return channel->ended && tls && fr_tls_stream_state(tls->stream) == FR_TLS_OPEN;
}

void fr_channel_end(struct fr_channel *channel, bool complete)
{
    assert(!channel->closing && fr_channel_is_empty(channel));
    if (!channel->tls) {
        channel->transport->end(&channel->socket);
        return;
    }
    if (complete)
        fr_tls_stream_end(channel->tls->stream);
    channel->tls->ending = true;
    end_behind_records(channel);
}

/* As far as the socket takes it at once; a peer that is gone misses nothing. */
static void say_goodbye(struct fr_channel *channel)
{
    fr_tls_stream_end(channel->tls->stream);
    int error = channel->transport->flush(&channel->socket, false);
    (void)error;
}

void fr_channel_close(struct fr_channel *channel, bool complete)
{
    if (channel->closing)
        return;
    if (channel->tls && complete && !channel->tls->ending && fr_outbox_is_empty(&channel->outbox))
        say_goodbye(channel);
    channel->closing = true;
    channel->transport->close(&channel->socket);
}
