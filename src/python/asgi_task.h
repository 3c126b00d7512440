/* python/asgi_task.h - One call of an ASGI application: a coroutine that runs as a task of the event loop.
 *
 * Its first step is made at once, from inside the callback of the core that brought the request, in a context of
 * its own and as the current task; only an application that really waits costs more. Later steps are made at once
 * too when what they wait for comes (asgi_wait.h), and by the loop otherwise. To the application it is an
 * asyncio.Task like any other: current_task(), cancel(), asyncio.timeout, task groups, anyio. */
#ifndef FR_PYTHON_ASGI_TASK_H
#define FR_PYTHON_ASGI_TASK_H

#include "base/list.h"
#include "python/gil.h"
#include "python/state.h"

struct fr_asgi_spare;

/* What the tasks of one worker have in common; belongs to its thread. */
struct fr_asgi_tasks {
    struct core_state *state;
    struct fr_gil *gil;
    PyObject *event_loop; /* asyncio's, ours or somebody else's */
    bool loop_is_ours;
    struct fr_list running; /* of calls, for cancel_all */
    size_t running_count;
    PyObject *context;                      /* copied for each call: what was current when the worker was made */
    PyObject *task_type;                    /* asyncio.Task */
    PyObject *task_names;                   /* of the arguments it is called with */
    PyObject *enter_task, *leave_task;      /* asyncio.tasks._enter_task, ..; NULL: there are no spare tasks */
    PyObject *all_tasks, *all_tasks_forget; /* the set of weak references to tasks, and their callback */
    struct fr_asgi_spare *spare;            /* a task that waits for a call; NULL: none */
    struct fr_asgi_spare *coming;           /* one that has yet to make its first step; borrowed, NULL: none */
    unsigned spare_pause;                   /* so many calls are to pass before another is made */
};

/* 0, or -1 and an exception. */
int fr_asgi_tasks_open(struct fr_asgi_tasks *tasks, struct core_state *state, struct fr_gil *gil, PyObject *event_loop);
int fr_asgi_tasks_traverse(struct fr_asgi_tasks *tasks, visitproc visit, void *arg);

/* Lets go of everything. Calls that are not over end with a CancelledError, outside of their tasks: whoever wants
 * them to clean up in peace cancels them first and lets the loop run. Legal on zeroed memory, and twice. */
void fr_asgi_tasks_close(struct fr_asgi_tasks *tasks);

/* The call is over: it returned, with `exception` NULL, or raised it (borrowed; CancelledError too). Called exactly
 * once per started call, perhaps before fr_asgi_task_start returns; with the GIL held and no exception in flight. */
typedef void (*fr_asgi_ended)(void *owner, PyObject *exception);

/* Calls callable(scope, receive, send) and makes the first step of what that returns. When the call itself raises, or
 * what it returns cannot be awaited, that goes to `ended` like any other exception. `owner` must stay until `ended`. */
void fr_asgi_task_start(struct fr_asgi_tasks *tasks, PyObject *callable, PyObject *scope, PyObject *receive,
                        PyObject *send, fr_asgi_ended ended, void *owner);

/* Cancels every call that is not over, as task.cancel(message) does; for a worker that has to stop. They end in later
 * turns of the loop. */
void fr_asgi_tasks_cancel(struct fr_asgi_tasks *tasks, const char *message);

/* `callback(argument)` in `context`: at once when no code of Python's is on the stack (gil->at_top), else by the event
 * loop's call_soon. With an exception the callback is reported as the event loop does. For asgi_wait.c. */
void fr_asgi_tasks_continue(struct fr_asgi_tasks *tasks, PyObject *callback, PyObject *argument, PyObject *context);

/* event_loop.call_soon(callback, argument, context=context), without a context when that is NULL; 0, or -1 and an
 * exception. */
int fr_asgi_tasks_call_soon(struct core_state *state, PyObject *event_loop, PyObject *callback, PyObject *argument,
                            PyObject *context);

#endif
