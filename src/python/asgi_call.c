/* python/asgi_call.c - The steps of one call of an ASGI application, and how they pass for those of a coroutine.
 *
 * The application is called inside the first step, so that what it does before it returns an awaitable is done as the
 * current task and in the context of the call. PEP 492, PEP 567. */
#include "python/asgi_call.h"

#include "python/asgi_spare.h"
#include "python/coroutine.h"
#include "python/errors.h"

#define CALL(object) ((struct fr_asgi_call *)(object))

/* ---- what the application returned ---- */

/* A generator that types.coroutine() has marked. */
static bool is_marked_generator(PyObject *object)
{
    if (!PyGen_CheckExact(object))
        return false;
    PyObject *code = PyObject_GetAttrString(object, "gi_code");
    PyObject *flags = code != NULL ? PyObject_GetAttrString(code, "co_flags") : NULL;
    long bits = flags != NULL ? PyLong_AsLong(flags) : 0;
    Py_XDECREF(flags);
    Py_XDECREF(code);
    if (PyErr_Occurred())
        fr_errors_drop(object);
    return (bits & CO_ITERABLE_COROUTINE) != 0;
}

/* What `await object` would send into. Takes over the reference; NULL and an exception. */
static PyObject *open_awaitable(PyObject *object)
{
    if (PyCoro_CheckExact(object) || is_marked_generator(object))
        return object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject *iterator = NULL;
    if (type->tp_as_async == NULL || type->tp_as_async->am_await == NULL)
        PyErr_Format(PyExc_TypeError, "the application returned %.100s, which cannot be awaited", type->tp_name);
    else
        iterator = type->tp_as_async->am_await(object);
    if (iterator != NULL && (!PyIter_Check(iterator) || PyCoro_CheckExact(iterator))) {
        PyErr_Format(PyExc_TypeError, "__await__() of %.100s returned %.100s, which is no iterator", type->tp_name,
                     Py_TYPE(iterator)->tp_name);
        Py_CLEAR(iterator);
    }
    Py_DECREF(object);
    return iterator;
}

/* ---- from start to end ---- */

struct fr_asgi_call *fr_asgi_call_new(struct fr_asgi_tasks *tasks)
{
    struct fr_asgi_call *call = PyObject_GC_New(struct fr_asgi_call, tasks->state->asgi_call_type);
    if (call == NULL)
        return NULL;
    memset((char *)call + sizeof(PyObject), 0, sizeof *call - sizeof(PyObject));
    call->tasks = tasks;
    PyObject_GC_Track(call);
    return call;
}

void fr_asgi_call_begin(struct fr_asgi_call *call, const struct fr_asgi_call_start *start, PyObject *context)
{
    assert(call->ended == NULL && call->callable == NULL && call->coroutine == NULL);
    call->callable = Py_NewRef(start->callable);
    call->scope = Py_NewRef(start->scope);
    call->receive = Py_NewRef(start->receive);
    call->send = Py_NewRef(start->send);
    call->ended = start->ended;
    call->owner = start->owner;
    call->context = context;
    call->is_over = false;
    call->is_first = true;
    fr_list_append(&call->tasks->running, &call->link);
    call->tasks->running_count++;
    Py_INCREF(call);
}

static void forget_arguments(struct fr_asgi_call *call)
{
    Py_CLEAR(call->callable);
    Py_CLEAR(call->scope);
    Py_CLEAR(call->receive);
    Py_CLEAR(call->send);
}

void fr_asgi_call_end(struct fr_asgi_call *call, PyObject *exception)
{
    if (call->is_over) {
        Py_XDECREF(exception);
        return;
    }
    call->is_over = true;
    call->exception = exception;
    forget_arguments(call);
    if (!call->is_running) /* else its frame is on the stack */
        Py_CLEAR(call->coroutine);
    if (!call->is_first)
        fr_asgi_call_tell(call);
}

/* In the context of the call, because a failure is logged there, with the variables that the application has set. */
static void tell_failure(struct fr_asgi_call *call, fr_asgi_ended ended, PyObject *exception, PyObject *context)
{
    struct fr_gil *gil = call->tasks != NULL ? call->tasks->gil : NULL;
    bool at_top = gil != NULL && gil->at_top;
    if (at_top)
        gil->at_top = false;
    bool entered = context != NULL && PyContext_Enter(context) == 0;
    if (context != NULL && !entered)
        PyErr_Clear(); /* it is entered already: somebody runs the end inside of it */
    ended(call->owner, exception);
    if (entered && PyContext_Exit(context) < 0)
        fr_errors_drop(context);
    if (at_top && call->tasks != NULL)
        gil->at_top = true;
}

void fr_asgi_call_tell(struct fr_asgi_call *call)
{
    fr_asgi_ended ended = call->ended;
    if (ended == NULL)
        return;
    PyObject *exception = call->exception, *context = call->context, *task = call->task;
    call->ended = NULL;
    call->exception = call->context = call->task = NULL;
    if (fr_list_is_linked(&call->link)) {
        fr_list_remove(&call->link);
        call->tasks->running_count--;
    }
    if (exception != NULL)
        tell_failure(call, ended, exception, context);
    else
        ended(call->owner, NULL);
    Py_XDECREF(exception);
    Py_XDECREF(context);
    Py_XDECREF(task);
    Py_DECREF(call); /* of the list */
}

/* ---- steps ---- */

static PySendResult call_application(struct fr_asgi_call *call, PyObject **result)
{
    PyObject *arguments[] = {call->callable, call->scope, call->receive, call->send};
    call->callable = call->scope = call->receive = call->send = NULL;
    PyObject *returned = PyObject_Vectorcall(arguments[0], arguments + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        Py_DECREF(arguments[i]);
    if (returned != NULL)
        call->coroutine = open_awaitable(returned);
    *result = NULL;
    return call->coroutine != NULL ? PyIter_Send(call->coroutine, Py_None, result) : PYGEN_ERROR;
}

/* What is thrown into an iterator that knows nothing of that comes out where it waits: PEP 380. */
static PySendResult throw_into(struct fr_asgi_call *call, PyObject *thrown, PyObject **result)
{
    PyObject *throw = NULL;
    int found = 0;
    *result = NULL;
    if (call->coroutine != NULL)
        found = PyObject_GetOptionalAttr(call->coroutine, core_state_of((PyObject *)call)->names.throw, &throw);
    if (found == 0)
        PyErr_SetObject((PyObject *)Py_TYPE(thrown), thrown);
    if (throw == NULL)
        return PYGEN_ERROR;
    *result = PyObject_CallOneArg(throw, thrown);
    Py_DECREF(throw);
    if (*result != NULL)
        return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return PYGEN_ERROR;
    PyErr_Clear();
    *result = Py_NewRef(Py_None); /* what an application returns is of no interest */
    return PYGEN_RETURN;
}

/* One step of the application, with `thrown` or None. */
static PySendResult advance(struct fr_asgi_call *call, PyObject *thrown, PyObject **result)
{
    if (thrown != NULL)
        return throw_into(call, thrown, result);
    return call->coroutine != NULL ? PyIter_Send(call->coroutine, Py_None, result) : call_application(call, result);
}

static PySendResult step(struct fr_asgi_call *call, PyObject *thrown, PyObject **result)
{
    struct fr_gil *gil = call->tasks != NULL ? call->tasks->gil : NULL;
    bool at_top = gil != NULL && gil->at_top;
    PyObject *context = call->context;
    PySendResult sent = PYGEN_ERROR;
    *result = NULL;
    if (at_top)
        gil->at_top = false;
    call->is_running = true;
    if (context == NULL || PyContext_Enter(context) == 0) {
        sent = advance(call, thrown, result);
        if (context != NULL && PyContext_Exit(context) < 0)
            fr_errors_drop(context);
    }
    call->is_running = false;
    if (at_top && call->tasks != NULL)
        gil->at_top = true;
    if (sent == PYGEN_NEXT)
        return sent;
    Py_XSETREF(*result, Py_NewRef(Py_None));
    fr_asgi_call_end(call, sent == PYGEN_ERROR ? fr_compat_take_exception() : NULL);
    return PYGEN_RETURN;
}

PySendResult fr_asgi_call_step(struct fr_asgi_call *call, PyObject **result)
{
    return step(call, NULL, result);
}

void fr_asgi_call_abandon(struct fr_asgi_call *call, PyObject *exception)
{
    Py_INCREF(call);
    fr_list_remove(&call->link);
    call->tasks->running_count--;
    call->is_first = false;
    if (call->coroutine != NULL && !call->is_running) {
        PyObject *closed = PyObject_CallMethodNoArgs(call->coroutine, core_state_of((PyObject *)call)->names.close);
        if (closed == NULL)
            fr_errors_drop(call->coroutine);
        Py_XDECREF(closed);
    }
    if (call->task != NULL && /* that it is never resumed is no accident */
        PyObject_SetAttr(call->task, core_state_of((PyObject *)call)->names.log_destroy_pending_, Py_False) < 0)
        fr_errors_drop(call->task);
    call->tasks = NULL;
    fr_asgi_call_end(call, Py_NewRef(exception));
    fr_asgi_call_tell(call);
    Py_DECREF(call);
}

/* ---- as a coroutine ---- */

static PySendResult call_am_send(PyObject *self, PyObject *Py_UNUSED(sent), PyObject **result)
{
    struct fr_asgi_call *call = CALL(self);
    *result = NULL;
    if (call->is_running) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        return PYGEN_ERROR;
    }
    if (call->yielded != NULL) {
        *result = call->yielded;
        call->yielded = NULL;
        return PYGEN_NEXT;
    }
    if (call->spare != NULL && fr_asgi_spare_is_idle(call->spare)) {
        *result = fr_asgi_spare_wait(call->spare);
        return PYGEN_NEXT;
    }
    if (!call->is_over && (call->callable != NULL || call->coroutine != NULL))
        return step(call, NULL, result);
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

static PyObject *call_send(PyObject *self, PyObject *value)
{
    PyObject *result;
    PySendResult sent = call_am_send(self, value, &result);
    return fr_coroutine_tell(sent, result);
}

static PyObject *call_iternext(PyObject *self)
{
    PyObject *result;
    PySendResult sent = call_am_send(self, Py_None, &result);
    return fr_coroutine_tell_next(sent, result);
}

static PyObject *call_throw(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    struct fr_asgi_call *call = CALL(self);
    (void)fr_coroutine_raise(args, count);
    if (call->is_over || call->is_running || (call->callable == NULL && call->coroutine == NULL))
        return NULL;
    PyObject *result, *thrown = fr_compat_take_exception();
    PySendResult sent = step(call, thrown, &result);
    Py_DECREF(thrown);
    return fr_coroutine_tell(sent, result);
}

static PyObject *call_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct fr_asgi_call *call = CALL(self);
    PyObject *closed = NULL;
    if (call->is_running) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        return NULL;
    }
    if (call->coroutine != NULL) {
        closed = PyObject_CallMethodNoArgs(call->coroutine, core_state_of(self)->names.close);
        if (closed == NULL)
            return NULL;
        Py_DECREF(closed);
    }
    if (call->ended != NULL && !call->is_over) {
        fr_coroutine_raise_asyncio("CancelledError", NULL);
        fr_asgi_call_end(call, fr_compat_take_exception());
    }
    Py_RETURN_NONE;
}

/* An attribute of the application's coroutine: a coroutine calls it cr_..., a generator gi_... */
static PyObject *get_forwarded(PyObject *self, void *closure)
{
    const char *name = closure;
    PyObject *coroutine = CALL(self)->coroutine;
    PyObject *value = coroutine != NULL ? PyObject_GetAttrString(coroutine, name) : NULL;
    if (value != NULL)
        return value;
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_AttributeError))
        return NULL;
    PyErr_Clear();
    if (name[0] == '_')
        return PyUnicode_FromString("application");
    Py_RETURN_NONE;
}

static PyObject *get_running(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(CALL(self)->is_running);
}

static PyObject *get_suspended(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(CALL(self)->coroutine != NULL && !CALL(self)->is_running);
}

static PyObject *call_repr(PyObject *self)
{
    if (CALL(self)->coroutine == NULL)
        return PyUnicode_FromFormat("<freastal call of an application at %p>", self);
    return PyUnicode_FromFormat("<freastal call of %R>", CALL(self)->coroutine);
}

/* ---- the type ---- */

static int call_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct fr_asgi_call *call = CALL(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(call->callable);
    Py_VISIT(call->scope);
    Py_VISIT(call->receive);
    Py_VISIT(call->send);
    Py_VISIT(call->coroutine);
    Py_VISIT(call->context);
    Py_VISIT(call->task);
    Py_VISIT(call->exception);
    Py_VISIT(call->spare);
    Py_VISIT(call->yielded);
    return 0;
}

static int call_clear(PyObject *self)
{
    struct fr_asgi_call *call = CALL(self);
    forget_arguments(call);
    Py_CLEAR(call->coroutine);
    Py_CLEAR(call->context);
    Py_CLEAR(call->task);
    Py_CLEAR(call->exception);
    Py_CLEAR(call->spare);
    Py_CLEAR(call->yielded);
    return 0;
}

static void call_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    assert(!fr_list_is_linked(&CALL(self)->link));
    (void)call_clear(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static const PyMethodDef call_methods[] = {
    {"send", call_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))call_throw, METH_FASTCALL, NULL},
    {"close", call_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const PyGetSetDef call_getset[] = {
    {"__name__", get_forwarded, NULL, NULL, (void *)"__name__"},
    {"__qualname__", get_forwarded, NULL, NULL, (void *)"__qualname__"},
    {"cr_await", get_forwarded, NULL, NULL, (void *)"cr_await"},
    {"cr_code", get_forwarded, NULL, NULL, (void *)"cr_code"},
    {"cr_frame", get_forwarded, NULL, NULL, (void *)"cr_frame"},
    {"cr_origin", get_forwarded, NULL, NULL, (void *)"cr_origin"},
    {"cr_running", get_running, NULL, NULL, NULL},
    {"cr_suspended", get_suspended, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyType_Slot call_slots[] = {
    {Py_tp_dealloc, call_dealloc},
    {Py_tp_traverse, call_traverse},
    {Py_tp_clear, call_clear},
    {Py_tp_doc, (void *)"The coroutine of a task that calls an ASGI application."},
    {Py_tp_repr, call_repr},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, call_am_send},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, call_iternext},
    {Py_tp_methods, (void *)call_methods},
    {Py_tp_getset, (void *)call_getset},
    {0, NULL},
};

const PyType_Spec fr_asgi_call_spec = {
    .name = "freastal._core.ApplicationCall",
    .basicsize = sizeof(struct fr_asgi_call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)call_slots,
};
