/* python/asgi_websocket_send.c - send() of a WebSocket. ASGI WebSocket spec 2.5, "Accept", "Send" and "Close".
 *
 * Rules of this file:
 *  - A message is checked before anything of it is sent; sentences are those that applications know.
 *  - To look into a message may run code of the application's, which may send: the stage is read again after it.
 *  - Who sends to a peer that is gone gets an OSError; who closes then has what he wanted. */
#include "base/alloc.h"
#include "http/headers.h"
#include "python/asgi_message.h"
#include "python/asgi_wait.h"
#include "python/asgi_websocket_internal.h"
#include "python/errors.h"

/* ---- what went wrong ---- */

PyObject *fr_asgi_websocket_raise_gone(const struct fr_asgi_websocket *websocket)
{
    PyErr_SetString(core_state_of((PyObject *)websocket)->client_disconnected, "the WebSocket is closed");
    return NULL;
}

static PyObject *refuse_type(const struct fr_asgi_websocket *websocket, PyObject *type)
{
    switch (websocket->stage) {
    case FR_ASGI_WEBSOCKET_CONNECTING:
        return PyErr_Format(PyExc_RuntimeError,
                            "Expected ASGI message 'websocket.accept', 'websocket.close' or "
                            "'websocket.http.response.start' but got '%U'.",
                            type);
    case FR_ASGI_WEBSOCKET_DENYING:
        return PyErr_Format(PyExc_RuntimeError, "Expected ASGI message 'websocket.http.response.body' but got '%U'.",
                            type);
    case FR_ASGI_WEBSOCKET_OPEN:
        return PyErr_Format(PyExc_RuntimeError,
                            "Expected ASGI message 'websocket.send' or 'websocket.close', but got '%U'.", type);
    case FR_ASGI_WEBSOCKET_CLOSED:
        return PyErr_Format(PyExc_RuntimeError, "Unexpected ASGI message '%U', after sending 'websocket.close'.", type);
    case FR_ASGI_WEBSOCKET_DENIED:
        break;
    }
    return PyErr_Format(PyExc_RuntimeError, "Unexpected ASGI message '%U' sent, after response already completed.",
                        type);
}

/* ---- room ---- */

static PyObject *on_room(PyObject *owner)
{
    const struct fr_asgi_websocket *websocket = (struct fr_asgi_websocket *)owner;
    return websocket->gone ? fr_asgi_websocket_raise_gone(websocket) : Py_NewRef(Py_None);
}

PyObject *fr_asgi_websocket_await_room(struct fr_asgi_websocket *websocket)
{
    if (websocket->exchange == NULL || fr_exchange_is_writable(websocket->exchange))
        return fr_asgi_done(core_state_of((PyObject *)websocket));
    return fr_asgi_wait_new(&websocket->base.asgi->tasks, &websocket->senders, (PyObject *)websocket, on_room);
}

/* ---- websocket.accept ---- */

static bool is_of_the_handshake(fr_span name)
{
    switch (fr_header_lookup(name)) {
    case FR_HEADER_CONNECTION:
    case FR_HEADER_CONTENT_LENGTH:
    case FR_HEADER_KEEP_ALIVE:
    case FR_HEADER_SEC_WEBSOCKET_EXTENSIONS:
    case FR_HEADER_SEC_WEBSOCKET_PROTOCOL:
    case FR_HEADER_TRANSFER_ENCODING:
    case FR_HEADER_UPGRADE:
        return true;
    default:
        return fr_span_equal_nocase(name, FR_SPAN("sec-websocket-accept"));
    }
}

static int check_fields(const struct fr_asgi_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        fr_span name = fields->list[i].name;
        if (!is_of_the_handshake(name))
            continue;
        PyObject *text = PyUnicode_DecodeLatin1(name.data, (Py_ssize_t)name.len, NULL);
        bool subprotocol = fr_header_lookup(name) == FR_HEADER_SEC_WEBSOCKET_PROTOCOL;
        if (text != NULL)
            PyErr_Format(PyExc_ValueError, "'websocket.accept' cannot set the header %R, which %s", text,
                         subprotocol ? "'subprotocol' is for" : "only the server may send");
        Py_XDECREF(text);
        return -1;
    }
    return 0;
}

static int read_fields(struct fr_asgi_websocket *websocket, PyObject *message, struct fr_asgi_fields *fields)
{
    PyObject *headers;
    int found = fr_asgi_message_find(message, core_state_of((PyObject *)websocket)->names.headers, &headers);
    if (found <= 0 || Py_IsNone(headers)) {
        Py_XDECREF(headers);
        return found < 0 ? -1 : 0;
    }
    struct fr_pool *pool = fr_loop_pool(websocket->base.asgi->loop);
    int status = fr_asgi_fields_read(fields, pool, headers);
    Py_DECREF(headers);
    if (status == 0 && check_fields(fields) < 0) {
        fr_asgi_fields_free(fields, pool);
        status = -1;
    }
    return status;
}

/* message["subprotocol"]: 0 and a reference or NULL, or -1 and an exception. It need not be one that was offered: the
 * peer then fails the connection, which is the application's to see. */
static int read_subprotocol(struct core_state *state, PyObject *message, PyObject **subprotocol, fr_span *name)
{
    *name = FR_SPAN("");
    if (fr_asgi_message_find(message, state->names.subprotocol, subprotocol) < 0)
        return -1;
    if (*subprotocol == NULL || Py_IsNone(*subprotocol)) {
        Py_CLEAR(*subprotocol);
        return 0;
    }
    if (!PyUnicode_Check(*subprotocol))
        PyErr_Format(PyExc_TypeError, "'subprotocol' must be a str, not %.100s", Py_TYPE(*subprotocol)->tp_name);
    else if (!fr_convert_span(*subprotocol, name) || (name->len > 0 && !fr_is_token(*name)))
        PyErr_Format(PyExc_ValueError, "'subprotocol' must be the name of one, not %R", *subprotocol);
    else
        return 0;
    Py_CLEAR(*subprotocol);
    return -1;
}

static PyObject *accept(struct fr_asgi_websocket *websocket, fr_span subprotocol, const struct fr_asgi_fields *fields)
{
    struct fr_asgi *asgi = websocket->base.asgi;
    fr_asgi_websocket_enter(websocket);
    int error = fr_websocket_accept(&websocket->session, websocket->exchange, websocket->handshake, subprotocol,
                                    fields->list, fields->count, asgi->options.limits, &fr_asgi_websocket_events,
                                    fr_asgi_websocket_now_ms(websocket));
    if (error == 0) {
        fr_free(websocket->handshake);
        websocket->handshake = NULL;
        websocket->accepted = true;
        websocket->stage = FR_ASGI_WEBSOCKET_OPEN;
        fr_websocket_want(&websocket->session, true);
        if (!websocket->over && websocket->exchange->draining)
            error = fr_asgi_websocket_close(websocket, FR_WEBSOCKET_SERVICE_RESTART, FR_SPAN(""));
    }
    fr_asgi_websocket_leave(websocket);
    if (error == 0)
        return fr_asgi_done(asgi->state);
    if (error == FR_E_GONE)
        return fr_asgi_websocket_raise_gone(websocket);
    fr_errors_raise(error, "the WebSocket cannot be accepted");
    return NULL;
}

static PyObject *send_accept(struct fr_asgi_websocket *websocket, PyObject *message, PyObject *type)
{
    struct fr_asgi_fields fields = {.content_length = -1};
    PyObject *subprotocol, *result = NULL;
    fr_span name;
    if (read_subprotocol(core_state_of((PyObject *)websocket), message, &subprotocol, &name) < 0)
        return NULL;
    if (read_fields(websocket, message, &fields) == 0) {
        if (websocket->stage != FR_ASGI_WEBSOCKET_CONNECTING)
            (void)refuse_type(websocket, type);
        else if (websocket->gone)
            (void)fr_asgi_websocket_raise_gone(websocket);
        else
            result = accept(websocket, name, &fields);
        fr_asgi_fields_free(&fields, fr_loop_pool(websocket->base.asgi->loop));
    }
    Py_XDECREF(subprotocol);
    return result;
}

/* ---- websocket.send ---- */

struct held {
    struct fr_asgi *asgi;
    PyObject *object;
};

static void release_held(void *owner)
{
    struct held *held = owner;
    struct fr_asgi *asgi = held->asgi;
    fr_gil_take(asgi->gil);
    Py_DECREF(held->object);
    fr_pool_give(fr_loop_pool(asgi->loop), held, sizeof *held);
}

/* Long bytes of `object` are sent from where they are, when nobody can change them and nothing runs when they are let
 * go of. */
static struct fr_chunk chunk_of(struct fr_asgi *asgi, fr_span bytes, PyObject *object)
{
    struct fr_chunk chunk = FR_CHUNK_COPY(bytes);
    if (bytes.len <= FR_OUTBOX_COPY_BYTES_MAX || !(PyBytes_CheckExact(object) || PyUnicode_CheckExact(object)))
        return chunk;
    struct held *held = fr_pool_take(fr_loop_pool(asgi->loop), sizeof *held);
    *held = (struct held){asgi, Py_NewRef(object)};
    chunk.release = release_held;
    chunk.owner = held;
    return chunk;
}

static PyObject *send_span(struct fr_asgi_websocket *websocket, bool text, fr_span bytes, PyObject *object)
{
    struct fr_chunk chunk = chunk_of(websocket->base.asgi, bytes, object);
    fr_asgi_websocket_enter(websocket);
    int error = fr_websocket_send(&websocket->session, text, &chunk);
    fr_asgi_websocket_leave(websocket);
    return error == 0 ? fr_asgi_websocket_await_room(websocket) : fr_asgi_websocket_raise_gone(websocket);
}

static PyObject *send_text(struct fr_asgi_websocket *websocket, PyObject *text)
{
    if (!PyUnicode_Check(text))
        return PyErr_Format(PyExc_TypeError, "'text' must be a str, not %.100s", Py_TYPE(text)->tp_name);
    if (PyUnicode_IS_COMPACT_ASCII(text))
        return send_span(websocket, true, fr_convert_span_again(text), text);
    PyObject *bytes = PyUnicode_AsUTF8String(text); /* not kept in the str, which may live long */
    if (bytes == NULL)
        return NULL;
    fr_span span = fr_span_of(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    PyObject *result = send_span(websocket, true, span, bytes);
    Py_DECREF(bytes);
    return result;
}

static PyObject *send_bytes(struct fr_asgi_websocket *websocket, PyObject *object)
{
    Py_buffer view;
    if (PyBytes_CheckExact(object))
        return send_span(websocket, false, fr_span_of(PyBytes_AS_STRING(object), (size_t)PyBytes_GET_SIZE(object)),
                         object);
    if (!PyObject_CheckBuffer(object))
        return PyErr_Format(PyExc_TypeError, "'bytes' must be bytes, not %.100s", Py_TYPE(object)->tp_name);
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *result = NULL;
    if (websocket->stage != FR_ASGI_WEBSOCKET_OPEN || websocket->gone) /* the buffer is made by code */
        (void)fr_asgi_websocket_raise_gone(websocket);
    else
        result = send_span(websocket, false, fr_span_of(view.buf, (size_t)view.len), object);
    PyBuffer_Release(&view);
    return result;
}

/* message[key], with None as if it were missing. */
static int find_payload(PyObject *message, PyObject *key, PyObject **value)
{
    int found = fr_asgi_message_find(message, key, value);
    if (found > 0 && Py_IsNone(*value))
        Py_CLEAR(*value);
    return found < 0 ? -1 : 0;
}

static PyObject *send_message(struct fr_asgi_websocket *websocket, PyObject *message, PyObject *type)
{
    struct core_state *state = core_state_of((PyObject *)websocket);
    PyObject *bytes, *text, *result = NULL;
    if (find_payload(message, state->names.bytes, &bytes) < 0)
        return NULL;
    if (find_payload(message, state->names.text, &text) < 0) {
        Py_XDECREF(bytes);
        return NULL;
    }
    if (websocket->stage != FR_ASGI_WEBSOCKET_OPEN)
        (void)refuse_type(websocket, type);
    else if ((bytes == NULL) == (text == NULL))
        PyErr_SetString(PyExc_TypeError, "'websocket.send' needs either 'bytes' or 'text'");
    else if (websocket->gone)
        (void)fr_asgi_websocket_raise_gone(websocket);
    else
        result = text != NULL ? send_text(websocket, text) : send_bytes(websocket, bytes);
    Py_XDECREF(bytes);
    Py_XDECREF(text);
    return result;
}

/* ---- websocket.close ---- */

static int read_code(struct core_state *state, PyObject *message, unsigned *code)
{
    PyObject *value;
    *code = FR_WEBSOCKET_NORMAL;
    int found = find_payload(message, state->names.code, &value);
    if (found < 0 || value == NULL)
        return found;
    int overflow = 0;
    long number = PyLong_Check(value) ? PyLong_AsLongAndOverflow(value, &overflow) : -1;
    if (!PyLong_Check(value))
        PyErr_Format(PyExc_TypeError, "'code' must be an int, not %.100s", Py_TYPE(value)->tp_name);
    else if (overflow != 0 || number < 0 || number > UINT16_MAX)
        PyErr_Format(PyExc_ValueError, "%R is no close code", value);
    else
        *code = (unsigned)number;
    Py_DECREF(value);
    return PyErr_Occurred() ? -1 : 0;
}

/* message["reason"] as UTF-8: 0 and bytes or NULL, or -1 and an exception. */
static int read_reason(struct core_state *state, PyObject *message, PyObject **reason)
{
    PyObject *value;
    *reason = NULL;
    int found = find_payload(message, state->names.reason, &value);
    if (found < 0 || value == NULL)
        return found;
    if (PyUnicode_Check(value))
        *reason = PyUnicode_AsUTF8String(value);
    else
        PyErr_Format(PyExc_TypeError, "'reason' must be a str, not %.100s", Py_TYPE(value)->tp_name);
    Py_DECREF(value);
    return *reason != NULL ? 0 : -1;
}

/* What the peer is told of a handshake that the application does not want to finish. */
static int refuse_handshake(struct fr_asgi_websocket *websocket)
{
    const struct fr_response_header headers[] = {
        {FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8")},
        {FR_SPAN("Connection"), FR_SPAN("close")},
    };
    const fr_span text = FR_SPAN("Forbidden\n");
    const struct fr_response_head head = {.status = 403,
                                          .headers = headers,
                                          .header_count = websocket->exchange->version == FR_HTTP_2 ? 1 : 2,
                                          .content_length = (int64_t)text.len};
    int error = fr_exchange_respond(websocket->exchange, &head);
    return error == 0 ? fr_exchange_send(websocket->exchange, &FR_CHUNK_COPY(text), true) : error;
}

/* 0, or -1 and an exception. A peer that is gone already is as closed as it can be. */
static int close_by_application(struct fr_asgi_websocket *websocket, unsigned code, fr_span reason)
{
    int error = 0;
    bool connecting = websocket->stage == FR_ASGI_WEBSOCKET_CONNECTING;
    if (websocket->gone) {
        websocket->stage = FR_ASGI_WEBSOCKET_CLOSED;
        return 0;
    }
    fr_asgi_websocket_enter(websocket);
    if (connecting) {
        websocket->stage = FR_ASGI_WEBSOCKET_CLOSED;
        (void)refuse_handshake(websocket); /* nothing but a peer that has gone can come between */
        websocket->over = true;
        fr_asgi_websocket_disconnect(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
    } else {
        error = fr_asgi_websocket_close(websocket, code, reason);
        if (error == 0)
            websocket->stage = FR_ASGI_WEBSOCKET_CLOSED;
    }
    fr_asgi_websocket_leave(websocket);
    if (error == 0)
        return 0;
    PyErr_Format(PyExc_ValueError, "'websocket.close' with code %u and a reason of %zu bytes: %s", code, reason.len,
                 fr_error_text(error));
    return -1;
}

static PyObject *send_close(struct fr_asgi_websocket *websocket, PyObject *message, PyObject *type)
{
    struct core_state *state = core_state_of((PyObject *)websocket);
    PyObject *reason = NULL;
    unsigned code;
    /* a 403 tells no reason, and frameworks give what is no text then (FastAPI: the list of what it found invalid) */
    bool reasoned = websocket->stage != FR_ASGI_WEBSOCKET_CONNECTING;
    if (read_code(state, message, &code) < 0 || (reasoned && read_reason(state, message, &reason) < 0))
        return NULL;
    fr_span text = FR_SPAN("");
    if (reason != NULL)
        text = fr_span_of(PyBytes_AS_STRING(reason), (size_t)PyBytes_GET_SIZE(reason));
    PyObject *result = NULL;
    if (websocket->stage != FR_ASGI_WEBSOCKET_OPEN && websocket->stage != FR_ASGI_WEBSOCKET_CONNECTING)
        (void)refuse_type(websocket, type);
    else if (close_by_application(websocket, code, text) == 0)
        result = fr_asgi_done(state);
    Py_XDECREF(reason);
    return result;
}

/* ---- any message ---- */

static bool is_type(PyObject *type, fr_span text, PyObject *name, fr_span literal)
{
    return type == name || fr_span_equal(text, literal);
}

static PyObject *send_typed(struct fr_asgi_websocket *websocket, PyObject *message, PyObject *type, fr_span text)
{
    struct core_state *state = core_state_of((PyObject *)websocket);
    switch (websocket->stage) {
    case FR_ASGI_WEBSOCKET_OPEN:
        if (is_type(type, text, state->names.websocket_send, FR_SPAN("websocket.send")))
            return send_message(websocket, message, type);
        if (is_type(type, text, state->names.websocket_close, FR_SPAN("websocket.close")))
            return send_close(websocket, message, type);
        break;
    case FR_ASGI_WEBSOCKET_CONNECTING:
        if (is_type(type, text, state->names.websocket_accept, FR_SPAN("websocket.accept")))
            return send_accept(websocket, message, type);
        if (is_type(type, text, state->names.websocket_close, FR_SPAN("websocket.close")))
            return send_close(websocket, message, type);
        if (fr_span_equal(text, FR_SPAN("websocket.http.response.start")))
            return fr_asgi_denial_start(websocket, message);
        break;
    case FR_ASGI_WEBSOCKET_DENYING:
        if (fr_span_equal(text, FR_SPAN("websocket.http.response.body")))
            return fr_asgi_denial_send(websocket, message);
        break;
    case FR_ASGI_WEBSOCKET_CLOSED:
    case FR_ASGI_WEBSOCKET_DENIED:
        break;
    }
    return refuse_type(websocket, type);
}

PyObject *fr_asgi_websocket_send(PyObject *self, PyObject *message)
{
    struct fr_asgi_websocket *websocket = (struct fr_asgi_websocket *)self;
    fr_span text;
    if (websocket->returned)
        return fr_asgi_websocket_raise_gone(websocket);
    PyObject *type = fr_asgi_message_type(message, core_state_of(self)->names.type, &text);
    if (type == NULL)
        return NULL;
    PyObject *result = send_typed(websocket, message, type, text);
    Py_DECREF(type);
    return result;
}
