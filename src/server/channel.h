/* server/channel.h - A socket, encrypted or not: the only file that asks.
 *
 * Plaintext goes into `outbox` and comes out of `received`; what stands on the wire is nobody's business
 * above. Embedded in the connection; storage of the transport lies behind the connection, and what an encrypted one
 * needs besides is a block of its own. */
#ifndef FR_SERVER_CHANNEL_H
#define FR_SERVER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/outbox.h"
#include "net/transport.h"
#include "tls/stream.h"

struct fr_channel;

/* Of the worker: what is unsealed stands here until received() returns. */
#define FR_CHANNEL_PLAIN_BYTES (4 * FR_TLS_PLAIN_BYTES)

/* As a socket's, and never more than one end. */
struct fr_channel_events {
    void (*received)(struct fr_channel *channel, fr_span plaintext);
    void (*ended)(struct fr_channel *channel);
    void (*drained)(struct fr_channel *channel);
    void (*failed)(struct fr_channel *channel, int error);
    void (*closed)(struct fr_channel *channel);
    /* The handshake is over: before anything is received. */
    void (*secured)(struct fr_channel *channel);
    /* FR_E_TLS: nothing is received any more and nothing sealed; the alert is on its way, and ended() will follow.
     * FR_E_TLS_PLAIN_HTTP: the channel is a plain one as soon as this returns, and received() follows.
     * FR_E_FLOOD: of records that want an answer, which the peer does not read. */
    void (*broken)(struct fr_channel *channel, int error);
};

/* What an encrypted channel is made of besides. */
struct fr_channel_tls {
    struct fr_channel *channel;
    struct fr_tls_stream *stream;
    struct fr_outbox records;  /* on their way out */
    char *plain;               /* FR_CHANNEL_PLAIN_BYTES that all share */
    struct fr_list handshake;  /* for whoever watches over handshakes */
    uint64_t records_followed; /* records.consumed when it was last asked whether they move */
    bool secured;              /* told */
    bool broken;               /* told */
    bool ending;               /* our direction is to be shut down behind the last record */
    bool finishing;            /* nothing follows what is in the outbox */
    bool holding;              /* more may be said at once: nothing is written before */
};

struct fr_channel {
    struct fr_socket socket;
    const struct fr_transport_ops *transport;
    const struct fr_channel_events *events;
    struct fr_outbox outbox;    /* plaintext on its way out */
    struct fr_channel_tls *tls; /* NULL: plain */
    bool closing;
    bool ended;   /* told */
    bool yielded; /* the last flush stopped though there is room: others shall have their turn */
};

/* Takes over a connected descriptor; `storage` is transport->socket_size zeroed bytes. 0 or FR_E_SYSTEM (fd is
 * closed then). Not reading yet. */
FR_CHECKED int fr_channel_open(struct fr_channel *channel, struct fr_loop *loop,
                               const struct fr_transport_ops *transport, const struct fr_channel_events *events,
                               void *storage, size_t low_bytes, int fd);

/* Has it speak TLS from the first byte on; what is queued meanwhile waits for the handshake. `plain` has room for
 * FR_CHANNEL_PLAIN_BYTES; with `http1_only` nothing else can be agreed on. */
void fr_channel_secure(struct fr_channel *channel, struct fr_tls_context *context, bool http1_only, char *plain);

void fr_channel_read(struct fr_channel *channel, bool wanted);

/* Everything in the outbox, as far as it goes now; 0 (see `yielded`), FR_E_GONE, or of an encrypted one FR_E_TLS and
 * FR_E_SYSTEM: something cannot be sealed. */
FR_CHECKED int fr_channel_flush(struct fr_channel *channel, bool more);

/* What is in the outbox is the last, and complete: the peer is told so with it, where it can be told. */
void fr_channel_finish(struct fr_channel *channel);

/* Nothing waits, sealed or not. */
static inline bool fr_channel_is_empty(const struct fr_channel *channel);

/* Something has left for the wire since this was last asked; `taken` says so of the outbox. */
static inline bool fr_channel_has_moved(struct fr_channel *channel, bool taken);

/* The peer has ended without a word, as an attacker can make it look. Always false of a plain one. */
bool fr_channel_is_cut(const struct fr_channel *channel);

/* No more will be written; the outbox is empty. With `complete` the peer is told so, where it can be told. */
void fr_channel_end(struct fr_channel *channel, bool complete);

/* Drops what is queued and closes; closed() follows from the loop. Idempotent. `complete` as above, if nothing had to
 * be dropped. */
void fr_channel_close(struct fr_channel *channel, bool complete);

/* ---- inline definitions ---- */

static inline bool fr_channel_is_empty(const struct fr_channel *channel)
{
    return fr_outbox_is_empty(&channel->outbox) && fr_outbox_is_empty(channel->socket.outbox);
}

static inline bool fr_channel_has_moved(struct fr_channel *channel, bool taken)
{
    struct fr_channel_tls *tls = channel->tls;
    if (!tls)
        return taken;
    bool moved = tls->records.consumed != tls->records_followed;
    tls->records_followed = tls->records.consumed;
    return moved;
}

#endif
