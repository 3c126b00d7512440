/* base/alloc.c - Owns every call to the C library's allocator in the core.
 *
 * It does not know what the memory is for; recycling is base/pool.c. */
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

/* Zero bytes are asked for as one, so that NULL has a single meaning: there is no memory. */
static void *or_die(void *memory, size_t size)
{
    if (memory)
        return memory;
    fprintf(stderr, "freastal: out of memory, %zu bytes were asked for\n", size);
    abort();
}

void *fr_alloc(size_t size)
{
    return or_die(malloc(size ? size : 1), size);
}

void *fr_alloc_zero(size_t size)
{
    return or_die(calloc(1, size ? size : 1), size);
}

void *fr_realloc(void *memory, size_t size)
{
    return or_die(realloc(memory, size ? size : 1), size);
}

void fr_free(void *memory)
{
    free(memory);
}
