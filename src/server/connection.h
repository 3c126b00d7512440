/* server/connection.h - One client from accept to close: a channel below, a protocol above, one deadline.
 *
 * A connection is one block of the pool: this struct, then the protocol's storage, then the transport's. Rules:
 *  - The wire enters the protocol (bytes, end, room, deadline), and every entry ends in one `settle`: output is
 *    written once, the deadline follows the phase, reading follows `paused`, and a finished one leaves.
 *  - What a protocol says at any other time only marks its connection; marked ones are settled before the loop
 *    sleeps. So answers made outside a read are gathered too.
 *  - Closing marks with a reason (the first one stays); settle closes; the memory goes back when closed() arrives.
 *  - A client may choose its protocol by how it opens, before any of its bytes has been used: then another takes the
 *    place of the one that the connection was opened with, in the same storage.
 *  - One that is finished in FR_PHASE_LINGER lingers: it shuts down its direction and drops what still comes until the
 *    peer ends or the linger timeout, so that no reset destroys the answer (RFC 9112 section 9.6). */
#ifndef FR_SERVER_CONNECTION_H
#define FR_SERVER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/list.h"
#include "http/message.h"
#include "http/protocol.h"
#include "net/timer.h"
#include "net/transport.h"
#include "server/channel.h"
#include "server/handshakes.h"
#include "server/stats.h"

struct fr_access_log;

/* How somebody comes in. Read by fr_connection_open and not kept, but for `local`, which outlives the connection. */
struct fr_entrance {
    const struct fr_protocol_ops *protocol; /* what is spoken; fr_refusal: to be refused */
    struct fr_application *application;
    struct fr_tls_context *tls; /* NULL: plain */
    const struct fr_endpoint *local;
    bool unix_socket;
    bool choice; /* whoever opens with HTTP/2, or agrees on it by ALPN, is spoken to in it instead */
};

/* What all connections of one worker have in common. */
struct fr_connection_shared {
    struct fr_loop *loop; /* given, as are the next ten */
    const struct fr_transport_ops *transport;
    const struct fr_protocol_ops *http2; /* what a client may choose; NULL: there is no choice */
    const struct fr_limits *limits;
    const struct fr_log *log;
    const struct fr_response_policy *policy;
    struct fr_request_head *scratch;
    struct fr_stats *stats;
    struct fr_access_log *access_log; /* NULL: off */
    char *plain;                      /* FR_CHANNEL_PLAIN_BYTES; NULL: no entrance has TLS */
    /* One less: its memory is back. `refused`: it was opened to be refused. */
    void (*closed)(struct fr_connection_shared *shared, bool refused);

    struct fr_list connections; /* all of them, until closed() */
    size_t count;
    struct fr_list marked; /* those to be settled before the loop sleeps */
    struct fr_deferred settle_marked;
    struct fr_handshakes handshakes;
};

enum fr_connection_drain { FR_CONNECTION_STAYS, FR_CONNECTION_TO_DRAIN, FR_CONNECTION_DRAINS };

struct fr_connection {
    struct fr_channel channel;
    struct fr_list node; /* in shared->connections */
    struct fr_list mark; /* in shared->marked */
    struct fr_connection_shared *shared;
    struct fr_protocol *protocol; /* lies behind this struct */
    struct fr_timer deadline;     /* the earlier of the two below; may fire too early, never too late */
    uint64_t phase_due_ms;        /* when this phase expires; 0: never */
    uint64_t stuck_since_ms;      /* output waits and nothing of it has left since; 0: no output waits */
    uint64_t sent_bytes;          /* outbox.consumed when last looked at */
    uint32_t request_count;       /* begun so far */
    uint8_t phase;                /* enum fr_phase that phase_due_ms belongs to, or unknown */
    uint8_t reason;               /* enum fr_close_reason; not 0: to be closed, or closed */
    uint8_t drain;                /* enum fr_connection_drain */
    bool entered;                 /* inside a call to the protocol; settle follows */
    bool reading;
    bool begun;      /* a request began since the phase was looked at */
    bool progressed; /* body bytes came since the deadline was set */
    bool lingering;  /* our direction is shut down */
    bool gathering;  /* the last flush said that more follows: the kernel may hold bytes back */
    bool peer_ended;
    bool refused;         /* opened to be refused */
    bool undecided;       /* the client may still choose HTTP/2 */
    uint8_t preface_held; /* as many bytes of HTTP/2's preface have come and were not used yet */
    uint16_t size;        /* of all its memory, in bytes */
    struct fr_peer peer;
};

/* Behind the struct lie the protocol's storage, here, and then the transport's: pointers and integers. */
#define FR_CONNECTION_ROUND_UP(size) (((size) + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1))
#define FR_CONNECTION_PROTOCOL_OFFSET FR_CONNECTION_ROUND_UP(sizeof(struct fr_connection))

/* Whose protocol it is. */
static inline struct fr_connection *fr_connection_of(struct fr_protocol *protocol)
{
    return (struct fr_connection *)(void *)((char *)protocol - FR_CONNECTION_PROTOCOL_OFFSET);
}

/* Makes the lists of `shared` empty and its deferred work ready; the given fields stay. */
void fr_connection_shared_init(struct fr_connection_shared *shared);

/* Has the loop forget `shared`, whose connections are all closed. */
void fr_connection_shared_leave(struct fr_connection_shared *shared);

/* Takes over the accepted descriptor `fd` and begins to read. 0, or FR_E_SYSTEM and the descriptor is closed. */
FR_CHECKED int fr_connection_open(struct fr_connection_shared *shared, const struct fr_entrance *entrance, int fd,
                                  const struct sockaddr *peer, socklen_t peer_len);

/* To be closed before the loop sleeps, whatever is open. Allowed anywhere. */
void fr_connection_close(struct fr_connection *connection, enum fr_close_reason reason);

/* The next answer is the last, from before the loop sleeps; an idle connection stays open for a moment, lest a
 * request that is on its way is lost. Allowed anywhere, once or more. */
void fr_connection_drain(struct fr_connection *connection);

/* All memory of one connection that speaks `protocol` over `transport`, in bytes. */
size_t fr_connection_bytes(const struct fr_protocol_ops *protocol, const struct fr_transport_ops *transport);

#endif
