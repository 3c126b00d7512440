/* base/pool.h. Under AddressSanitizer nothing is recycled, so what is recycled is only tested without. */
#include "base/pool.h"

#include <stdint.h>

#include "unit.h"

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

static const size_t sizes[] = {0, 1, 63, 64, 65, 500, 4095, 4096, 4097, 4160, 8255, 8256, 8257, 100000};

#define SIZES (sizeof sizes / sizeof *sizes)

TEST(every_size_is_served_writable_and_aligned)
{
    struct fr_pool *pool = fr_pool_open(1 << 20);
    void *blocks[SIZES];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < SIZES; i++) {
            blocks[i] = fr_pool_take(pool, sizes[i]);
            IS(blocks[i] != NULL);
            EQUAL((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
            memset(blocks[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < SIZES; i++) {
            for (size_t at = 0; at < sizes[i]; at++)
                EQUAL(((unsigned char *)blocks[i])[at], i);
            fr_pool_give(pool, blocks[i], sizes[i]);
        }
    }
    fr_pool_close(pool);
}

TEST(what_is_out_is_counted)
{
    struct fr_pool *pool = fr_pool_open(1 << 20);
    EQUAL(fr_pool_taken(pool), 0);
    void *small = fr_pool_take(pool, 10), *large = fr_pool_take(pool, 1 << 20);
    EQUAL(fr_pool_taken(pool), 2);
    fr_pool_give(pool, small, 10);
    EQUAL(fr_pool_taken(pool), 1);
    fr_pool_give(pool, large, 1 << 20);
    EQUAL(fr_pool_taken(pool), 0);
    fr_pool_close(pool);
}

TEST(the_last_given_is_the_next_taken)
{
    struct fr_pool *pool = fr_pool_open(1 << 20);
    char *a = fr_pool_take(pool, 100), *b = fr_pool_take(pool, 100);
    fr_pool_give(pool, a, 100);
    fr_pool_give(pool, b, 100);
    char *first = fr_pool_take(pool, 128); /* the same class as 100 */
    char *second = fr_pool_take(pool, 100);
    IS(first != second);
    if (RECYCLES)
        IS(first == b && second == a);
    fr_pool_give(pool, first, 128);
    fr_pool_give(pool, second, 100);
    fr_pool_close(pool);
}

TEST(a_bound_of_zero_keeps_nothing)
{
    struct fr_pool *pool = fr_pool_open(0);
    for (int i = 0; i < 10; i++)
        fr_pool_give(pool, fr_pool_take(pool, 100), 100);
    EQUAL(fr_pool_taken(pool), 0);
    fr_pool_close(pool);
}

TEST(a_block_that_comes_and_goes_is_always_kept)
{
    struct fr_pool *pool = fr_pool_open(64 * 1024);
    void *block = fr_pool_take(pool, 1024);
    for (int i = 0; i < 1000; i++) {
        void *before = block;
        fr_pool_give(pool, block, 1024);
        void *thief = malloc(1024); /* would be handed what the pool had given to the allocator */
        block = fr_pool_take(pool, 1024);
        if (RECYCLES)
            IS(block == before && thief != before);
        free(thief);
    }
    fr_pool_give(pool, block, 1024);
    fr_pool_close(pool);
}

/* How many of `count` blocks that were given back are handed out again. */
static size_t recycled_of(struct fr_pool *pool, size_t count, size_t size)
{
    void **out = malloc(count * sizeof *out), **again = malloc(count * sizeof *again);
    size_t known = 0;
    for (size_t i = 0; i < count; i++)
        out[i] = fr_pool_take(pool, size);
    for (size_t i = 0; i < count; i++) {
        memset(out[i], 0, size);
        fr_pool_give(pool, out[i], size);
    }
    for (size_t i = 0; i < count; i++) {
        again[i] = fr_pool_take(pool, size);
        memset(again[i], 0, size);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            known += again[i] == out[k];
    for (size_t i = 0; i < count; i++)
        fr_pool_give(pool, again[i], size);
    free(out);
    free(again);
    return known;
}

TEST(a_flood_of_one_size_leaves_room_for_another)
{
    struct fr_pool *pool = fr_pool_open(64 * 1024);
    recycled_of(pool, 1000, 1024);
    void *pages[4];
    for (int i = 0; i < 4; i++)
        pages[i] = fr_pool_take(pool, FR_POOL_PAGE_BYTES);
    for (int i = 0; i < 4; i++)
        fr_pool_give(pool, pages[i], FR_POOL_PAGE_BYTES);
    void *page = fr_pool_take(pool, FR_POOL_PAGE_BYTES);
    if (RECYCLES) /* 32 KiB of small blocks are kept, so 16 KiB of pages may be */
        IS(page == pages[3]);
    fr_pool_give(pool, page, FR_POOL_PAGE_BYTES);
    EQUAL(fr_pool_taken(pool), 0);
    fr_pool_close(pool);
}

TEST(blocks_never_overlap_in_a_random_life)
{
    struct fr_pool *pool = fr_pool_open(32 * 1024);
    enum { LIVE = 64 };
    unsigned char *blocks[LIVE] = {0};
    size_t lens[LIVE];
    unsigned state = 1;
    for (int step = 0; step < 20000; step++) {
        state = state * 1103515245u + 12345u;
        int slot = (int)(state >> 16) % LIVE;
        if (blocks[slot]) {
            for (size_t i = 0; i < lens[slot]; i++)
                EQUAL(blocks[slot][i], slot);
            fr_pool_give(pool, blocks[slot], lens[slot]);
            blocks[slot] = NULL;
        } else {
            lens[slot] = sizes[(state >> 8) % (SIZES - 1)] % 600;
            blocks[slot] = fr_pool_take(pool, lens[slot]);
            memset(blocks[slot], slot, lens[slot]);
        }
    }
    for (int slot = 0; slot < LIVE; slot++)
        if (blocks[slot])
            fr_pool_give(pool, blocks[slot], lens[slot]);
    EQUAL(fr_pool_taken(pool), 0);
    fr_pool_close(pool);
}
