/* python/asgi_http.c - One HTTP request of an ASGI application: begun, told what the core says, ended.
 *
 * Rules of this file:
 *  - Every callback from the core takes the GIL first, holds the request while it runs, and returns without an
 *    exception in flight.
 *  - The exchange is let go of as soon as nothing more can come of it: when the answer is complete, when the peer is
 *    gone, when the call is over. The call may go on without it.
 *  - A call that is over without an answer is answered for: before the head with a 500, after it by a cut. */
#include "python/asgi_http.h"

#include "python/asgi_receive.h"
#include "python/asgi_request.h"
#include "python/asgi_scope.h"
#include "python/asgi_send.h"
#include "python/asgi_wait.h"
#include "python/errors.h"

/* More body than receive() ever asks for at once. */
#define KEPT_BYTES_MAX (64 * 1024)

/* ---- letting go ---- */

void fr_asgi_request_leave(struct fr_asgi_request *request)
{
    struct fr_exchange *exchange = request->exchange;
    if (exchange == NULL)
        return;
    struct fr_asgi *asgi = request->base.asgi;
    fr_loop_refresh(asgi->loop);
    request->exchange = NULL;
    exchange->application_data = NULL;
    fr_asgi_fields_free(&request->fields, fr_loop_pool(asgi->loop));
    Py_CLEAR(request->trailers);
    fr_exchange_let_go(exchange);
    fr_asgi_wake_all(&request->receivers);
    fr_asgi_wake_all(&request->senders);
    Py_DECREF(request); /* the exchange's */
}

/* ---- the end of a call ---- */

static const char *sentence_of_failure(const struct fr_asgi_request *request)
{
    if (request->gone)
        return "the application failed after the peer was gone";
    switch (request->stage) {
    case FR_ASGI_UNANSWERED:
    case FR_ASGI_STARTED:
        return "the application failed";
    case FR_ASGI_STREAMING:
    case FR_ASGI_TRAILING:
        return "the application failed after the head was sent; the answer was cut";
    case FR_ASGI_COMPLETE:
        break;
    }
    return "the application failed after its answer was complete";
}

static void tell_failure(struct fr_asgi_request *request, PyObject *exception)
{
    struct fr_asgi *asgi = request->base.asgi;
    if (!fr_asgi_is_expected(asgi, request->gone, exception))
        fr_asgi_report(asgi, request->scope, sentence_of_failure(request), exception);
}

/* The application has returned though the peer still waits. */
static void tell_silence(struct fr_asgi_request *request)
{
    const char *sentence = request->stage == FR_ASGI_UNANSWERED ? "ASGI callable returned without starting response."
                                                                : "ASGI callable returned without completing response.";
    PyObject *text = PyUnicode_FromString(sentence);
    if (text == NULL)
        fr_errors_drop(request->base.asgi->options.callable);
    else
        fr_asgi_log(request->base.asgi, FR_LOG_ERROR, request->scope, text);
    Py_XDECREF(text);
}

static void on_ended(void *owner, PyObject *exception)
{
    struct fr_asgi_request *request = owner;
    if (exception != NULL)
        tell_failure(request, exception);
    else if (request->exchange != NULL && !request->gone)
        tell_silence(request);
    fr_asgi_request_leave(request);
    Py_CLEAR(request->scope);
    fr_asgi_call_ended(request->base.asgi);
    Py_DECREF(request); /* the call's */
}

/* ---- what the core says ---- */

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    struct fr_asgi_request *request = fr_asgi_request_of(exchange);
    fr_gil_take(request->base.asgi->gil);
    Py_INCREF(request);
    if (fr_asgi_receive_keep(request, bytes, last) < 0) {
        fr_errors_drop((PyObject *)request);
        fr_asgi_request_leave(request);
    } else {
        fr_asgi_wake_first(&request->receivers);
    }
    Py_DECREF(request);
}

static void on_writable(struct fr_exchange *exchange)
{
    struct fr_asgi_request *request = fr_asgi_request_of(exchange);
    fr_gil_take(request->base.asgi->gil);
    Py_INCREF(request);
    fr_asgi_wake_all(&request->senders);
    Py_DECREF(request);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    (void)reason;
    struct fr_asgi_request *request = fr_asgi_request_of(exchange);
    fr_gil_take(request->base.asgi->gil);
    Py_INCREF(request);
    request->gone = true;
    fr_asgi_request_leave(request);
    Py_DECREF(request);
}

/* Other servers take it for a disconnect. To us it is one for receive(), by which applications notice that nobody
 * listens any more; but an answer can still be sent, since a peer may say that it has no more to ask and wait for
 * it. */
static void on_peer_ended(struct fr_exchange *exchange)
{
    struct fr_asgi_request *request = fr_asgi_request_of(exchange);
    fr_gil_take(request->base.asgi->gil);
    Py_INCREF(request);
    request->peer_ended = true;
    fr_asgi_wake_all(&request->receivers);
    Py_DECREF(request);
}

/* The beginning of a drain is no disconnect: whoever answers may finish. */
static const struct fr_asgi_exchange_ops http_ops = {
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
    .peer_ended = on_peer_ended,
};

/* ---- the beginning ---- */

static struct fr_asgi_request *new_request(struct fr_asgi *asgi, struct fr_exchange *exchange)
{
    struct fr_asgi_request *request = PyObject_New(struct fr_asgi_request, asgi->state->asgi_request_type);
    if (request == NULL)
        return NULL;
    memset((char *)request + sizeof(PyObject), 0, sizeof *request - sizeof(PyObject));
    request->call = fr_asgi_receive_call;
    request->base = (struct fr_asgi_exchange){&http_ops, asgi};
    request->exchange = exchange;
    request->body_ended = exchange->body_ended;
    request->declared_length = -1;
    fr_list_init(&request->receivers);
    fr_list_init(&request->senders);
    fr_buffer_init(&request->more, KEPT_BYTES_MAX);
    exchange->application_data = &request->base;
    return request;
}

void fr_asgi_http_begin(struct fr_asgi *asgi, struct fr_exchange *exchange)
{
    struct fr_asgi_request *request = new_request(asgi, exchange);
    if (request == NULL) {
        fr_errors_drop(asgi->options.callable);
        fr_exchange_let_go(exchange);
        return;
    }
    Py_INCREF(request); /* the exchange holds one, the call another */
    request->scope = fr_asgi_scope_new(asgi, exchange, false);
    PyObject *send = request->scope != NULL ? fr_asgi_send_new(request) : NULL;
    if (send != NULL) {
        fr_asgi_task_start(&asgi->tasks, asgi->options.callable, request->scope, (PyObject *)request, send, on_ended,
                           request);
        Py_DECREF(send);
        return;
    }
    PyObject *exception = fr_compat_take_exception();
    on_ended(request, exception);
    Py_XDECREF(exception);
}

/* ---- the type ---- */

static void request_dealloc(PyObject *self)
{
    struct fr_asgi_request *request = (struct fr_asgi_request *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(request->scope);
    Py_XDECREF(request->piece);
    Py_XDECREF(request->trailers);
    fr_buffer_free(&request->more);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *request_repr(PyObject *Py_UNUSED(self))
{
    return PyUnicode_FromString("<freastal receive function>");
}

static const PyMemberDef request_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(struct fr_asgi_request, call), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static const PyType_Slot request_slots[] = {
    {Py_tp_dealloc, request_dealloc},
    {Py_tp_doc, (void *)"receive() of an HTTP request."},
    {Py_tp_repr, request_repr},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, (void *)request_members},
    {0, NULL},
};

const PyType_Spec fr_asgi_request_spec = {
    .name = "freastal._core.Receive",
    .basicsize = sizeof(struct fr_asgi_request),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)request_slots,
};
