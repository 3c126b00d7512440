/* python/asgi_denial.c - A WebSocket that is refused by a response of the application's (ASGI extension
 * "WebSocket Denial Response").
 *
 * The head waits for the first of the body, as with HTTP: a body that is complete at once has its length said. On
 * HTTP/1.1 the connection is closed afterwards, since what the peer has sent behind its handshake is no request. */
#include "base/alloc.h"
#include "http/status.h"
#include "python/asgi_message.h"
#include "python/asgi_wait.h"
#include "python/asgi_websocket_internal.h"
#include "python/errors.h"

/* ---- start ---- */

/* A 2xx to CONNECT accepts it (RFC 8441 section 5), whatever follows. */
static int check_status(const struct fr_asgi_websocket *websocket, int status)
{
    if (status >= 300 || websocket->exchange == NULL || websocket->exchange->method != FR_METHOD_CONNECT)
        return 0;
    PyErr_Format(PyExc_ValueError, "a WebSocket over HTTP/2 cannot be refused with status %d, which would accept it",
                 status);
    return -1;
}

PyObject *fr_asgi_denial_start(struct fr_asgi_websocket *websocket, PyObject *message)
{
    struct core_state *state = core_state_of((PyObject *)websocket);
    struct fr_pool *pool = fr_loop_pool(websocket->base.asgi->loop);
    struct fr_asgi_fields fields = {.content_length = -1};
    PyObject *headers;
    int status = fr_asgi_message_status(message, state->names.status);
    if (status < 0 || check_status(websocket, status) < 0 ||
        fr_asgi_message_find(message, state->names.headers, &headers) < 0)
        return NULL;
    int read = headers != NULL ? fr_asgi_fields_read(&fields, pool, headers) : 0;
    Py_XDECREF(headers);
    if (read < 0)
        return NULL;
    if (websocket->stage != FR_ASGI_WEBSOCKET_CONNECTING || websocket->gone) { /* iterating them ran code */
        fr_asgi_fields_free(&fields, pool);
        return fr_asgi_websocket_raise_gone(websocket);
    }
    websocket->denial = (struct fr_asgi_denial){.fields = fields, .status = status};
    websocket->stage = FR_ASGI_WEBSOCKET_DENYING;
    return fr_asgi_done(state);
}

/* ---- body ---- */

/* `length` is the whole body's, or -1; where there is no body, none is made up. */
static int give_head(struct fr_asgi_websocket *websocket, int64_t length)
{
    struct fr_asgi_denial *denial = &websocket->denial;
    size_t count = denial->fields.count;
    bool says_no_length = denial->fields.content_length >= 0 || fr_status_is_bodiless(denial->status);
    struct fr_response_header *headers = fr_alloc((count + 1) * sizeof *headers);
    if (count > 0)
        memcpy(headers, denial->fields.list, count * sizeof *headers);
    headers[count] = (struct fr_response_header){FR_SPAN("Connection"), FR_SPAN("close")};
    const struct fr_response_head head = {
        .status = denial->status,
        .headers = headers,
        .header_count = count + (websocket->exchange->version != FR_HTTP_2),
        .content_length = says_no_length ? -1 : length,
    };
    int error = fr_exchange_respond(websocket->exchange, &head);
    fr_free(headers);
    fr_asgi_fields_free(&denial->fields, fr_loop_pool(websocket->base.asgi->loop));
    denial->head_sent = error == 0;
    return error;
}

static int send_span(struct fr_asgi_websocket *websocket, fr_span bytes, bool last)
{
    int error = 0;
    if (!websocket->denial.head_sent)
        error = give_head(websocket, last ? (int64_t)bytes.len : -1);
    if (error == 0 && (bytes.len > 0 || last))
        error = fr_exchange_send(websocket->exchange, &FR_CHUNK_COPY(bytes), last);
    if (last || error != 0) {
        websocket->stage = FR_ASGI_WEBSOCKET_DENIED;
        websocket->over = true;
        fr_asgi_websocket_disconnect(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
    }
    return error;
}

static PyObject *send_body(struct fr_asgi_websocket *websocket, fr_span bytes, bool last)
{
    fr_asgi_websocket_enter(websocket);
    int error = send_span(websocket, bytes, last);
    PyObject *result = error == 0 ? fr_asgi_websocket_await_room(websocket) : NULL;
    fr_asgi_websocket_leave(websocket);
    if (error == FR_E_GONE)
        (void)fr_asgi_websocket_raise_gone(websocket);
    else if (error == FR_E_LENGTH)
        PyErr_SetString(PyExc_RuntimeError, "Response content does not match Content-Length");
    else if (error != 0)
        fr_errors_raise(error, "the response cannot be sent");
    return result;
}

PyObject *fr_asgi_denial_send(struct fr_asgi_websocket *websocket, PyObject *message)
{
    struct core_state *state = core_state_of((PyObject *)websocket);
    PyObject *body, *result = NULL;
    Py_buffer view;
    int more = fr_asgi_message_is(message, state->names.more_body);
    if (more < 0 || fr_asgi_message_find(message, state->names.body, &body) < 0)
        return NULL;
    if (body == NULL)
        body = Py_NewRef(state->empty_bytes);
    if (!PyObject_CheckBuffer(body)) {
        PyErr_Format(PyExc_TypeError, "'body' must be bytes, not %.100s", Py_TYPE(body)->tp_name);
    } else if (PyObject_GetBuffer(body, &view, PyBUF_SIMPLE) == 0) {
        if (websocket->stage != FR_ASGI_WEBSOCKET_DENYING || websocket->gone)
            (void)fr_asgi_websocket_raise_gone(websocket);
        else
            result = send_body(websocket, fr_span_of(view.buf, (size_t)view.len), more == 0);
        PyBuffer_Release(&view);
    }
    Py_DECREF(body);
    return result;
}
