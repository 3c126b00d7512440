/* python/asgi_task.c - How calls of an ASGI application become tasks, and when they make their first step.
 *
 * Four ways, from fast to slow. A spare task (asgi_spare.h), before CPython 3.12. An eager task, since then. In our own
 * loop, before: a task whose first step is caught on its way to the loop's queue. And loop.create_task(), when the
 * first step cannot be made now, because code of Python's is on the stack, or somebody has set a task factory. */
#include "python/asgi_task.h"

#include "python/asgi_call.h"
#include "python/asgi_spare.h"
#include "python/coroutine.h"
#include "python/errors.h"
#include "python/event_loop.h"

/* ---- opening and closing ---- */

/* What spare tasks need is there before CPython 3.12, unless somebody has replaced asyncio's own tasks. */
static int open_spares(struct fr_asgi_tasks *tasks, PyObject *module)
{
    PyObject *accelerated = PyObject_GetAttrString(module, "_CTask");
    PyObject *weak_set = PyObject_GetAttrString(module, "_all_tasks");
    if (accelerated != NULL && weak_set != NULL && accelerated == tasks->task_type) {
        tasks->all_tasks = PyObject_GetAttrString(weak_set, "data");
        tasks->all_tasks_forget = PyObject_GetAttrString(weak_set, "_remove");
        tasks->leave_task = PyObject_GetAttrString(module, "_leave_task");
        if (tasks->all_tasks != NULL && tasks->all_tasks_forget != NULL && tasks->leave_task != NULL)
            tasks->enter_task = PyObject_GetAttrString(module, "_enter_task");
    }
    Py_XDECREF(accelerated);
    Py_XDECREF(weak_set);
    if (PyErr_Occurred() == NULL)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}

static PyObject *new_task_names(void)
{
    return FR_COMPAT_EAGER_TASKS ? Py_BuildValue("(sss)", "loop", "context", "eager_start")
                                 : Py_BuildValue("(s)", "loop");
}

int fr_asgi_tasks_open(struct fr_asgi_tasks *tasks, struct core_state *state, struct fr_gil *gil, PyObject *event_loop)
{
    struct fr_loop *loop;
    struct fr_gil *loop_gil;
    *tasks = (struct fr_asgi_tasks){.state = state, .gil = gil, .event_loop = Py_NewRef(event_loop)};
    fr_list_init(&tasks->running);
    tasks->loop_is_ours = fr_event_loop_is_ours(state, event_loop, &loop, &loop_gil);
    PyObject *module = PyImport_ImportModule("asyncio.tasks");
    if (module != NULL)
        tasks->task_type = PyObject_GetAttrString(module, "Task");
    tasks->task_names = new_task_names();
    tasks->context = PyContext_CopyCurrent();
    int status = tasks->task_type != NULL && tasks->task_names != NULL && tasks->context != NULL ? 0 : -1;
    if (status == 0 && !FR_COMPAT_EAGER_TASKS)
        status = open_spares(tasks, module);
    Py_XDECREF(module);
    if (status < 0)
        fr_asgi_tasks_close(tasks);
    return status;
}

int fr_asgi_tasks_traverse(struct fr_asgi_tasks *tasks, visitproc visit, void *arg)
{
    Py_VISIT(tasks->event_loop);
    Py_VISIT(tasks->context);
    Py_VISIT(tasks->spare);
    const struct fr_list *node = tasks->running.next;
    for (; node != NULL && node != &tasks->running; node = node->next)
        Py_VISIT(FR_LIST_OWNER(node, struct fr_asgi_call, link));
    return 0;
}

static void abandon_all(struct fr_asgi_tasks *tasks)
{
    if (tasks->running.next == NULL || fr_list_is_empty(&tasks->running))
        return;
    PyObject *raised = fr_compat_take_exception();
    bool at_top = tasks->gil->at_top;
    tasks->gil->at_top = false;
    fr_coroutine_raise_asyncio("CancelledError", NULL);
    PyObject *cancelled = fr_compat_take_exception();
    while (!fr_list_is_empty(&tasks->running))
        fr_asgi_call_abandon(FR_LIST_OWNER(tasks->running.next, struct fr_asgi_call, link), cancelled);
    Py_DECREF(cancelled);
    tasks->gil->at_top = at_top;
    if (raised != NULL)
        fr_compat_raise_exception(raised);
}

void fr_asgi_tasks_close(struct fr_asgi_tasks *tasks)
{
    abandon_all(tasks);
    fr_asgi_spare_close(tasks);
    Py_CLEAR(tasks->event_loop);
    Py_CLEAR(tasks->context);
    Py_CLEAR(tasks->task_type);
    Py_CLEAR(tasks->task_names);
    Py_CLEAR(tasks->enter_task);
    Py_CLEAR(tasks->leave_task);
    Py_CLEAR(tasks->all_tasks);
    Py_CLEAR(tasks->all_tasks_forget);
}

/* ---- starting ---- */

/* A call with a task of its own, after its first step or before it; both references are the caller's. */
struct started {
    struct fr_asgi_call *call;
    PyObject *task; /* NULL: it could not be made, and an exception is in flight */
};

static bool has_task_factory(struct fr_asgi_tasks *tasks)
{
    PyObject *factory = PyObject_CallMethodNoArgs(tasks->event_loop, tasks->state->names.get_task_factory);
    bool has = factory == NULL || !Py_IsNone(factory);
    Py_XDECREF(factory);
    PyErr_Clear(); /* whoever has no factories has his reasons to make his tasks himself */
    return has;
}

static PyObject *new_task(struct fr_asgi_tasks *tasks, PyObject *const *arguments)
{
    return PyObject_Vectorcall(tasks->task_type, arguments, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, tasks->task_names);
}

static void start_eagerly(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start, struct started *started)
{
    PyObject *context = PyContext_Copy(tasks->context);
    PyObject *arguments[] = {NULL, (PyObject *)started->call, tasks->event_loop, context, Py_True};
    fr_asgi_call_begin(started->call, start, NULL);
    if (context != NULL)
        started->task = new_task(tasks, arguments + 1);
    if (started->call->is_over)
        started->call->context = context; /* to tell the owner in */
    else
        Py_XDECREF(context);
}

static void start_caught(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start, struct started *started)
{
    PyObject *context = PyContext_Copy(tasks->context);
    PyObject *arguments[] = {NULL, (PyObject *)started->call, tasks->event_loop};
    struct fr_event_loop_catch caught = {NULL, NULL};
    fr_asgi_call_begin(started->call, start, context);
    if (context == NULL)
        return;
    fr_event_loop_catch(tasks->event_loop, &caught);
    started->task = new_task(tasks, arguments + 1);
    fr_event_loop_catch(tasks->event_loop, NULL);
    if (started->task != NULL && caught.callback != NULL) {
        PyObject *stepped = PyObject_CallNoArgs(caught.callback);
        if (stepped == NULL)
            fr_errors_drop(caught.callback);
        Py_XDECREF(stepped);
    }
    Py_XDECREF(caught.callback);
    Py_XDECREF(caught.context);
}

/* The loop makes the first step. A task copies the context that it is made in, in which factories run too. */
static void start_later(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start, struct started *started)
{
    PyObject *context = PyContext_Copy(tasks->context);
    PyObject *arguments[] = {tasks->event_loop, (PyObject *)started->call};
    fr_asgi_call_begin(started->call, start, NULL);
    if (context != NULL && PyContext_Enter(context) == 0) {
        started->task = PyObject_VectorcallMethod(tasks->state->names.create_task, arguments,
                                                  2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        PyObject *raised = fr_compat_take_exception();
        if (PyContext_Exit(context) < 0)
            fr_errors_drop(context);
        if (raised != NULL)
            fr_compat_raise_exception(raised);
    }
    Py_XDECREF(context);
}

/* With a task of its own. */
static void start_task(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start, bool at_once)
{
    struct started started = {.call = fr_asgi_call_new(tasks), .task = NULL};
    struct fr_asgi_call *call = started.call;
    if (call == NULL) {
        PyObject *exception = fr_compat_take_exception();
        start->ended(start->owner, exception);
        Py_DECREF(exception);
        return;
    }
    if (!at_once)
        start_later(tasks, start, &started);
    else if (FR_COMPAT_EAGER_TASKS)
        start_eagerly(tasks, start, &started);
    else
        start_caught(tasks, start, &started);
    call->is_first = false;
    if (started.task == NULL)
        fr_asgi_call_end(call, fr_compat_take_exception());
    if (!call->is_over)
        call->task = Py_NewRef(started.task);
    else if (call->tasks != NULL)
        fr_asgi_call_tell(call);
    Py_XDECREF(started.task);
    Py_DECREF(call);
}

/* A spare task is there for whom it saves something: who ended in its first step, and who could not make it at once. */
static void start_at_top(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start)
{
    size_t running = tasks->running_count;
    if (tasks->spare != NULL && fr_asgi_spare_start(tasks, start))
        return;
    bool at_once = FR_COMPAT_EAGER_TASKS || tasks->loop_is_ours;
    start_task(tasks, start, at_once);
    if (!at_once || tasks->running_count == running)
        fr_asgi_spare_prepare(tasks);
}

void fr_asgi_task_start(struct fr_asgi_tasks *tasks, PyObject *callable, PyObject *scope, PyObject *receive,
                        PyObject *send, fr_asgi_ended ended, void *owner)
{
    const struct fr_asgi_call_start start = {callable, scope, receive, send, ended, owner};
    struct fr_gil *gil = tasks->gil;
    bool at_top = gil->at_top;
    gil->at_top = false;
    if (at_top && !has_task_factory(tasks))
        start_at_top(tasks, &start);
    else
        start_task(tasks, &start, false);
    gil->at_top = at_top;
}

/* ---- while they run ---- */

/* The tasks of all calls: cancelling one may end others. NULL and an exception. */
static PyObject *list_tasks(const struct fr_asgi_tasks *tasks)
{
    PyObject *list = PyList_New(0);
    for (const struct fr_list *node = tasks->running.next; list != NULL && node != &tasks->running; node = node->next) {
        const struct fr_asgi_call *call = FR_LIST_OWNER(node, struct fr_asgi_call, link);
        if (call->task != NULL && PyList_Append(list, call->task) < 0)
            Py_CLEAR(list);
    }
    return list;
}

void fr_asgi_tasks_cancel(struct fr_asgi_tasks *tasks, const char *message)
{
    bool at_top = tasks->gil->at_top;
    tasks->gil->at_top = false;
    PyObject *list = list_tasks(tasks), *text = PyUnicode_FromString(message);
    for (Py_ssize_t i = 0; list != NULL && text != NULL && i < PyList_GET_SIZE(list); i++) {
        PyObject *task = PyList_GET_ITEM(list, i);
        PyObject *cancelled = PyObject_CallMethodOneArg(task, tasks->state->names.cancel, text);
        if (cancelled == NULL)
            fr_errors_drop(task);
        Py_XDECREF(cancelled);
    }
    fr_errors_drop(tasks->event_loop);
    Py_XDECREF(list);
    Py_XDECREF(text);
    tasks->gil->at_top = at_top;
}

int fr_asgi_tasks_call_soon(struct core_state *state, PyObject *event_loop, PyObject *callback, PyObject *argument,
                            PyObject *context)
{
    if (PyObject_TypeCheck(event_loop, state->event_loop_type))
        return fr_event_loop_call_soon(event_loop, callback, argument, context);
    PyObject *arguments[] = {event_loop, callback, argument, context};
    PyObject *names = context != NULL ? state->context_names : NULL;
    PyObject *handle =
        PyObject_VectorcallMethod(state->names.call_soon, arguments, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
    Py_XDECREF(handle);
    return handle != NULL ? 0 : -1;
}

/* As asyncio.Handle does: to the loop's handler, but an interrupt ends the loop, which raises it as if it came from
 * a callback of its own. */
static void report(struct fr_asgi_tasks *tasks, PyObject *callback)
{
    struct core_state *state = tasks->state;
    PyObject *exception = fr_compat_take_exception(), *reported = NULL;
    if (PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt) ||
        PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) {
        PyObject *raise = fr_coroutine_raiser(exception);
        if (raise != NULL && fr_asgi_tasks_call_soon(state, tasks->event_loop, raise, Py_None, NULL) == 0)
            reported = Py_NewRef(Py_None);
        Py_XDECREF(raise);
    } else {
        PyObject *details = Py_BuildValue(
            "{sNsO}", "message", PyUnicode_FromFormat("Exception in callback %R", callback), "exception", exception);
        if (details != NULL)
            reported = PyObject_CallMethodOneArg(tasks->event_loop, state->names.call_exception_handler, details);
        Py_XDECREF(details);
    }
    if (reported == NULL)
        fr_errors_drop(callback);
    Py_XDECREF(reported);
    Py_DECREF(exception);
}

void fr_asgi_tasks_continue(struct fr_asgi_tasks *tasks, PyObject *callback, PyObject *argument, PyObject *context)
{
    struct fr_gil *gil = tasks->gil;
    bool at_top = gil->at_top;
    PyObject *result = NULL;
    gil->at_top = false;
    if (at_top && (context == NULL || PyContext_Enter(context) == 0)) {
        result = PyObject_CallOneArg(callback, argument);
        PyObject *raised = result == NULL ? fr_compat_take_exception() : NULL;
        if (context != NULL && PyContext_Exit(context) < 0)
            fr_errors_drop(context);
        if (raised != NULL)
            fr_compat_raise_exception(raised);
    } else if (!at_top && fr_asgi_tasks_call_soon(tasks->state, tasks->event_loop, callback, argument, context) == 0) {
        result = Py_NewRef(Py_None);
    }
    if (result == NULL && tasks->event_loop != NULL)
        report(tasks, callback);
    else if (result == NULL)
        fr_errors_drop(callback); /* the tasks were closed by it */
    Py_XDECREF(result);
    gil->at_top = at_top;
}
