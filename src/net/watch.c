/* net/watch.c - One uv_poll_t for one descriptor of somebody else's. */
#include "net/watch.h"

#include "base/alloc.h"
#include "net/loop_internal.h"

struct fr_watch {
    uv_poll_t poll;
    struct fr_loop *loop;
    fr_watch_ready ready;
    void *owner;
    int wanted; /* UV_READABLE, UV_WRITABLE */
    bool closing;
};

/* An error or a hang-up makes a descriptor ready for whatever one wants to do, since doing it will not
 * block; libuv says so once and stops watching, and a watch goes on until it is told otherwise. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fr_watch *watch = poll->data;
    fr_loop_woke(watch->loop);
    if (status < 0) {
        events = watch->wanted;
        fr_loop_poll(watch->loop, &watch->poll, watch->wanted, on_poll);
    }
    watch->ready(watch, events & UV_READABLE, events & UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
    fr_free(handle->data);
}

struct fr_watch *fr_watch_open(struct fr_loop *loop, int fd, fr_watch_ready ready, void *owner, int *error)
{
    struct fr_watch *watch = fr_alloc_zero(sizeof *watch);
    int status = uv_poll_init(&loop->uv, &watch->poll, fd);
    if (status < 0) {
        *error = -status;
        fr_free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->loop = loop;
    watch->ready = ready;
    watch->owner = owner;
    return watch;
}

void fr_watch_want(struct fr_watch *watch, bool readable, bool writable)
{
    int wanted = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
    if (wanted == watch->wanted || watch->closing)
        return;
    watch->wanted = wanted;
    fr_loop_poll(watch->loop, &watch->poll, wanted, on_poll);
}

void *fr_watch_owner(const struct fr_watch *watch)
{
    return watch->owner;
}

void fr_watch_close(struct fr_watch *watch)
{
    if (watch->closing)
        return;
    watch->closing = true;
    fr_loop_close_handle(watch->loop, (uv_handle_t *)&watch->poll, on_closed);
}
