/* server/channel.c - A socket, encrypted or not.
 *
 * Owns the outbox of plaintext. Bytes cross it in two functions, take_in and put_out; encryption lives in these
 * two and nowhere else. Does not know HTTP, deadlines, or who listens. */
#include "server/channel.h"

#include <assert.h>

static struct fr_channel *channel_of(struct fr_socket *socket)
{
    return FR_LIST_OWNER(socket, struct fr_channel, socket);
}

/* From the wire upwards. */
static void take_in(struct fr_channel *channel, fr_span bytes)
{
    channel->events->received(channel, bytes);
}

/* From the outbox down to the wire. */
static int put_out(struct fr_channel *channel, bool more)
{
    return channel->transport->flush(&channel->socket, more);
}

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
        channel->events->ended(channel);
}

static void on_drained(struct fr_socket *socket)
{
    struct fr_channel *channel = channel_of(socket);
    if (!channel->closing)
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
    channel->closing = false;
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

void fr_channel_end(struct fr_channel *channel)
{
    assert(!channel->closing && fr_outbox_is_empty(&channel->outbox));
    channel->transport->end(&channel->socket);
}

void fr_channel_close(struct fr_channel *channel)
{
    if (channel->closing)
        return;
    channel->closing = true;
    channel->transport->close(&channel->socket);
}
