/* python/asgi_wait.h - What receive() and send() return: awaitables without a coroutine or a Future behind them.
 *
 * One is over before it is awaited (asgi_done.h). The other waits: it stands in a list of whoever will wake
 * it, and speaks to asyncio.Task as a Future does (add_done_callback, _asyncio_future_blocking, cancel, result).
 * Both have what a coroutine has (send, throw, close), so that asyncio.create_task(receive()) works as it does with
 * other servers. */
#ifndef FR_PYTHON_ASGI_WAIT_H
#define FR_PYTHON_ASGI_WAIT_H

#include "base/list.h"
#include "python/asgi_done.h"
#include "python/asgi_task.h"

/* What the wait comes to, asked for once it is over and when its task goes on: a new reference, or NULL and an
 * exception. NULL without one says that there is nothing, because somebody else took it meanwhile: the wait goes
 * on. */
typedef PyObject *(*fr_asgi_outcome)(PyObject *owner);

/* An awaitable that waits in `list`, which must be part of the Python object `owner` (kept alive by the wait). It
 * leaves the list when it is woken, cancelled or forgotten; while a task waits for it the list keeps it alive, so
 * whoever owns the list wakes all when nothing will come any more. When it has been woken and its task does not go
 * on, because it was cancelled meanwhile, the next in the list is woken: nothing that came is lost. NULL and an
 * exception when memory is short. */
PyObject *fr_asgi_wait_new(struct fr_asgi_tasks *tasks, struct fr_list *list, PyObject *owner, fr_asgi_outcome outcome);

/* Wakes the first that waits, or all that wait now. The task goes on before this returns when no code of Python's is on
 * the stack, and in the next turn otherwise; the caller must be prepared for either. */
void fr_asgi_wake_first(struct fr_list *list);
void fr_asgi_wake_all(struct fr_list *list);

extern const PyType_Spec fr_asgi_wait_spec;

#endif
