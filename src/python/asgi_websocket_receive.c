/* python/asgi_websocket_receive.c - receive() of a WebSocket. ASGI WebSocket spec 2.5, "Connect", "Receive" and
 * "Disconnect".
 *
 * Rules of this file:
 *  - A message is kept until a task takes it, and taken when that goes on: none is lost to a task that is cancelled.
 *  - The application is behind by a bounded number of messages and bytes; then the peer has to wait.
 *  - The disconnect comes behind the last message, once to each who waits for it. Who asks again waits for ever, as
 *    with other servers: an application that does not heed it would otherwise turn in circles. For ever is until the
 *    call is over: what waits then, in a task of its own, is told that nothing will come. */
#include "base/alloc.h"
#include "python/asgi_wait.h"
#include "python/asgi_websocket_internal.h"
#include "python/errors.h"

/* Above so many bytes of messages the peer has to wait. */
#define KEPT_BYTES_MAX (256 * 1024)

#define RING_SIZE_FIRST 8

/* ---- the messages ---- */

static size_t bytes_of(PyObject *message)
{
    if (PyBytes_CheckExact(message))
        return (size_t)PyBytes_GET_SIZE(message);
    return (size_t)PyUnicode_GET_LENGTH(message) * PyUnicode_KIND(message);
}

static void grow_ring(struct fr_asgi_messages *messages)
{
    unsigned old_size = messages->ring_size, size = old_size > 0 ? old_size * 2 : RING_SIZE_FIRST;
    PyObject **ring = fr_alloc(size * sizeof(PyObject *));
    for (unsigned i = 0; i < old_size; i++)
        ring[i] = messages->rest[(messages->first + i) & (old_size - 1)];
    fr_free(messages->rest);
    messages->rest = ring;
    messages->ring_size = size;
    messages->first = 0;
}

/* Takes over the reference. */
static void keep(struct fr_asgi_messages *messages, PyObject *message)
{
    messages->bytes += bytes_of(message);
    if (messages->count++ == 0) {
        messages->oldest = message;
        return;
    }
    unsigned in_ring = messages->count - 2;
    if (in_ring == messages->ring_size)
        grow_ring(messages);
    messages->rest[(messages->first + in_ring) & (messages->ring_size - 1)] = message;
}

/* The oldest one; an idle WebSocket has no ring. */
static PyObject *take(struct fr_asgi_messages *messages)
{
    PyObject *message = messages->oldest;
    messages->oldest = NULL;
    messages->bytes -= bytes_of(message);
    if (--messages->count > 0) {
        messages->oldest = messages->rest[messages->first];
        messages->first = (messages->first + 1) & (messages->ring_size - 1);
    } else if (messages->ring_size > 0) {
        fr_free(messages->rest);
        messages->rest = NULL;
        messages->ring_size = messages->first = 0;
    }
    return message;
}

void fr_asgi_messages_clear(struct fr_asgi_messages *messages)
{
    while (messages->count > 0)
        Py_DECREF(take(messages));
}

/* ---- out of the peer's hands ---- */

void fr_asgi_websocket_deliver(struct fr_asgi_websocket *websocket, bool text, fr_span bytes)
{
    struct fr_asgi *asgi = websocket->base.asgi;
    struct fr_asgi_messages *messages = &websocket->messages;
    Py_ssize_t len = (Py_ssize_t)bytes.len;
    PyObject *message = text ? PyUnicode_DecodeUTF8(bytes.data, len, NULL) : PyBytes_FromStringAndSize(bytes.data, len);
    if (message == NULL) {
        fr_errors_drop(asgi->options.callable);
        return;
    }
    keep(messages, message);
    if (messages->count >= asgi->options.limits->ws_queue_messages_max || messages->bytes >= KEPT_BYTES_MAX) {
        websocket->paused = true;
        fr_websocket_want(&websocket->session, false);
    }
    fr_asgi_wake_first(&websocket->receivers);
}

/* ---- into the application's ---- */

static PyObject *new_message(struct core_state *state, PyObject *type, PyObject *key, PyObject *value)
{
    PyObject *message = PyDict_New();
    if (message == NULL || PyDict_SetItem(message, state->names.type, type) < 0 ||
        (key != NULL && PyDict_SetItem(message, key, value) < 0))
        Py_CLEAR(message);
    return message;
}

static PyObject *new_connect(struct fr_asgi_websocket *websocket, struct core_state *state)
{
    PyObject *message = new_message(state, state->names.websocket_connect, NULL, NULL);
    websocket->connect_told = message != NULL;
    return message;
}

static PyObject *new_disconnect(struct fr_asgi_websocket *websocket, struct core_state *state)
{
    PyObject *code = PyLong_FromUnsignedLong(websocket->disconnect_code);
    PyObject *message =
        code != NULL ? new_message(state, state->names.websocket_disconnect, state->names.code, code) : NULL;
    Py_XDECREF(code);
    if (message != NULL && PyDict_SetItem(message, state->names.reason, websocket->disconnect_reason) < 0)
        Py_CLEAR(message);
    if (message != NULL)
        websocket->disconnects_owed--;
    return message;
}

/* There is room again: the peer may go on. More messages may come in from inside. */
static void resume(struct fr_asgi_websocket *websocket)
{
    if (websocket->messages.count > websocket->base.asgi->options.limits->ws_queue_messages_max / 2 ||
        websocket->messages.bytes > KEPT_BYTES_MAX / 2 || websocket->over)
        return;
    websocket->paused = false;
    fr_asgi_websocket_enter(websocket);
    fr_websocket_want(&websocket->session, true);
    fr_asgi_websocket_leave(websocket);
}

static PyObject *take_message(struct fr_asgi_websocket *websocket, struct core_state *state)
{
    PyObject *value = take(&websocket->messages);
    PyObject *key = PyBytes_CheckExact(value) ? state->names.bytes : state->names.text;
    PyObject *message = new_message(state, state->names.websocket_receive, key, value);
    Py_DECREF(value);
    if (websocket->paused)
        resume(websocket);
    return message;
}

/* What comes next; NULL without an exception when there is nothing yet. */
static PyObject *on_outcome(PyObject *owner)
{
    struct fr_asgi_websocket *websocket = (struct fr_asgi_websocket *)owner;
    struct core_state *state = core_state_of(owner);
    if (!websocket->connect_told)
        return new_connect(websocket, state);
    if (websocket->messages.count > 0)
        return take_message(websocket, state);
    if (websocket->disconnects_owed > 0)
        return new_disconnect(websocket, state);
    return websocket->returned ? fr_asgi_websocket_raise_gone(websocket) : NULL;
}

static bool has_news(const struct fr_asgi_websocket *websocket)
{
    return !websocket->connect_told || websocket->messages.count > 0 || websocket->disconnects_owed > 0;
}

/* What is there already is taken as late as what is not: when a task awaits it. */
PyObject *fr_asgi_websocket_receive(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct fr_asgi_websocket *websocket = (struct fr_asgi_websocket *)self;
    if (websocket->returned)
        return fr_asgi_websocket_raise_gone(websocket);
    PyObject *wait = fr_asgi_wait_new(&websocket->base.asgi->tasks, &websocket->receivers, self, on_outcome);
    if (wait != NULL && has_news(websocket))
        fr_asgi_wake_first(&websocket->receivers);
    return wait;
}
