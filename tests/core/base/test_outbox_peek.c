/* base/outbox.h: fr_outbox_peek */
#include <fcntl.h>

#include "base/outbox.h"
#include "unit.h"

struct rig {
    struct fr_pool *pool;
    struct fr_outbox outbox;
    char data[10000];
    int file;
};

static void on_release(void *owner)
{
    (void)owner; /* what is queued lies in the rig */
}

/* "head", 3000 bytes held by reference, and 4000 of a file. */
static void open_rig(struct rig *rig)
{
    char path[] = "/tmp/freastal-outbox-XXXXXX";
    rig->pool = fr_pool_open(0);
    fr_outbox_init(&rig->outbox, rig->pool);
    for (size_t i = 0; i < sizeof rig->data; i++)
        rig->data[i] = (char)(i % 251);
    rig->file = mkstemp(path);
    IS(rig->file >= 0);
    unlink(path);
    EQUAL(write(rig->file, rig->data, sizeof rig->data), sizeof rig->data);
    struct fr_chunk held = {fr_span_of(rig->data + 100, 3000), -1, 0, on_release, rig};
    struct fr_chunk file = {{NULL, 4000}, rig->file, 500, on_release, rig};
    fr_outbox_copy(&rig->outbox, FR_SPAN("head"));
    fr_outbox_push(&rig->outbox, &held);
    fr_outbox_push(&rig->outbox, &file);
}

static void close_rig(struct rig *rig)
{
    fr_outbox_clear(&rig->outbox);
    fr_pool_close(rig->pool);
    close(rig->file);
}

TEST(what_is_seen_stays_where_it_is)
{
    struct rig rig;
    char seen[8000], expected[7004] = "head";
    open_rig(&rig);
    memcpy(expected + 4, rig.data + 100, 3000);
    memcpy(expected + 3004, rig.data + 500, 4000);
    for (size_t size = 0; size <= sizeof seen; size += size < 10 ? 1 : 499) {
        size_t len = size < sizeof expected ? size : sizeof expected;
        EQUAL(fr_outbox_peek(&rig.outbox, seen, size), len);
        IS(memcmp(seen, expected, len) == 0);
        EQUAL(rig.outbox.bytes, sizeof expected);
    }
    fr_outbox_consume(&rig.outbox, 5000);
    EQUAL(fr_outbox_peek(&rig.outbox, seen, sizeof seen), 2004);
    IS(memcmp(seen, expected + 5000, 2004) == 0);
    close_rig(&rig);
}

TEST(nothing_is_nothing)
{
    struct rig rig;
    char seen[8];
    open_rig(&rig);
    fr_outbox_clear(&rig.outbox);
    EQUAL(fr_outbox_peek(&rig.outbox, seen, sizeof seen), 0);
    close_rig(&rig);
}

TEST(a_file_that_became_shorter_is_an_error)
{
    struct rig rig;
    char seen[8000];
    open_rig(&rig);
    EQUAL(ftruncate(rig.file, 4000), 0);
    EQUAL(fr_outbox_peek(&rig.outbox, seen, 3004 + 3500), 3004 + 3500);
    EQUAL(fr_outbox_peek(&rig.outbox, seen, sizeof seen), FR_E_SYSTEM);
    close_rig(&rig);
}
