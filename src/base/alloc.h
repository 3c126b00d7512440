/* base/alloc.h - The only malloc of the core.
 *
 * Running out of memory aborts: recovering half-way through a callback is not a promise anybody can
 * test, and what protects the server is its limits. */
#ifndef FR_BASE_ALLOC_H
#define FR_BASE_ALLOC_H

#include <stddef.h>

/* `size` bytes, uninitialised; never NULL. */
void *fr_alloc(size_t size);

/* `size` zeroed bytes; never NULL. */
void *fr_alloc_zero(size_t size);

/* `memory` resized to `size` bytes, perhaps elsewhere; NULL is allowed and allocates. */
void *fr_realloc(void *memory, size_t size);

/* Gives back what the functions above returned; NULL is allowed. */
void fr_free(void *memory);

#endif
