/* python/worker_type.c - The type Worker: a worker of the core, driven from Python.
 *
 * Owns the core's worker, its configuration and its application. One thread at a time turns it; from other
 * threads and from signal handlers only an intention is left behind, and the loop woken to act on it.
 *
 * Who turns it: a WSGI worker itself, in run(); an ASGI worker the host of its loop, by turn(), or, when that loop is
 * ours, the loop it lives in, and then it looks after itself by a hook in that loop. */
#include <stdatomic.h>
#include <unistd.h>

#include "python/asgi_application.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/worker_host.h"
#include "python/worker_options.h"
#include "python/wsgi_application.h"
#include "server/worker.h"

/* How long a turn may sleep while the last connections are being closed. */
#define CLOSING_TURN_MS 100

struct worker {
    PyObject_HEAD
    struct fr_worker *core; /* NULL before __init__ and after close */
    struct fr_worker_options options;
    struct fr_wsgi wsgi;
    struct fr_asgi asgi;
    struct fr_worker_host host;
    int wakeup_fd;
    bool made; /* __init__ has been called; what it left behind is not fit for another call, even if it failed */
    atomic_bool pausing; /* run shall return */
    atomic_bool turning; /* some thread is inside turn, run or close */
};

#define WORKER(object) ((struct worker *)(object))

/* ---- from birth to death ---- */

static PyObject *worker_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    return type->tp_alloc(type, 0); /* zeroed */
}

static void on_log(void *sink, enum fr_log_level level, const char *message)
{
    struct worker *worker = sink;
    fr_gil_take(worker->host.gil);
    PyObject *exception = fr_compat_take_exception();
    PyObject *args[] = {PyLong_FromLong(((long)level + 1) * 10), PyUnicode_FromString(message)};
    if (args[0] != NULL && args[1] != NULL)
        (void)fr_worker_host_call(&worker->host, worker->options.log, args, 2);
    else
        fr_errors_drop(worker->options.log);
    Py_XDECREF(args[0]);
    Py_XDECREF(args[1]);
    if (exception != NULL)
        fr_compat_raise_exception(exception);
}

/* ---- its birth ---- */

static int open_application(struct worker *worker)
{
    struct core_state *state = core_state_of((PyObject *)worker);
    struct fr_config *config = &worker->options.config;
    config->application = worker->options.is_asgi ? &worker->asgi.base : &worker->wsgi.base;
    if (worker->options.is_asgi)
        return fr_asgi_open(&worker->asgi, state, &worker->options.asgi, worker->host.gil);
    return fr_wsgi_open(&worker->wsgi, state, &worker->options.wsgi);
}

static int open_core(struct worker *worker)
{
    struct fr_config *config = &worker->options.config;
    struct fr_asgi *asgi = worker->options.is_asgi ? &worker->asgi : NULL;
    if (fr_worker_host_find(&worker->host, (PyObject *)worker, &worker->options, asgi) < 0 ||
        open_application(worker) < 0)
        return -1;
    config->log.sink = worker;
    if (worker->options.log != NULL)
        config->log.write = on_log;
    int error = 0;
    worker->core = fr_worker_open(config, &error);
    if (worker->core == NULL) {
        fr_errors_raise(error, "the worker cannot be opened");
        return -1;
    }
    struct fr_loop *loop = fr_worker_loop(worker->core);
    worker->wakeup_fd = fr_loop_wakeup_fd(loop);
    if (worker->wakeup_fd < 0) {
        fr_errors_raise(FR_E_SYSTEM, "no descriptor to wake the worker by");
        fr_worker_close(worker->core);
        worker->core = NULL;
        return -1;
    }
    fr_worker_host_enter(&worker->host, worker->core);
    if (worker->options.is_asgi)
        fr_asgi_attach(&worker->asgi, loop);
    else
        fr_wsgi_attach(&worker->wsgi, worker->host.gil, loop);
    return 0;
}

static void free_parts(struct worker *worker)
{
    fr_asgi_close(&worker->asgi);
    fr_wsgi_close(&worker->wsgi);
    fr_worker_options_free(&worker->options);
}

static int worker_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct worker *worker = WORKER(self);
    if (worker->made) {
        PyErr_SetString(PyExc_RuntimeError, "a worker cannot be made twice");
        return -1;
    }
    worker->made = true;
    if (fr_worker_options_read(&worker->options, args, kwargs) < 0 || open_core(worker) < 0) {
        free_parts(worker);
        return -1;
    }
    return 0;
}

/* ---- its end ---- */

/* Nobody turns the loop but this very call, or the worker needs no turn any more. */
static void close_core(struct worker *worker)
{
    struct fr_worker *core = worker->core;
    if (core == NULL)
        return;
    if (fr_worker_state(core) != FR_WORKER_READY)
        fr_worker_stop(core);
    while (fr_worker_state(core) == FR_WORKER_DRAINING)
        fr_worker_turn(core, CLOSING_TURN_MS);
    fr_worker_host_leave(&worker->host);
    Py_BEGIN_CRITICAL_SECTION(worker);
    worker->core = NULL; /* nobody wakes it any more */
    Py_END_CRITICAL_SECTION();
    fr_worker_close(core);
    fr_asgi_attach(&worker->asgi, NULL);
    fr_asgi_close(&worker->asgi); /* calls that still go on end here */
    fr_worker_host_forget(&worker->host);
    free_parts(worker);
}

static void worker_finalize(PyObject *self)
{
    const struct worker *worker = WORKER(self);
    PyObject *exception = fr_compat_take_exception();
    bool serves = worker->core != NULL && fr_worker_state(worker->core) != FR_WORKER_READY &&
                  fr_worker_state(worker->core) != FR_WORKER_STOPPED;
    if (serves && PyErr_ResourceWarning(self, 1, "unclosed %R", self) < 0)
        PyErr_WriteUnraisable(self);
    close_core(WORKER(self));
    if (exception != NULL)
        fr_compat_raise_exception(exception);
}

static int worker_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct worker *worker = WORKER(self);
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(worker->options.wsgi.callable);
    Py_VISIT(worker->options.wsgi.log_exception);
    Py_VISIT(worker->options.log);
    Py_VISIT(worker->options.asgi.event_loop);
    Py_VISIT(worker->options.asgi.lifespan_state);
    Py_VISIT(worker->options.on_stopped);
    Py_VISIT(worker->options.on_stirred);
    int status = fr_asgi_traverse(&worker->asgi, visit, arg);
    return status != 0 ? status : fr_wsgi_traverse(&worker->wsgi, visit, arg);
}

static int worker_clear(PyObject *self)
{
    if (WORKER(self)->core == NULL)
        free_parts(WORKER(self));
    return 0;
}

static void worker_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (PyObject_CallFinalizerFromDealloc(self) < 0)
        return;
    PyObject_GC_UnTrack(self);
    free_parts(WORKER(self));
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* ---- turning ---- */

static bool is_open(const struct worker *worker)
{
    if (worker->core == NULL)
        PyErr_SetString(PyExc_RuntimeError, "the worker is closed");
    return worker->core != NULL;
}

/* Nobody else turns the worker until leave. */
static bool enter(struct worker *worker)
{
    if (atomic_exchange(&worker->turning, true)) {
        PyErr_SetString(PyExc_RuntimeError, "the worker is being turned already");
        return false;
    }
    if (is_open(worker)) {
        worker->wsgi.process = worker->asgi.process = getpid();
        return true;
    }
    atomic_store(&worker->turning, false);
    return false;
}

static void leave(struct worker *worker)
{
    atomic_store(&worker->turning, false);
}

/* Raises what came out of the application, if that was to end more than a request. */
static int raise_interrupt(PyObject **kept)
{
    PyObject *interrupt = *kept;
    if (interrupt == NULL)
        return 0;
    *kept = NULL;
    fr_compat_raise_exception(interrupt);
    return -1;
}

/* 0, or -1 and what a signal handler, or an interrupt inside the application, has raised. */
static int turn(struct worker *worker, int timeout_ms)
{
    fr_worker_host_begin_turn(&worker->host);
    if (fr_worker_state(worker->core) == FR_WORKER_STOPPED)
        timeout_ms = 0;
    fr_worker_turn(worker->core, timeout_ms);
    fr_worker_host_end_turn(&worker->host);
    if (raise_interrupt(&worker->wsgi.interrupt) < 0 || raise_interrupt(&worker->asgi.interrupt) < 0)
        return -1;
    return PyErr_CheckSignals();
}

static void start(struct worker *worker)
{
    if (fr_worker_state(worker->core) != FR_WORKER_READY)
        return;
    fr_worker_start(worker->core);
    fr_worker_host_hold(&worker->host);
}

static bool turns_itself(const struct worker *worker)
{
    if (worker->options.is_asgi)
        PyErr_SetString(PyExc_RuntimeError, "an ASGI worker is turned by the event loop that its application runs in");
    return !worker->options.is_asgi;
}

static PyObject *worker_run(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct worker *worker = WORKER(self);
    if (!turns_itself(worker) || !enter(worker))
        return NULL;
    start(worker);
    int status = 0;
    while (status == 0 && fr_worker_state(worker->core) != FR_WORKER_STOPPED &&
           !atomic_exchange(&worker->pausing, false))
        status = turn(worker, -1);
    leave(worker);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *worker_start(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct worker *worker = WORKER(self);
    if (!enter(worker))
        return NULL;
    start(worker);
    leave(worker);
    Py_RETURN_NONE;
}

static PyObject *worker_turn(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"timeout_ms", NULL};
    struct worker *worker = WORKER(self);
    int timeout_ms = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|i:turn", (char **)names, &timeout_ms) ||
        (worker->host.lives_in_loop && !turns_itself(worker)) || !enter(worker))
        return NULL;
    int status = turn(worker, timeout_ms);
    leave(worker);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

static PyObject *worker_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct worker *worker = WORKER(self);
    if (worker->core == NULL)
        Py_RETURN_NONE;
    if (!fr_worker_host_may_close(&worker->host) || !enter(worker))
        return NULL;
    Py_INCREF(self); /* it may let go of itself */
    close_core(worker);
    leave(worker);
    Py_DECREF(self);
    Py_RETURN_NONE;
}

static PyObject *worker_reload_tls(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct worker *worker = WORKER(self);
    if (!enter(worker))
        return NULL;
    char complaint[FR_COMPLAINT_BYTES] = "";
    int error = fr_worker_reload_tls(worker->core, complaint, sizeof complaint);
    leave(worker);
    bool stopped = error == FR_E_STATE && worker->options.config.tls != NULL; /* there are no connections to come */
    if (error == 0 || stopped)
        Py_RETURN_NONE;
    if (error == FR_E_STATE)
        PyErr_SetString(PyExc_RuntimeError, "the worker speaks no TLS");
    else
        fr_errors_complain(complaint);
    return NULL;
}

/* ---- from anywhere ---- */

static PyObject *intend(PyObject *self, enum fr_worker_intention intention)
{
    struct worker *worker = WORKER(self);
    fr_worker_host_intend(&worker->host, intention);
    Py_BEGIN_CRITICAL_SECTION(self);
    if (worker->core != NULL)
        fr_loop_wake(fr_worker_loop(worker->core));
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

static PyObject *worker_drain(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return intend(self, FR_WORKER_INTEND_DRAIN);
}

static PyObject *worker_stop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return intend(self, FR_WORKER_INTEND_STOP);
}

/* For our own call_soon, which has an argument to give. */
static PyObject *worker_cancel_calls(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    if (WORKER(self)->core != NULL && WORKER(self)->options.is_asgi)
        fr_asgi_cancel(&WORKER(self)->asgi);
    Py_RETURN_NONE;
}

static PyObject *worker_pause(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    atomic_store(&WORKER(self)->pausing, true);
    return intend(self, FR_WORKER_INTEND_NOTHING);
}

static PyObject *worker_wake(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return intend(self, FR_WORKER_INTEND_NOTHING);
}

static PyObject *worker_fileno(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    int fd = -1;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (is_open(WORKER(self)))
        fd = fr_loop_fd(fr_worker_loop(WORKER(self)->core));
    Py_END_CRITICAL_SECTION();
    return fd >= 0 ? PyLong_FromLong(fd) : NULL;
}

static PyObject *worker_timeout_ms(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct worker *worker = WORKER(self);
    if (!enter(worker))
        return NULL;
    int timeout_ms = fr_loop_timeout_ms(fr_worker_loop(worker->core));
    leave(worker);
    return PyLong_FromLong(timeout_ms);
}

/* A slot is plain numbers of 64 bits, in the order of the list. */
#define STATS_COUNT (sizeof(struct fr_stats) / sizeof(uint64_t))

static bool copy_stats(struct worker *worker, uint64_t *values)
{
    bool open;
    Py_BEGIN_CRITICAL_SECTION(worker);
    open = is_open(worker);
    const uint64_t *slot = open ? (const uint64_t *)fr_worker_stats(worker->core) : NULL;
    for (size_t i = 0; open && i < STATS_COUNT; i++)
        values[i] = __atomic_load_n(&slot[i], __ATOMIC_RELAXED);
    Py_END_CRITICAL_SECTION();
    return open;
}

static PyObject *worker_stats(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    static const char *const names[STATS_COUNT] = {
#define X(name) #name,
        FR_STATS_LIST(X)
#undef X
    };
    uint64_t values[STATS_COUNT];
    if (!copy_stats(WORKER(self), values))
        return NULL;
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < STATS_COUNT; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(values[i]);
        if (value == NULL || PyDict_SetItemString(dict, names[i], value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *worker_get_wakeup_fd(PyObject *self, void *Py_UNUSED(closure))
{
    return is_open(WORKER(self)) ? PyLong_FromLong(WORKER(self)->wakeup_fd) : NULL;
}

static PyObject *worker_get_state(PyObject *self, void *Py_UNUSED(closure))
{
    static const char *const names[] = {
        [FR_WORKER_READY] = "ready",
        [FR_WORKER_SERVING] = "serving",
        [FR_WORKER_DRAINING] = "draining",
        [FR_WORKER_STOPPED] = "stopped",
    };
    const struct worker *worker = WORKER(self);
    if (worker->core == NULL)
        return PyUnicode_FromString("stopped");
    enum fr_worker_state state = fr_worker_state(worker->core);
    if (state == FR_WORKER_STOPPED && !fr_worker_host_is_at_rest(&worker->host)) /* calls go on */
        state = FR_WORKER_DRAINING;
    return PyUnicode_FromString(names[state]);
}

/* ---- the type ---- */

PyDoc_STRVAR(run_doc, "run($self, /)\n--\n\nAccept and serve until stopped; signal handlers run between turns.");
PyDoc_STRVAR(start_doc, "start($self, /)\n--\n\nBegin to accept; run() does it.");
PyDoc_STRVAR(
    turn_doc,
    "turn($self, /, timeout_ms=0)\n--\n\nOne turn of the loop, sleeping at most so long; -1: as long as it takes.");
PyDoc_STRVAR(fileno_doc, "fileno($self, /)\n--\n\nA descriptor that is readable when a turn would find work.");
PyDoc_STRVAR(timeout_ms_doc,
             "timeout_ms($self, /)\n--\n\nHow long a turn may sleep before something is due; -1: for ever.");
PyDoc_STRVAR(reload_tls_doc, "reload_tls($self, /)\n--\n\nRead certificates again, for connections to come.");
PyDoc_STRVAR(drain_doc,
             "drain($self, /)\n--\n\nStop accepting, finish what is open. From any thread or signal handler.");
PyDoc_STRVAR(stop_doc, "stop($self, /)\n--\n\nClose everything now. From any thread or signal handler.");
PyDoc_STRVAR(pause_doc,
             "pause($self, /)\n--\n\nMake run() return; call it again to go on. From any thread or signal handler.");
PyDoc_STRVAR(wake_doc, "wake($self, /)\n--\n\nEnd the loop's sleep. From any thread or signal handler.");
PyDoc_STRVAR(stats_doc, "stats($self, /)\n--\n\nThe counters, by name.");
PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\nStop, and give back everything.");

static const PyMethodDef worker_methods[] = {
    {"run", worker_run, METH_NOARGS, run_doc},
    {"start", worker_start, METH_NOARGS, start_doc},
    {"turn", (PyCFunction)(void (*)(void))worker_turn, METH_VARARGS | METH_KEYWORDS, turn_doc},
    {"fileno", worker_fileno, METH_NOARGS, fileno_doc},
    {"timeout_ms", worker_timeout_ms, METH_NOARGS, timeout_ms_doc},
    {"reload_tls", worker_reload_tls, METH_NOARGS, reload_tls_doc},
    {"drain", worker_drain, METH_NOARGS, drain_doc},
    {"stop", worker_stop, METH_NOARGS, stop_doc},
    {"_cancel_calls", worker_cancel_calls, METH_O, NULL},
    {"pause", worker_pause, METH_NOARGS, pause_doc},
    {"wake", worker_wake, METH_NOARGS, wake_doc},
    {"stats", worker_stats, METH_NOARGS, stats_doc},
    {"close", worker_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static const PyGetSetDef worker_getset[] = {
    {"wakeup_fd", worker_get_wakeup_fd, NULL, "For signal.set_wakeup_fd().", NULL},
    {"state", worker_get_state, NULL, "ready, serving, draining or stopped.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyType_Slot worker_slots[] = {
    {Py_tp_new, worker_new},
    {Py_tp_init, worker_init},
    {Py_tp_finalize, worker_finalize},
    {Py_tp_dealloc, worker_dealloc},
    {Py_tp_traverse, worker_traverse},
    {Py_tp_clear, worker_clear},
    {Py_tp_doc, (void *)"One event loop with its listeners and connections, answering by an application."},
    {Py_tp_methods, (void *)worker_methods},
    {Py_tp_getset, (void *)worker_getset},
    {0, NULL},
};

const PyType_Spec fr_worker_spec = {
    .name = "freastal._core.Worker",
    .basicsize = sizeof(struct worker),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)worker_slots,
};
