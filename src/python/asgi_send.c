/* python/asgi_send.c - send() of an HTTP request. ASGI HTTP spec 2.5, "Response Start" and "Response Body".
 *
 * Rules of this file:
 *  - The head waits for the first of the body, so that both leave together, a body that is complete at once has its
 *    length said, and a failure before it can still be answered with a 500.
 *  - A message is checked before anything of it is sent.
 *  - What is sent leaves when the application's step is over, or when there is too much of it; a piece of body needs no
 *    packet of its own.
 *  - Any call into the exchange may tell back that the peer is gone: request->exchange is read again after each. */
#include "python/asgi_send.h"

#include "http/status.h"
#include "python/asgi_extensions.h"
#include "python/asgi_message.h"
#include "python/asgi_wait.h"
#include "python/errors.h"

struct send {
    PyObject_HEAD
    vectorcallfunc call;
    struct fr_asgi_request *request;
};

/* ---- what went wrong ---- */

PyObject *fr_asgi_send_raise_gone(PyObject *self)
{
    PyErr_SetString(core_state_of(self)->client_disconnected, "the peer is gone, no answer will reach it");
    return NULL;
}

int fr_asgi_send_check(struct fr_asgi_request *request, int error)
{
    if (error == 0)
        return 0;
    if (error == FR_E_GONE) {
        request->gone = true;
        (void)fr_asgi_send_raise_gone((PyObject *)request);
    } else if (error == FR_E_LENGTH) {
        PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
    } else {
        fr_errors_raise(error, "the response cannot be sent");
    }
    return -1;
}

static PyObject *refuse_type(const struct fr_asgi_request *request, PyObject *type)
{
    static const char *const expected[] = {
        [FR_ASGI_UNANSWERED] = "http.response.start",
        [FR_ASGI_STARTED] = "http.response.body",
        [FR_ASGI_STREAMING] = "http.response.body",
        [FR_ASGI_TRAILING] = "http.response.trailers",
        [FR_ASGI_COMPLETE] = "",
    };
    if (request->stage == FR_ASGI_COMPLETE)
        return PyErr_Format(PyExc_RuntimeError, "Unexpected ASGI message '%U' sent, after response already completed.",
                            type);
    return PyErr_Format(PyExc_RuntimeError, "Expected ASGI message '%s', but got '%U'.", expected[request->stage],
                        type);
}

int fr_asgi_send_expect_body(struct fr_asgi_request *request, PyObject *type)
{
    if (request->stage == FR_ASGI_STARTED || request->stage == FR_ASGI_STREAMING)
        return 0;
    (void)refuse_type(request, type);
    return -1;
}

/* ---- http.response.start ---- */

static int read_headers(struct fr_asgi_request *request, PyObject *message, struct core_state *state)
{
    struct fr_pool *pool = fr_loop_pool(request->base.asgi->loop);
    struct fr_asgi_fields fields = {.content_length = -1};
    PyObject *headers;
    int found = fr_asgi_message_find(message, state->names.headers, &headers);
    if (found > 0) {
        found = fr_asgi_fields_read(&fields, pool, headers);
        Py_DECREF(headers);
    }
    if (found < 0)
        return -1;
    if (request->stage != FR_ASGI_UNANSWERED || request->exchange == NULL) { /* iterating them ran code that sent */
        fr_asgi_fields_free(&fields, pool);
        PyErr_SetString(PyExc_RuntimeError, "the response was started while its headers were read");
        return -1;
    }
    request->fields = fields;
    request->declared_length = fields.content_length;
    return 0;
}

static PyObject *start(struct fr_asgi_request *request, PyObject *message, PyObject *type)
{
    struct core_state *state = core_state_of((PyObject *)request);
    if (request->stage != FR_ASGI_UNANSWERED)
        return refuse_type(request, type);
    int trailers = fr_asgi_message_is(message, state->names.trailers);
    int status = trailers >= 0 ? fr_asgi_message_status(message, state->names.status) : -1;
    if (status < 0 || read_headers(request, message, state) < 0)
        return NULL;
    request->status = status;
    request->trailers_follow = trailers > 0;
    request->stage = FR_ASGI_STARTED;
    return fr_asgi_done(state);
}

/* Gives the head that waits; `length` is the whole body's, or -1. */
static int give_head(struct fr_asgi_request *request, int64_t length)
{
    struct fr_pool *pool = fr_loop_pool(request->base.asgi->loop);
    bool says_no_length = request->trailers_follow || fr_status_is_bodiless(request->status);
    struct fr_response_head head = {
        .status = request->status,
        .headers = request->fields.list,
        .header_count = request->fields.count,
        .content_length = says_no_length ? -1 : length,
        .trailers = request->trailers_follow,
    };
    struct fr_asgi_fields fields = request->fields;
    request->fields = (struct fr_asgi_fields){.content_length = -1};
    int error = fr_exchange_respond(request->exchange, &head);
    fr_asgi_fields_free(&fields, pool);
    request->stage = error == 0 ? FR_ASGI_STREAMING : FR_ASGI_UNANSWERED;
    return fr_asgi_send_check(request, error);
}

/* ---- http.response.body ---- */

void fr_asgi_send_finish(struct fr_asgi_request *request)
{
    request->stage = FR_ASGI_COMPLETE;
    fr_asgi_request_leave(request);
}

/* The outcome of a wait for room. */
static PyObject *on_room(PyObject *owner)
{
    const struct fr_asgi_request *request = (struct fr_asgi_request *)owner;
    return request->gone ? fr_asgi_send_raise_gone(owner) : Py_NewRef(Py_None);
}

/* Before the head has left, the length is what the application has declared; afterwards, what is left of it. No
 * answer without a body is measured: it says the length of another one. */
static int check_length(const struct fr_asgi_request *request, uint64_t len, bool last)
{
    const struct fr_exchange *exchange = request->exchange;
    bool started = request->stage == FR_ASGI_STARTED;
    int64_t left = started ? request->declared_length : exchange->response_left;
    if (left < 0 || exchange->head_only || (started && fr_status_is_bodiless(request->status)))
        return 0;
    if (len > (uint64_t)left)
        PyErr_SetString(PyExc_RuntimeError, "Response content longer than Content-Length");
    else if (last && started && len < (uint64_t)left)
        PyErr_SetString(PyExc_RuntimeError, "Response content shorter than Content-Length");
    else
        return 0;
    return -1;
}

static void release(const struct fr_chunk *chunk)
{
    if (chunk != NULL && chunk->release != NULL)
        chunk->release(chunk->owner);
}

PyObject *fr_asgi_send_chunk(struct fr_asgi_request *request, const struct fr_chunk *chunk, uint64_t len, bool last)
{
    struct core_state *state = core_state_of((PyObject *)request);
    if (check_length(request, len, last) < 0) {
        release(chunk);
        return NULL;
    }
    if (request->stage == FR_ASGI_STARTED) {
        /* an empty answer to HEAD says nothing of the body that was left out */
        bool unsaid = !last || (len == 0 && request->exchange->method == FR_METHOD_HEAD);
        int given = give_head(request, unsaid ? -1 : (int64_t)len);
        if (given < 0 || request->exchange == NULL) {
            release(chunk);
            return given < 0 ? NULL : fr_asgi_send_raise_gone((PyObject *)request);
        }
    }
    int error = chunk != NULL || last ? fr_exchange_send(request->exchange, chunk, last) : 0;
    if (error != 0 && last && error == FR_E_LENGTH)
        fr_asgi_request_leave(request); /* the peer has seen the cut */
    if (fr_asgi_send_check(request, error) < 0)
        return NULL;
    if (last && request->trailers_follow)
        request->stage = FR_ASGI_TRAILING;
    else if (last)
        fr_asgi_send_finish(request);
    if (request->exchange == NULL || fr_exchange_is_writable(request->exchange))
        return fr_asgi_done(state);
    return fr_asgi_wait_new(&request->base.asgi->tasks, &request->senders, (PyObject *)request, on_room);
}

struct held_bytes {
    struct fr_asgi *asgi;
    PyObject *bytes;
};

static void release_bytes(void *owner)
{
    struct held_bytes *held = owner;
    struct fr_asgi *asgi = held->asgi;
    fr_gil_take(asgi->gil);
    Py_DECREF(held->bytes);
    fr_pool_give(fr_loop_pool(asgi->loop), held, sizeof *held);
}

/* Long bytes are sent from where they are; of subclasses nobody knows what letting go of them runs. */
static PyObject *send_bytes(struct fr_asgi_request *request, PyObject *bytes, bool last)
{
    struct fr_asgi *asgi = request->base.asgi;
    size_t len = (size_t)PyBytes_GET_SIZE(bytes);
    struct fr_chunk chunk = FR_CHUNK_COPY(fr_span_of(PyBytes_AS_STRING(bytes), len));
    if (len > FR_OUTBOX_COPY_BYTES_MAX && PyBytes_CheckExact(bytes)) {
        struct held_bytes *held = fr_pool_take(fr_loop_pool(asgi->loop), sizeof *held);
        *held = (struct held_bytes){asgi, Py_NewRef(bytes)};
        chunk.release = release_bytes;
        chunk.owner = held;
    }
    return fr_asgi_send_chunk(request, len > 0 ? &chunk : NULL, len, last);
}

/* bytearray, memoryview, array: may change when they are let go of, so they are copied. */
static PyObject *send_buffer(struct fr_asgi_request *request, PyObject *object, bool last)
{
    Py_buffer view;
    if (!PyObject_CheckBuffer(object))
        return PyErr_Format(PyExc_TypeError, "'body' must be bytes, not %.100s", Py_TYPE(object)->tp_name);
    if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *result = NULL;
    if (request->exchange == NULL) /* the buffer is made by code, which may wait or send */
        (void)fr_asgi_send_raise_gone((PyObject *)request);
    else {
        struct fr_chunk chunk = FR_CHUNK_COPY(fr_span_of(view.buf, (size_t)view.len));
        result = fr_asgi_send_chunk(request, view.len > 0 ? &chunk : NULL, (uint64_t)view.len, last);
    }
    PyBuffer_Release(&view);
    return result;
}

static PyObject *send_body(struct fr_asgi_request *request, PyObject *message, PyObject *type)
{
    struct core_state *state = core_state_of((PyObject *)request);
    PyObject *body;
    int more = fr_asgi_message_is(message, state->names.more_body);
    if (more < 0 || fr_asgi_message_find(message, state->names.body, &body) < 0)
        return NULL;
    if (body == NULL)
        body = Py_NewRef(state->empty_bytes);
    PyObject *result = NULL;
    if (request->exchange == NULL || fr_asgi_send_expect_body(request, type) < 0) {
        if (!PyErr_Occurred()) /* a mapping of the application's own has sent while we looked into it */
            (void)refuse_type(request, type);
    } else if (PyBytes_Check(body))
        result = send_bytes(request, body, more == 0);
    else
        result = send_buffer(request, body, more == 0);
    Py_DECREF(body);
    return result;
}

/* ---- any message ---- */

static bool is_type(PyObject *type, fr_span text, PyObject *name, fr_span literal)
{
    return type == name || fr_span_equal(text, literal);
}

static PyObject *send_typed(struct fr_asgi_request *request, PyObject *message, PyObject *type, fr_span text)
{
    struct core_state *state = core_state_of((PyObject *)request);
    if (request->stage == FR_ASGI_COMPLETE)
        return refuse_type(request, type);
    if (request->gone || request->exchange == NULL)
        return fr_asgi_send_raise_gone((PyObject *)request);
    fr_loop_refresh(request->base.asgi->loop);
    if (is_type(type, text, state->names.http_response_start, FR_SPAN("http.response.start")))
        return start(request, message, type);
    if (is_type(type, text, state->names.http_response_body, FR_SPAN("http.response.body")))
        return send_body(request, message, type);
    enum fr_asgi_extension extension = fr_asgi_extension_of(text);
    if (extension == FR_ASGI_EXTENSION_NONE || !fr_asgi_extension_may_come(extension, request->stage))
        return refuse_type(request, type);
    return fr_asgi_extension_send(request, extension, message, type);
}

/* By place, or by the name that it has in the specification. */
static bool is_one_message(Py_ssize_t count, PyObject *names)
{
    if (names == NULL || PyTuple_GET_SIZE(names) == 0)
        return count == 1;
    return count + PyTuple_GET_SIZE(names) == 1 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "message") == 0;
}

static PyObject *call_send(PyObject *self, PyObject *const *args, size_t countf, PyObject *names)
{
    struct fr_asgi_request *request = ((struct send *)self)->request;
    if (!is_one_message(PyVectorcall_NARGS(countf), names)) {
        PyErr_SetString(PyExc_TypeError, "send() takes one argument, a message");
        return NULL;
    }
    fr_span text;
    PyObject *type = fr_asgi_message_type(args[0], core_state_of(self)->names.type, &text);
    if (type == NULL)
        return NULL;
    PyObject *result = send_typed(request, args[0], type, text);
    Py_DECREF(type);
    return result;
}

/* ---- the type ---- */

PyObject *fr_asgi_send_new(struct fr_asgi_request *request)
{
    struct core_state *state = core_state_of((PyObject *)request);
    struct send *send = PyObject_New(struct send, state->asgi_send_type);
    if (send == NULL)
        return NULL;
    send->call = call_send;
    send->request = request;
    Py_INCREF(request);
    return (PyObject *)send;
}

static void send_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_DECREF(((struct send *)self)->request);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *send_repr(PyObject *Py_UNUSED(self))
{
    return PyUnicode_FromString("<freastal send function>");
}

static const PyMemberDef send_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(struct send, call), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static const PyType_Slot send_slots[] = {
    {Py_tp_dealloc, send_dealloc},
    {Py_tp_doc, (void *)"send() of an HTTP request."},
    {Py_tp_repr, send_repr},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, (void *)send_members},
    {0, NULL},
};

const PyType_Spec fr_asgi_send_spec = {
    .name = "freastal._core.Send",
    .basicsize = sizeof(struct send),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)send_slots,
};
