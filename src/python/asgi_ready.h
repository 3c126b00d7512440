/* python/asgi_ready.h - Awaitables that are over before they are awaited: one for None, one that carries a value.
 *
 * They have what a coroutine has (send, throw, close), so that asyncio.create_task(send(message)) works as it does
 * with other servers. */
#ifndef FR_PYTHON_ASGI_READY_H
#define FR_PYTHON_ASGI_READY_H

#include "python/state.h"

/* An awaitable that gives None at once, however often it is awaited: a new reference, most of the time to the same
 * object. NULL and an exception when memory is short. */
static inline PyObject *fr_asgi_done(struct core_state *state);

/* An awaitable that gives `value` at once, and once. Takes over the reference; for NULL returns NULL. */
PyObject *fr_asgi_ready(struct core_state *state, PyObject *value);

/* A new one for None; for module.c, which keeps it in state->asgi_done. */
PyObject *fr_asgi_done_new(struct core_state *state);

extern const PyType_Spec fr_asgi_done_spec;
extern const PyType_Spec fr_asgi_ready_spec;

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
