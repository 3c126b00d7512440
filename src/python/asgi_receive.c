/* python/asgi_receive.c - receive() of an HTTP request. ASGI HTTP spec 2.5, "Request" and "Disconnect".
 *
 * Rules of this file:
 *  - Body bytes are asked for only when the application asks for a message, and then up to a window: what it does not
 *    take in time the peer has to keep. The first time is what 100 Continue waits for.
 *  - A body that has come whole is given to the application even when its peer has left since.
 *  - Once the answer is complete there is nothing but http.disconnect, as with other servers.
 *  - A message is taken as late as can be, when a task awaits it: one that is cancelled before has taken nothing. Who
 *    finds then that another receive() was faster goes on waiting. */
#include "python/asgi_receive.h"

#include "python/asgi_wait.h"
#include "python/errors.h"

/* How much of the body may have come without being taken. */
#define WINDOW_BYTES (64 * 1024)

/* ---- what has come ---- */

static uint64_t kept_bytes(const struct fr_asgi_request *request)
{
    return (request->piece != NULL ? (uint64_t)PyBytes_GET_SIZE(request->piece) : 0) + request->more.len;
}

static bool is_kept(const struct fr_asgi_request *request)
{
    return request->piece != NULL || request->more.len > 0;
}

/* There is a message for whoever asks. */
static bool has_news(const struct fr_asgi_request *request)
{
    return request->exchange == NULL || request->peer_ended || is_kept(request) ||
           (request->body_ended && !request->body_told);
}

/* The first piece becomes bytes at once; those that come before it is taken are joined. */
int fr_asgi_receive_keep(struct fr_asgi_request *request, fr_span bytes, bool last)
{
    if (bytes.len > 0 && !is_kept(request)) {
        request->piece = PyBytes_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.len);
        if (request->piece == NULL)
            return -1;
    } else if (fr_buffer_append(&request->more, bytes) < 0) {
        fr_errors_raise(FR_E_LIMIT, "more body than was asked for");
        return -1;
    }
    request->body_ended |= last;
    return 0;
}

/* All but a last quarter of the window is left to the peer to fill while the application works. */
static void ask_for_body(struct fr_asgi_request *request)
{
    uint64_t have = request->exchange->credit + kept_bytes(request);
    if (have > WINDOW_BYTES / 4 * 3)
        return;
    fr_loop_refresh(request->base.asgi->loop);
    fr_exchange_credit(request->exchange, WINDOW_BYTES - have);
}

/* ---- messages ---- */

static PyObject *new_message(struct core_state *state, PyObject *body, bool more)
{
    PyObject *message = PyDict_New();
    if (message == NULL)
        return NULL;
    if (PyDict_SetItem(message, state->names.type, state->names.http_request) < 0 ||
        PyDict_SetItem(message, state->names.body, body) < 0 ||
        PyDict_SetItem(message, state->names.more_body, more ? Py_True : Py_False) < 0)
        Py_CLEAR(message);
    return message;
}

PyObject *fr_asgi_receive_new_empty(struct core_state *state)
{
    return new_message(state, state->empty_bytes, false);
}

static PyObject *new_disconnect(struct core_state *state)
{
    PyObject *message = PyDict_New();
    if (message != NULL && PyDict_SetItem(message, state->names.type, state->names.http_disconnect) < 0)
        Py_CLEAR(message);
    return message;
}

/* The bytes that are kept; when there are none, b"". */
static PyObject *take_bytes(struct fr_asgi_request *request, struct core_state *state)
{
    PyObject *bytes = request->piece;
    request->piece = NULL;
    if (bytes != NULL)
        return bytes;
    if (request->more.len == 0)
        return Py_NewRef(state->empty_bytes);
    bytes = PyBytes_FromStringAndSize(request->more.data, (Py_ssize_t)request->more.len);
    if (bytes != NULL)
        fr_buffer_free(&request->more);
    return bytes;
}

/* Every request without a body has the same message, and its template is copied faster than one is made. */
static PyObject *take_body(struct fr_asgi_request *request, struct core_state *state)
{
    if (request->body_ended && !is_kept(request) && request->exchange != NULL) {
        request->body_told = true;
        return PyDict_Copy(request->base.asgi->empty_message);
    }
    PyObject *body = take_bytes(request, state);
    if (body == NULL)
        return NULL;
    bool more = !request->body_ended || is_kept(request);
    PyObject *message = new_message(state, body, more);
    Py_DECREF(body);
    request->body_told |= !more;
    return message;
}

static PyObject *take_message(struct fr_asgi_request *request)
{
    struct core_state *state = core_state_of((PyObject *)request);
    bool whole = request->body_ended && !request->body_told;
    if (request->stage == FR_ASGI_COMPLETE || ((request->exchange == NULL || request->peer_ended) && !whole))
        return new_disconnect(state);
    return take_body(request, state);
}

/* What comes next, NULL without an exception when there is nothing yet; and another that waits may have its turn. */
static PyObject *on_outcome(PyObject *owner)
{
    struct fr_asgi_request *request = (struct fr_asgi_request *)owner;
    if (!has_news(request))
        return NULL;
    PyObject *message = take_message(request);
    if (message != NULL && has_news(request))
        fr_asgi_wake_first(&request->receivers);
    return message;
}

PyObject *fr_asgi_receive_call(PyObject *self, PyObject *const *args, size_t countf, PyObject *names)
{
    (void)args;
    struct fr_asgi_request *request = (struct fr_asgi_request *)self;
    if (PyVectorcall_NARGS(countf) != 0 || (names != NULL && PyTuple_GET_SIZE(names) != 0)) {
        PyErr_SetString(PyExc_TypeError, "receive() takes no arguments");
        return NULL;
    }
    if (!request->body_ended && request->exchange != NULL)
        ask_for_body(request);
    PyObject *wait = fr_asgi_wait_new(&request->base.asgi->tasks, &request->receivers, self, on_outcome);
    if (wait != NULL && has_news(request))
        fr_asgi_wake_first(&request->receivers);
    return wait;
}
