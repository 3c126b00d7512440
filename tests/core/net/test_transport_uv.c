/* The libuv transport keeps the contract, on unix sockets and on TCP. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "contract_transport.h"

/* So small that some hundred KiB do not fit on the way. */
#define KERNEL_BUFFER_BYTES 32768

static void set_up(int fd)
{
    int bytes = KERNEL_BUFFER_BYTES;
    EQUAL(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void make_unix_pair(struct fr_loop *loop, int fds[2])
{
    (void)loop;
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    set_up(fds[0]);
    set_up(fds[1]);
}

static void make_tcp_pair(struct fr_loop *loop, int fds[2])
{
    (void)loop;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    EQUAL(bind(listener, (struct sockaddr *)&address, len), 0);
    EQUAL(listen(listener, 1), 0);
    EQUAL(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    EQUAL(connect(fds[0], (struct sockaddr *)&address, len), 0);
    fds[1] = accept(listener, NULL, NULL);
    IS(fds[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        set_up(fds[i]);
        EQUAL(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    }
}

/* Closing with bytes unread resets, on unix sockets and on TCP. */
static void reset(struct fr_loop *loop, int fd)
{
    (void)loop;
    struct pollfd arrival = {.fd = fd, .events = POLLIN};
    EQUAL(poll(&arrival, 1, 10000), 1);
    EQUAL(close(fd), 0);
}

static const struct contract_transport unix_pair = {&fr_transport_uv, make_unix_pair, reset};
static const struct contract_transport tcp_pair = {&fr_transport_uv, make_tcp_pair, reset};

CONTRACT_TRANSPORT(unix_pair)
CONTRACT_TRANSPORT(tcp_pair)
