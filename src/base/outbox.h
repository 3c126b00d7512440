/* base/outbox.h - Bytes on their way out, in order, each with the function that lets go of them.
 *
 * Small pieces are copied into pages of the pool, so that a head and a short body leave as one
 * run; large pieces are held by reference until they are consumed or the outbox is cleared; a piece may
 * also be a stretch of an open file. The outbox writes nothing itself: a transport gathers, writes and
 * consumes. An empty outbox owns no memory. */
#ifndef FR_BASE_OUTBOX_H
#define FR_BASE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/pool.h"
#include "base/span.h"

/* Pieces up to this many bytes are copied rather than held by reference. */
#define FR_OUTBOX_COPY_BYTES_MAX 2048

/* A piece handed over by value. With `release`, the bytes (or the file descriptor) stay valid until
 * release(owner) is called, exactly once, on the worker's thread; without, they are borrowed for the
 * call and are copied whatever their size. */
struct fr_chunk {
    fr_span bytes;                /* the bytes, when file < 0; else data is NULL and len the length */
    int file;                     /* an open file descriptor, or -1 */
    int64_t offset;               /* where in the file the piece begins */
    void (*release)(void *owner); /* may be NULL */
    void *owner;
};

/* A chunk over borrowed bytes: copied, never released. */
#define FR_CHUNK_COPY(span) ((struct fr_chunk){.bytes = (span), .file = -1})

struct fr_outbox_node;

struct fr_outbox {
    struct fr_outbox_node *first, *last;
    size_t bytes;      /* all that is queued, files included */
    uint64_t consumed; /* all that has left by consume since init; tells whether a peer reads */
    struct fr_pool *pool;
    struct fr_outbox_node *reserved; /* a page that waits for its commit; NULL: it is the last one */
};

/* An empty outbox that takes its memory from `pool`. */
void fr_outbox_init(struct fr_outbox *outbox, struct fr_pool *pool);

/* Lets go of everything that is queued; the outbox may be used again. */
void fr_outbox_clear(struct fr_outbox *outbox);

/* Nothing is queued. */
static inline bool fr_outbox_is_empty(const struct fr_outbox *outbox);

/* Contiguous room for `size` bytes (at most FR_POOL_PAGE_BYTES / 2 in the common case; larger
 * sizes get a block of their own) at the end of the queue; write there, then commit. The next
 * call but the commit takes the room back. */
char *fr_outbox_reserve(struct fr_outbox *outbox, size_t size);

/* Queues the first `size` bytes of what was reserved last; 0 gives the room back. */
void fr_outbox_commit(struct fr_outbox *outbox, size_t size);

/* Queues a copy of `bytes`. */
void fr_outbox_copy(struct fr_outbox *outbox, fr_span bytes);

/* Queues a chunk and takes over its release, in every case; an empty chunk is released at once. */
void fr_outbox_push(struct fr_outbox *outbox, const struct fr_chunk *chunk);

/* Describes the bytes at the front, up to the first file piece, in at most `count_max` vectors;
 * returns how many were filled (0: empty, or a file is first). Borrowed until the next call. */
int fr_outbox_gather(const struct fr_outbox *outbox, struct iovec *vectors, int count_max);

/* When a file piece is first: fills descriptor, offset and length left, and returns true. */
bool fr_outbox_file(const struct fr_outbox *outbox, int *file, int64_t *offset, size_t *len);

/* Copies what is at the front, files included, up to `size` bytes, and leaves it there; how much that was, or
 * FR_E_SYSTEM when a file cannot be read or has become shorter. */
FR_CHECKED ssize_t fr_outbox_peek(const struct fr_outbox *outbox, char *into, size_t size);

/* Drops `count` bytes from the front, releasing every piece that is used up; count <= bytes. */
void fr_outbox_consume(struct fr_outbox *outbox, size_t count);

/* Moves the first `count` bytes of `from` behind what is queued in `to`; both share one pool, count <= bytes. A large
 * piece that is cut is shared, not copied: it is released when both parts are gone. Releases nothing itself. */
void fr_outbox_move(struct fr_outbox *from, struct fr_outbox *to, size_t count);

/* Moves everything queued in `from` behind what is queued in `to`; both share one pool. */
void fr_outbox_move_all(struct fr_outbox *from, struct fr_outbox *to);

/* ---- inline definitions ---- */

static inline bool fr_outbox_is_empty(const struct fr_outbox *outbox)
{
    return outbox->first == NULL;
}

#endif
