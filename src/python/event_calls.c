/* python/event_calls.c - What a loop is asked to call: soon, from another thread, later.
 *
 * Makes the handles and puts them where the turn finds them. In debug mode Python makes them: they then remember where
 * they come from. */
#include "python/event_loop_internal.h"

/* The value of `context=`, borrowed; NULL for none. False and an exception when another name was given. */
static bool read_context(PyObject *const *args, Py_ssize_t count, PyObject *kwnames, const char *method,
                         PyObject **context)
{
    *context = NULL;
    for (Py_ssize_t i = 0; kwnames != NULL && i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        if (PyUnicode_CompareWithASCIIString(name, "context") != 0) {
            PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument %R", method, name);
            return false;
        }
        *context = args[count + i] != Py_None ? args[count + i] : NULL;
    }
    return true;
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

static bool check_count(const char *method, Py_ssize_t count, Py_ssize_t wanted)
{
    if (count < wanted)
        PyErr_Format(PyExc_TypeError, "%s() needs %s", method, wanted == 1 ? "a callback" : "a time and a callback");
    return count >= wanted;
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
    PyObject *context;
    if (!read_context(args, count, kwnames, "call_soon", &context) || !check_count("call_soon", count, 1) ||
        !fr_event_loop_check_open(self))
        return NULL;
    if (self->catch != NULL && count == 1 && catch_call(self, args[0], context))
        Py_RETURN_NONE;
    if (self->debug)
        return fr_event_calls_debugged(self, "_call_soon_debugged", args, count, context);
    return fr_event_calls_queue(self, args, count, context);
}

PyObject *fr_event_calls_call_soon_threadsafe(PyObject *object, PyObject *const *args, Py_ssize_t count,
                                              PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyObject *context;
    if (!read_context(args, count, kwnames, "call_soon_threadsafe", &context) ||
        !check_count("call_soon_threadsafe", count, 1) || !fr_event_loop_check_open(self))
        return NULL;
    PyObject *handle = self->debug
                           ? fr_event_calls_debugged(self, "_call_soon_threadsafe_debugged", args, count, context)
                           : fr_event_calls_queue(self, args, count, context);
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

/* `args` begin with the time that has been read already. */
static PyObject *schedule_call(struct event_loop *self, double when_s, PyObject *const *args, Py_ssize_t count,
                               PyObject *context)
{
    PyObject *handle = fr_event_handle_new_timer(&self->handles, when_s, args[1], args + 2, count - 2, context);
    if (handle != NULL)
        push_timer(self, when_s, Py_NewRef(handle));
    return handle;
}

PyObject *fr_event_calls_call_later(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyObject *context;
    double delay_s;
    if (!read_context(args, count, kwnames, "call_later", &context) || !check_count("call_later", count, 2) ||
        !read_seconds(args[0], "delay must not be None", &delay_s) || !fr_event_loop_check_open(self))
        return NULL;
    if (self->debug)
        return fr_event_calls_debugged(self, "_call_later_debugged", args, count, context);
    return schedule_call(self, fr_event_loop_now_s() + delay_s, args, count, context);
}

PyObject *fr_event_calls_call_at(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyObject *context;
    double when_s;
    if (!read_context(args, count, kwnames, "call_at", &context) || !check_count("call_at", count, 2) ||
        !read_seconds(args[0], "when cannot be None", &when_s) || !fr_event_loop_check_open(self))
        return NULL;
    if (self->debug)
        return fr_event_calls_debugged(self, "_call_at_debugged", args, count, context);
    return schedule_call(self, when_s, args, count, context);
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
