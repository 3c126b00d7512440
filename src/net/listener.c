/* net/listener.c - Accepting, also when the process has no descriptor left. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/loop_internal.h"

/* So that workers which share a port, and the connections of this one, get their turn. */
#define ACCEPTS_PER_EVENT_MAX 16

/* How long accepting rests when not even the spare descriptor helped. */
#define REST_MS 100

#define LOG_INTERVAL_MS 1000

struct fr_listener {
    uv_poll_t poll;
    struct fr_loop *loop;
    fr_accepted accepted;
    void *owner;
    const struct fr_log *log;
    struct fr_timer rest; /* set: accepting rests */
    uint64_t logged_ms;   /* when the last complaint was logged */
    unsigned complaints;  /* since then */
    int fd;
    int spare;    /* given up for a moment to accept one more, and close it; -1: lost */
    bool nodelay; /* accepted sockets have to be told */
    bool wanted;
    bool watched;
    bool closing;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void settle(struct fr_listener *listener)
{
    bool watch = listener->wanted && !fr_timer_is_set(&listener->rest);
    if (watch == listener->watched || listener->closing)
        return;
    listener->watched = watch;
    fr_loop_poll(listener->loop, &listener->poll, watch ? UV_READABLE : 0, on_poll);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_descriptor(int fd, struct sockaddr *peer, socklen_t *len)
{
#if defined(__linux__) || defined(__FreeBSD__)
    return accept4(fd, peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    int accepted = accept(fd, peer, len);
    if (accepted >= 0 && (fcntl(accepted, F_SETFD, FD_CLOEXEC) < 0 || fcntl(accepted, F_SETFL, O_NONBLOCK) < 0)) {
        close(accepted);
        errno = ECONNABORTED;
        return -1;
    }
    return accepted;
#endif
}

static void complain(struct fr_listener *listener, int error)
{
    uint64_t now_ms = listener->loop->clock.now_ms;
    listener->complaints++;
    if (listener->logged_ms && now_ms < listener->logged_ms + LOG_INTERVAL_MS)
        return;
    fr_log_print(listener->log, FR_LOG_WARNING, "cannot accept connections: %s (%u times since last said)",
                 strerror(error), listener->complaints);
    listener->logged_ms = now_ms;
    listener->complaints = 0;
}

/* Out of descriptors: the client shall see a close rather than hang. 0 or an errno; EAGAIN when nobody was
 * waiting, which accept does not find out before it looks for a free descriptor. */
static int turn_away(struct fr_listener *listener)
{
    if (listener->spare < 0)
        return EMFILE;
    close(listener->spare);
    int fd = accept_descriptor(listener->fd, NULL, NULL);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    listener->spare = open_spare();
    return error;
}

/* What is wrong with one connection, or with its network, and not with us; accept(2), "Error handling". */
static bool is_passing(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ETIMEDOUT:
#if defined(ENONET)
    case ENONET:
#endif
        return true;
    default:
        return false;
    }
}

static void on_rested(struct fr_timer *timer)
{
    struct fr_listener *listener = FR_LIST_OWNER(timer, struct fr_listener, rest);
    if (listener->spare < 0)
        listener->spare = open_spare();
    settle(listener);
}

static void hand_over(struct fr_listener *listener, int fd, const struct sockaddr *peer, socklen_t len)
{
    if (listener->nodelay && (peer->sa_family == AF_INET || peer->sa_family == AF_INET6)) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    listener->accepted(listener, fd, peer, len);
}

/* False when accepting has to stop for now. */
static bool cope_with(struct fr_listener *listener, int error)
{
    bool out_of_descriptors = error == EMFILE || error == ENFILE;
    int turned_away = out_of_descriptors ? turn_away(listener) : error;
    if (turned_away == EAGAIN || turned_away == EWOULDBLOCK)
        return false;
    if (is_passing(turned_away))
        return true;
    complain(listener, error);
    if (turned_away == 0)
        return true;
    fr_timer_set(listener->loop, &listener->rest, REST_MS);
    return false;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct fr_listener *listener)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int fd = accept_descriptor(listener->fd, (struct sockaddr *)&peer, &len);
    if (fd < 0)
        return cope_with(listener, errno);
    hand_over(listener, fd, (struct sockaddr *)&peer, len);
    return true;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fr_listener *listener = poll->data;
    (void)events;
    fr_loop_woke(listener->loop);
    if (status < 0)
        listener->watched = false;
    for (int i = 0; i < ACCEPTS_PER_EVENT_MAX && listener->wanted; i++)
        if (!accept_one(listener))
            break;
    settle(listener);
}

static void on_closed(uv_handle_t *handle)
{
    fr_free(handle->data);
}

/* On Linux and the BSDs an accepted socket inherits TCP_NODELAY, so one call here saves one per connection. */
static bool set_nodelay(int fd)
{
    int on = 1;
    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

struct fr_listener *fr_listener_open(struct fr_loop *loop, int fd, fr_accepted accepted, void *owner,
                                     const struct fr_log *log, int *error)
{
    struct fr_listener *listener = fr_alloc_zero(sizeof *listener);
    int status = uv_poll_init(&loop->uv, &listener->poll, fd);
    if (status < 0) {
        *error = -status;
        fr_free(listener);
        return NULL;
    }
    listener->poll.data = listener;
    listener->loop = loop;
    listener->accepted = accepted;
    listener->owner = owner;
    listener->log = log;
    listener->rest.expired = on_rested;
    listener->fd = fd;
    listener->spare = open_spare();
    listener->nodelay = !set_nodelay(fd);
    return listener;
}

void fr_listener_accept(struct fr_listener *listener, bool wanted)
{
    listener->wanted = wanted;
    settle(listener);
}

void *fr_listener_owner(const struct fr_listener *listener)
{
    return listener->owner;
}

int fr_listener_fd(const struct fr_listener *listener)
{
    return listener->fd;
}

void fr_listener_close(struct fr_listener *listener)
{
    if (listener->closing)
        return;
    listener->closing = true;
    listener->wanted = false;
    fr_timer_clear(listener->loop, &listener->rest);
    if (listener->spare >= 0)
        close(listener->spare);
    fr_loop_close_handle(listener->loop, (uv_handle_t *)&listener->poll, on_closed);
}
