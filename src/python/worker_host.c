/* python/worker_host.c - What passes between a worker and whoever turns its loop.
 *
 * Nothing is acted on, or told, where it comes about: the cause may be deep in the core, or in another thread. It is
 * done between turns, or, in a loop that others turn, from what is deferred there. */
#include "python/worker_host.h"

#include "python/errors.h"

bool fr_worker_host_call(struct fr_worker_host *host, PyObject *callback, PyObject *const *args, size_t count)
{
    fr_gil_take(host->gil);
    bool at_top = host->gil->at_top;
    host->gil->at_top = false; /* no task may be stepped while it runs */
    PyObject *exception = fr_compat_take_exception();
    PyObject *result = PyObject_Vectorcall(callback, args, count, NULL);
    bool done = result != NULL;
    if (!done)
        fr_errors_drop(callback);
    Py_XDECREF(result);
    if (exception != NULL)
        fr_compat_raise_exception(exception);
    host->gil->at_top = at_top;
    return done;
}

bool fr_worker_host_is_at_rest(const struct fr_worker_host *host)
{
    bool called = host->asgi != NULL && host->asgi->tasks.running_count > 0;
    return fr_worker_state(host->core) == FR_WORKER_STOPPED && !called;
}

/* ---- what was asked for ---- */

void fr_worker_host_intend(struct fr_worker_host *host, enum fr_worker_intention intention)
{
    int noted = atomic_load(&host->intention);
    while (noted < (int)intention && !atomic_compare_exchange_weak(&host->intention, &noted, (int)intention))
        continue;
}

/* Applications hear of the end of their connections first: what the event loop has to do because of that comes before
 * the calls that still go on are cancelled. */
static void cancel_soon(struct fr_worker_host *host)
{
    if (host->cancel_asked)
        return;
    host->cancel_asked = true;
    fr_gil_take(host->gil);
    PyObject *cancel = PyObject_GetAttrString(host->worker, "_cancel_calls");
    if (cancel == NULL ||
        fr_asgi_tasks_call_soon(host->asgi->state, host->options->asgi.event_loop, cancel, Py_None, NULL) < 0)
        fr_errors_drop(host->worker);
    Py_XDECREF(cancel);
}

static void act(struct fr_worker_host *host)
{
    int intention = atomic_load(&host->intention);
    if (intention == FR_WORKER_INTEND_DRAIN)
        fr_worker_drain(host->core);
    if (intention != FR_WORKER_INTEND_STOP)
        return;
    host->stopping = true;
    fr_worker_stop(host->core);
    if (host->asgi != NULL && fr_worker_state(host->core) == FR_WORKER_STOPPED && !fr_worker_host_is_at_rest(host))
        cancel_soon(host);
}

static bool is_asked(const struct fr_worker_host *host)
{
    int intention = atomic_load(&host->intention);
    if (intention == FR_WORKER_INTEND_STOP)
        return !host->stopping;
    return intention == FR_WORKER_INTEND_DRAIN && fr_worker_state(host->core) < FR_WORKER_DRAINING;
}

static void on_poll(struct fr_poll_hook *hook, bool sleep)
{
    (void)sleep;
    struct fr_worker_host *host = FR_LIST_OWNER(hook, struct fr_worker_host, hook);
    if (is_asked(host))
        fr_loop_defer(fr_worker_loop(host->core), &host->attending);
}

/* ---- what is told ---- */

static void tell_stopped(struct fr_worker_host *host)
{
    if (host->stop_told)
        return;
    host->stop_told = true;
    if (host->options->on_stopped != NULL)
        (void)fr_worker_host_call(host, host->options->on_stopped, NULL, 0);
}

static void on_attending(struct fr_deferred *deferred)
{
    struct fr_worker_host *host = FR_LIST_OWNER(deferred, struct fr_worker_host, attending);
    fr_gil_take(host->gil);
    act(host);
    if (fr_worker_host_is_at_rest(host)) {
        tell_stopped(host);
        fr_event_loop_let_go(&host->resident);
    }
}

/* Calls may go on without a connection; the end of the last one makes us attend again. */
static void on_stopped(void *owner)
{
    struct fr_worker_host *host = owner;
    if (host->asgi != NULL)
        host->asgi->idle = &host->attending;
    fr_loop_defer(fr_worker_loop(host->core), &host->attending);
}

/* Once until the next turn; more would be no news. */
static void on_stirred(void *owner)
{
    struct fr_worker_host *host = owner;
    if (!host->stir_told)
        host->stir_told = fr_worker_host_call(host, host->options->on_stirred, NULL, 0);
}

/* ---- turns ---- */

void fr_worker_host_begin_turn(struct fr_worker_host *host)
{
    host->stir_told = false;
    host->gil->at_top = true;
    fr_loop_refresh(fr_worker_loop(host->core));
    act(host);
}

void fr_worker_host_end_turn(struct fr_worker_host *host)
{
    fr_gil_hold(host->gil);
    host->gil->at_top = false;
    if (fr_worker_host_is_at_rest(host))
        tell_stopped(host);
}

/* ---- from birth to death ---- */

/* 1 or 0; -1 and an exception. */
static int ask_loop(PyObject *event_loop, const char *question)
{
    PyObject *answer = PyObject_CallMethod(event_loop, question, NULL);
    int truth = answer != NULL ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return truth;
}

static int check_open(PyObject *event_loop)
{
    int closed = ask_loop(event_loop, "is_closed");
    if (closed > 0)
        PyErr_SetString(PyExc_RuntimeError, "the event loop is closed");
    return closed == 0 ? 0 : -1;
}

int fr_worker_host_find(struct fr_worker_host *host, PyObject *worker, struct fr_worker_options *options,
                        struct fr_asgi *asgi)
{
    struct fr_config *config = &options->config;
    host->worker = worker;
    host->options = options;
    host->asgi = asgi;
    host->gil = &host->own_gil;
    host->attending.run = on_attending;
    config->stopped = on_stopped;
    config->owner = host;
    if (asgi == NULL)
        return 0;
    if (check_open(options->asgi.event_loop) < 0)
        return -1;
    host->lives_in_loop =
        fr_event_loop_is_ours(core_state_of(worker), options->asgi.event_loop, &config->loop, &host->gil);
    if (!host->lives_in_loop || options->on_stirred == NULL)
        return 0;
    PyErr_SetString(PyExc_ValueError, "on_stirred is for guests: this worker is turned by the loop it lives in");
    return -1;
}

void fr_worker_host_enter(struct fr_worker_host *host, struct fr_worker *core)
{
    struct fr_loop *loop = fr_worker_loop(core);
    host->core = core;
    if (host->lives_in_loop) {
        host->hook.before_poll = on_poll;
        fr_loop_add_hook(loop, &host->hook);
        fr_event_loop_enter(host->options->asgi.event_loop, &host->resident, host->worker);
    } else {
        fr_gil_open(host->gil, loop);
    }
    if (host->options->on_stirred != NULL)
        fr_loop_on_stirred(loop, on_stirred, host);
}

void fr_worker_host_hold(struct fr_worker_host *host)
{
    if (host->lives_in_loop)
        fr_event_loop_hold(&host->resident);
}

bool fr_worker_host_may_close(const struct fr_worker_host *host)
{
    enum fr_worker_state state = fr_worker_state(host->core);
    if (!host->lives_in_loop || state == FR_WORKER_READY || state == FR_WORKER_STOPPED)
        return true;
    int running = ask_loop(host->options->asgi.event_loop, "is_running");
    if (running > 0)
        PyErr_SetString(PyExc_RuntimeError, "the worker has not stopped: call stop() and wait for on_stopped");
    return running == 0;
}

void fr_worker_host_leave(struct fr_worker_host *host)
{
    struct fr_loop *loop = fr_worker_loop(host->core);
    fr_gil_hold(host->gil);
    if (host->options->on_stirred != NULL)
        fr_loop_on_stirred(loop, NULL, NULL);
    fr_loop_forget(loop, &host->attending);
    if (host->asgi != NULL)
        host->asgi->idle = NULL;
    host->stop_told |= fr_worker_state(host->core) == FR_WORKER_READY; /* it never served */
    if (host->lives_in_loop) {
        fr_loop_remove_hook(loop, &host->hook);
        fr_event_loop_leave(&host->resident);
    } else {
        fr_gil_close(host->gil);
    }
    host->gil = &host->own_gil;
    host->core = NULL;
}

void fr_worker_host_forget(struct fr_worker_host *host)
{
    tell_stopped(host);
    fr_event_loop_let_go(&host->resident);
}
