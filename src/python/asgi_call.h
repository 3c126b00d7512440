/* python/asgi_call.h - The coroutine that an application's task runs: it drives the one that the application returned.
 *
 * For asgi_task.c, which starts calls, and asgi_spare.c, whose tasks make many. A call enters its context for each
 * step, forbids stepping other tasks meanwhile, and keeps what the application raises from the task, which returns
 * None. */
#ifndef FR_PYTHON_ASGI_CALL_H
#define FR_PYTHON_ASGI_CALL_H

#include "python/asgi_task.h"

/* What a call is told at its start; borrowed for the call. */
struct fr_asgi_call_start {
    PyObject *callable, *scope, *receive, *send;
    fr_asgi_ended ended;
    void *owner;
};

struct fr_asgi_call {
    PyObject_HEAD
    struct fr_list link;                         /* in tasks->running, which owns a reference */
    struct fr_asgi_tasks *tasks;                 /* NULL once they are closed */
    PyObject *callable, *scope, *receive, *send; /* NULL once the application was called */
    PyObject *coroutine;                         /* what it returned */
    PyObject *context;                           /* entered for each step; NULL: the task's own is entered */
    PyObject *task;                              /* kept alive as long as the call; NULL in its first step */
    PyObject *exception;                         /* what it ended with */
    PyObject *spare;                             /* the call belongs to this spare task; else NULL */
    PyObject *yielded;                           /* what the spare task is yet to be told; else NULL */
    fr_asgi_ended ended;                         /* NULL: not started, or told already */
    void *owner;
    bool is_running; /* code of the application's is on the stack */
    bool is_over;
    bool is_first; /* whoever started the call tells the owner about its end */
};

/* A call that has not been started; NULL and an exception. */
struct fr_asgi_call *fr_asgi_call_new(struct fr_asgi_tasks *tasks);

/* Notes what is to be called, in `context` if that is not NULL; nothing runs yet. The end is told by
 * fr_asgi_call_tell as long as is_first is set, which it is now. Takes over `context`. */
void fr_asgi_call_begin(struct fr_asgi_call *call, const struct fr_asgi_call_start *start, PyObject *context);

/* The next step, with None sent into the application's coroutine. */
PySendResult fr_asgi_call_step(struct fr_asgi_call *call, PyObject **result);

/* The call is over, with `exception` (taken over) or NULL; legal when it is over already. */
void fr_asgi_call_end(struct fr_asgi_call *call, PyObject *exception);

/* Tells the owner, once, and lets the call go from the tasks that are running. */
void fr_asgi_call_tell(struct fr_asgi_call *call);

/* Closes the coroutine of a call whose tasks are no more, and tells its owner. */
void fr_asgi_call_abandon(struct fr_asgi_call *call, PyObject *exception);

extern const PyType_Spec fr_asgi_call_spec;

#endif
