/* base/buffer.h - A growing run of bytes, born with its limit.
 *
 * Owns nothing until the first byte arrives and nothing after fr_buffer_free. The limit is fixed at
 * birth; reaching it is an ordinary error, and the contents stay as they were. */
#ifndef FR_BASE_BUFFER_H
#define FR_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct fr_buffer {
    char *data;
    size_t len;      /* bytes in use, from data */
    size_t capacity; /* bytes owned */
    size_t len_max;  /* the limit */
};

/* An empty buffer that will hold at most `len_max` bytes. Allocates nothing. */
void fr_buffer_init(struct fr_buffer *buffer, size_t len_max);

/* Releases the memory; the buffer is empty, keeps its limit and may be used again. */
void fr_buffer_free(struct fr_buffer *buffer);

/* Appends a copy of `bytes`; 0, or FR_E_LIMIT and the buffer unchanged. */
int fr_buffer_append(struct fr_buffer *buffer, fr_span bytes);

/* Room for `size` more bytes after data + len, to be written and then committed by adding to len;
 * NULL when that would pass the limit. */
char *fr_buffer_reserve(struct fr_buffer *buffer, size_t size);

/* Drops the first `count` bytes; count <= len. */
void fr_buffer_consume(struct fr_buffer *buffer, size_t count);

/* The contents, borrowed until the next call on this buffer. */
static inline fr_span fr_buffer_span(const struct fr_buffer *buffer);

/* ---- inline definitions ---- */

static inline fr_span fr_buffer_span(const struct fr_buffer *buffer)
{
    return (fr_span){buffer->data, buffer->len};
}

#endif
