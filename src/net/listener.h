/* net/listener.h - A listening descriptor that hands over accepted ones.
 *
 * Binding is not done here: the parent process holds the sockets and workers inherit them. Accept
 * survives EMFILE, ENFILE, ENOBUFS and ENOMEM: a spare descriptor is spent to answer by closing, and
 * accepting rests for a moment instead of spinning. */
#ifndef FR_NET_LISTENER_H
#define FR_NET_LISTENER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/log.h"
#include "net/address.h"
#include "net/loop.h"

struct fr_listener;

/* A connected socket: non-blocking, close-on-exec, TCP_NODELAY where that applies. The receiver owns it. */
typedef void (*fr_accepted)(struct fr_listener *listener, int fd, const struct sockaddr *peer, socklen_t len);

/* Watches `fd`, which stays the caller's; not accepting yet. NULL and *error (errno) on failure. */
struct fr_listener *fr_listener_open(struct fr_loop *loop, int fd, fr_accepted accepted, void *owner,
                                     const struct fr_log *log, int *error);

/* Starts or stops accepting. What waits in the backlog stays there. */
void fr_listener_accept(struct fr_listener *listener, bool wanted);

/* What was given at open. */
void *fr_listener_owner(const struct fr_listener *listener);
int fr_listener_fd(const struct fr_listener *listener);

/* Stops, and frees itself in the loop. The descriptor is not closed. */
void fr_listener_close(struct fr_listener *listener);

#endif
