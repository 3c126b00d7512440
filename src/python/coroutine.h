/* python/coroutine.h - What the awaitables of this folder have in common: how a C object passes for a coroutine.
 *
 * PEP 492 and PEP 380: send, throw and close; a value comes back as a StopIteration, and asyncio asks for cr_frame
 * and its like when it shows a task. */
#ifndef FR_PYTHON_COROUTINE_H
#define FR_PYTHON_COROUTINE_H

#include "python/compat.h"

/* The outcome of an am_send as send() and throw() tell it: what was yielded, or NULL and an exception,
 * StopIteration for what was returned. Takes over `value`. */
PyObject *fr_coroutine_tell(PySendResult sent, PyObject *value);

/* The same for tp_iternext, where NULL without an exception says that None was returned. */
static inline PyObject *fr_coroutine_tell_next(PySendResult sent, PyObject *value);

/* Raises what throw(type[, value[, traceback]]) was called with; always -1. */
int fr_coroutine_raise(PyObject *const *args, Py_ssize_t count);

/* Raises an exception of asyncio's, "CancelledError" or "InvalidStateError", with `message` if there is one. */
void fr_coroutine_raise_asyncio(const char *name, PyObject *message);

/* A callable that takes an argument and raises `exception`; NULL and an exception. */
PyObject *fr_coroutine_raiser(PyObject *exception);

/* Getters, of what an awaitable without a frame has nothing to say about: None, and False. */
PyObject *fr_coroutine_get_none(PyObject *self, void *closure);
PyObject *fr_coroutine_get_false(PyObject *self, void *closure);

/* ---- inline definitions ---- */

static inline PyObject *fr_coroutine_tell_next(PySendResult sent, PyObject *value)
{
    if (sent == PYGEN_RETURN && Py_IsNone(value)) {
        Py_DECREF(value);
        return NULL;
    }
    return fr_coroutine_tell(sent, value);
}

#endif
