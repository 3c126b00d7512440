/* net/watch.c - One uv_poll_t for one descriptor of somebody else's.
 *
 * Being somebody else's it may be closed without a word, or closed and its number given to another file, while it is
 * watched. What the kernel knew of it is then gone, which does no harm. But libuv tells the kernel of a watch only
 * when it polls next, and calls abort() when that fails; so whatever is new is tried before. */
#include "net/watch.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

#include "base/alloc.h"
#include "net/loop_internal.h"

struct fr_watch {
    uv_poll_t poll;
    struct fr_loop *loop;
    fr_watch_ready ready;
    void *owner;
    struct fr_list doubt; /* in loop->doubtful until the next poll */
    int fd;
    int wanted; /* UV_READABLE, UV_WRITABLE */
    bool closing;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void poll_for(struct fr_watch *watch, int wanted)
{
    fr_loop_poll(watch->loop, &watch->poll, wanted, on_poll);
    if (wanted && !fr_list_is_linked(&watch->doubt))
        fr_list_append(&watch->loop->doubtful, &watch->doubt);
}

/* An error or a hang-up makes a descriptor ready for whatever one wants to do, since doing it will not
 * block; libuv says so once and stops watching, and a watch goes on until it is told otherwise. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fr_watch *watch = poll->data;
    fr_loop_woke(watch->loop);
    if (status < 0) {
        events = watch->wanted;
        poll_for(watch, watch->wanted);
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
    int flags = fcntl(fd, F_GETFL);
    int status = uv_poll_init(&loop->uv, &watch->poll, fd);
    /* uv_poll_init makes it non-blocking, which is the owner's decision: of a terminal's other users, too. */
    if (flags >= 0 && !(flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags);
    if (status < 0) {
        *error = -status;
        fr_free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->loop = loop;
    watch->fd = fd;
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
    poll_for(watch, wanted);
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
    if (fr_list_is_linked(&watch->doubt))
        fr_list_remove(&watch->doubt);
    fr_loop_close_handle(watch->loop, (uv_handle_t *)&watch->poll, on_closed);
}

/* The kernel takes it: then libuv finds it there already, and is content. */
static bool can_be_polled(struct fr_watch *watch)
{
#ifdef __linux__
    struct epoll_event event = {.data.fd = watch->fd};
    return epoll_ctl(uv_backend_fd(&watch->loop->uv), EPOLL_CTL_ADD, watch->fd, &event) == 0 || errno == EEXIST;
#else
    return fcntl(watch->fd, F_GETFD) >= 0;
#endif
}

void fr_watch_settle(struct fr_loop *loop)
{
    struct fr_list *node;
    while ((node = fr_list_take_first(&loop->doubtful)) != NULL) {
        struct fr_watch *watch = FR_LIST_OWNER(node, struct fr_watch, doubt);
        if (watch->wanted && !can_be_polled(watch))
            (void)uv_poll_stop(&watch->poll);
    }
}
