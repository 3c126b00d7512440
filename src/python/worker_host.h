/* python/worker_host.h - A worker and whoever turns its loop: whose loop that is, what the worker is asked for, what
 * it tells.
 *
 * A WSGI worker is turned by itself, in run(). An ASGI worker is turned by the event loop that its application runs in:
 * as a guest, by turn(), or, when that is a freastal.EventLoop, by living in it. */
#ifndef FR_PYTHON_WORKER_HOST_H
#define FR_PYTHON_WORKER_HOST_H

#include <stdatomic.h>

#include "python/event_loop.h"
#include "python/worker_options.h"
#include "server/worker.h"

/* What drain() and stop() ask for; a later one may only ask for more. */
enum fr_worker_intention { FR_WORKER_INTEND_NOTHING, FR_WORKER_INTEND_DRAIN, FR_WORKER_INTEND_STOP };

/* Zero before first use. */
struct fr_worker_host {
    PyObject *worker; /* the object that embeds this */
    struct fr_worker *core;
    struct fr_asgi *asgi;                    /* NULL for WSGI */
    const struct fr_worker_options *options; /* of the worker */
    struct fr_gil own_gil, *gil;             /* that of the loop it lives in, or its own */
    struct fr_poll_hook hook;                /* in the loop it lives in */
    struct fr_event_loop_resident resident;  /* of that loop */
    struct fr_deferred attending;            /* to what was asked for, or has come about, when the loop gets to it */
    atomic_int intention;
    bool lives_in_loop; /* of a freastal.EventLoop, which turns it, and holds it from start to stopped */
    bool stopping;      /* stop() has been acted on */
    bool cancel_asked;  /* the calls that go on will be cancelled */
    bool stop_told;     /* on_stopped has been called */
    bool stir_told;     /* on_stirred has been called since the last turn */
};

/* Finds out whose loop it will be, and completes the core's configuration; 0, or -1 and an exception. `asgi` need not
 * be open yet. */
int fr_worker_host_find(struct fr_worker_host *host, PyObject *worker, struct fr_worker_options *options,
                        struct fr_asgi *asgi);

/* The core is open: from now on its loop may sleep without the GIL, and the host is told what it wants to know. */
void fr_worker_host_enter(struct fr_worker_host *host, struct fr_worker *core);

/* The worker has been started. In a loop it lives in it stays alive until it has stopped, whoever forgets it. */
void fr_worker_host_hold(struct fr_worker_host *host);

/* Around each turn of a worker that does not live in its loop. The second holds the GIL. */
void fr_worker_host_begin_turn(struct fr_worker_host *host);
void fr_worker_host_end_turn(struct fr_worker_host *host);

/* From any thread, or a signal handler. To be acted on in the next turn. */
void fr_worker_host_intend(struct fr_worker_host *host, enum fr_worker_intention intention);

/* No connection is open, and no call of the application's goes on. The core must be open. */
bool fr_worker_host_is_at_rest(const struct fr_worker_host *host);

/* Whether the worker can be closed now; false and an exception when only its running loop could do so. */
bool fr_worker_host_may_close(const struct fr_worker_host *host);

/* The core has stopped, or never started, and will be closed; the GIL is held from now on. */
void fr_worker_host_leave(struct fr_worker_host *host);

/* The core is closed, and no call goes on. The worker may be gone afterwards unless the caller holds it. */
void fr_worker_host_forget(struct fr_worker_host *host);

/* Calls `callback` from anywhere: also while an exception is in flight. False when it failed, which was told. */
bool fr_worker_host_call(struct fr_worker_host *host, PyObject *callback, PyObject *const *args, size_t count);

#endif
