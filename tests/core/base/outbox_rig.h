/* tests/core/base/outbox_rig.h - An outbox and its pool, pieces that tell of their release, and what is queued. */
#ifndef FR_TESTS_OUTBOX_RIG_H
#define FR_TESTS_OUTBOX_RIG_H

#include "base/outbox.h"
#include "unit.h"

#define RIG_VECTORS_MAX 64

struct owner {
    char *data; /* freed on release, so that AddressSanitizer sees a late use */
    int released;
};

struct rig {
    struct fr_pool *pool;
    struct fr_outbox outbox;
};

static inline void open_rig(struct rig *rig)
{
    rig->pool = fr_pool_open(1 << 20);
    fr_outbox_init(&rig->outbox, rig->pool);
}

/* Everything was given back. */
static inline void close_rig(struct rig *rig)
{
    fr_outbox_clear(&rig->outbox);
    EQUAL(fr_pool_taken(rig->pool), 0);
    fr_pool_close(rig->pool);
}

static inline void on_release(void *context)
{
    struct owner *owner = context;
    owner->released++;
    free(owner->data);
    owner->data = NULL;
}

/* A chunk of `len` times `byte`, owned by `owner`. */
static inline struct fr_chunk held(struct owner *owner, char byte, size_t len)
{
    *owner = (struct owner){.data = malloc(len ? len : 1)};
    memset(owner->data, byte, len);
    return (struct fr_chunk){{owner->data, len}, -1, 0, on_release, owner};
}

static inline struct fr_chunk file_piece(struct owner *owner, int file, int64_t offset, size_t len)
{
    *owner = (struct owner){.data = malloc(1)};
    return (struct fr_chunk){{NULL, len}, file, offset, on_release, owner};
}

/* Copies everything up to the first file piece. */
static inline size_t read_all(const struct fr_outbox *outbox, char *into)
{
    struct iovec vectors[RIG_VECTORS_MAX];
    size_t len = 0;
    int count = fr_outbox_gather(outbox, vectors, RIG_VECTORS_MAX);
    for (int i = 0; i < count; i++) {
        IS(vectors[i].iov_len > 0);
        memcpy(into + len, vectors[i].iov_base, vectors[i].iov_len);
        len += vectors[i].iov_len;
    }
    return len;
}

static inline void expect_contents(const struct fr_outbox *outbox, const char *expected)
{
    char seen[1024];
    size_t len = read_all(outbox, seen);
    SAME(fr_span_of(seen, len), expected);
    EQUAL(outbox->bytes, strlen(expected));
    EQUAL(fr_outbox_is_empty(outbox), *expected == '\0');
}

static inline int count_vectors(const struct fr_outbox *outbox)
{
    struct iovec vectors[RIG_VECTORS_MAX];
    return fr_outbox_gather(outbox, vectors, RIG_VECTORS_MAX);
}

#endif
