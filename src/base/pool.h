/* base/pool.h - Recycled blocks of a few sizes, for one worker.
 *
 * Connections, exchanges and outbox pages come and go at the rate of requests; the pool keeps what was
 * given back, up to a bound per size, and hands it out again. Blocks are not zeroed. A pool belongs to
 * one thread. Under AddressSanitizer every take is a malloc and every give a free, so that use after
 * give is seen. */
#ifndef FR_BASE_POOL_H
#define FR_BASE_POOL_H

#include <stddef.h>

/* The payload size of one outbox page and of other medium blocks, in bytes. */
#define FR_POOL_PAGE_BYTES 4096

struct fr_pool;

/* A pool that keeps at most `kept_bytes_max` bytes of free blocks in all. */
struct fr_pool *fr_pool_open(size_t kept_bytes_max);

/* Frees the pool and what it keeps; every block must have been given back. */
void fr_pool_close(struct fr_pool *pool);

/* A block of at least `size` bytes, uninitialised; never NULL. Any size is allowed. */
void *fr_pool_take(struct fr_pool *pool, size_t size);

/* Gives a block back; `size` is what was asked for when it was taken. */
void fr_pool_give(struct fr_pool *pool, void *block, size_t size);

/* How many blocks are out; for tests and leak checks. */
size_t fr_pool_taken(const struct fr_pool *pool);

#endif
