/* python/asgi_wait.h - What receive() and send() return: awaitables without a coroutine or a Future behind them.
 *
 * Two are over before they are awaited: one object for None, and one that carries a value. The third waits: it
 * stands in a list of whoever will wake it, and speaks to asyncio.Task as a Future does (add_done_callback,
 * _asyncio_future_blocking, cancel, result). All three have what a coroutine has (send, throw, close), so that
 * asyncio.create_task(receive()) works as it does with other servers. */
#ifndef FR_PYTHON_ASGI_WAIT_H
#define FR_PYTHON_ASGI_WAIT_H

#include "base/list.h"
#include "python/asgi_task.h"

/* An awaitable that gives None at once: always the same object, a new reference. */
PyObject *fr_asgi_done(struct core_state *state);

/* An awaitable that gives `value` at once. Takes over the reference; for NULL returns NULL. */
PyObject *fr_asgi_ready(struct core_state *state, PyObject *value);

/* What the wait comes to, asked for once, when its task goes on: a new reference, or NULL and an exception. */
typedef PyObject *(*fr_asgi_outcome)(PyObject *owner);

/* An awaitable that waits in `list`, which must be part of the Python object `owner` (kept alive by the wait). It leaves
 * the list when it is woken, cancelled or forgotten. NULL and an exception when memory is short. */
PyObject *fr_asgi_wait_new(struct fr_asgi_tasks *tasks, struct fr_list *list, PyObject *owner, fr_asgi_outcome outcome);

/* Wakes the first that waits, or all that wait now. The task goes on before this returns when no code of Python's is on
 * the stack, and in the next turn otherwise; the caller must be prepared for either. */
void fr_asgi_wake_first(struct fr_list *list);
void fr_asgi_wake_all(struct fr_list *list);

extern const PyType_Spec fr_asgi_done_spec;
extern const PyType_Spec fr_asgi_ready_spec;
extern const PyType_Spec fr_asgi_wait_spec;

#endif
