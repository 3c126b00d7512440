/* python/asgi_websocket.c - One WebSocket of an ASGI application, from the handshake to the end of its call (ASGI
 * WebSocket spec 2.5).
 *
 * Rules of this file:
 *  - Every callback from the core takes the GIL first, and returns without an exception in flight.
 *  - Whatever the application does, the peer gets an answer: 500 when it never decides, a close frame when it ends
 *    without one (1000, or 1011 when it failed), 1012 when the worker drains.
 *  - What an idle WebSocket does not need is not kept: not the scope, not the handshake, no buffers. */
#include "python/asgi_websocket.h"

#include <assert.h>

#include "base/alloc.h"
#include "python/asgi_scope.h"
#include "python/asgi_wait.h"
#include "python/asgi_websocket_internal.h"
#include "python/errors.h"

/* ---- the deadline ---- */

uint64_t fr_asgi_websocket_now_ms(const struct fr_asgi_websocket *websocket)
{
    return fr_loop_clock(websocket->base.asgi->loop)->now_ms;
}

/* A deadline that moves away is looked at when the timer fires; only one that came nearer sets it. */
static void follow_deadline(struct fr_asgi_websocket *websocket)
{
    uint64_t due_ms = websocket->session.due_ms, now_ms;
    if (due_ms == UINT64_MAX || (fr_timer_is_set(&websocket->timer) && websocket->timer.due_ms <= due_ms))
        return;
    now_ms = fr_asgi_websocket_now_ms(websocket);
    fr_timer_set(websocket->base.asgi->loop, &websocket->timer, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* ---- enter and leave ---- */

void fr_asgi_websocket_disconnect(struct fr_asgi_websocket *websocket, unsigned code, fr_span reason)
{
    if (websocket->disconnect_reason != NULL)
        return;
    PyObject *text = reason.len > 0 ? PyUnicode_DecodeUTF8(reason.data, (Py_ssize_t)reason.len, "replace") : NULL;
    if (text == NULL) {
        PyErr_Clear();
        text = Py_NewRef(core_state_of((PyObject *)websocket)->empty_text);
    }
    websocket->disconnect_reason = text;
    websocket->disconnect_code = code;
    unsigned waiting = 0;
    for (const struct fr_list *node = websocket->receivers.next; node != &websocket->receivers; node = node->next)
        waiting++;
    websocket->disconnects_owed = waiting > 0 ? waiting : 1;
    fr_asgi_wake_all(&websocket->receivers);
}

static void free_parts(struct fr_asgi_websocket *websocket)
{
    struct fr_asgi *asgi = websocket->base.asgi;
    fr_timer_clear(asgi->loop, &websocket->timer);
    if (websocket->accepted)
        fr_websocket_free(&websocket->session);
    fr_asgi_fields_free(&websocket->denial.fields, fr_loop_pool(asgi->loop));
    fr_free(websocket->handshake);
    websocket->handshake = NULL;
}

/* An answer that is not complete is cut, one that never began becomes a 500. */
static void let_go(struct fr_asgi_websocket *websocket)
{
    struct fr_exchange *exchange = websocket->exchange;
    websocket->gone |= websocket->stage <= FR_ASGI_WEBSOCKET_OPEN;
    websocket->exchange = NULL;
    free_parts(websocket);
    exchange->application_data = NULL;
    fr_exchange_let_go(exchange);
    fr_asgi_websocket_disconnect(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
    fr_asgi_wake_all(&websocket->senders);
    Py_DECREF(websocket);
}

void fr_asgi_websocket_leave(struct fr_asgi_websocket *websocket)
{
    assert(websocket->depth > 0);
    if (--websocket->depth > 0 || websocket->exchange == NULL)
        return;
    if (websocket->over)
        let_go(websocket);
    else if (websocket->accepted)
        follow_deadline(websocket);
}

int fr_asgi_websocket_close(struct fr_asgi_websocket *websocket, unsigned code, fr_span reason)
{
    int error = fr_websocket_close(&websocket->session, code, reason, fr_asgi_websocket_now_ms(websocket));
    if (error != 0)
        return error;
    fr_asgi_websocket_disconnect(websocket, code, reason);
    return 0;
}

/* ---- what the session says ---- */

static void on_message(struct fr_websocket *session, bool text, fr_span bytes)
{
    struct fr_asgi_websocket *websocket = FR_LIST_OWNER(session, struct fr_asgi_websocket, session);
    if (websocket->disconnect_reason == NULL && !websocket->returned)
        fr_asgi_websocket_deliver(websocket, text, bytes);
}

static void on_closed(struct fr_websocket *session, unsigned code, fr_span reason)
{
    struct fr_asgi_websocket *websocket = FR_LIST_OWNER(session, struct fr_asgi_websocket, session);
    websocket->gone = true;
    websocket->over = true;
    fr_asgi_websocket_disconnect(websocket, code, reason);
    fr_asgi_wake_all(&websocket->senders);
}

const struct fr_websocket_events fr_asgi_websocket_events = {
    .message = on_message,
    .closed = on_closed,
};

/* ---- callbacks of the core ---- */

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    struct fr_asgi_websocket *websocket = fr_asgi_websocket_of(exchange);
    fr_gil_take(websocket->base.asgi->gil);
    fr_asgi_websocket_enter(websocket);
    if (websocket->accepted)
        fr_websocket_on_body(&websocket->session, bytes, last, fr_asgi_websocket_now_ms(websocket));
    fr_asgi_websocket_leave(websocket);
}

static void on_writable(struct fr_exchange *exchange)
{
    struct fr_asgi_websocket *websocket = fr_asgi_websocket_of(exchange);
    fr_gil_take(websocket->base.asgi->gil);
    fr_asgi_websocket_enter(websocket);
    if (websocket->accepted)
        fr_websocket_on_writable(&websocket->session);
    fr_asgi_wake_all(&websocket->senders);
    fr_asgi_websocket_leave(websocket);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    struct fr_asgi_websocket *websocket = fr_asgi_websocket_of(exchange);
    fr_gil_take(websocket->base.asgi->gil);
    fr_asgi_websocket_enter(websocket);
    if (websocket->accepted)
        fr_websocket_on_aborted(&websocket->session, reason);
    websocket->gone = true;
    websocket->over = true;
    fr_asgi_websocket_leave(websocket);
}

/* Who sends no more has no use for a WebSocket: before the handshake is answered that is a disconnect, by which the
 * application learns that nobody waits. Afterwards the session sees the end in its place. */
static void on_peer_ended(struct fr_exchange *exchange)
{
    struct fr_asgi_websocket *websocket = fr_asgi_websocket_of(exchange);
    if (websocket->accepted)
        return;
    fr_gil_take(websocket->base.asgi->gil);
    fr_asgi_websocket_enter(websocket);
    fr_asgi_websocket_disconnect(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
    fr_asgi_websocket_leave(websocket);
}

/* Before the handshake is answered the application still decides; accept then closes at once. */
static void on_draining(struct fr_exchange *exchange)
{
    struct fr_asgi_websocket *websocket = fr_asgi_websocket_of(exchange);
    if (!websocket->accepted || websocket->stage != FR_ASGI_WEBSOCKET_OPEN)
        return;
    fr_gil_take(websocket->base.asgi->gil);
    fr_asgi_websocket_enter(websocket);
    int error = fr_asgi_websocket_close(websocket, FR_WEBSOCKET_SERVICE_RESTART, FR_SPAN(""));
    assert(error == 0);
    (void)error;
    fr_asgi_websocket_leave(websocket);
}

static const struct fr_asgi_exchange_ops websocket_ops = {
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
    .draining = on_draining,
    .peer_ended = on_peer_ended,
};

static void on_timer(struct fr_timer *timer)
{
    struct fr_asgi_websocket *websocket = FR_LIST_OWNER(timer, struct fr_asgi_websocket, timer);
    uint64_t now_ms = fr_asgi_websocket_now_ms(websocket);
    fr_gil_take(websocket->base.asgi->gil);
    fr_asgi_websocket_enter(websocket);
    if (websocket->session.due_ms <= now_ms)
        fr_websocket_tick(&websocket->session, now_ms);
    fr_asgi_websocket_leave(websocket);
}

/* ---- the end of the call ---- */

/* The real scope is the application's alone; this is what a line of the log needs of it. */
static PyObject *new_small_scope(const struct fr_asgi_websocket *websocket, struct core_state *state)
{
    PyObject *scope = PyDict_New();
    if (scope == NULL || PyDict_SetItem(scope, state->names.path, websocket->path) < 0) {
        PyErr_Clear();
        Py_CLEAR(scope);
    }
    return scope;
}

static void tell_failure(struct fr_asgi_websocket *websocket, PyObject *exception)
{
    struct fr_asgi *asgi = websocket->base.asgi;
    if (fr_asgi_is_expected(asgi, websocket->gone, exception))
        return;
    PyObject *scope = new_small_scope(websocket, asgi->state);
    fr_asgi_report(asgi, scope, "the application failed", exception);
    Py_XDECREF(scope);
}

/* The application has returned though the peer still waits. */
static void tell_silence(struct fr_asgi_websocket *websocket)
{
    struct fr_asgi *asgi = websocket->base.asgi;
    PyObject *scope = new_small_scope(websocket, asgi->state);
    PyObject *text = PyUnicode_FromString("ASGI callable returned without completing handshake.");
    if (text == NULL)
        fr_errors_drop(asgi->options.callable);
    else
        fr_asgi_log(asgi, FR_LOG_ERROR, scope, text);
    Py_XDECREF(text);
    Py_XDECREF(scope);
}

/* What is still owed to the peer. */
static void finish(struct fr_asgi_websocket *websocket, bool failed)
{
    int error = 0;
    switch (websocket->stage) {
    case FR_ASGI_WEBSOCKET_CONNECTING:
    case FR_ASGI_WEBSOCKET_DENYING:
        if (!failed && !websocket->gone)
            tell_silence(websocket);
        websocket->over = true;
        break;
    case FR_ASGI_WEBSOCKET_OPEN:
        if (!websocket->gone)
            error = fr_asgi_websocket_close(websocket, failed ? FR_WEBSOCKET_INTERNAL_ERROR : FR_WEBSOCKET_NORMAL,
                                            FR_SPAN(""));
        break;
    case FR_ASGI_WEBSOCKET_CLOSED:
    case FR_ASGI_WEBSOCKET_DENIED:
        break;
    }
    assert(error == 0);
    (void)error;
}

static void on_ended(void *owner, PyObject *exception)
{
    struct fr_asgi_websocket *websocket = owner;
    fr_asgi_websocket_enter(websocket);
    websocket->returned = true;
    if (exception != NULL)
        tell_failure(websocket, exception);
    if (websocket->exchange != NULL)
        finish(websocket, exception != NULL);
    fr_asgi_messages_clear(&websocket->messages);
    fr_asgi_wake_all(&websocket->receivers);
    struct fr_asgi *asgi = websocket->base.asgi;
    fr_asgi_websocket_leave(websocket);
    fr_asgi_call_ended(asgi);
    Py_DECREF(websocket); /* the call's */
}

/* ---- the beginning ---- */

/* On HTTP/2 the other streams go on, and there are no fields of the connection. */
static void refuse(struct fr_exchange *exchange, int status, const char *why)
{
    const struct fr_response_header headers[] = {
        {FR_SPAN("Sec-WebSocket-Version"), FR_SPAN("13")}, /* RFC 6455 section 4.4 */
        {FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8")},
        {FR_SPAN("Connection"), FR_SPAN("close")},
        {FR_SPAN("Upgrade"), FR_SPAN("websocket")}, /* RFC 9110 section 15.5.22 */
    };
    bool upgrades = exchange->version != FR_HTTP_2, says_version = !upgrades || status == 426;
    const fr_span text = fr_span_of_string(why);
    const struct fr_response_head head = {
        .status = status,
        .headers = says_version ? headers : headers + 1,
        .header_count = status == 426 ? 4 : 2,
        .content_length = (int64_t)text.len,
    };
    int error = fr_exchange_respond(exchange, &head);
    if (error == 0)
        error = fr_exchange_send(exchange, &FR_CHUNK_COPY(text), true);
    assert(error == 0 || error == FR_E_GONE);
    (void)error;
    fr_exchange_let_go(exchange);
}

static struct fr_asgi_websocket *new_websocket(struct fr_asgi *asgi, struct fr_exchange *exchange,
                                               const struct fr_websocket_handshake *handshake)
{
    PyTypeObject *type = asgi->state->asgi_websocket_type;
    struct fr_asgi_websocket *websocket = (struct fr_asgi_websocket *)type->tp_alloc(type, 0); /* zeroed */
    if (websocket == NULL)
        return NULL;
    websocket->base = (struct fr_asgi_exchange){&websocket_ops, asgi};
    websocket->exchange = exchange;
    websocket->handshake = fr_alloc(sizeof *handshake);
    *websocket->handshake = *handshake;
    websocket->timer.expired = on_timer;
    websocket->path = Py_NewRef(asgi->state->empty_text);
    fr_list_init(&websocket->receivers);
    fr_list_init(&websocket->senders);
    exchange->application_data = &websocket->base;
    return websocket;
}

static const PyMethodDef receive_def = {"receive", fr_asgi_websocket_receive, METH_NOARGS, "The next message."};
static const PyMethodDef send_def = {"send", fr_asgi_websocket_send, METH_O, "Sends a message."};

/* 0, or -1 and an exception: the application has not been called. */
static int call_application(struct fr_asgi_websocket *websocket)
{
    struct fr_asgi *asgi = websocket->base.asgi;
    PyObject *self = (PyObject *)websocket, *path;
    PyObject *scope = fr_asgi_scope_new(asgi, websocket->exchange, true);
    PyObject *receive = PyCFunction_New((PyMethodDef *)&receive_def, self);
    PyObject *send = PyCFunction_New((PyMethodDef *)&send_def, self);
    int status = -1;
    if (scope != NULL && receive != NULL && send != NULL &&
        PyDict_GetItemRef(scope, asgi->state->names.path, &path) > 0) {
        Py_SETREF(websocket->path, path);
        Py_INCREF(self); /* on_ended lets go of it */
        fr_asgi_task_start(&asgi->tasks, asgi->options.callable, scope, receive, send, on_ended, websocket);
        status = 0;
    }
    Py_XDECREF(scope);
    Py_XDECREF(receive);
    Py_XDECREF(send);
    return status;
}

void fr_asgi_websocket_begin(struct fr_asgi *asgi, struct fr_exchange *exchange)
{
    struct fr_websocket_handshake handshake = {0};
    const char *why = "";
    fr_gil_take(asgi->gil);
    int refused = fr_websocket_handshake_read(&handshake, exchange->head, &why);
    if (refused != 0) {
        refuse(exchange, refused, why);
        return;
    }
    struct fr_asgi_websocket *websocket = new_websocket(asgi, exchange, &handshake);
    if (websocket == NULL) {
        fr_errors_drop(asgi->options.callable);
        fr_exchange_let_go(exchange);
        return;
    }
    fr_asgi_websocket_enter(websocket);
    if (call_application(websocket) < 0) {
        fr_errors_drop(asgi->options.callable);
        websocket->over = true;
    }
    fr_asgi_websocket_leave(websocket);
}

/* ---- the type ---- */

static void websocket_dealloc(PyObject *self)
{
    struct fr_asgi_websocket *websocket = (struct fr_asgi_websocket *)self;
    PyTypeObject *type = Py_TYPE(self);
    assert(websocket->exchange == NULL);
    fr_asgi_messages_clear(&websocket->messages);
    Py_CLEAR(websocket->path);
    Py_CLEAR(websocket->disconnect_reason);
    type->tp_free(self);
    Py_DECREF(type);
}

static const PyType_Slot websocket_slots[] = {
    {Py_tp_dealloc, websocket_dealloc},
    {Py_tp_doc, (void *)"What receive() and send() of a WebSocket belong to."},
    {0, NULL},
};

const PyType_Spec fr_asgi_websocket_spec = {
    .name = "freastal._core.WebSocket",
    .basicsize = sizeof(struct fr_asgi_websocket),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)websocket_slots,
};
