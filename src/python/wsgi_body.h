/* python/wsgi_body.h - A request body while it arrives: in one bytes object, or in a temporary file.
 *
 * Costs nothing before the first byte. In memory it grows with what has arrived and not with what was
 * promised, so that a claimed Content-Length is no way to take memory; when it was promised exactly, the
 * bytes object that was filled is the one read() returns. Above a limit everything goes to a file that
 * has no name. Does not know the exchange. */
#ifndef FR_PYTHON_WSGI_BODY_H
#define FR_PYTHON_WSGI_BODY_H

#include "base/span.h"
#include "python/wsgi_spool.h"

struct fr_wsgi_body {
    PyObject *bytes;     /* NULL: none yet, or all in the file */
    uint64_t len;        /* arrived so far */
    uint64_t memory_max; /* beyond: a file */
    int64_t promised;    /* Content-Length; negative: not known */
    int file;            /* -1: none */
};

/* An empty body. `promised` is the Content-Length, or negative. */
void fr_wsgi_body_init(struct fr_wsgi_body *body, int64_t promised, uint64_t memory_max);

/* Appends a copy; a file comes from `spool`. 0, or -1 and an exception. */
int fr_wsgi_body_append(struct fr_wsgi_body *body, fr_span piece, struct fr_wsgi_spool *spool);

/* The body is complete: gives away what was gathered, which is bytes (a new reference) or, when that is
 * NULL and no exception is set, the file (a descriptor of the caller's). 0, or -1 and an exception. */
int fr_wsgi_body_take(struct fr_wsgi_body *body, PyObject **bytes, int *file);

/* Frees what was not taken. Legal twice. */
void fr_wsgi_body_free(struct fr_wsgi_body *body);

#endif
