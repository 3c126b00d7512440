/* python/asgi_application.c - The application seam for an ASGI callable: which requests are of HTTP, which are
 * WebSockets, and what all of them have in common. ASGI 3.0. */
#include "python/asgi_application.h"

#include <unistd.h>

#include "python/asgi_http.h"
#include "python/asgi_receive.h"
#include "python/asgi_scope.h"
#include "python/asgi_websocket.h"
#include "python/errors.h"
#include "python/event_loop.h"
#include "python/process_copy.h"
#include "websocket/handshake.h"

/* ---- callbacks of the core ---- */

static const struct fr_asgi_exchange *own(const struct fr_exchange *exchange)
{
    return exchange->application_data;
}

static void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    struct fr_asgi *asgi = (struct fr_asgi *)application;
    fr_gil_take(asgi->gil);
    if (fr_is_websocket_request(exchange->head))
        fr_asgi_websocket_begin(asgi, exchange);
    else if (exchange->method == FR_METHOD_CONNECT)
        fr_exchange_refuse_tunnel(exchange);
    else
        fr_asgi_http_begin(asgi, exchange);
}

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    own(exchange)->ops->body(exchange, bytes, last);
}

static void on_writable(struct fr_exchange *exchange)
{
    own(exchange)->ops->writable(exchange);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    own(exchange)->ops->aborted(exchange, reason);
}

static void on_draining(struct fr_exchange *exchange)
{
    if (own(exchange)->ops->draining != NULL)
        own(exchange)->ops->draining(exchange);
}

static void on_peer_ended(struct fr_exchange *exchange)
{
    if (own(exchange)->ops->peer_ended != NULL)
        own(exchange)->ops->peer_ended(exchange);
}

static const struct fr_application_ops asgi_ops = {
    .name = "asgi",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
    .draining = on_draining,
    .peer_ended = on_peer_ended,
};

/* ---- what is told ---- */

/* "<METHOD> <path>: <text>"; NULL and an exception. */
static PyObject *new_sentence(struct core_state *state, PyObject *scope, PyObject *text)
{
    PyObject *method = NULL, *path = NULL;
    if (scope != NULL && (PyDict_GetItemRef(scope, state->names.method, &method) < 0 ||
                          PyDict_GetItemRef(scope, state->names.path, &path) < 0))
        PyErr_Clear(); /* the application may do with its scope what it likes */
    PyObject *sentence = PyUnicode_FromFormat("%S %S: %U", method != NULL ? method : state->names.websocket,
                                              path != NULL ? path : state->empty_text, text);
    Py_XDECREF(method);
    Py_XDECREF(path);
    return sentence;
}

void fr_asgi_log(struct fr_asgi *asgi, enum fr_log_level level, PyObject *scope, PyObject *text)
{
    if (level < asgi->options.log->level)
        return;
    PyObject *sentence = new_sentence(asgi->state, scope, text);
    PyObject *bytes = sentence != NULL ? PyUnicode_AsEncodedString(sentence, "utf-8", "backslashreplace") : NULL;
    if (bytes != NULL)
        fr_log_print(asgi->options.log, level, "%s", PyBytes_AS_STRING(bytes));
    else
        fr_errors_drop(text);
    Py_XDECREF(bytes);
    Py_XDECREF(sentence);
}

/* What send() raises when the peer is gone, or what a framework makes of it, as Starlette's ClientDisconnect. */
static bool is_farewell(struct core_state *state, PyObject *exception)
{
    if (PyErr_GivenExceptionMatches(exception, state->client_disconnected))
        return true;
    if (strstr(Py_TYPE(exception)->tp_name, "Disconnect") == NULL)
        return false;
    PyObject *context = PyException_GetContext(exception);
    bool ours = context != NULL && PyErr_GivenExceptionMatches(context, state->client_disconnected);
    Py_XDECREF(context);
    return ours;
}

bool fr_asgi_is_expected(const struct fr_asgi *asgi, bool gone, PyObject *exception)
{
    if (gone && is_farewell(asgi->state, exception))
        return true;
    return asgi->cancelling && PyErr_GivenExceptionMatches(exception, asgi->cancelled_error);
}

static void drop(PyObject *exception, PyObject *culprit)
{
    fr_compat_raise_exception(Py_NewRef(exception));
    fr_errors_drop(culprit);
}

/* A guest gets a turn for it, since it may have come between two. */
static void keep_interrupt(struct fr_asgi *asgi, PyObject *exception)
{
    if (asgi->tasks.loop_is_ours) {
        fr_event_loop_interrupt(asgi->options.event_loop, Py_NewRef(exception));
        return;
    }
    Py_XSETREF(asgi->interrupt, Py_NewRef(exception));
    if (asgi->loop != NULL)
        fr_loop_wake(asgi->loop);
}

void fr_asgi_report(struct fr_asgi *asgi, PyObject *scope, const char *what, PyObject *exception)
{
    if (getpid() != asgi->process)
        fr_process_copy_end(exception, asgi->options.log_exception);
    if (PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt) ||
        PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) {
        keep_interrupt(asgi, exception);
        return;
    }
    bool at_top = asgi->gil->at_top;
    asgi->gil->at_top = false; /* a log is Python code */
    PyObject *log = asgi->options.log_exception;
    PyObject *text = PyUnicode_FromString(what);
    PyObject *sentence = text != NULL ? new_sentence(asgi->state, scope, text) : NULL;
    Py_XDECREF(text);
    if (log == NULL || sentence == NULL) {
        PyErr_Clear();
        drop(exception, asgi->options.callable);
    } else {
        PyObject *args[] = {sentence, exception};
        PyObject *result = PyObject_Vectorcall(log, args, 2, NULL);
        if (result == NULL)
            fr_errors_drop(log);
        Py_XDECREF(result);
    }
    Py_XDECREF(sentence);
    asgi->gil->at_top = at_top;
}

/* ---- the application ---- */

static PyObject *new_cancelled_error(void)
{
    PyObject *asyncio = PyImport_ImportModule("asyncio");
    PyObject *error = asyncio != NULL ? PyObject_GetAttrString(asyncio, "CancelledError") : NULL;
    Py_XDECREF(asyncio);
    return error;
}

int fr_asgi_open(struct fr_asgi *asgi, struct core_state *state, const struct fr_asgi_options *options,
                 struct fr_gil *gil)
{
    asgi->base.ops = &asgi_ops;
    asgi->state = state;
    asgi->gil = gil;
    asgi->options = *options;
    Py_INCREF(options->callable);
    Py_XINCREF(options->log_exception);
    Py_INCREF(options->root_path);
    Py_INCREF(options->url_scheme);
    Py_INCREF(options->event_loop);
    Py_XINCREF(options->lifespan_state);
    asgi->empty_message = fr_asgi_receive_new_empty(state);
    asgi->cancelled_error = new_cancelled_error();
    return asgi->empty_message != NULL && asgi->cancelled_error != NULL
               ? fr_asgi_tasks_open(&asgi->tasks, state, gil, options->event_loop)
               : -1;
}

void fr_asgi_attach(struct fr_asgi *asgi, struct fr_loop *loop)
{
    asgi->loop = loop;
}

void fr_asgi_call_ended(struct fr_asgi *asgi)
{
    if (asgi->idle != NULL && asgi->tasks.running_count == 0)
        fr_loop_defer(asgi->loop, asgi->idle);
}

void fr_asgi_cancel(struct fr_asgi *asgi)
{
    asgi->cancelling = true;
    fr_asgi_tasks_cancel(&asgi->tasks, "Task cancelled, timeout graceful shutdown exceeded");
}

int fr_asgi_traverse(struct fr_asgi *asgi, visitproc visit, void *arg)
{
    Py_VISIT(asgi->options.callable);
    Py_VISIT(asgi->options.log_exception);
    Py_VISIT(asgi->options.event_loop);
    Py_VISIT(asgi->options.lifespan_state);
    Py_VISIT(asgi->cancelled_error);
    Py_VISIT(asgi->empty_message);
    Py_VISIT(asgi->interrupt);
    int status = fr_asgi_scope_traverse(asgi, visit, arg);
    return status != 0 ? status : fr_asgi_tasks_traverse(&asgi->tasks, visit, arg);
}

void fr_asgi_close(struct fr_asgi *asgi)
{
    if (asgi->options.callable == NULL)
        return;
    asgi->cancelling = true;
    fr_asgi_tasks_close(&asgi->tasks);
    fr_asgi_scope_close(asgi);
    Py_CLEAR(asgi->options.callable);
    Py_CLEAR(asgi->options.log_exception);
    Py_CLEAR(asgi->options.root_path);
    Py_CLEAR(asgi->options.url_scheme);
    Py_CLEAR(asgi->options.event_loop);
    Py_CLEAR(asgi->options.lifespan_state);
    Py_CLEAR(asgi->cancelled_error);
    Py_CLEAR(asgi->empty_message);
    Py_CLEAR(asgi->interrupt);
    fr_convert_cache_clear(&asgi->texts);
}
