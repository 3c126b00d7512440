/* base/buffer.c - Owns one contiguous run of bytes and doubles it as needed, never past its limit. */
#include "base/buffer.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"

/* Most of what is kept is the cut-off head of one request. */
#define FIRST_CAPACITY 512

void fr_buffer_init(struct fr_buffer *buffer, size_t len_max)
{
    *buffer = (struct fr_buffer){.len_max = len_max};
}

void fr_buffer_free(struct fr_buffer *buffer)
{
    fr_free(buffer->data);
    fr_buffer_init(buffer, buffer->len_max);
}

static void grow(struct fr_buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < FIRST_CAPACITY / 2 ? FIRST_CAPACITY : 2 * buffer->capacity;
    if (capacity < needed)
        capacity = needed;
    if (capacity > buffer->len_max)
        capacity = buffer->len_max;
    buffer->data = fr_realloc(buffer->data, capacity);
    buffer->capacity = capacity;
}

char *fr_buffer_reserve(struct fr_buffer *buffer, size_t size)
{
    assert(buffer->len <= buffer->len_max);
    if (size > buffer->len_max - buffer->len)
        return NULL;
    if (size > buffer->capacity - buffer->len || !buffer->data)
        grow(buffer, buffer->len + size);
    return buffer->data + buffer->len;
}

int fr_buffer_append(struct fr_buffer *buffer, fr_span bytes)
{
    if (bytes.len == 0)
        return FR_OK;
    char *room = fr_buffer_reserve(buffer, bytes.len);
    if (!room)
        return FR_E_LIMIT;
    memcpy(room, bytes.data, bytes.len);
    buffer->len += bytes.len;
    return FR_OK;
}

void fr_buffer_consume(struct fr_buffer *buffer, size_t count)
{
    assert(count <= buffer->len);
    buffer->len -= count;
    if (buffer->len && count)
        memmove(buffer->data, buffer->data + count, buffer->len);
}
