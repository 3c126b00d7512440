/* python/wsgi_application.c - The application seam for a WSGI callable: one request from begin to let go.
 *
 * Rules of this file:
 *  - Every callback from the core takes the GIL first, and returns without an exception in flight.
 *  - A request is freed by the outermost code of ours only: a callback that finds it busy marks it.
 *  - Whatever happens, the result's close() is called exactly once, and the exchange is let go of. */
#include "python/wsgi_application.h"

#include <assert.h>
#include <unistd.h>

#include "base/alloc.h"
#include "python/errors.h"
#include "python/process_copy.h"
#include "python/tls_memory.h"
#include "python/wsgi_environ.h"
#include "python/wsgi_input.h"
#include "python/wsgi_response.h"
#include "python/wsgi_start_response.h"

/* Every byte there may be: the limit of a body is the protocol's. */
#define WHOLE_BODY (UINT64_C(1) << 62)

/* ---- what is told ---- */

static void log_exception(struct fr_wsgi *wsgi, PyObject *sentence, PyObject *exception)
{
    PyObject *log = wsgi->options.log_exception;
    if (log == NULL || sentence == NULL) {
        fr_compat_raise_exception(Py_NewRef(exception));
        fr_errors_drop(wsgi->options.callable);
        return;
    }
    PyObject *args[] = {sentence, exception};
    PyObject *result = PyObject_Vectorcall(log, args, 2, NULL);
    if (result == NULL)
        fr_errors_drop(log);
    Py_XDECREF(result);
}

void fr_wsgi_report(struct fr_wsgi_request *request, const char *what)
{
    struct fr_wsgi *wsgi = request->wsgi;
    PyObject *exception = fr_compat_take_exception();
    if (exception == NULL)
        return;
    if (getpid() != wsgi->process)
        fr_process_copy_end(exception, wsgi->options.log_exception);
    if (PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)) {
        Py_XSETREF(wsgi->interrupt, exception);
        return;
    }
    PyObject *sentence = PyUnicode_FromFormat("%V %V: %s", request->method, "?", request->path, "?", what);
    if (sentence == NULL)
        PyErr_Clear();
    log_exception(wsgi, sentence, exception);
    Py_XDECREF(sentence);
    Py_DECREF(exception);
}

/* ---- a request ---- */

static void on_again(struct fr_deferred *deferred);

static struct fr_wsgi_request *begin(struct fr_wsgi *wsgi, struct fr_exchange *exchange)
{
    struct fr_wsgi_request *request = fr_pool_take(fr_loop_pool(wsgi->loop), sizeof *request);
    *request = (struct fr_wsgi_request){
        .exchange = exchange,
        .wsgi = wsgi,
        .again.run = on_again,
        .declared_length = -1,
    };
    fr_wsgi_body_init(&request->body, exchange->request_length, wsgi->options.body_memory_max);
    exchange->application_data = request;
    return request;
}

/* Everything that is owed to the result at its end; what it raises harms nobody any more. */
static void close_result(struct fr_wsgi_request *request)
{
    PyObject *result = request->result, *method;
    request->result = NULL;
    Py_CLEAR(request->iterator);
    if (result == NULL)
        return;
    if (!PyList_CheckExact(result) && !PyTuple_CheckExact(result)) {
        int found = PyObject_GetOptionalAttr(result, request->wsgi->state->names.close, &method);
        PyObject *closed = found > 0 ? PyObject_CallNoArgs(method) : NULL;
        if (closed == NULL && found != 0)
            fr_wsgi_report(request, "close() of the response failed");
        Py_XDECREF(closed);
        Py_XDECREF(method);
    }
    Py_DECREF(result);
}

/* The file of a long body, unless somebody still holds on to wsgi.input. */
static void reclaim_file(struct fr_wsgi_request *request)
{
    if (request->input != NULL && Py_REFCNT(request->input) == 1) {
        uint64_t len;
        int file = fr_wsgi_input_detach(request->input, &len);
        fr_wsgi_spool_give(&request->wsgi->spool, file, len);
    }
    Py_CLEAR(request->input);
}

/* Gives up the request: closes the result, lets go of the exchange, frees `request`. An answer that is not complete
 * is cut. */
static void finish(struct fr_wsgi_request *request)
{
    struct fr_wsgi *wsgi = request->wsgi;
    request->busy = true;
    fr_loop_forget(wsgi->loop, &request->again);
    if (request->complaint != NULL) {
        PyErr_SetString(PyExc_ValueError, request->complaint);
        fr_wsgi_report(request, "the body does not match its Content-Length");
    }
    request->running = true;
    close_result(request);
    request->running = false;
    fr_wsgi_start_response_revoke(request);
    Py_CLEAR(request->environ);
    Py_CLEAR(request->headers);
    Py_CLEAR(request->status_line);
    Py_CLEAR(request->method);
    Py_CLEAR(request->path);
    fr_wsgi_body_free(&request->body);
    reclaim_file(request);
    struct fr_exchange *exchange = request->exchange;
    exchange->application_data = NULL;
    fr_pool_give(fr_loop_pool(wsgi->loop), request, sizeof *request);
    fr_exchange_let_go(exchange);
    assert(!PyErr_Occurred());
}

static void settle(struct fr_wsgi_request *request, enum fr_wsgi_outcome outcome)
{
    if (outcome == FR_WSGI_DONE || request->gone)
        finish(request);
    else
        request->busy = false;
}

static void fail(struct fr_wsgi_request *request)
{
    request->busy = true;
    settle(request, fr_wsgi_response_fail(request));
}

/* The request is complete: calls the application, and answers with what it returns. */
static void run(struct fr_wsgi_request *request)
{
    struct fr_wsgi *wsgi = request->wsgi;
    request->busy = true;
    wsgi->thread = PyThread_get_thread_ident();
    if (fr_wsgi_start_response_lend(request) < 0) {
        fail(request);
        return;
    }
    PyObject *args[] = {NULL, request->environ, request->start_response};
    request->running = true;
    request->result = PyObject_Vectorcall(wsgi->options.callable, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    request->running = false;
    Py_CLEAR(request->environ);
    if (request->result == NULL)
        settle(request, fr_wsgi_response_fail(request));
    else
        settle(request, request->gone ? FR_WSGI_DONE : fr_wsgi_response_answer(request));
}

static void resume(struct fr_wsgi_request *request)
{
    request->busy = true;
    settle(request, fr_wsgi_response_resume(request));
}

/* ---- callbacks of the core ---- */

static int describe(struct fr_wsgi_request *request, const struct fr_request_head *head)
{
    struct fr_wsgi *wsgi = request->wsgi;
    PyObject *method = wsgi->state->methods[head->method];
    request->method = method != NULL ? Py_NewRef(method) : fr_convert_text(&wsgi->texts, head->method_text);
    request->path = fr_convert_text(&wsgi->texts, head->path);
    request->environ = fr_wsgi_environ_new(wsgi, request->exchange);
    return request->method != NULL && request->path != NULL && request->environ != NULL ? 0 : -1;
}

static void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    struct fr_wsgi *wsgi = (struct fr_wsgi *)application;
    if (exchange->method == FR_METHOD_CONNECT) {
        fr_exchange_refuse_tunnel(exchange);
        return;
    }
    fr_gil_take(wsgi->gil);
    struct fr_wsgi_request *request = begin(wsgi, exchange);
    if (describe(request, exchange->head) < 0)
        fail(request);
    else if (exchange->body_expected && !exchange->body_ended)
        fr_exchange_credit(exchange, WHOLE_BODY); /* body() may come, and finish, inside */
    else
        run(request);
}

static int hand_over_body(struct fr_wsgi_request *request)
{
    struct fr_wsgi *wsgi = request->wsgi;
    uint64_t len = request->body.len;
    PyObject *bytes;
    int file;
    if (fr_wsgi_body_take(&request->body, &bytes, &file) < 0)
        return -1;
    PyObject *input = fr_wsgi_input_new(wsgi->state, bytes, file, len);
    if (file >= 0)
        request->input = Py_XNewRef(input);
    bool chunked = request->exchange->request_length == FR_BODY_CHUNKED;
    return fr_wsgi_environ_set_body(wsgi, request->environ, input, len, chunked);
}

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    struct fr_wsgi_request *request = exchange->application_data;
    fr_gil_take(request->wsgi->gil);
    if (fr_wsgi_body_append(&request->body, bytes, &request->wsgi->spool) < 0 || (last && hand_over_body(request) < 0))
        fail(request);
    else if (last)
        run(request);
}

static void on_writable(struct fr_exchange *exchange)
{
    struct fr_wsgi_request *request = exchange->application_data;
    if (request->busy || request->iterator == NULL)
        return;
    fr_gil_take(request->wsgi->gil);
    fr_loop_forget(request->wsgi->loop, &request->again);
    resume(request);
}

static void on_again(struct fr_deferred *deferred)
{
    struct fr_wsgi_request *request = FR_LIST_OWNER(deferred, struct fr_wsgi_request, again);
    fr_gil_take(request->wsgi->gil);
    resume(request);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    (void)reason;
    struct fr_wsgi_request *request = exchange->application_data;
    request->gone = true;
    if (request->busy)
        return;
    fr_gil_take(request->wsgi->gil);
    finish(request);
}

static const struct fr_application_ops wsgi_ops = {
    .name = "wsgi",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
};

/* ---- the application ---- */

int fr_wsgi_open(struct fr_wsgi *wsgi, struct core_state *state, const struct fr_wsgi_options *options)
{
    wsgi->base.ops = &wsgi_ops;
    wsgi->state = state;
    wsgi->options = *options;
    Py_INCREF(options->callable);
    Py_XINCREF(options->log_exception);
    Py_INCREF(options->root_path);
    Py_INCREF(options->url_scheme);
    wsgi->errors = Py_NewRef(Py_None);
    wsgi->empty_input = fr_wsgi_input_new(state, Py_NewRef(state->empty_bytes), -1, 0);
    return wsgi->empty_input != NULL ? 0 : -1;
}

void fr_wsgi_attach(struct fr_wsgi *wsgi, struct fr_gil *gil, struct fr_loop *loop)
{
    wsgi->gil = gil;
    wsgi->loop = loop;
}

int fr_wsgi_traverse(struct fr_wsgi *wsgi, visitproc visit, void *arg)
{
    Py_VISIT(wsgi->options.callable);
    Py_VISIT(wsgi->options.log_exception);
    Py_VISIT(wsgi->errors);
    Py_VISIT(wsgi->null_errors);
    Py_VISIT(wsgi->interrupt);
    for (size_t i = 0; i < wsgi->template_count; i++)
        Py_VISIT(wsgi->templates[i].environ);
    return fr_tls_memory_traverse(wsgi->tls, visit, arg);
}

static void close_null_errors(struct fr_wsgi *wsgi)
{
    PyObject *stream = wsgi->null_errors;
    wsgi->null_errors = NULL;
    PyObject *closed = stream != NULL ? PyObject_CallMethodNoArgs(stream, wsgi->state->names.close) : NULL;
    if (stream != NULL && closed == NULL)
        fr_errors_drop(stream);
    Py_XDECREF(closed);
    Py_XDECREF(stream);
}

void fr_wsgi_close(struct fr_wsgi *wsgi)
{
    close_null_errors(wsgi);
    Py_CLEAR(wsgi->options.callable);
    Py_CLEAR(wsgi->options.log_exception);
    Py_CLEAR(wsgi->options.root_path);
    Py_CLEAR(wsgi->options.url_scheme);
    Py_CLEAR(wsgi->empty_input);
    Py_CLEAR(wsgi->errors);
    fr_wsgi_spool_close(&wsgi->spool);
    Py_CLEAR(wsgi->start_response);
    Py_CLEAR(wsgi->write);
    Py_CLEAR(wsgi->interrupt);
    for (size_t i = 0; i < wsgi->template_count; i++)
        Py_CLEAR(wsgi->templates[i].environ);
    fr_free(wsgi->templates);
    wsgi->templates = NULL;
    wsgi->template_count = 0;
    fr_tls_memory_close(wsgi->tls);
    wsgi->tls = NULL;
    fr_convert_cache_clear(&wsgi->texts);
}
