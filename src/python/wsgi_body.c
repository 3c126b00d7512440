/* python/wsgi_body.c - Gathering a request body. */
#include "python/wsgi_body.h"

#include <errno.h>
#include <unistd.h>

/* What a promise alone is worth; beyond, memory follows what has arrived. */
#define FIRST_BYTES_MAX (64 * 1024)

#define GROWTH 4

void fr_wsgi_body_init(struct fr_wsgi_body *body, int64_t promised, uint64_t memory_max)
{
    *body = (struct fr_wsgi_body){.memory_max = memory_max, .promised = promised, .file = -1};
}

void fr_wsgi_body_free(struct fr_wsgi_body *body)
{
    Py_CLEAR(body->bytes);
    if (body->file >= 0) {
        (void)close(body->file);
        body->file = -1;
    }
}

static int write_all(const struct fr_wsgi_body *body, fr_span bytes, uint64_t at)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(body->file, bytes.data, bytes.len, (off_t)at);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        bytes = fr_span_skip(bytes, (size_t)written);
        at += (uint64_t)written;
    }
    return 0;
}

static int move_to_file(struct fr_wsgi_body *body, struct fr_wsgi_spool *spool)
{
    body->file = fr_wsgi_spool_take(spool);
    if (body->file < 0)
        return -1;
    if (body->bytes == NULL)
        return 0;
    int status = write_all(body, fr_span_of(PyBytes_AS_STRING(body->bytes), (size_t)body->len), 0);
    Py_CLEAR(body->bytes);
    return status;
}

/* What to own so that `needed` bytes fit; never more than was promised. */
static uint64_t capacity_for(const struct fr_wsgi_body *body, uint64_t needed)
{
    uint64_t owned = body->bytes ? (uint64_t)PyBytes_GET_SIZE(body->bytes) : 0;
    uint64_t wanted = owned ? owned * GROWTH : FIRST_BYTES_MAX;
    if (body->promised < 0 && owned == 0)
        wanted = needed;
    if (body->promised >= 0 && wanted > (uint64_t)body->promised)
        wanted = (uint64_t)body->promised;
    return wanted > needed ? wanted : needed;
}

static int grow(struct fr_wsgi_body *body, uint64_t needed)
{
    if (body->bytes == NULL) {
        body->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)capacity_for(body, needed));
        return body->bytes != NULL ? 0 : -1;
    }
    if (needed <= (uint64_t)PyBytes_GET_SIZE(body->bytes))
        return 0;
    return _PyBytes_Resize(&body->bytes, (Py_ssize_t)capacity_for(body, needed));
}

int fr_wsgi_body_append(struct fr_wsgi_body *body, fr_span piece, struct fr_wsgi_spool *spool)
{
    if (piece.len == 0)
        return 0;
    uint64_t needed = body->len + piece.len;
    bool too_long = needed > body->memory_max || (body->promised > 0 && (uint64_t)body->promised > body->memory_max);
    if (body->file < 0 && too_long && move_to_file(body, spool) < 0)
        return -1;
    if (body->file >= 0) {
        if (write_all(body, piece, body->len) < 0)
            return -1;
    } else {
        if (grow(body, needed) < 0)
            return -1;
        memcpy(PyBytes_AS_STRING(body->bytes) + body->len, piece.data, piece.len);
    }
    body->len = needed;
    return 0;
}

int fr_wsgi_body_take(struct fr_wsgi_body *body, PyObject **bytes, int *file)
{
    *bytes = NULL;
    *file = -1;
    if (body->file >= 0) {
        *file = body->file;
        body->file = -1;
        return 0;
    }
    if (body->bytes == NULL)
        body->bytes = PyBytes_FromStringAndSize(NULL, 0);
    else if ((uint64_t)PyBytes_GET_SIZE(body->bytes) != body->len)
        (void)_PyBytes_Resize(&body->bytes, (Py_ssize_t)body->len);
    *bytes = body->bytes;
    body->bytes = NULL;
    return *bytes != NULL ? 0 : -1;
}
