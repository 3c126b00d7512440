/* python/wsgi_response.c - From the application's iterable to the exchange.
 *
 * Rules of this file:
 *  - The head waits for the first byte of body, or for the end.
 *  - A list or tuple is complete, so its length is known and it leaves in one go. Anything else is asked for
 *    one piece at a time; each piece is flushed before the next is asked for, and none is asked for while
 *    the peer does not read.
 *  - Whatever calls back while code of ours is on the stack only marks the request; the outermost caller
 *    sees the mark. Nothing here frees it. */
#include "python/wsgi_response.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/status.h"
#include "python/errors.h"
#include "python/wsgi_file.h"

/* Heads with more fields take memory of their own. */
#define HEADERS_ON_STACK 48

/* How long pieces are asked for before other connections get their turn. */
#define TURN_NS 1000000

/* How many more are asked for when the answer is complete; nobody waits for them. */
#define PIECES_AFTER_END 64

/* After so many pieces, each within so short a time of the one before, the kernel may gather them. A producer that
 * takes its time has each piece on the wire at once; one that does not saves four packets' worth of work in
 * five (bench/README.md), and what TCP holds back leaves with the next piece, an acknowledgement or the end. */
#define BURST_PIECES 8
#define BURST_GAP_NS 100000

/* ---- the head ---- */

static int give_head(struct fr_wsgi_request *request, struct fr_response_header *fields, int64_t length)
{
    size_t count = (size_t)PyTuple_GET_SIZE(request->headers);
    for (size_t i = 0; i < count; i++) {
        PyObject *header = PyTuple_GET_ITEM(request->headers, (Py_ssize_t)i);
        fields[i].name = fr_convert_span_again(PyTuple_GET_ITEM(header, 0));
        fields[i].value = fr_convert_span_again(PyTuple_GET_ITEM(header, 1));
    }
    struct fr_response_head head = {
        .status = request->status,
        .reason = fr_span_skip(fr_convert_span_again(request->status_line), sizeof "200 " - 1),
        .headers = fields,
        .header_count = count,
        .content_length = length,
    };
    return fr_exchange_respond(request->exchange, &head);
}

/* Sends the head, unless it is sent; `length` is of the whole body, or -1. 0, or -1 and an exception, or
 * -1 and request->gone. */
static int send_head(struct fr_wsgi_request *request, int64_t length)
{
    if (request->head_sent)
        return 0;
    if (request->headers == NULL) {
        PyErr_SetString(PyExc_AssertionError, "start_response() was not called before the body");
        return -1;
    }
    if (request->declared_length >= 0 || fr_status_is_bodiless(request->status))
        length = -1;
    struct fr_response_header small[HEADERS_ON_STACK], *fields = small;
    size_t count = (size_t)PyTuple_GET_SIZE(request->headers);
    if (count > HEADERS_ON_STACK)
        fields = fr_alloc(count * sizeof *fields);
    int error = give_head(request, fields, length);
    if (fields != small)
        fr_free(fields);
    if (error == FR_E_GONE) {
        request->gone = true;
        return -1;
    }
    if (error < 0) {
        fr_errors_raise(error, "the response head cannot be sent");
        return -1;
    }
    request->head_sent = true;
    return 0;
}

/* ---- the pieces ---- */

struct held_bytes {
    struct fr_wsgi *wsgi;
    PyObject *bytes;
};

static void release_bytes(void *owner)
{
    struct held_bytes *held = owner;
    struct fr_wsgi *wsgi = held->wsgi;
    fr_gil_take(wsgi->gil);
    Py_DECREF(held->bytes);
    fr_pool_give(fr_loop_pool(wsgi->loop), held, sizeof *held);
}

static void release_file(void *owner)
{
    (void)close((int)(intptr_t)owner);
}

/* Small pieces are copied; of subclasses nobody knows what letting go of them runs. */
static struct fr_chunk chunk_of(struct fr_wsgi_request *request, PyObject *bytes)
{
    fr_span span = fr_span_of(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    if (span.len <= FR_OUTBOX_COPY_BYTES_MAX || !PyBytes_CheckExact(bytes))
        return FR_CHUNK_COPY(span);
    struct held_bytes *held = fr_pool_take(fr_loop_pool(request->wsgi->loop), sizeof *held);
    *held = (struct held_bytes){request->wsgi, Py_NewRef(bytes)};
    return (struct fr_chunk){.bytes = span, .file = -1, .release = release_bytes, .owner = held};
}

/* Reported when the request is given up, not now: a log is Python code, and we may be deep inside write(). */
static void complain(struct fr_wsgi_request *request, const char *complaint)
{
    if (request->complaint == NULL)
        request->complaint = complaint;
}

typedef int (*send_function)(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last);

/* Sends one chunk, or with NULL only the end. 0, or -1 with request->gone or when there is no more to send. */
static int send_chunk(struct fr_wsgi_request *request, const struct fr_chunk *chunk, bool last, send_function send)
{
    struct fr_exchange *exchange = request->exchange;
    int64_t left = exchange->response_left;
    bool too_long = chunk != NULL && left >= 0 && chunk->bytes.len > (uint64_t)left && !exchange->head_only;
    int error = send(exchange, chunk, last);
    if (last)
        request->ended = true;
    if (error == 0)
        return 0;
    if (error != FR_E_LENGTH)
        request->gone = true;
    else if (too_long)
        complain(request, "the body is longer than its Content-Length; the rest was dropped");
    else
        complain(request, "the body is shorter than its Content-Length; the answer was cut");
    return -1;
}

/* One piece of an iteration. The piece that completes a declared length ends the answer too, so that
 * its end needs no packet of its own; what still comes is too much. */
static int send_piece(struct fr_wsgi_request *request, PyObject *bytes)
{
    uint64_t len = (uint64_t)PyBytes_GET_SIZE(bytes);
    if (len == 0)
        return 0;
    if (request->ended) {
        complain(request, "the body is longer than its Content-Length; the rest was dropped");
        return -1;
    }
    if (send_head(request, -1) < 0)
        return -1;
    struct fr_chunk chunk = chunk_of(request, bytes);
    int64_t left = request->exchange->response_left;
    return send_chunk(request, &chunk, left >= 0 && len >= (uint64_t)left, fr_exchange_send_now);
}

int fr_wsgi_response_write(struct fr_wsgi_request *request, PyObject *bytes)
{
    if (request->headers == NULL) {
        PyErr_SetString(PyExc_AssertionError, "write() was called before start_response()");
        return -1;
    }
    if (request->gone || send_piece(request, bytes) < 0) {
        if (request->gone && !PyErr_Occurred())
            fr_errors_raise(FR_E_GONE, "write()");
        return PyErr_Occurred() ? -1 : 0;
    }
    return 0;
}

/* ---- endings ---- */

/* The body is complete. */
static enum fr_wsgi_outcome end(struct fr_wsgi_request *request)
{
    if (send_head(request, request->exchange->head_only ? -1 : 0) < 0)
        return request->gone ? FR_WSGI_DONE : fr_wsgi_response_fail(request);
    if (!request->ended)
        (void)send_chunk(request, NULL, true, fr_exchange_send_now);
    return FR_WSGI_DONE;
}

/* A piece could not be sent: because the peer is gone, because it was too much, or by an exception. */
static enum fr_wsgi_outcome give_up(struct fr_wsgi_request *request)
{
    if (PyErr_Occurred())
        return fr_wsgi_response_fail(request);
    if (!request->gone && !request->ended)
        (void)send_chunk(request, NULL, true, fr_exchange_send_now);
    return FR_WSGI_DONE;
}

enum fr_wsgi_outcome fr_wsgi_response_fail(struct fr_wsgi_request *request)
{
    if (request->gone && PyErr_ExceptionMatches(PyExc_ConnectionError)) {
        PyErr_Clear(); /* our own, out of write() */
        return FR_WSGI_DONE;
    }
    if (request->ended)
        fr_wsgi_report(request, "the application failed after its answer was complete");
    else if (request->head_sent)
        fr_wsgi_report(request, "the application failed after the head was sent; the answer was cut");
    else
        fr_wsgi_report(request, "the application failed");
    if (request->ended || request->gone)
        return FR_WSGI_DONE;
    request->ended = true;
    if (request->head_sent)
        fr_exchange_reset(request->exchange);
    else if (fr_exchange_answer_text(request->exchange, 500, FR_SPAN("Internal Server Error\n")) < 0)
        request->gone = true;
    return FR_WSGI_DONE;
}

/* ---- a list or a tuple ---- */

static PyObject *new_item(PyObject *sequence, Py_ssize_t index)
{
    return PyTuple_CheckExact(sequence) ? Py_NewRef(PyTuple_GET_ITEM(sequence, index))
                                        : PyList_GetItemRef(sequence, index);
}

static int refuse_piece(PyObject *piece)
{
    PyErr_Format(PyExc_TypeError, "the application must give bytes, not %.100s", Py_TYPE(piece)->tp_name);
    return -1;
}

static int64_t measure(PyObject *sequence)
{
    int64_t total = 0;
    for (Py_ssize_t i = 0; i < Py_SIZE(sequence); i++) {
        PyObject *item = new_item(sequence, i);
        if (item == NULL)
            return -1;
        if (PyBytes_Check(item))
            total += PyBytes_GET_SIZE(item);
        else
            total = refuse_piece(item);
        Py_DECREF(item);
        if (total < 0)
            return -1;
    }
    return total;
}

static int send_item(struct fr_wsgi_request *request, PyObject *bytes, bool last)
{
    struct fr_chunk chunk = chunk_of(request, bytes);
    return send_chunk(request, &chunk, last, fr_exchange_send);
}

static enum fr_wsgi_outcome answer_sequence(struct fr_wsgi_request *request, PyObject *sequence)
{
    int64_t total = measure(sequence);
    bool guess = total == 0 && request->exchange->method == FR_METHOD_HEAD; /* of a body that was left out */
    if (total < 0 || send_head(request, guess ? -1 : total) < 0)
        return give_up(request);
    Py_ssize_t count = Py_SIZE(sequence);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = new_item(sequence, i);
        if (item == NULL)
            return give_up(request);
        int status = PyBytes_Check(item) ? send_item(request, item, i == count - 1) : refuse_piece(item);
        Py_DECREF(item);
        if (status < 0)
            return give_up(request);
    }
    return end(request);
}

/* ---- a file ---- */

static enum fr_wsgi_outcome iterate(struct fr_wsgi_request *request);

static enum fr_wsgi_outcome answer_file(struct fr_wsgi_request *request)
{
    int file;
    int64_t offset, len;
    request->running = true;
    int opened = fr_wsgi_file_open(request->wsgi->state, request->result, &file, &offset, &len);
    request->running = false;
    if (opened < 0)
        return fr_wsgi_response_fail(request);
    if (opened == 0)
        return iterate(request);
    if (request->declared_length >= 0 && request->declared_length < len)
        len = request->declared_length; /* a range: the file has more than was asked for */
    if (send_head(request, len) < 0) {
        (void)close(file);
        return give_up(request);
    }
    struct fr_chunk chunk = {
        .bytes = {NULL, (size_t)len},
        .file = file,
        .offset = offset,
        .release = release_file,
        .owner = (void *)(intptr_t)file,
    };
    (void)send_chunk(request, &chunk, true, fr_exchange_send);
    return FR_WSGI_DONE;
}

/* ---- anything else ---- */

static void follow_pace(struct fr_wsgi_request *request)
{
    uint64_t now_ns = fr_clock_monotonic_ns();
    request->quick_pieces = now_ns - request->piece_ns < BURST_GAP_NS ? request->quick_pieces + 1 : 0;
    request->piece_ns = now_ns;
    request->exchange->in_burst = request->quick_pieces >= BURST_PIECES;
}

/* NULL with an exception, or at the end without. */
static PyObject *next_piece(struct fr_wsgi_request *request)
{
    request->running = true;
    PyObject *piece = PyIter_Next(request->iterator);
    request->running = false;
    if (piece != NULL && !PyBytes_Check(piece)) {
        (void)refuse_piece(piece);
        Py_CLEAR(piece);
    }
    return piece;
}

static enum fr_wsgi_outcome iterate(struct fr_wsgi_request *request)
{
    if (request->iterator == NULL) {
        request->running = true; /* __iter__ is code of the application's, and may call start_response() */
        request->iterator = PyObject_GetIter(request->result);
        request->running = false;
        if (request->iterator == NULL)
            return fr_wsgi_response_fail(request);
    }
    int after_end = 0;
    uint64_t began_ns = fr_clock_monotonic_ns();
    request->piece_ns = began_ns; /* what passed between two turns was not the producer's time */
    do {
        PyObject *piece = next_piece(request);
        if (piece == NULL)
            return PyErr_Occurred() ? fr_wsgi_response_fail(request) : request->gone ? FR_WSGI_DONE : end(request);
        follow_pace(request);
        int status = request->gone ? -1 : send_piece(request, piece);
        Py_DECREF(piece);
        if (status < 0 || request->gone)
            return give_up(request);
        if (request->head_sent && request->exchange->head_only)
            return end(request);
        if (!request->ended && !fr_exchange_is_writable(request->exchange))
            return FR_WSGI_WAITING;
        after_end += request->ended;
    } while (request->ended ? after_end < PIECES_AFTER_END : request->piece_ns - began_ns < TURN_NS);
    if (request->ended)
        return FR_WSGI_DONE;
    fr_loop_defer(request->wsgi->loop, &request->again);
    return FR_WSGI_WAITING;
}

enum fr_wsgi_outcome fr_wsgi_response_resume(struct fr_wsgi_request *request)
{
    return iterate(request);
}

enum fr_wsgi_outcome fr_wsgi_response_answer(struct fr_wsgi_request *request)
{
    PyObject *result = request->result;
    bool complete = PyList_CheckExact(result) || PyTuple_CheckExact(result);
    if (complete && !request->head_sent)
        return answer_sequence(request, result);
    if (Py_IS_TYPE(result, request->wsgi->state->file_wrapper_type))
        return answer_file(request);
    if (PyBytes_Check(result) || PyUnicode_Check(result)) {
        PyErr_Format(PyExc_TypeError, "the application must return an iterable of bytes, such as a list, not %.100s",
                     Py_TYPE(result)->tp_name);
        return fr_wsgi_response_fail(request);
    }
    return iterate(request);
}
