/* bench/ceiling/local_epoll.h - What the bare servers on epoll share: a client accepted, a descriptor watched. */
#ifndef FR_BENCH_LOCAL_EPOLL_H
#define FR_BENCH_LOCAL_EPOLL_H

#include <sys/epoll.h>

#include "local.h"

static inline void watch(int epoll, int operation, int fd, unsigned events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll, operation, fd, &event) != 0)
        die("epoll_ctl");
}

/* Its descriptor, which does not block; -1 when nobody waits. */
static inline int accept_client(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd >= 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

#endif
