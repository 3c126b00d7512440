/* net/loop.h - One event loop per worker: its memory, its clock, its timers, its hooks before sleep.
 *
 * With timer.h and watch.h all of net/ that python/ may include; libuv stays behind them. Everything but fr_loop_wake
 * is for the loop's own thread. A turn is: run what was deferred, then the due timers, and handle the events that have
 * come; when there are none, sleep and handle one batch of events. A timer that falls due while nobody turns the loop
 * fires after the events that have come by then. */
#ifndef FR_NET_LOOP_H
#define FR_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/span.h"

struct fr_loop;
struct fr_transport_ops;

/* Where bytes are read to before anybody knows whose they are; idle connections own no read memory. */
#define FR_LOOP_SCRATCH_BYTES (256 * 1024)

/* Something to be done once, before the next sleep. Embedded in its owner; zero before first use. */
struct fr_deferred {
    struct fr_list node;
    void (*run)(struct fr_deferred *deferred);
};

/* Called before the loop looks for events, in the order the hooks were added: with `sleep` if it will wait for some.
 * A hook may defer more work; the loop then does not sleep before that is done. */
struct fr_poll_hook {
    struct fr_list node;
    void (*before_poll)(struct fr_poll_hook *hook, bool sleep);
};

/* A loop whose sockets use `transport` (&fr_transport_uv); NULL and *error on failure. */
struct fr_loop *fr_loop_open(const struct fr_transport_ops *transport, int *error);

/* The same with the transport that works everywhere, for those who may not know transports. */
struct fr_loop *fr_loop_open_plain(int *error);

/* Runs the close callbacks that are still due and frees the loop; every socket, listener, watch and
 * timer must have been closed by its owner. */
void fr_loop_close(struct fr_loop *loop);

/* One turn: sleeps at most `timeout_ms` (0: not at all, -1: until something happens). A turn may end early; one in
 * which a timer fired does not sleep at all, so that the caller can look at what that did. */
void fr_loop_turn(struct fr_loop *loop, int timeout_ms);

/* The turn that is under way will not sleep: somebody outside has got work to do. From inside of the turn; for a
 * wake-up from elsewhere there is fr_loop_wake. */
void fr_loop_hurry(struct fr_loop *loop);

/* To be called first in a process that was forked, outside of a turn: the kernel's queue of events is shared with the
 * parent, who would lose what is changed in it here. 0, or FR_E_SYSTEM. */
FR_CHECKED int fr_loop_renew(struct fr_loop *loop);

/* Makes a turn return soon. The only call that is safe from other threads and from signal handlers. */
void fr_loop_wake(struct fr_loop *loop);

/* A descriptor that ends a sleep when a byte is written to it, non-blocking and the loop's; for runtimes whose
 * signal handlers write one, as Python's do. Made when it is first asked for; -1 when the system refuses. */
int fr_loop_wakeup_fd(struct fr_loop *loop);

/* The name and version of the library that turns the loop: "libuv", "1.44.2". */
const char *fr_loop_library(void);
const char *fr_loop_library_version(void);

/* A descriptor that is readable when a turn would find work; for a guest in another loop. */
int fr_loop_fd(const struct fr_loop *loop);

/* How long a turn may sleep before something is due: ms, 0 now, -1 nothing is. */
int fr_loop_timeout_ms(const struct fr_loop *loop);

/* Reads the clock again for whoever comes from outside of a turn, where a guest may have been for long: deadlines are
 * counted from it. Nothing inside of a turn, nor without on_stirred: then the clock is one batch of events old. */
void fr_loop_refresh(struct fr_loop *loop);

/* Has `stirred` called whenever work comes up outside of a turn: something was deferred, a deadline came nearer, a
 * descriptor is to be watched. For guests in another loop, who then make a turn soon; NULL ends it. */
void fr_loop_on_stirred(struct fr_loop *loop, void (*stirred)(void *owner), void *owner);

/* Runs `deferred` once before the next sleep; no effect when it is already waiting. */
void fr_loop_defer(struct fr_loop *loop, struct fr_deferred *deferred);

/* Takes `deferred` back, if it is waiting. */
void fr_loop_forget(struct fr_loop *loop, struct fr_deferred *deferred);

void fr_loop_add_hook(struct fr_loop *loop, struct fr_poll_hook *hook);
void fr_loop_remove_hook(struct fr_loop *loop, struct fr_poll_hook *hook);

/* The loop's clock and pool. */
struct fr_clock *fr_loop_clock(struct fr_loop *loop);
struct fr_pool *fr_loop_pool(struct fr_loop *loop);

#endif
