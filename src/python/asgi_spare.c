/* python/asgi_spare.c - The life of a spare task, and the future that it waits for between calls.
 *
 * Rules of the file. To asyncio the task is suspended from its first step on, until it is told to go on: then it
 * asks its call (asgi_call.c) what the application has yielded, or that all is over. Whoever cancels it meanwhile
 * cancels the future, which notes that. Used again is only a task that is as new: the same references to it, no
 * attribute, callback or other name of its own, not cancelled. */
#include "python/asgi_spare.h"

#include "python/coroutine.h"
#include "python/errors.h"
#include "python/event_loop.h"

/* An application that takes hold of its tasks would use up a spare one with each call. */
#define CALLS_BETWEEN_SPARES 64

struct fr_asgi_spare {
    PyObject_HEAD
    struct fr_asgi_tasks *tasks; /* NULL once they are closed */
    struct fr_asgi_call *call;
    PyObject *task;
    PyObject *wakeup;    /* the task's; NULL before it waits and after it went on */
    PyObject *reference; /* weak, to the task, as it stands in tasks->all_tasks */
    PyObject *name;      /* the task's */
    PyObject *cancel_message;
    Py_ssize_t references; /* to the task, while it is idle */
    bool blocking;
    bool is_idle;
    bool is_cancelled; /* while it was the current task */
};

#define SPARE(object) ((struct fr_asgi_spare *)(object))

/* ---- birth ---- */

static struct fr_asgi_spare *spare_new(struct fr_asgi_tasks *tasks)
{
    struct fr_asgi_spare *spare = PyObject_GC_New(struct fr_asgi_spare, tasks->state->asgi_spare_type);
    if (spare == NULL)
        return NULL;
    memset((char *)spare + sizeof(PyObject), 0, sizeof *spare - sizeof(PyObject));
    spare->tasks = tasks;
    spare->is_idle = true;
    PyObject_GC_Track(spare);
    spare->call = fr_asgi_call_new(tasks);
    if (spare->call == NULL)
        Py_CLEAR(spare);
    else
        spare->call->spare = Py_NewRef(spare);
    return spare;
}

/* Whether asyncio complains when the task is never resumed: an idle one is not. */
static void set_is_missed(struct fr_asgi_spare *spare, bool is_missed)
{
    PyObject *value = is_missed ? Py_True : Py_False;
    if (PyObject_SetAttr(spare->task, spare->tasks->state->names.log_destroy_pending_, value) < 0)
        fr_errors_drop(spare->task);
}

/* Breaks the circles, which may be all that holds the spare but for the caller. The task stays suspended for ever. */
static void discard(struct fr_asgi_spare *spare)
{
    spare->tasks = NULL;
    Py_CLEAR(spare->wakeup);
    Py_CLEAR(spare->reference);
    if (spare->call != NULL)
        Py_CLEAR(spare->call->spare);
    Py_CLEAR(spare->call);
    Py_CLEAR(spare->task);
}

/* A new asyncio.Task that has yet to make its first step, or NULL and an exception. */
static PyObject *new_task(struct fr_asgi_spare *spare, struct fr_event_loop_catch *caught)
{
    struct fr_asgi_tasks *tasks = spare->tasks;
    PyObject *arguments[] = {NULL, (PyObject *)spare->call, tasks->event_loop};
    if (tasks->loop_is_ours)
        fr_event_loop_catch(tasks->event_loop, caught);
    PyObject *task =
        PyObject_Vectorcall(tasks->task_type, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, tasks->task_names);
    if (tasks->loop_is_ours)
        fr_event_loop_catch(tasks->event_loop, NULL);
    return task;
}

/* 0, or -1 and an exception. */
static int open_spare(struct fr_asgi_spare *spare)
{
    struct fr_asgi_tasks *tasks = spare->tasks;
    struct fr_event_loop_catch caught = {NULL, NULL};
    PyObject *stepped = NULL;
    spare->task = new_task(spare, &caught);
    if (spare->task != NULL) {
        set_is_missed(spare, false);
        spare->name = PyObject_CallMethodNoArgs(spare->task, tasks->state->names.get_name);
        spare->reference = PyWeakref_NewRef(spare->task, tasks->all_tasks_forget);
    }
    if (spare->name != NULL && spare->reference != NULL)
        stepped = caught.callback != NULL ? PyObject_CallNoArgs(caught.callback) : Py_NewRef(Py_None);
    Py_XDECREF(caught.callback);
    Py_XDECREF(caught.context);
    Py_XDECREF(stepped);
    return stepped != NULL ? 0 : -1;
}

void fr_asgi_spare_prepare(struct fr_asgi_tasks *tasks)
{
    if (tasks->enter_task == NULL || tasks->spare != NULL || tasks->coming != NULL)
        return;
    if (tasks->spare_pause > 0) {
        tasks->spare_pause--;
        return;
    }
    struct fr_asgi_spare *spare = spare_new(tasks);
    if (spare == NULL) {
        fr_errors_drop(tasks->event_loop);
        return;
    }
    tasks->coming = spare;
    if (open_spare(spare) < 0) {
        fr_errors_drop((PyObject *)spare);
        tasks->coming = NULL;
        discard(spare);
    }
    Py_DECREF(spare); /* its task owns it, by its call */
}

/* The task waits: from now on it can be used. */
static void become_idle(struct fr_asgi_spare *spare)
{
    struct fr_asgi_tasks *tasks = spare->tasks;
    if (PySet_Discard(tasks->all_tasks, spare->reference) < 0)
        fr_errors_drop(spare->task);
    spare->is_idle = true;
    tasks->coming = NULL;
    tasks->spare = (struct fr_asgi_spare *)Py_NewRef(spare);
}

/* ---- use ---- */

/* Nobody but ourselves knows of the task, nor has changed it. */
static bool is_as_new(struct fr_asgi_spare *spare)
{
    if (spare->is_cancelled || Py_REFCNT(spare->task) != spare->references ||
        !fr_compat_is_unmarked(spare->task, spare->reference))
        return false;
    struct core_state *state = spare->tasks->state;
    PyObject *callbacks = PyObject_GetAttr(spare->task, state->names.callbacks_);
    PyObject *name = PyObject_CallMethodNoArgs(spare->task, state->names.get_name);
    bool as_new = callbacks != NULL && name == spare->name && Py_IsNone(callbacks);
    Py_XDECREF(callbacks);
    Py_XDECREF(name);
    fr_errors_drop(spare->task);
    return as_new;
}

/* Has the task go on from its wait, and so ask the call. */
static void wake(struct fr_asgi_spare *spare)
{
    PyObject *wakeup = spare->wakeup;
    spare->wakeup = NULL;
    PyObject *woken = PyObject_CallOneArg(wakeup, (PyObject *)spare);
    if (woken == NULL)
        fr_errors_drop(wakeup);
    Py_XDECREF(woken);
    Py_DECREF(wakeup);
}

/* A cancellation asked for in the first step falls on what the application waits for; it was counted already. */
static void cancel_again(struct fr_asgi_spare *spare)
{
    struct core_state *state = spare->tasks->state;
    PyObject *arguments[] = {NULL, spare->task, spare->cancel_message};
    PyObject *names = PyTuple_Pack(1, state->names.msg);
    PyObject *done = NULL, *uncancel = NULL;
    if (names != NULL)
        done = PyObject_VectorcallMethod(state->names.cancel, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, names);
    if (done != NULL && PyObject_GetOptionalAttr(spare->task, state->names.uncancel, &uncancel) > 0)
        Py_SETREF(done, PyObject_CallNoArgs(uncancel));
    fr_errors_drop(spare->task);
    Py_XDECREF(uncancel);
    Py_XDECREF(done);
    Py_XDECREF(names);
}

/* The application waits for something: the task learns of it, and is the call's alone from now on. */
static void commit(struct fr_asgi_spare *spare, PyObject *yielded)
{
    struct fr_asgi_call *call = spare->call;
    call->yielded = yielded;
    call->task = Py_NewRef(spare->task);
    set_is_missed(spare, true);
    wake(spare);
    if (spare->is_cancelled)
        cancel_again(spare);
    Py_CLEAR(spare->reference); /* the one in all_tasks remains */
    Py_CLEAR(call->spare);
}

/* The call is over: the task is there for the next, or ends as any task of a call does. */
static void finish(struct fr_asgi_spare *spare)
{
    struct fr_asgi_tasks *tasks = spare->tasks;
    if (tasks->spare == NULL && is_as_new(spare)) {
        become_idle(spare);
        return;
    }
    tasks->spare_pause = CALLS_BETWEEN_SPARES;
    wake(spare);
    Py_CLEAR(spare->reference);
    Py_CLEAR(spare->call->spare);
}

/* The task is the current one, and among all tasks; false, and nothing has happened. */
static bool enter(struct fr_asgi_spare *spare)
{
    struct fr_asgi_tasks *tasks = spare->tasks;
    PyObject *arguments[] = {NULL, tasks->event_loop, spare->task};
    PyObject *entered = PyObject_Vectorcall(tasks->enter_task, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (entered == NULL || PySet_Add(tasks->all_tasks, spare->reference) < 0)
        PyErr_Clear(); /* somebody runs another task; or memory is short, and the task is not seen */
    Py_XDECREF(entered);
    return entered != NULL;
}

static void leave(struct fr_asgi_spare *spare, PyObject *leave_task, PyObject *event_loop)
{
    PyObject *arguments[] = {NULL, event_loop, spare->task};
    PyObject *left = PyObject_Vectorcall(leave_task, arguments + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (left == NULL)
        fr_errors_drop(spare->task);
    Py_XDECREF(left);
}

/* The first step, as the current task. The tasks may be closed meanwhile; then call->tasks is NULL. */
static PySendResult make_first_step(struct fr_asgi_spare *spare, struct fr_asgi_call *call, PyObject **yielded)
{
    PyObject *event_loop = Py_NewRef(spare->tasks->event_loop), *leave_task = Py_NewRef(spare->tasks->leave_task);
    PySendResult sent = fr_asgi_call_step(call, yielded);
    leave(spare, leave_task, event_loop);
    call->is_first = false;
    Py_DECREF(leave_task);
    Py_DECREF(event_loop);
    return sent;
}

bool fr_asgi_spare_start(struct fr_asgi_tasks *tasks, const struct fr_asgi_call_start *start)
{
    struct fr_asgi_spare *spare = tasks->spare;
    PyObject *context = PyContext_Copy(tasks->context), *yielded;
    if (context == NULL)
        PyErr_Clear();
    spare->references = Py_REFCNT(spare->task);
    if (context == NULL || !enter(spare)) {
        Py_XDECREF(context);
        return false;
    }
    struct fr_asgi_call *call = (struct fr_asgi_call *)Py_NewRef(spare->call);
    tasks->spare = NULL;
    spare->is_idle = false;
    fr_asgi_call_begin(call, start, context);
    PySendResult sent = make_first_step(spare, call, &yielded);
    if (sent == PYGEN_NEXT && call->tasks != NULL) {
        commit(spare, yielded);
    } else {
        Py_DECREF(yielded);
        if (call->tasks != NULL)
            finish(spare);
        else
            discard(spare);
        fr_asgi_call_tell(call);
    }
    Py_DECREF(call);
    Py_DECREF(spare);
    return true;
}

void fr_asgi_spare_close(struct fr_asgi_tasks *tasks)
{
    struct fr_asgi_spare *spare = tasks->spare, *coming = (struct fr_asgi_spare *)Py_XNewRef(tasks->coming);
    tasks->spare = tasks->coming = NULL;
    if (coming != NULL)
        discard(coming);
    if (spare != NULL)
        discard(spare);
    Py_XDECREF(coming);
    Py_XDECREF(spare);
}

/* ---- what the task waits for ---- */

bool fr_asgi_spare_is_idle(PyObject *spare)
{
    return SPARE(spare)->is_idle;
}

PyObject *fr_asgi_spare_wait(PyObject *spare)
{
    SPARE(spare)->blocking = true;
    return Py_NewRef(spare);
}

/* add_done_callback(wakeup, *, context=...): only the task itself calls it, once. */
static PyObject *spare_add_done_callback(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                         PyObject *Py_UNUSED(names))
{
    struct fr_asgi_spare *spare = SPARE(self);
    if (count != 1 || spare->wakeup != NULL || spare->tasks == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a spare task waits for itself only");
        return NULL;
    }
    spare->wakeup = Py_NewRef(args[0]);
    become_idle(spare);
    Py_RETURN_NONE;
}

/* cancel(msg=None) of the task arrives here while it is the current one. */
static PyObject *spare_cancel(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"msg", NULL};
    PyObject *message = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:cancel", (char **)names, &message))
        return NULL;
    SPARE(self)->is_cancelled = true;
    Py_XSETREF(SPARE(self)->cancel_message, Py_NewRef(message));
    Py_RETURN_TRUE;
}

/* The task goes on: to learn what was yielded, or that all is over, cancelled perhaps. */
static PyObject *spare_result(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct fr_asgi_spare *spare = SPARE(self);
    if (spare->is_cancelled && spare->call != NULL && spare->call->yielded == NULL) {
        PyObject *message = spare->cancel_message;
        fr_coroutine_raise_asyncio("CancelledError", Py_IsNone(message) ? NULL : message);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *spare_get_loop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct fr_asgi_tasks *tasks = SPARE(self)->tasks;
    return Py_NewRef(tasks != NULL ? tasks->event_loop : Py_None);
}

static PyObject *spare_false(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return fr_coroutine_get_false(self, NULL);
}

static PyObject *spare_get_blocking(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(SPARE(self)->blocking);
}

static int spare_set_blocking(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    int blocking = value != NULL ? PyObject_IsTrue(value) : 0;
    SPARE(self)->blocking = blocking > 0;
    return blocking < 0 ? -1 : 0;
}

static PyObject *spare_repr(PyObject *Py_UNUSED(self))
{
    return PyUnicode_FromString("<freastal request in its first step>");
}

/* ---- the type ---- */

static int spare_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct fr_asgi_spare *spare = SPARE(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(spare->call);
    Py_VISIT(spare->task);
    Py_VISIT(spare->wakeup);
    Py_VISIT(spare->reference);
    Py_VISIT(spare->cancel_message);
    return 0;
}

static int spare_clear(PyObject *self)
{
    struct fr_asgi_spare *spare = SPARE(self);
    Py_CLEAR(spare->call);
    Py_CLEAR(spare->task);
    Py_CLEAR(spare->wakeup);
    Py_CLEAR(spare->reference);
    Py_CLEAR(spare->name);
    Py_CLEAR(spare->cancel_message);
    return 0;
}

static void spare_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    struct fr_asgi_spare *spare = SPARE(self);
    PyObject_GC_UnTrack(self);
    if (spare->tasks != NULL && spare->tasks->coming == spare)
        spare->tasks->coming = NULL;
    (void)spare_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static const PyMethodDef spare_methods[] = {
    {"add_done_callback", (PyCFunction)(void (*)(void))spare_add_done_callback, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"cancel", (PyCFunction)(void (*)(void))spare_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {"cancelled", spare_false, METH_NOARGS, NULL},
    {"done", spare_false, METH_NOARGS, NULL},
    {"get_loop", spare_get_loop, METH_NOARGS, NULL},
    {"result", spare_result, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const PyGetSetDef spare_getset[] = {
    {"_asyncio_future_blocking", spare_get_blocking, spare_set_blocking, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyType_Slot spare_slots[] = {
    {Py_tp_dealloc, spare_dealloc},
    {Py_tp_traverse, spare_traverse},
    {Py_tp_clear, spare_clear},
    {Py_tp_doc, (void *)"What a task waits for before its coroutine has suspended."},
    {Py_tp_repr, spare_repr},
    {Py_tp_methods, (void *)spare_methods},
    {Py_tp_getset, (void *)spare_getset},
    {0, NULL},
};

const PyType_Spec fr_asgi_spare_spec = {
    .name = "freastal._core.SpareTask",
    .basicsize = sizeof(struct fr_asgi_spare),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)spare_slots,
};
