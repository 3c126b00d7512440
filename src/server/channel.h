/* server/channel.h - A socket, encrypted or not: the only file that asks.
 *
 * Plaintext goes into `outbox` and comes out of `received`; what stands on the wire is nobody's business
 * above. Embedded in the connection; storage of the transport lies behind the connection. */
#ifndef FR_SERVER_CHANNEL_H
#define FR_SERVER_CHANNEL_H

#include <stdbool.h>

#include "base/outbox.h"
#include "net/transport.h"

struct fr_channel;

struct fr_channel_events {
    void (*received)(struct fr_channel *channel, fr_span plaintext);
    void (*ended)(struct fr_channel *channel);
    void (*drained)(struct fr_channel *channel);
    void (*failed)(struct fr_channel *channel, int error);
    void (*closed)(struct fr_channel *channel);
};

struct fr_channel {
    struct fr_socket socket;
    const struct fr_transport_ops *transport;
    const struct fr_channel_events *events;
    struct fr_outbox outbox; /* plaintext on its way out */
    bool closing;
};

/* Takes over a connected descriptor; `storage` is transport->socket_size zeroed bytes. 0 or FR_E_SYSTEM (fd is
 * closed then). Not reading yet. */
FR_CHECKED int fr_channel_open(struct fr_channel *channel, struct fr_loop *loop,
                               const struct fr_transport_ops *transport, const struct fr_channel_events *events,
                               void *storage, size_t low_bytes, int fd);

void fr_channel_read(struct fr_channel *channel, bool wanted);

/* Everything in the outbox, as far as it goes now; 0 or FR_E_GONE. */
FR_CHECKED int fr_channel_flush(struct fr_channel *channel, bool more);

/* No more will be written; the outbox is empty. */
void fr_channel_end(struct fr_channel *channel);

/* Drops what is queued and closes; closed() follows from the loop. Idempotent. */
void fr_channel_close(struct fr_channel *channel);

#endif
