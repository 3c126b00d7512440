/* python/asgi_wait.c - An awaitable that waits in a list: a coroutine to whoever awaits it, a Future to its task.
 *
 * Rules of the file. A coroutine that awaits a wait asks for the outcome at the last moment, when its task goes on: if
 * that is cancelled between waking and going on it has taken nothing. Its task asks for result() before that, which
 * says nothing yet. Before it is awaited it is no Future to asyncio, which makes a task of it where it needs one;
 * whoever adds a callback nevertheless has it ask when he wants the result. */
#include "python/asgi_wait.h"

#include "python/coroutine.h"
#include "python/errors.h"

enum wait_state {
    WAITING,   /* in the list */
    WOKEN,     /* there is an outcome, to be asked for */
    RETURNED,  /* `value` is the outcome */
    RAISED,    /* `value` is the exception */
    CANCELLED, /* `value` is the message */
};

struct wait {
    PyObject_HEAD
    struct fr_list link;
    struct fr_list *list; /* in `owner`; NULL with it */
    struct fr_asgi_tasks *tasks;
    PyObject *event_loop;
    PyObject *owner;
    fr_asgi_outcome outcome;
    PyObject *callback, *context; /* of the one who waits, most of the time the only one */
    PyObject *others;             /* further callbacks: a list of (callback, context) */
    PyObject *value;
    enum wait_state state;
    bool blocking;
    bool is_awaited; /* by a coroutine: it has yielded itself */
    bool is_held;    /* the list owns a reference */
};

#define WAIT(object) ((struct wait *)(object))

/* ---- in the list and out of it ---- */

PyObject *fr_asgi_wait_new(struct fr_asgi_tasks *tasks, struct fr_list *list, PyObject *owner, fr_asgi_outcome outcome)
{
    struct wait *wait = PyObject_GC_New(struct wait, tasks->state->asgi_wait_type);
    if (wait == NULL)
        return NULL;
    memset((char *)wait + sizeof(PyObject), 0, sizeof *wait - sizeof(PyObject));
    wait->list = list;
    wait->tasks = tasks;
    wait->event_loop = Py_NewRef(tasks->event_loop);
    wait->owner = Py_NewRef(owner);
    wait->outcome = outcome;
    wait->state = WAITING;
    fr_list_append(list, &wait->link);
    PyObject_GC_Track(wait);
    return (PyObject *)wait;
}

/* Somebody waits: the list keeps it alive. */
static void hold(struct wait *wait)
{
    if (wait->state == WAITING && !wait->is_held) {
        wait->is_held = true;
        Py_INCREF(wait);
    }
}

/* Out of the list; the caller has a reference of his own. */
static void leave_list(struct wait *wait)
{
    if (fr_list_is_linked(&wait->link))
        fr_list_remove(&wait->link);
    if (wait->is_held) {
        wait->is_held = false;
        Py_DECREF(wait);
    }
}

/* Takes the outcome if there is one now. */
static void ask(struct wait *wait)
{
    wait->value = wait->outcome(wait->owner);
    if (wait->value != NULL) {
        wait->state = RETURNED;
    } else if (PyErr_Occurred()) {
        wait->value = fr_compat_take_exception();
        wait->state = RAISED;
    } else {
        wait->state = WAITING;
        fr_list_append(wait->list, &wait->link);
    }
}

/* Nobody will ask for the outcome that it was woken for: let somebody else. */
static void pass_on(struct wait *wait)
{
    if (wait->state != WOKEN || wait->list == NULL)
        return;
    wait->state = CANCELLED;
    fr_asgi_wake_first(wait->list);
}

/* ---- waking ---- */

/* Takes the callbacks; `run` is told each, with the context. */
static void run_callbacks(struct wait *wait, void (*run)(struct wait *, PyObject *, PyObject *))
{
    PyObject *callback = wait->callback, *context = wait->context, *others = wait->others;
    wait->callback = wait->context = wait->others = NULL;
    if (callback != NULL)
        run(wait, callback, context);
    for (Py_ssize_t i = 0; others != NULL && i < PyList_GET_SIZE(others); i++) {
        PyObject *pair = PyList_GET_ITEM(others, i);
        run(wait, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
    }
    Py_XDECREF(callback);
    Py_XDECREF(context);
    Py_XDECREF(others);
}

static void go_on(struct wait *wait, PyObject *callback, PyObject *context)
{
    fr_asgi_tasks_continue(wait->tasks, callback, (PyObject *)wait, context);
}

static void go_on_soon(struct wait *wait, PyObject *callback, PyObject *context)
{
    struct core_state *state = core_state_of((PyObject *)wait);
    if (fr_asgi_tasks_call_soon(state, wait->event_loop, callback, (PyObject *)wait, context) < 0)
        fr_errors_drop(callback);
}

static void wake(struct wait *wait)
{
    Py_INCREF(wait);
    leave_list(wait);
    wait->state = WOKEN;
    run_callbacks(wait, go_on);
    Py_DECREF(wait);
}

void fr_asgi_wake_first(struct fr_list *list)
{
    if (!fr_list_is_empty(list))
        wake(FR_LIST_OWNER(list->next, struct wait, link));
}

void fr_asgi_wake_all(struct fr_list *list)
{
    if (fr_list_is_empty(list))
        return;
    struct fr_list waiting; /* who waits again meanwhile is not woken for that */
    PyObject *owner = Py_NewRef(FR_LIST_OWNER(list->next, struct wait, link)->owner);
    fr_list_init(&waiting);
    fr_list_move_all(list, &waiting);
    while (!fr_list_is_empty(&waiting))
        wake(FR_LIST_OWNER(waiting.next, struct wait, link));
    Py_DECREF(owner);
}

/* ---- as a coroutine ---- */

static PySendResult wait_am_send(PyObject *self, PyObject *Py_UNUSED(sent), PyObject **result)
{
    struct wait *wait = WAIT(self);
    *result = NULL;
    if (wait->state == WOKEN)
        ask(wait);
    switch (wait->state) {
    case RETURNED:
        *result = Py_NewRef(wait->value);
        return PYGEN_RETURN;
    case RAISED:
        PyErr_SetObject((PyObject *)Py_TYPE(wait->value), wait->value);
        return PYGEN_ERROR;
    case CANCELLED:
        fr_coroutine_raise_asyncio("CancelledError", wait->value);
        return PYGEN_ERROR;
    default:
        hold(wait);
        wait->blocking = wait->is_awaited = true;
        *result = Py_NewRef(self);
        return PYGEN_NEXT;
    }
}

static PyObject *wait_send(PyObject *self, PyObject *value)
{
    PyObject *result;
    PySendResult sent = wait_am_send(self, value, &result);
    return fr_coroutine_tell(sent, result);
}

static PyObject *wait_iternext(PyObject *self)
{
    PyObject *result;
    PySendResult sent = wait_am_send(self, Py_None, &result);
    return fr_coroutine_tell_next(sent, result);
}

/* Whoever ends the coroutine that waits does not want it to go on; its turn is somebody else's, also when a task that
 * is over still refers to it. */
static void give_up(struct wait *wait)
{
    pass_on(wait);
    if (wait->state != WAITING)
        return;
    wait->state = CANCELLED;
    leave_list(wait);
    Py_CLEAR(wait->callback);
    Py_CLEAR(wait->context);
    Py_CLEAR(wait->others);
}

static PyObject *wait_throw(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    give_up(WAIT(self));
    (void)fr_coroutine_raise(args, count);
    return NULL;
}

static PyObject *wait_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    give_up(WAIT(self));
    Py_RETURN_NONE;
}

/* ---- as a Future ---- */

static int note_callback(struct wait *wait, PyObject *callback, PyObject *context)
{
    if (wait->callback == NULL) {
        wait->callback = Py_NewRef(callback);
        wait->context = Py_NewRef(context);
        return 0;
    }
    if (wait->others == NULL && (wait->others = PyList_New(0)) == NULL)
        return -1;
    PyObject *pair = PyTuple_Pack(2, callback, context);
    int status = pair != NULL ? PyList_Append(wait->others, pair) : -1;
    Py_XDECREF(pair);
    return status;
}

static PyObject *wait_add_done_callback(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    struct wait *wait = WAIT(self);
    Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
    if (count != 1 || named > 1 ||
        (named == 1 && PyUnicode_Compare(PyTuple_GET_ITEM(names, 0), core_state_of(self)->names.context) != 0))
        return PyErr_Format(PyExc_TypeError, "add_done_callback() takes a callback and perhaps a context");
    PyObject *context = named == 1 && !Py_IsNone(args[1]) ? Py_NewRef(args[1]) : PyContext_CopyCurrent();
    if (context == NULL)
        return NULL;
    int status;
    if (wait->state == WAITING) {
        status = note_callback(wait, args[0], context);
        hold(wait);
    } else {
        status = fr_asgi_tasks_call_soon(core_state_of(self), wait->event_loop, args[0], self, context);
    }
    Py_DECREF(context);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

/* 1: it was this one; 0: not; -1 and an exception. */
static int forget_if_equal(PyObject **callback, PyObject **context, PyObject *wanted)
{
    int equal = *callback != NULL ? PyObject_RichCompareBool(*callback, wanted, Py_EQ) : 0;
    if (equal == 1) {
        Py_CLEAR(*callback);
        Py_CLEAR(*context);
    }
    return equal;
}

static PyObject *wait_remove_done_callback(PyObject *self, PyObject *callback)
{
    struct wait *wait = WAIT(self);
    PyObject *others = wait->others;
    int equal = forget_if_equal(&wait->callback, &wait->context, callback);
    Py_ssize_t removed = equal, i = others != NULL ? PyList_GET_SIZE(others) : 0;
    while (equal >= 0 && i-- > 0) {
        PyObject *pair = Py_NewRef(PyList_GET_ITEM(others, i));
        equal = PyObject_RichCompareBool(PyTuple_GET_ITEM(pair, 0), callback, Py_EQ);
        Py_DECREF(pair);
        if (equal == 1 && PyList_SetSlice(others, i, i + 1, NULL) == 0)
            removed++;
    }
    return equal >= 0 && !PyErr_Occurred() ? PyLong_FromSsize_t(removed) : NULL;
}

static PyObject *wait_cancel(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"msg", NULL};
    struct wait *wait = WAIT(self);
    PyObject *message = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:cancel", (char **)names, &message))
        return NULL;
    if (wait->state != WAITING)
        Py_RETURN_FALSE;
    wait->state = CANCELLED;
    wait->value = Py_IsNone(message) ? NULL : Py_NewRef(message);
    leave_list(wait);
    run_callbacks(wait, go_on_soon);
    Py_RETURN_TRUE;
}

static PyObject *wait_cancelled(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(WAIT(self)->state == CANCELLED);
}

static PyObject *wait_done(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(WAIT(self)->state != WAITING);
}

static PyObject *wait_get_loop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(WAIT(self)->event_loop);
}

/* Whether the outcome is known or, for a coroutine that will ask itself, is nobody's business yet. */
static bool is_settled(struct wait *wait)
{
    if (wait->state == WOKEN && !wait->is_awaited)
        ask(wait);
    if (wait->state == CANCELLED)
        fr_coroutine_raise_asyncio("CancelledError", wait->value);
    else if (wait->state == WAITING)
        fr_coroutine_raise_asyncio("InvalidStateError", NULL);
    else
        return true;
    return false;
}

static PyObject *wait_result(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct wait *wait = WAIT(self);
    if (!is_settled(wait))
        return NULL;
    if (wait->state != RAISED)
        return Py_NewRef(wait->state == RETURNED ? wait->value : Py_None);
    PyErr_SetObject((PyObject *)Py_TYPE(wait->value), wait->value);
    return NULL;
}

static PyObject *wait_exception(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct wait *wait = WAIT(self);
    if (!is_settled(wait))
        return NULL;
    return Py_NewRef(wait->state == RAISED ? wait->value : Py_None);
}

/* Before a coroutine awaits it None, by which asyncio tells what is no Future: so ensure_future(), gather(),
 * shield() and wait() make a task of a wait, as they do of the coroutines of other servers. */
static PyObject *wait_get_blocking(PyObject *self, void *Py_UNUSED(closure))
{
    const struct wait *wait = WAIT(self);
    return wait->is_awaited ? PyBool_FromLong(wait->blocking) : Py_NewRef(Py_None);
}

static int wait_set_blocking(PyObject *self, PyObject *value, void *Py_UNUSED(closure))
{
    int blocking = value != NULL ? PyObject_IsTrue(value) : 0;
    WAIT(self)->blocking = blocking > 0;
    return blocking < 0 ? -1 : 0;
}

static PyObject *wait_get_suspended(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(WAIT(self)->is_awaited && WAIT(self)->state == WAITING);
}

static PyObject *wait_repr(PyObject *self)
{
    static const char *const names[] = {
        [WAITING] = "pending", [WOKEN] = "done",          [RETURNED] = "finished",
        [RAISED] = "finished", [CANCELLED] = "cancelled",
    };
    return PyUnicode_FromFormat("<freastal Wait %s>", names[WAIT(self)->state]);
}

/* ---- the type ---- */

static int wait_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct wait *wait = WAIT(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(wait->event_loop);
    Py_VISIT(wait->owner);
    Py_VISIT(wait->callback);
    Py_VISIT(wait->context);
    Py_VISIT(wait->others);
    Py_VISIT(wait->value);
    return 0;
}

static int wait_clear(PyObject *self)
{
    struct wait *wait = WAIT(self);
    if (fr_list_is_linked(&wait->link))
        fr_list_remove(&wait->link);
    wait->list = NULL; /* it is gone when the owner is */
    if (wait->state == WAITING || wait->state == WOKEN)
        wait->state = CANCELLED;
    Py_CLEAR(wait->event_loop);
    Py_CLEAR(wait->owner);
    Py_CLEAR(wait->callback);
    Py_CLEAR(wait->context);
    Py_CLEAR(wait->others);
    Py_CLEAR(wait->value);
    return 0;
}

/* Not in dealloc: others may go on now, and code of theirs may be run. */
static void wait_finalize(PyObject *self)
{
    struct wait *wait = WAIT(self);
    if (wait->state != WOKEN || wait->list == NULL || fr_list_is_empty(wait->list))
        return;
    PyObject *raised = fr_compat_take_exception();
    pass_on(wait);
    if (raised != NULL)
        fr_compat_raise_exception(raised);
}

static void wait_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (WAIT(self)->state == WOKEN && PyObject_CallFinalizerFromDealloc(self) < 0)
        return;
    PyObject_GC_UnTrack(self);
    (void)wait_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static const PyMethodDef wait_methods[] = {
    {"send", wait_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))wait_throw, METH_FASTCALL, NULL},
    {"close", wait_close, METH_NOARGS, NULL},
    {"add_done_callback", (PyCFunction)(void (*)(void))wait_add_done_callback, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"remove_done_callback", wait_remove_done_callback, METH_O, NULL},
    {"cancel", (PyCFunction)(void (*)(void))wait_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {"cancelled", wait_cancelled, METH_NOARGS, NULL},
    {"done", wait_done, METH_NOARGS, NULL},
    {"exception", wait_exception, METH_NOARGS, NULL},
    {"get_loop", wait_get_loop, METH_NOARGS, NULL},
    {"result", wait_result, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const PyGetSetDef wait_getset[] = {
    {"cr_await", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_code", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_frame", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_origin", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_running", fr_coroutine_get_false, NULL, NULL, NULL},
    {"cr_suspended", wait_get_suspended, NULL, NULL, NULL},
    {"_asyncio_future_blocking", wait_get_blocking, wait_set_blocking, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyType_Slot wait_slots[] = {
    {Py_tp_dealloc, wait_dealloc},
    {Py_tp_finalize, wait_finalize},
    {Py_tp_traverse, wait_traverse},
    {Py_tp_clear, wait_clear},
    {Py_tp_doc, (void *)"What receive() and send() return when there is something to wait for."},
    {Py_tp_repr, wait_repr},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, wait_am_send},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, wait_iternext},
    {Py_tp_methods, (void *)wait_methods},
    {Py_tp_getset, (void *)wait_getset},
    {0, NULL},
};

const PyType_Spec fr_asgi_wait_spec = {
    .name = "freastal._core.Wait",
    .basicsize = sizeof(struct wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)wait_slots,
};
