/* python/asgi_fields.h - The headers of an ASGI message: an iterable of pairs of bytes, checked and copied.
 *
 * They are copied because they wait for the first of the body, and the application may do with its list what it
 * likes meanwhile. */
#ifndef FR_PYTHON_ASGI_FIELDS_H
#define FR_PYTHON_ASGI_FIELDS_H

#include "base/pool.h"
#include "http/message.h"
#include "python/compat.h"

/* Zero is none. */
struct fr_asgi_fields {
    struct fr_response_header *list; /* one block with the bytes behind it; NULL: nothing is owned */
    size_t count;
    size_t block_bytes;
    int64_t content_length; /* -1: not declared; also when nothing is owned, after a read */
};

/* Reads `headers` into `fields`, which own nothing yet: 0, or -1 and a TypeError or ValueError that names the
 * culprit. */
int fr_asgi_fields_read(struct fr_asgi_fields *fields, struct fr_pool *pool, PyObject *headers);

/* Gives the memory back. Legal when nothing is owned. */
void fr_asgi_fields_free(struct fr_asgi_fields *fields, struct fr_pool *pool);

#endif
