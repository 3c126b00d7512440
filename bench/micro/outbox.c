/* bench/micro/outbox.c - What an answer costs between the application and writev: head, body, gather, consume. */
#include <string.h>

#include "base/outbox.h"
#include "measure.h"

#define HEAD_BYTES 160

struct answer {
    struct fr_outbox outbox;
    const char *set;
    size_t body_bytes;
    void (*release)(void *owner);
};

static char body[65536];

static void on_release(void *owner)
{
    *(size_t *)owner += 1;
}

/* One head and one body, and all of it leaves. */
static void answer_once(struct answer *answer, size_t *released)
{
    struct fr_outbox *outbox = &answer->outbox;
    struct fr_chunk chunk = {{body, answer->body_bytes}, -1, 0, answer->release, released};
    struct iovec vectors[8];
    memset(fr_outbox_reserve(outbox, 512), 'h', HEAD_BYTES);
    fr_outbox_commit(outbox, HEAD_BYTES);
    fr_outbox_push(outbox, &chunk);
    size_t gathered = 0;
    for (int i = fr_outbox_gather(outbox, vectors, 8); i-- > 0;)
        gathered += vectors[i].iov_len;
    if (gathered != HEAD_BYTES + answer->body_bytes)
        abort();
    fr_outbox_consume(outbox, gathered);
}

static void answer_often(void *argument, unsigned calls)
{
    size_t released = 0;
    while (calls--)
        answer_once(argument, &released);
}

int main(void)
{
    struct fr_pool *pool = fr_pool_open(1 << 20);
    struct answer answers[] = {
        {.set = "copied", .body_bytes = 500, .release = on_release},
        {.set = "held", .body_bytes = 12288, .release = on_release},
        {.set = "copied", .body_bytes = 12288, .release = NULL},
        {.set = "held", .body_bytes = sizeof body, .release = on_release},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        fr_outbox_init(&answers[i].outbox, pool);
        report("head and body", answers[i].set, answers[i].body_bytes, measure(answer_often, &answers[i]));
    }
    fr_pool_close(pool);
    return 0;
}
