/* net/transport.h - SEAM: a way to move bytes: libuv, io_uring, or memory in the tests.
 *
 * Completion-shaped: flush() is given the whole outbox and takes as much as it can now; when that was not
 * everything, the rest goes out by itself and drained() follows. The user (server/channel.c, or a test)
 * embeds struct fr_socket first in its own struct, with ops->socket_size bytes of storage behind. */
#ifndef FR_NET_TRANSPORT_H
#define FR_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/outbox.h"
#include "base/span.h"
#include "net/loop.h"

struct fr_listener;
struct fr_socket;

/* What a socket's user hears. Never called from inside a call on the same socket, except `received` and
 * `ended` which may come from read(true). `ended` may come after read(false), when no bytes are before it.
 * Nothing comes after close() but closed(). */
struct fr_socket_events {
    void (*received)(struct fr_socket *socket, fr_span bytes); /* the loop's memory, until return */
    void (*ended)(struct fr_socket *socket);                   /* the peer will send no more */
    void (*drained)(struct fr_socket *socket);                 /* the outbox fell to `low_bytes` or is empty */
    void (*failed)(struct fr_socket *socket, int error);       /* errno, positive; close() is the user's next call */
    void (*closed)(struct fr_socket *socket);                  /* the memory may be reused from here on */
};

struct fr_socket {
    struct fr_loop *loop;                  /* given */
    const struct fr_socket_events *events; /* given */
    struct fr_outbox *outbox;              /* given: what flush() writes and drains */
    size_t low_bytes;                      /* given: drained() when at or below, after flush() left more */
    void *transport;                       /* the transport's storage, ops->socket_size bytes, zeroed by the user */
};

struct fr_transport_ops {
    const char *name;
    size_t socket_size;                                              /* storage the user sets aside */
    FR_CHECKED int (*loop_open)(struct fr_loop *loop, void **state); /* per-loop state; FR_E_UNSUPPORTED, politely */
    void (*loop_close)(struct fr_loop *loop, void *state);
    /* Takes over a connected, non-blocking fd. 0, or FR_E_SYSTEM: then fd has been closed, and closed() does
     * not come. */
    FR_CHECKED int (*open)(struct fr_socket *socket, int fd);
    void (*read)(struct fr_socket *socket, bool wanted); /* off after open */
    /* Writes as much as the kernel takes; 0 (look at the outbox for what is left) or FR_E_GONE. With `more`
     * the kernel may hold short pieces back while earlier ones are on their way, because more follows at once;
     * a flush without, also of an empty outbox, sends what it holds. */
    FR_CHECKED int (*flush)(struct fr_socket *socket, bool more);
    void (*end)(struct fr_socket *socket); /* shut down our direction; outbox is empty */
    /* Drops what is not sent yet; closed() follows, from the loop, never from here. Idempotent. */
    void (*close)(struct fr_socket *socket);
};

extern const struct fr_transport_ops fr_transport_uv;

#endif
