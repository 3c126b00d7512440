/* base/pool.c - Free lists of blocks, one for every multiple of 16 bytes up to an outbox page and more.
 *
 * Blocks carry no header: whoever gives one back says how large it is, which every owner knows. */
#include "base/pool.h"

#include <assert.h>

#include "base/alloc.h"

#define GRANULE_BYTES 16

/* Larger blocks are rare and go to the allocator. Two pages, with room for a node before them. */
#define RECYCLED_BYTES_MAX (2 * FR_POOL_PAGE_BYTES + 64)
#define CLASSES (RECYCLED_BYTES_MAX / GRANULE_BYTES + 1)

#if defined(__SANITIZE_ADDRESS__)
#define RECYCLES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RECYCLES 0
#endif
#endif
#ifndef RECYCLES
#define RECYCLES 1
#endif

struct free_block {
    struct free_block *next;
};

struct size_class {
    struct free_block *first;
    size_t kept_bytes;
};

struct fr_pool {
    size_t taken;
    size_t kept_bytes;
    size_t kept_bytes_max;
    struct size_class classes[CLASSES]; /* by size in granules; [0] serves nothing but a size of 0 */
};

static size_t class_of(size_t size)
{
    return (size + GRANULE_BYTES - 1) / GRANULE_BYTES;
}

static size_t rounded(size_t size)
{
    return size ? class_of(size) * GRANULE_BYTES : GRANULE_BYTES;
}

struct fr_pool *fr_pool_open(size_t kept_bytes_max)
{
    struct fr_pool *pool = fr_alloc_zero(sizeof *pool);
    pool->kept_bytes_max = kept_bytes_max;
    return pool;
}

void fr_pool_close(struct fr_pool *pool)
{
    assert(pool->taken == 0);
    for (size_t i = 0; i < CLASSES; i++) {
        struct free_block *block = pool->classes[i].first;
        while (block) {
            struct free_block *next = block->next;
            fr_free(block);
            block = next;
        }
    }
    fr_free(pool);
}

void *fr_pool_take(struct fr_pool *pool, size_t size)
{
    pool->taken++;
    if (!RECYCLES || size > RECYCLED_BYTES_MAX)
        return fr_alloc(size);
    struct size_class *class = &pool->classes[class_of(size)];
    struct free_block *block = class->first;
    if (!block)
        return fr_alloc(rounded(size));
    class->first = block->next;
    class->kept_bytes -= rounded(size);
    pool->kept_bytes -= rounded(size);
    return block;
}

/* A class may keep as much as the others leave free. So one size that comes back in a flood (ten thousand
 * connections closing) takes half of the bound and never starves the sizes that every request needs. */
static int may_keep(const struct fr_pool *pool, const struct size_class *class, size_t size)
{
    return class->kept_bytes + size <= pool->kept_bytes_max - pool->kept_bytes;
}

void fr_pool_give(struct fr_pool *pool, void *block, size_t size)
{
    assert(block && pool->taken > 0);
    pool->taken--;
    if (!RECYCLES || size > RECYCLED_BYTES_MAX) {
        fr_free(block);
        return;
    }
    struct size_class *class = &pool->classes[class_of(size)];
    if (!may_keep(pool, class, rounded(size))) {
        fr_free(block);
        return;
    }
    struct free_block *free_block = block;
    free_block->next = class->first;
    class->first = free_block;
    class->kept_bytes += rounded(size);
    pool->kept_bytes += rounded(size);
}

size_t fr_pool_taken(const struct fr_pool *pool)
{
    return pool->taken;
}
