/* python/event_handle.h - What call_soon and call_later return: asyncio.Handle and asyncio.TimerHandle in C.
 *
 * To Python they are those two: isinstance, repr, comparisons and the attributes that debuggers and libraries read. In
 * debug mode the loop's queues hold real ones of asyncio's, so everything here takes either. */
#ifndef FR_PYTHON_EVENT_HANDLE_H
#define FR_PYTHON_EVENT_HANDLE_H

#include <stdbool.h>

#include "python/state.h"

/* Handles that are kept for the next call; a chain of callbacks needs two. */
#define FR_EVENT_HANDLES_SPARE_MAX 64

/* What the handles of one loop have in common. A handle keeps the loop, and so this, alive. */
struct fr_event_handles {
    struct core_state *state;
    PyObject *loop;             /* borrowed: this is a part of it */
    PyObject *handle_type;      /* asyncio.Handle */
    PyObject *timer_type;       /* asyncio.TimerHandle */
    size_t cancelled_scheduled; /* cancelled timers that are still in the heap */
    unsigned spare_count;
    PyObject *spare[FR_EVENT_HANDLES_SPARE_MAX];
};

/* 0, or -1 and an exception. */
int fr_event_handles_open(struct fr_event_handles *handles, struct core_state *state, PyObject *loop);
int fr_event_handles_traverse(struct fr_event_handles *handles, visitproc visit, void *arg);
void fr_event_handles_clear(struct fr_event_handles *handles);

/* Gives back the spare ones; the last thing of all. */
void fr_event_handles_free(struct fr_event_handles *handles);

/* A handle for callback(*args); `context` NULL: a copy of the current one. NULL and an exception on failure. */
PyObject *fr_event_handle_new(struct fr_event_handles *handles, PyObject *callback, PyObject *const *args,
                              Py_ssize_t count, PyObject *context);

/* The same as a TimerHandle that is in the heap. */
PyObject *fr_event_handle_new_timer(struct fr_event_handles *handles, double when_s, PyObject *callback,
                                    PyObject *const *args, Py_ssize_t count, PyObject *context);

/* Calls what is not cancelled, in its context. An exception goes to the loop's handler; 0, or -1 and what even that let
 * through: KeyboardInterrupt, SystemExit. */
int fr_event_handle_run(struct fr_event_handles *handles, PyObject *handle);

/* handle.cancel(). */
void fr_event_handle_cancel(struct fr_event_handles *handles, PyObject *handle);

bool fr_event_handle_is_cancelled(struct fr_event_handles *handles, PyObject *handle);

/* The timer has left the heap. */
void fr_event_handle_unschedule(struct fr_event_handles *handles, PyObject *handle);

#endif
