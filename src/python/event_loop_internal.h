/* python/event_loop_internal.h - The event loop as its own files see it; nobody else includes it. */
#ifndef FR_PYTHON_EVENT_LOOP_INTERNAL_H
#define FR_PYTHON_EVENT_LOOP_INTERNAL_H

#include <sys/types.h>

#include "python/event_descriptors.h"
#include "python/event_handle.h"
#include "python/event_loop.h"
#include "python/event_queue.h"
#include "python/event_timers.h"

struct event_loop {
    PyObject_HEAD
    struct core_state *state;
    struct fr_loop *loop; /* NULL before __init__ and after close */
    struct fr_gil gil;
    struct fr_event_handles handles;
    struct fr_event_queue ready;
    struct fr_event_timers timers;
    struct fr_event_descriptors descriptors;
    struct fr_event_loop_catch *catch; /* takes the next call_soon; NULL: nobody does */
    PyObject *interrupt;               /* see fr_event_loop_interrupt */
    struct fr_list residents;          /* workers that live in the loop */
    unsigned long thread;              /* that is inside the turn */
    pid_t process;                     /* that the kernel's queue of events belongs to */
    bool in_turn;
    bool stopping, closed, debug; /* BaseEventLoop's _stopping, _closed and _debug */
};

#define EVENT_LOOP(object) ((struct event_loop *)(object))

/* Methods of the type; their contract is asyncio's. */
PyObject *fr_event_calls_call_soon(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames);
PyObject *fr_event_calls_call_soon_threadsafe(PyObject *object, PyObject *const *args, Py_ssize_t count,
                                              PyObject *kwnames);
PyObject *fr_event_calls_call_later(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames);
PyObject *fr_event_calls_call_at(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames);

/* _add_callback: a handle of asyncio's is ready. _add_timer: one is due at its _when. */
PyObject *fr_event_calls_add_callback(PyObject *object, PyObject *handle);
PyObject *fr_event_calls_add_timer(PyObject *object, PyObject *handle);
PyObject *fr_event_calls_timer_handle_cancelled(PyObject *object, PyObject *handle);

/* call_soon(*args, context=context) of an open loop that is not in debug mode: a new reference to the handle. */
PyObject *fr_event_calls_queue(struct event_loop *self, PyObject *const *args, Py_ssize_t count, PyObject *context);

/* Has Python make, and check and queue, a handle of asyncio's: self.method(args, context). */
PyObject *fr_event_calls_debugged(struct event_loop *self, const char *method, PyObject *const *args, Py_ssize_t count,
                                  PyObject *context);

/* False, and a RuntimeError, when the loop is closed. */
static inline bool fr_event_loop_check_open(const struct event_loop *self);

/* The loop's time(): seconds. */
static inline double fr_event_loop_now_s(void);

/* Code of Python's, called from inside of the turn, has changed what the turn was to wait for. */
static inline void fr_event_loop_hurry(struct event_loop *self);

/* `handle` is run at the next turn. Takes over the reference. */
static inline void fr_event_loop_push_ready(struct event_loop *self, PyObject *handle);

/* ---- inline definitions ---- */

static inline bool fr_event_loop_check_open(const struct event_loop *self)
{
    if (self->loop == NULL || self->closed)
        PyErr_SetString(PyExc_RuntimeError, "Event loop is closed");
    return self->loop != NULL && !self->closed;
}

static inline double fr_event_loop_now_s(void)
{
    return (double)fr_clock_monotonic_ns() / 1e9;
}

static inline void fr_event_loop_hurry(struct event_loop *self)
{
    if (self->in_turn)
        fr_loop_hurry(self->loop);
}

static inline void fr_event_loop_push_ready(struct event_loop *self, PyObject *handle)
{
    Py_BEGIN_CRITICAL_SECTION(self);
    fr_event_queue_push(&self->ready, handle);
    Py_END_CRITICAL_SECTION();
    fr_event_loop_hurry(self);
}

#endif
