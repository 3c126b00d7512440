/* python/event_handle.c - asyncio.Handle and asyncio.TimerHandle, made and run without a line of Python.
 *
 * Like those they may be cancelled by another thread, so what a run needs is taken in one step. What is rarely asked
 * for (repr, comparisons) is done by asyncio's own classes, to which ours look like instances. */
#include "python/event_handle.h"

#include <stddef.h>

#include "python/errors.h"

/* How the arguments are kept: nearly always there is none or one. */
enum arity { ARITY_NONE, ARITY_ONE, ARITY_TUPLE };

struct handle {
    PyObject_HEAD
    struct fr_event_handles *handles;
    PyObject *loop;
    PyObject *callback; /* NULL when cancelled */
    PyObject *args;     /* as arity says */
    PyObject *context;
    PyObject *weak_references;
    double when_s; /* of a timer */
    enum arity arity;
    bool cancelled;
    bool scheduled; /* in the heap */
};

#define HANDLE(object) ((struct handle *)(object))

static bool is_own(const struct fr_event_handles *handles, PyObject *object)
{
    return Py_IS_TYPE(object, handles->state->handle_type) || Py_IS_TYPE(object, handles->state->timer_handle_type);
}

/* ---- what handles have in common ---- */

int fr_event_handles_open(struct fr_event_handles *handles, struct core_state *state, PyObject *loop)
{
    PyObject *events = PyImport_ImportModule("asyncio.events");
    if (events == NULL)
        return -1;
    handles->state = state;
    handles->loop = loop;
    handles->handle_type = PyObject_GetAttrString(events, "Handle");
    handles->timer_type = PyObject_GetAttrString(events, "TimerHandle");
    Py_DECREF(events);
    return handles->handle_type != NULL && handles->timer_type != NULL ? 0 : -1;
}

int fr_event_handles_traverse(struct fr_event_handles *handles, visitproc visit, void *arg)
{
    Py_VISIT(handles->handle_type);
    Py_VISIT(handles->timer_type);
    return 0;
}

void fr_event_handles_clear(struct fr_event_handles *handles)
{
    Py_CLEAR(handles->handle_type);
    Py_CLEAR(handles->timer_type);
}

void fr_event_handles_free(struct fr_event_handles *handles)
{
    while (handles->spare_count > 0)
        PyObject_GC_Del(handles->spare[--handles->spare_count]);
}

/* ---- from birth to death ---- */

/* Without a GIL a handle may die in any thread, and the allocator is as quick as a list of ours. */
static struct handle *new_memory(struct fr_event_handles *handles, PyTypeObject *type)
{
#ifndef Py_GIL_DISABLED
    if (handles->spare_count > 0)
        return HANDLE(PyObject_Init(handles->spare[--handles->spare_count], type));
#endif
    (void)handles;
    return PyObject_GC_New(struct handle, type);
}

static void give_memory(struct fr_event_handles *handles, struct handle *handle)
{
#ifndef Py_GIL_DISABLED
    if (handles->spare_count < FR_EVENT_HANDLES_SPARE_MAX) {
        handles->spare[handles->spare_count++] = (PyObject *)handle;
        return;
    }
#endif
    (void)handles;
    PyObject_GC_Del(handle);
}

static int set_args(struct handle *handle, PyObject *const *args, Py_ssize_t count)
{
    handle->args = NULL;
    handle->arity = count == 0 ? ARITY_NONE : count == 1 ? ARITY_ONE : ARITY_TUPLE;
    if (count == 1)
        handle->args = Py_NewRef(args[0]);
    if (count <= 1)
        return 0;
    handle->args = PyTuple_New(count);
    for (Py_ssize_t i = 0; handle->args != NULL && i < count; i++)
        PyTuple_SET_ITEM(handle->args, i, Py_NewRef(args[i]));
    return handle->args != NULL ? 0 : -1;
}

static PyObject *new_handle(struct fr_event_handles *handles, PyTypeObject *type, PyObject *callback,
                            PyObject *const *args, Py_ssize_t count, PyObject *context)
{
    context = context != NULL ? Py_NewRef(context) : PyContext_CopyCurrent();
    struct handle *handle = context != NULL ? new_memory(handles, type) : NULL;
    if (handle == NULL) {
        Py_XDECREF(context);
        return NULL;
    }
    handle->handles = handles;
    handle->loop = Py_NewRef(handles->loop);
    handle->callback = Py_NewRef(callback);
    handle->context = context;
    handle->weak_references = NULL;
    handle->when_s = 0;
    handle->cancelled = false;
    handle->scheduled = false;
    int status = set_args(handle, args, count);
    PyObject_GC_Track(handle);
    if (status < 0)
        Py_CLEAR(handle);
    return (PyObject *)handle;
}

PyObject *fr_event_handle_new(struct fr_event_handles *handles, PyObject *callback, PyObject *const *args,
                              Py_ssize_t count, PyObject *context)
{
    return new_handle(handles, handles->state->handle_type, callback, args, count, context);
}

PyObject *fr_event_handle_new_timer(struct fr_event_handles *handles, double when_s, PyObject *callback,
                                    PyObject *const *args, Py_ssize_t count, PyObject *context)
{
    PyObject *handle = new_handle(handles, handles->state->timer_handle_type, callback, args, count, context);
    if (handle != NULL) {
        HANDLE(handle)->when_s = when_s;
        HANDLE(handle)->scheduled = true;
    }
    return handle;
}

static int handle_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct handle *handle = HANDLE(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(handle->loop);
    Py_VISIT(handle->callback);
    Py_VISIT(handle->args);
    Py_VISIT(handle->context);
    return 0;
}

/* The loop stays: the memory belongs to it. */
static int handle_clear(PyObject *self)
{
    struct handle *handle = HANDLE(self);
    Py_CLEAR(handle->callback);
    Py_CLEAR(handle->args);
    Py_CLEAR(handle->context);
    return 0;
}

static void handle_dealloc(PyObject *self)
{
    struct handle *handle = HANDLE(self);
    PyTypeObject *type = Py_TYPE(self);
    PyObject *loop = handle->loop;
    PyObject_GC_UnTrack(self);
    if (handle->weak_references != NULL)
        PyObject_ClearWeakRefs(self);
    (void)handle_clear(self);
    give_memory(handle->handles, handle);
    Py_DECREF(type);
    Py_DECREF(loop);
}

/* ---- running ---- */

struct call {
    PyObject *callback, *args, *context;
    enum arity arity;
};

/* False when the handle is cancelled. Another thread may do that any time, without a GIL even in between. */
static bool take_call(struct handle *handle, struct call *call)
{
    bool taken = false;
    Py_BEGIN_CRITICAL_SECTION(handle->loop);
    if (!handle->cancelled && handle->callback != NULL) {
        call->callback = Py_NewRef(handle->callback);
        call->args = Py_XNewRef(handle->args);
        call->context = Py_XNewRef(handle->context);
        call->arity = handle->arity;
        taken = true;
    }
    Py_END_CRITICAL_SECTION();
    return taken;
}

static PyObject *call_in_context(const struct call *call)
{
    if (PyContext_Enter(call->context) < 0)
        return NULL;
    PyObject *result;
    if (call->arity == ARITY_NONE)
        result = PyObject_CallNoArgs(call->callback);
    else if (call->arity == ARITY_ONE)
        result = PyObject_CallOneArg(call->callback, call->args);
    else
        result = PyObject_Call(call->callback, call->args, NULL);
    if (PyContext_Exit(call->context) < 0)
        Py_CLEAR(result);
    return result;
}

/* Hands the exception in flight to the loop, but for those that are meant for whoever runs it. */
static int report(struct handle *handle)
{
    if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || PyErr_ExceptionMatches(PyExc_SystemExit))
        return -1;
    PyObject *exception = fr_compat_take_exception();
    struct core_state *state = handle->handles->state;
    PyObject *result = PyObject_CallMethodObjArgs(handle->loop, state->names.event_callback_failed, (PyObject *)handle,
                                                  exception, NULL);
    Py_DECREF(exception);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

static int run_own(struct handle *handle)
{
    struct call call;
    if (!take_call(handle, &call))
        return 0;
    PyObject *result = call_in_context(&call);
    int status = result != NULL ? 0 : report(handle);
    Py_XDECREF(result);
    Py_DECREF(call.callback);
    Py_XDECREF(call.args);
    Py_DECREF(call.context);
    return status;
}

int fr_event_handle_run(struct fr_event_handles *handles, PyObject *handle)
{
    if (is_own(handles, handle))
        return run_own(HANDLE(handle));
    if (fr_event_handle_is_cancelled(handles, handle))
        return 0;
    PyObject *result = PyObject_CallMethodNoArgs(handle, handles->state->names.event_run);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

/* ---- cancelling ---- */

static void cancel_own(struct handle *handle)
{
    PyObject *callback = NULL, *args = NULL;
    Py_BEGIN_CRITICAL_SECTION(handle->loop);
    if (!handle->cancelled) {
        handle->cancelled = true;
        handle->handles->cancelled_scheduled += handle->scheduled;
        callback = handle->callback;
        args = handle->args;
        handle->callback = NULL;
        handle->args = NULL;
    }
    Py_END_CRITICAL_SECTION();
    Py_XDECREF(callback);
    Py_XDECREF(args);
}

void fr_event_handle_cancel(struct fr_event_handles *handles, PyObject *handle)
{
    if (is_own(handles, handle)) {
        cancel_own(HANDLE(handle));
        return;
    }
    PyObject *result = PyObject_CallMethodNoArgs(handle, handles->state->names.event_cancel);
    if (result == NULL)
        fr_errors_drop(handle);
    Py_XDECREF(result);
}

bool fr_event_handle_is_cancelled(struct fr_event_handles *handles, PyObject *handle)
{
    if (is_own(handles, handle))
        return HANDLE(handle)->cancelled;
    PyObject *value = PyObject_GetAttr(handle, handles->state->names.event_cancelled);
    if (value == NULL)
        fr_errors_drop(handle);
    bool cancelled = value == Py_True;
    Py_XDECREF(value);
    return cancelled;
}

void fr_event_handle_unschedule(struct fr_event_handles *handles, PyObject *handle)
{
    if (is_own(handles, handle))
        HANDLE(handle)->scheduled = false;
    else if (PyObject_SetAttr(handle, handles->state->names.event_scheduled, Py_False) < 0)
        fr_errors_drop(handle);
}

/* ---- what Python sees ---- */

static PyObject *handle_cancel(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    cancel_own(HANDLE(self));
    Py_RETURN_NONE;
}

static PyObject *handle_cancelled(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(HANDLE(self)->cancelled);
}

static PyObject *handle_get_context(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return Py_NewRef(HANDLE(self)->context != NULL ? HANDLE(self)->context : Py_None);
}

static PyObject *handle_run(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return run_own(HANDLE(self)) == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *handle_when(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyFloat_FromDouble(HANDLE(self)->when_s);
}

/* A method of the class of asyncio's that this looks like an instance of. */
static PyObject *ask_asyncio(PyObject *self, const char *method, PyObject *argument)
{
    struct fr_event_handles *handles = HANDLE(self)->handles;
    bool is_timer = Py_IS_TYPE(self, handles->state->timer_handle_type);
    PyObject *class = is_timer ? handles->timer_type : handles->handle_type;
    return PyObject_CallMethod(class, method, argument != NULL ? "OO" : "O", self, argument);
}

static PyObject *handle_repr(PyObject *self)
{
    return ask_asyncio(self, "__repr__", NULL);
}

static PyObject *handle_repr_info(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return ask_asyncio(self, "_repr_info", NULL);
}

static PyObject *timer_compare(PyObject *self, PyObject *other, int operation)
{
    static const char *const names[] = {
        [Py_LT] = "__lt__", [Py_LE] = "__le__", [Py_EQ] = "__eq__",
        [Py_NE] = "__ne__", [Py_GT] = "__gt__", [Py_GE] = "__ge__",
    };
    return ask_asyncio(self, names[operation], other);
}

static Py_hash_t timer_hash(PyObject *self)
{
    PyObject *when = PyFloat_FromDouble(HANDLE(self)->when_s);
    Py_hash_t hash = when != NULL ? PyObject_Hash(when) : -1;
    Py_XDECREF(when);
    return hash;
}

static PyObject *get_class(PyObject *self, void *Py_UNUSED(closure))
{
    struct fr_event_handles *handles = HANDLE(self)->handles;
    bool is_timer = Py_IS_TYPE(self, handles->state->timer_handle_type);
    PyObject *class = is_timer ? handles->timer_type : handles->handle_type;
    return Py_NewRef(class != NULL ? class : (PyObject *)Py_TYPE(self));
}

static PyObject *get_args(PyObject *self, void *Py_UNUSED(closure))
{
    struct handle *handle = HANDLE(self);
    if (handle->cancelled)
        Py_RETURN_NONE;
    if (handle->arity == ARITY_NONE)
        return PyTuple_New(0);
    return handle->arity == ARITY_ONE ? PyTuple_Pack(1, handle->args) : Py_NewRef(handle->args);
}

static PyObject *get_callback(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(HANDLE(self)->callback != NULL ? HANDLE(self)->callback : Py_None);
}

static PyObject *get_cancelled(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(HANDLE(self)->cancelled);
}

static PyObject *get_scheduled(PyObject *self, void *Py_UNUSED(closure))
{
    return PyBool_FromLong(HANDLE(self)->scheduled);
}

static PyObject *get_when(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(HANDLE(self)->when_s);
}

/* Only asyncio's own handles, which debug mode has, remember where they come from. */
static PyObject *get_nothing(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    Py_RETURN_NONE;
}

static PyObject *get_loop(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(HANDLE(self)->loop);
}

static PyObject *get_context_attribute(PyObject *self, void *Py_UNUSED(closure))
{
    return handle_get_context(self, NULL);
}

/* ---- the types ---- */

#define COMMON_METHODS                                                                                \
    {"cancel", handle_cancel, METH_NOARGS, "cancel($self, /)\n--\n\nThe call is not made."},          \
        {"cancelled", handle_cancelled, METH_NOARGS, "cancelled($self, /)\n--\n\nIt was cancelled."}, \
        {"get_context", handle_get_context, METH_NOARGS,                                              \
         "get_context($self, /)\n--\n\nThe context that the call is made in."},                       \
        {"_run", handle_run, METH_NOARGS, NULL},                                                      \
    {                                                                                                 \
        "_repr_info", handle_repr_info, METH_NOARGS, NULL                                             \
    }

#define COMMON_GETSET                                                                                 \
    {"__class__", get_class, NULL, NULL, NULL}, {"_callback", get_callback, NULL, NULL, NULL},        \
        {"_args", get_args, NULL, NULL, NULL}, {"_context", get_context_attribute, NULL, NULL, NULL}, \
        {"_loop", get_loop, NULL, NULL, NULL}, {"_cancelled", get_cancelled, NULL, NULL, NULL},       \
        {"_source_traceback", get_nothing, NULL, NULL, NULL},                                         \
    {                                                                                                 \
        "_repr", get_nothing, NULL, NULL, NULL                                                        \
    }

#define COMMON_SLOTS                                                                                 \
    {Py_tp_dealloc, handle_dealloc}, {Py_tp_traverse, handle_traverse}, {Py_tp_clear, handle_clear}, \
        {Py_tp_repr, handle_repr},                                                                   \
    {                                                                                                \
        Py_tp_members, (void *)handle_members                                                        \
    }

#define HANDLE_FLAGS \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION)

static const PyMemberDef handle_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(struct handle, weak_references), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static const PyMethodDef handle_methods[] = {COMMON_METHODS, {NULL, NULL, 0, NULL}};

static const PyGetSetDef handle_getset[] = {COMMON_GETSET, {NULL, NULL, NULL, NULL, NULL}};

static const PyType_Slot handle_slots[] = {
    COMMON_SLOTS,
    {Py_tp_methods, (void *)handle_methods},
    {Py_tp_getset, (void *)handle_getset},
    {0, NULL},
};

const PyType_Spec fr_event_handle_spec = {
    .name = "freastal._core.Handle",
    .basicsize = sizeof(struct handle),
    .flags = HANDLE_FLAGS,
    .slots = (PyType_Slot *)handle_slots,
};

static const PyMethodDef timer_methods[] = {
    COMMON_METHODS,
    {"when", handle_when, METH_NOARGS, "when($self, /)\n--\n\nWhen the call is due, by the loop's time()."},
    {NULL, NULL, 0, NULL},
};

static const PyGetSetDef timer_getset[] = {
    COMMON_GETSET,
    {"_scheduled", get_scheduled, NULL, NULL, NULL},
    {"_when", get_when, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyType_Slot timer_slots[] = {
    COMMON_SLOTS,
    {Py_tp_hash, timer_hash},
    {Py_tp_richcompare, timer_compare},
    {Py_tp_methods, (void *)timer_methods},
    {Py_tp_getset, (void *)timer_getset},
    {0, NULL},
};

const PyType_Spec fr_event_timer_handle_spec = {
    .name = "freastal._core.TimerHandle",
    .basicsize = sizeof(struct handle),
    .flags = HANDLE_FLAGS,
    .slots = (PyType_Slot *)timer_slots,
};
