/* python/event_loop.c - The type EventLoop: asyncio's turn, made by a loop of the core.
 *
 * Owns the loop, what is ready and what is due. The queues are reached from other threads too, so they are touched with
 * the object locked; the GIL is that lock where there is one. What asyncio does seldom is left to its own classes, from
 * which freastal.EventLoop inherits as well, and debug mode is made of its handles: see freastal/_event_loop.py. */
#include "python/event_loop.h"

#include <unistd.h>

#include "python/errors.h"
#include "python/event_loop_internal.h"

/* The longest sleep, as in asyncio: a day. */
#define SLEEP_S_MAX 86400.0

/* What a clock that counts nanoseconds may be wrong by. */
#define CLOCK_RESOLUTION_S 1e-9

/* ---- what is ready ---- */

static PyObject *pop_ready(struct event_loop *self)
{
    PyObject *handle;
    Py_BEGIN_CRITICAL_SECTION(self);
    handle = fr_event_queue_pop(&self->ready);
    Py_END_CRITICAL_SECTION();
    return handle;
}

static void on_descriptor(struct fr_event_descriptors *descriptors, PyObject *handle)
{
    struct event_loop *self = FR_LIST_OWNER(descriptors, struct event_loop, descriptors);
    fr_gil_take(&self->gil);
    fr_event_loop_push_ready(self, Py_NewRef(handle));
}

static int run_one(struct event_loop *self, PyObject *handle)
{
    if (!self->debug)
        return fr_event_handle_run(&self->handles, handle);
    PyObject *result = PyObject_CallMethodOneArg((PyObject *)self, self->state->names.event_run_watched, handle);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

/* What is ready now, and not what that makes ready: the sockets have their turn before. */
static int run_ready(struct event_loop *self)
{
    size_t count;
    Py_BEGIN_CRITICAL_SECTION(self);
    count = self->ready.count;
    Py_END_CRITICAL_SECTION();
    while (count-- > 0) {
        PyObject *handle = pop_ready(self);
        if (handle == NULL) /* a turn inside of this one has run it */
            break;
        int status = run_one(self, handle);
        Py_DECREF(handle);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* ---- the turn ---- */

static void sweep_timers(struct event_loop *self)
{
    struct fr_event_queue dropped = {0};
    Py_BEGIN_CRITICAL_SECTION(self);
    fr_event_timers_sweep_lock_held(&self->timers, &self->handles, &dropped);
    Py_END_CRITICAL_SECTION();
    fr_event_queue_clear(&dropped);
}

static void take_due_timers(struct event_loop *self)
{
    if (self->timers.count == 0)
        return;
    struct fr_event_queue dropped = {0};
    double end_s = fr_event_loop_now_s() + CLOCK_RESOLUTION_S;
    Py_BEGIN_CRITICAL_SECTION(self);
    fr_event_timers_take_due_lock_held(&self->timers, &self->handles, end_s, &self->ready, &dropped);
    Py_END_CRITICAL_SECTION();
    fr_event_queue_clear(&dropped);
}

/* How long there is nothing to do: ms, or -1 for ever. */
static int sleep_ms(struct event_loop *self)
{
    size_t ready;
    bool waiting;
    double when_s = 0;
    Py_BEGIN_CRITICAL_SECTION(self);
    ready = self->ready.count;
    waiting = fr_event_timers_first_lock_held(&self->timers, &when_s);
    Py_END_CRITICAL_SECTION();
    if (ready > 0 || self->stopping || self->interrupt != NULL)
        return 0;
    if (!waiting)
        return -1;
    double idle_s = when_s - fr_event_loop_now_s();
    if (idle_s <= 0)
        return 0;
    double idle_ms = (idle_s < SLEEP_S_MAX ? idle_s : SLEEP_S_MAX) * 1e3;
    return (int)idle_ms + ((int)idle_ms < idle_ms); /* never early */
}

/* In a child of the process that the loop was opened in, the parent's events must be left alone. */
static int renew_after_fork(struct event_loop *self)
{
    if (self->process == getpid())
        return 0;
    int error = fr_loop_renew(self->loop);
    if (error < 0) {
        fr_errors_raise(error, "the event loop cannot be used in this process");
        return -1;
    }
    self->process = getpid();
    return 0;
}

/* Handles one batch of events. With something ready the GIL is kept: see gil.h. */
static int turn(struct event_loop *self, int timeout_ms)
{
    if (timeout_ms != 0 && renew_after_fork(self) < 0)
        return -1;
    self->gil.wanted = timeout_ms == 0;
    self->thread = PyThread_get_thread_ident();
    self->in_turn = true;
    self->gil.at_top = true;
    fr_loop_turn(self->loop, timeout_ms);
    fr_gil_hold(&self->gil);
    self->gil.at_top = false;
    self->in_turn = false;
    if (self->interrupt != NULL) {
        PyObject *interrupt = self->interrupt;
        self->interrupt = NULL;
        fr_compat_raise_exception(interrupt);
        return -1;
    }
    return PyErr_CheckSignals();
}

static PyObject *event_loop_run_once(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct event_loop *self = EVENT_LOOP(object);
    if (!fr_event_loop_check_open(self))
        return NULL;
    if (self->in_turn) {
        PyErr_SetString(PyExc_RuntimeError, "the event loop cannot be run from inside of its own turn");
        return NULL;
    }
    if (self->timers.count > 0)
        sweep_timers(self);
    if (turn(self, sleep_ms(self)) < 0)
        return NULL;
    take_due_timers(self);
    return run_ready(self) == 0 ? Py_NewRef(Py_None) : NULL;
}

/* ---- from birth to death ---- */

static PyObject *event_loop_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    PyObject *self = type->tp_alloc(type, 0); /* zeroed */
    if (self != NULL) {
        EVENT_LOOP(self)->closed = true;
        fr_list_init(&EVENT_LOOP(self)->residents);
    }
    return self;
}

/* The state of the module that made the type: the object's own type is a class of Python's. */
static struct core_state *find_state(PyObject *self)
{
    for (PyTypeObject *type = Py_TYPE(self); type != NULL; type = type->tp_base) {
        PyObject *module = PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) ? PyType_GetModule(type) : NULL;
        if (module != NULL && PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE))
            return PyModule_GetState(module);
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_TypeError, "no event loop of freastal's");
    return NULL;
}

static int event_loop_init(PyObject *object, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {NULL};
    struct event_loop *self = EVENT_LOOP(object);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, ":EventLoop", (char **)names))
        return -1;
    if (self->state != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "an event loop cannot be made twice");
        return -1;
    }
    self->state = find_state(object);
    if (self->state == NULL || fr_event_handles_open(&self->handles, self->state, object) < 0)
        return -1;
    int error = 0;
    self->loop = fr_loop_open_plain(&error);
    if (self->loop == NULL) {
        fr_errors_raise(error, "the event loop cannot be opened");
        return -1;
    }
    self->process = getpid();
    self->closed = false;
    self->descriptors.loop = self->loop;
    self->descriptors.handles = &self->handles;
    self->descriptors.ready = on_descriptor;
    fr_gil_open(&self->gil, self->loop);
    return 0;
}

static void clear_queues(struct event_loop *self)
{
    fr_event_queue_clear(&self->ready);
    fr_event_timers_clear(&self->timers);
    fr_event_descriptors_clear(&self->descriptors);
}

/* A worker that is still there (after a fork, its parent's) keeps the loop's memory for good. */
static void close_loop(struct event_loop *self)
{
    struct fr_loop *loop;
    Py_BEGIN_CRITICAL_SECTION(self);
    loop = self->loop;
    self->loop = NULL; /* nobody wakes it any more */
    Py_END_CRITICAL_SECTION();
    if (loop == NULL)
        return;
    if (self->process != getpid() && fr_loop_renew(loop) < 0)
        return;
    clear_queues(self);
    fr_gil_close(&self->gil);
    if (fr_list_is_empty(&self->residents))
        fr_loop_close(loop);
}

static PyObject *event_loop_close_core(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    close_loop(EVENT_LOOP(object));
    Py_RETURN_NONE;
}

static int event_loop_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct event_loop *self = EVENT_LOOP(object);
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->interrupt);
    for (struct fr_list *node = self->residents.next; node != NULL && node != &self->residents; node = node->next) {
        const struct fr_event_loop_resident *resident = FR_LIST_OWNER(node, struct fr_event_loop_resident, node);
        if (resident->is_held)
            Py_VISIT(resident->worker);
    }
    int status = fr_event_handles_traverse(&self->handles, visit, arg);
    if (status == 0)
        status = fr_event_queue_traverse(&self->ready, visit, arg);
    if (status == 0)
        status = fr_event_timers_traverse(&self->timers, visit, arg);
    return status == 0 ? fr_event_descriptors_traverse(&self->descriptors, visit, arg) : status;
}

static int event_loop_clear(PyObject *object)
{
    struct event_loop *self = EVENT_LOOP(object);
    Py_CLEAR(self->interrupt);
    if (self->process == getpid())
        clear_queues(self);
    return 0;
}

static void event_loop_dealloc(PyObject *object)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    close_loop(self);
    Py_CLEAR(self->interrupt);
    fr_event_handles_clear(&self->handles);
    fr_event_handles_free(&self->handles);
    type->tp_free(object);
    Py_DECREF(type);
}

/* ---- small things ---- */

static PyObject *event_loop_time(PyObject *Py_UNUSED(object), PyObject *Py_UNUSED(ignored))
{
    return PyFloat_FromDouble(fr_event_loop_now_s());
}

static PyObject *event_loop_stop(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    EVENT_LOOP(object)->stopping = true;
    fr_event_loop_hurry(EVENT_LOOP(object));
    Py_RETURN_NONE;
}

static PyObject *event_loop_fork(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    struct event_loop *self = EVENT_LOOP(object);
    bool forked = self->loop != NULL && self->process != getpid();
    if (forked && renew_after_fork(self) < 0)
        return NULL;
    return PyBool_FromLong(forked);
}

/* ---- readers and writers ---- */

/* Watches are the loop's thread's; asyncio says so as well, in debug mode and of other methods. */
static bool may_watch(struct event_loop *self)
{
    if (self->in_turn && self->thread != PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Non-thread-safe operation invoked on an event loop other than the current one");
        return false;
    }
    return renew_after_fork(self) == 0;
}

static PyObject *add_watch(struct event_loop *self, PyObject *const *args, Py_ssize_t count,
                           enum fr_event_direction direction)
{
    if (count < 2) {
        PyErr_SetString(PyExc_TypeError, "a descriptor and a callback are needed");
        return NULL;
    }
    if (!fr_event_loop_check_open(self) || !may_watch(self))
        return NULL;
    PyObject *handle = self->debug ? fr_event_calls_debugged(self, "_make_handle_debugged", args + 1, count - 1, NULL)
                                   : fr_event_handle_new(&self->handles, args[1], args + 2, count - 2, NULL);
    if (handle != NULL && fr_event_descriptors_add(&self->descriptors, args[0], direction, handle) < 0)
        Py_CLEAR(handle);
    return handle;
}

static PyObject *remove_watch(struct event_loop *self, PyObject *file, enum fr_event_direction direction)
{
    if (self->loop == NULL || self->closed)
        Py_RETURN_FALSE;
    if (!may_watch(self))
        return NULL;
    int removed = fr_event_descriptors_remove(&self->descriptors, file, direction);
    return removed >= 0 ? PyBool_FromLong(removed) : NULL;
}

static PyObject *event_loop_add_reader(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    return add_watch(EVENT_LOOP(object), args, count, FR_EVENT_READ);
}

static PyObject *event_loop_add_writer(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    return add_watch(EVENT_LOOP(object), args, count, FR_EVENT_WRITE);
}

static PyObject *event_loop_remove_reader(PyObject *object, PyObject *file)
{
    return remove_watch(EVENT_LOOP(object), file, FR_EVENT_READ);
}

static PyObject *event_loop_remove_writer(PyObject *object, PyObject *file)
{
    return remove_watch(EVENT_LOOP(object), file, FR_EVENT_WRITE);
}

static PyObject *event_loop_watched(PyObject *object, PyObject *file)
{
    PyObject *key = fr_event_descriptors_find(&EVENT_LOOP(object)->descriptors, file);
    if (key == NULL && !PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, file);
    return key;
}

static PyObject *event_loop_watched_all(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    return fr_event_descriptors_list(&EVENT_LOOP(object)->descriptors);
}

/* ---- for the rest of the folder ---- */

bool fr_event_loop_is_ours(struct core_state *state, PyObject *object, struct fr_loop **loop, struct fr_gil **gil)
{
    if (!PyObject_TypeCheck(object, state->event_loop_type) || EVENT_LOOP(object)->loop == NULL ||
        EVENT_LOOP(object)->closed)
        return false;
    *loop = EVENT_LOOP(object)->loop;
    *gil = &EVENT_LOOP(object)->gil;
    return true;
}

void fr_event_loop_enter(PyObject *object, struct fr_event_loop_resident *resident, PyObject *worker)
{
    struct event_loop *self = EVENT_LOOP(object);
    resident->worker = worker;
    fr_list_append(&self->residents, &resident->node);
    fr_loop_remove_hook(self->loop, &self->gil.hook);
    fr_loop_add_hook(self->loop, &self->gil.hook);
}

void fr_event_loop_leave(struct fr_event_loop_resident *resident)
{
    fr_list_remove(&resident->node);
}

void fr_event_loop_hold(struct fr_event_loop_resident *resident)
{
    if (resident->is_held)
        return;
    resident->is_held = true;
    Py_INCREF(resident->worker);
}

void fr_event_loop_let_go(struct fr_event_loop_resident *resident)
{
    if (!resident->is_held)
        return;
    resident->is_held = false;
    Py_DECREF(resident->worker);
}

void fr_event_loop_interrupt(PyObject *object, PyObject *exception)
{
    struct event_loop *self = EVENT_LOOP(object);
    fr_event_loop_hurry(self);
    if (self->interrupt == NULL)
        self->interrupt = exception;
    else
        Py_DECREF(exception);
}

void fr_event_loop_catch(PyObject *object, struct fr_event_loop_catch *caught)
{
    EVENT_LOOP(object)->catch = caught;
}

int fr_event_loop_call_soon(PyObject *object, PyObject *callback, PyObject *argument, PyObject *context)
{
    struct event_loop *self = EVENT_LOOP(object);
    PyObject *args[] = {callback, argument};
    Py_ssize_t count = argument != NULL ? 2 : 1;
    if (!fr_event_loop_check_open(self))
        return -1;
    PyObject *handle = self->debug ? fr_event_calls_debugged(self, "_call_soon_debugged", args, count, context)
                                   : fr_event_calls_queue(self, args, count, context);
    Py_XDECREF(handle);
    return handle != NULL ? 0 : -1;
}

/* ---- the type ---- */

#define FLAG(name)                                                                     \
    static PyObject *get_##name(PyObject *object, void *Py_UNUSED(closure))            \
    {                                                                                  \
        return PyBool_FromLong(EVENT_LOOP(object)->name);                              \
    }                                                                                  \
    static int set_##name(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) \
    {                                                                                  \
        int truth = value != NULL ? PyObject_IsTrue(value) : 0;                        \
        EVENT_LOOP(object)->name = truth > 0;                                          \
        return truth < 0 ? -1 : 0;                                                     \
    }

/* What BaseEventLoop keeps in attributes, and the turn looks at. */
FLAG(stopping)
FLAG(closed)
FLAG(debug)

static PyObject *get_workers(PyObject *object, void *Py_UNUSED(closure))
{
    struct fr_list *residents = &EVENT_LOOP(object)->residents;
    PyObject *workers = PyList_New(0);
    for (struct fr_list *node = residents->next; workers != NULL && node != residents; node = node->next)
        if (PyList_Append(workers, FR_LIST_OWNER(node, struct fr_event_loop_resident, node)->worker) < 0)
            Py_CLEAR(workers);
    return workers;
}

static const PyGetSetDef event_loop_getset[] = {
    {"_stopping", get_stopping, set_stopping, NULL, NULL},
    {"_closed", get_closed, set_closed, NULL, NULL},
    {"_debug", get_debug, set_debug, NULL, NULL},
    {"_workers", get_workers, NULL, "The workers that live in the loop, in a new list.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define FAST(function) (PyCFunction)(void (*)(void)) function

PyDoc_STRVAR(call_soon_doc, "call_soon($self, callback, *args, context=None)\n--\n\nCall it in the next turn.");
PyDoc_STRVAR(call_soon_threadsafe_doc, "call_soon_threadsafe($self, callback, *args, context=None)\n--\n\n"
                                       "Call it in the next turn; from any thread.");
PyDoc_STRVAR(call_later_doc, "call_later($self, delay, callback, *args, context=None)\n--\n\n"
                             "Call it in `delay` seconds.");
PyDoc_STRVAR(call_at_doc, "call_at($self, when, callback, *args, context=None)\n--\n\n"
                          "Call it when time() has come to `when`.");
PyDoc_STRVAR(time_doc, "time($self, /)\n--\n\nThe loop's clock: seconds, never going back.");
PyDoc_STRVAR(stop_doc, "stop($self, /)\n--\n\nMake run_forever() return after this turn.");

static const PyMethodDef event_loop_methods[] = {
    {"call_soon", FAST(fr_event_calls_call_soon), METH_FASTCALL | METH_KEYWORDS, call_soon_doc},
    {"call_soon_threadsafe", FAST(fr_event_calls_call_soon_threadsafe), METH_FASTCALL | METH_KEYWORDS,
     call_soon_threadsafe_doc},
    {"call_later", FAST(fr_event_calls_call_later), METH_FASTCALL | METH_KEYWORDS, call_later_doc},
    {"call_at", FAST(fr_event_calls_call_at), METH_FASTCALL | METH_KEYWORDS, call_at_doc},
    {"time", event_loop_time, METH_NOARGS, time_doc},
    {"stop", event_loop_stop, METH_NOARGS, stop_doc},
    {"_run_once", event_loop_run_once, METH_NOARGS, NULL},
    {"_close_core", event_loop_close_core, METH_NOARGS, NULL},
    {"_renew_after_fork", event_loop_fork, METH_NOARGS, NULL},
    {"_add_callback", fr_event_calls_add_callback, METH_O, NULL},
    {"_add_timer", fr_event_calls_add_timer, METH_O, NULL},
    {"_timer_handle_cancelled", fr_event_calls_timer_handle_cancelled, METH_O, NULL},
    {"_add_reader", FAST(event_loop_add_reader), METH_FASTCALL, NULL},
    {"_add_writer", FAST(event_loop_add_writer), METH_FASTCALL, NULL},
    {"_remove_reader", event_loop_remove_reader, METH_O, NULL},
    {"_remove_writer", event_loop_remove_writer, METH_O, NULL},
    {"_watched", event_loop_watched, METH_O, NULL},
    {"_watched_all", event_loop_watched_all, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const PyType_Slot event_loop_slots[] = {
    {Py_tp_new, event_loop_new},
    {Py_tp_init, event_loop_init},
    {Py_tp_dealloc, event_loop_dealloc},
    {Py_tp_traverse, event_loop_traverse},
    {Py_tp_clear, event_loop_clear},
    {Py_tp_doc, (void *)"The turn of freastal.EventLoop; of no use by itself."},
    {Py_tp_methods, (void *)event_loop_methods},
    {Py_tp_getset, (void *)event_loop_getset},
    {0, NULL},
};

const PyType_Spec fr_event_loop_spec = {
    .name = "freastal._core.EventLoop",
    .basicsize = sizeof(struct event_loop),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)event_loop_slots,
};
