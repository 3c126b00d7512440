/* python/event_calls.c - What a loop is asked to call: soon, from another thread, later.
 *
 * Makes the handles and puts them where the turn finds them. In debug mode Python makes them: they then remember where
 * they come from. */
#include "python/event_loop_internal.h"

/* What a method is called with: its parameters, then what the callback is to be called with. */
struct call {
    PyObject *const *args;
    Py_ssize_t count;
    PyObject *context;         /* borrowed; NULL for none */
    PyObject *parameters[2];   /* what `args` points to when some of them were named */
    const char *const *wanted; /* how they are called; NULL at the end */
    const char *method;
};

static const char *const soon_parameters[] = {"callback", NULL};
static const char *const later_parameters[] = {"delay", "callback", NULL};
static const char *const at_parameters[] = {"when", "callback", NULL};

/* Notes a parameter that was given by name; false and an exception when there is none, or it was given already. */
static bool note_named(struct call *call, Py_ssize_t given, PyObject *name, PyObject *value)
{
    for (Py_ssize_t i = 0; call->wanted[i] != NULL; i++) {
        if (PyUnicode_CompareWithASCIIString(name, call->wanted[i]) != 0)
            continue;
        if (i < given) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument %R", call->method, name);
            return false;
        }
        call->parameters[i] = value;
        return true;
    }
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", call->method, name);
    return false;
}

/* Of those that were named every one must be there: nothing can follow them. */
static bool complete_call(struct call *call)
{
    Py_ssize_t wanted = 0, there = 0;
    for (; call->wanted[wanted] != NULL; wanted++) {
        if (wanted < call->count)
            call->parameters[wanted] = call->args[wanted];
        there += call->parameters[wanted] != NULL;
    }
    if (there < wanted) {
        PyErr_Format(PyExc_TypeError, "%s() needs %s", call->method,
                     wanted == 1 ? "a callback" : "a time and a callback");
        return false;
    }
    if (call->count < wanted) {
        call->args = call->parameters;
        call->count = wanted;
    }
    return true;
}

/* `call` has `wanted` and `method`, and is zeroed otherwise. False and an exception. */
static bool read_call(struct call *call, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    call->args = args;
    call->count = count;
    for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i), *value = args[count + i];
        if (PyUnicode_CompareWithASCIIString(name, "context") == 0)
            call->context = value != Py_None ? value : NULL;
        else if (!note_named(call, count, name, value))
            return false;
    }
    return complete_call(call);
}

PyObject *fr_event_calls_debugged(struct event_loop *self, const char *method, PyObject *const *args, Py_ssize_t count,
                                  PyObject *context)
{
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t i = 0; tuple != NULL && i < count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    PyObject *handle = NULL;
    if (tuple != NULL)
        handle = PyObject_CallMethod((PyObject *)self, method, "OO", tuple, context != NULL ? context : Py_None);
    Py_XDECREF(tuple);
    return handle;
}

PyObject *fr_event_calls_queue(struct event_loop *self, PyObject *const *args, Py_ssize_t count, PyObject *context)
{
    PyObject *handle = fr_event_handle_new(&self->handles, args[0], args + 1, count - 1, context);
    if (handle != NULL)
        fr_event_loop_push_ready(self, Py_NewRef(handle));
    return handle;
}

/* True when somebody was waiting to catch this call. */
static bool catch_call(struct event_loop *self, PyObject *callback, PyObject *context)
{
    struct fr_event_loop_catch *caught = self->catch;
    self->catch = NULL;
    if (caught == NULL)
        return false;
    caught->callback = Py_NewRef(callback);
    caught->context = Py_XNewRef(context);
    return true;
}

PyObject *fr_event_calls_call_soon(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    struct call call = {.wanted = soon_parameters, .method = "call_soon"};
    if (!read_call(&call, args, count, kwnames) || !fr_event_loop_check_open(self))
        return NULL;
    if (self->catch != NULL && call.count == 1 && catch_call(self, call.args[0], call.context))
        Py_RETURN_NONE;
    if (self->debug)
        return fr_event_calls_debugged(self, "_call_soon_debugged", call.args, call.count, call.context);
    return fr_event_calls_queue(self, call.args, call.count, call.context);
}

PyObject *fr_event_calls_call_soon_threadsafe(PyObject *object, PyObject *const *args, Py_ssize_t count,
                                              PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    struct call call = {.wanted = soon_parameters, .method = "call_soon_threadsafe"};
    if (!read_call(&call, args, count, kwnames) || !fr_event_loop_check_open(self))
        return NULL;
    PyObject *handle = self->debug ? fr_event_calls_debugged(self, "_call_soon_threadsafe_debugged", call.args,
                                                             call.count, call.context)
                                   : fr_event_calls_queue(self, call.args, call.count, call.context);
    Py_BEGIN_CRITICAL_SECTION(self);
    if (handle != NULL && self->loop != NULL)
        fr_loop_wake(self->loop);
    Py_END_CRITICAL_SECTION();
    return handle;
}

static void push_timer(struct event_loop *self, double when_s, PyObject *handle)
{
    Py_BEGIN_CRITICAL_SECTION(self);
    fr_event_timers_add_lock_held(&self->timers, when_s, handle);
    Py_END_CRITICAL_SECTION();
    fr_event_loop_hurry(self);
}

/* A time in seconds; false and an exception for what is none. */
static bool read_seconds(PyObject *object, const char *none_message, double *seconds)
{
    if (object == Py_None) {
        PyErr_SetString(PyExc_TypeError, none_message);
        return false;
    }
    *seconds = PyFloat_AsDouble(object);
    if (!PyErr_Occurred() && *seconds != *seconds)
        PyErr_SetString(PyExc_ValueError, "a time cannot be NaN");
    return !PyErr_Occurred();
}

/* The time has been read already. */
static PyObject *schedule_call(struct event_loop *self, double when_s, const struct call *call)
{
    PyObject *handle = fr_event_handle_new_timer(&self->handles, when_s, call->args[1], call->args + 2, call->count - 2,
                                                 call->context);
    if (handle != NULL)
        push_timer(self, when_s, Py_NewRef(handle));
    return handle;
}

PyObject *fr_event_calls_call_later(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    struct call call = {.wanted = later_parameters, .method = "call_later"};
    double delay_s;
    if (!read_call(&call, args, count, kwnames) || !read_seconds(call.args[0], "delay must not be None", &delay_s) ||
        !fr_event_loop_check_open(self))
        return NULL;
    if (self->debug)
        return fr_event_calls_debugged(self, "_call_later_debugged", call.args, call.count, call.context);
    return schedule_call(self, fr_event_loop_now_s() + delay_s, &call);
}

PyObject *fr_event_calls_call_at(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    struct call call = {.wanted = at_parameters, .method = "call_at"};
    double when_s;
    if (!read_call(&call, args, count, kwnames) || !read_seconds(call.args[0], "when cannot be None", &when_s) ||
        !fr_event_loop_check_open(self))
        return NULL;
    if (self->debug)
        return fr_event_calls_debugged(self, "_call_at_debugged", call.args, call.count, call.context);
    return schedule_call(self, when_s, &call);
}

/* ---- handles of asyncio's own ---- */

PyObject *fr_event_calls_add_callback(PyObject *object, PyObject *handle)
{
    struct event_loop *self = EVENT_LOOP(object);
    if (fr_event_loop_check_open(self) && !fr_event_handle_is_cancelled(&self->handles, handle))
        fr_event_loop_push_ready(self, Py_NewRef(handle));
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

PyObject *fr_event_calls_add_timer(PyObject *object, PyObject *handle)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyObject *when = fr_event_loop_check_open(self) ? PyObject_GetAttrString(handle, "_when") : NULL;
    double when_s = when != NULL ? PyFloat_AsDouble(when) : 0;
    Py_XDECREF(when);
    if (PyErr_Occurred() || PyObject_SetAttr(handle, self->state->names.event_scheduled, Py_True) < 0)
        return NULL;
    push_timer(self, when_s, Py_NewRef(handle));
    Py_RETURN_NONE;
}

PyObject *fr_event_calls_timer_handle_cancelled(PyObject *object, PyObject *handle)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyObject *scheduled = PyObject_GetAttr(handle, self->state->names.event_scheduled);
    if (scheduled == NULL)
        return NULL;
    Py_BEGIN_CRITICAL_SECTION(self);
    self->handles.cancelled_scheduled += scheduled == Py_True;
    Py_END_CRITICAL_SECTION();
    Py_DECREF(scheduled);
    Py_RETURN_NONE;
}
