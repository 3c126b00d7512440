/* python/asgi_done.h - An awaitable that is over before it is awaited, and gives None.
 *
 * It has what a coroutine has (send, throw, close), so that asyncio.create_task(send(message)) works as it does with
 * other servers. */
#ifndef FR_PYTHON_ASGI_DONE_H
#define FR_PYTHON_ASGI_DONE_H

#include "python/state.h"

/* An awaitable that gives None at once, however often it is awaited: a new reference, most of the time to the same
 * object. NULL and an exception when memory is short. */
static inline PyObject *fr_asgi_done(struct core_state *state);

/* A new one for None; for module.c, which keeps it in state->asgi_done. */
PyObject *fr_asgi_done_new(struct core_state *state);

extern const PyType_Spec fr_asgi_done_spec;

/* ---- inline definitions ---- */

static inline PyObject *fr_asgi_done(struct core_state *state)
{
#ifdef Py_GIL_DISABLED
    return fr_asgi_done_new(state); /* one for all would have every thread write to its reference count */
#else
    return Py_NewRef(state->asgi_done);
#endif
}

#endif
