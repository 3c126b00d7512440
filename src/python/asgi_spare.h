/* python/asgi_spare.h - A task that waits for a call, so that most calls need no new one.
 *
 * Before CPython 3.12 has eager tasks, an asyncio.Task costs more than everything else in a short call. A spare
 * task is the current task while the first step of a call is made, and is told about it only when the application
 * suspends. When the call ends in its first step, and nobody has taken hold of the task, it is there for the next.
 * While it is idle it is not among asyncio.all_tasks(). */
#ifndef FR_PYTHON_ASGI_SPARE_H
#define FR_PYTHON_ASGI_SPARE_H

#include "python/asgi_call.h"

/* Makes a spare task: in our loop it is there at once, in another it will be after its first step. A failure costs
 * nothing but time, and is forgotten. */
void fr_asgi_spare_prepare(struct fr_asgi_tasks *tasks);

/* Makes the first step of a call as the spare task of `tasks`, which must be there; false, and nothing has
 * happened, when it cannot be made the current one. Tells the owner if the call is over. */
bool fr_asgi_spare_start(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start);

/* Lets go of the spare task. */
void fr_asgi_spare_close(struct fr_asgi_tasks *tasks);

/* For asgi_call.c: the spare has no call, and what its task is to wait for, a new reference. */
bool fr_asgi_spare_is_idle(PyObject *spare);
PyObject *fr_asgi_spare_wait(PyObject *spare);

extern const PyType_Spec fr_asgi_spare_spec;

#endif
