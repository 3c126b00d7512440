/* net/watch.h - Being told when a descriptor is readable or writable; for event_loop's readers and writers. */
#ifndef FR_NET_WATCH_H
#define FR_NET_WATCH_H

#include <stdbool.h>

#include "base/error.h"
#include "net/loop.h"

struct fr_watch;

/* The descriptor can be read or written without blocking, as far as that was asked for; also after an error
 * or a hang-up, which the next read or write will meet. */
typedef void (*fr_watch_ready)(struct fr_watch *watch, bool readable, bool writable);

/* Watches `fd`, which stays the caller's, and as it is: blocking or not. Closed before the watch is, it is merely never
 * ready again. NULL and *error (errno) on failure. At most one watch per
 * descriptor and loop. */
struct fr_watch *fr_watch_open(struct fr_loop *loop, int fd, fr_watch_ready ready, void *owner, int *error);

/* What to be told of; neither pauses the watch. */
void fr_watch_want(struct fr_watch *watch, bool readable, bool writable);

void *fr_watch_owner(const struct fr_watch *watch);

/* Stops at once, and frees itself in the loop. */
void fr_watch_close(struct fr_watch *watch);

#endif
