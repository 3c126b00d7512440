/* Accepting on real sockets, in plenty and in want of descriptors. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "net/transport.h"
#include "unit.h"

#define CLIENTS_MAX 64

static struct fr_loop *loop;
static struct fr_listener *listener;
static struct sockaddr_storage address;
static socklen_t address_len;
static int listening;
static int accepted[CLIENTS_MAX];
static unsigned accepted_count, log_count;
static struct sockaddr_storage last_peer;
static char last_log[1024];
static bool close_when_accepted;

static void on_accepted(struct fr_listener *from, int fd, const struct sockaddr *peer, socklen_t len)
{
    IS(from == listener);
    IS(fr_listener_owner(from) == &accepted_count);
    EQUAL(fr_listener_fd(from), listening);
    memcpy(&last_peer, peer, len);
    accepted[accepted_count++] = fd;
    if (close_when_accepted)
        fr_listener_close(from);
}

static void on_log(void *sink, enum fr_log_level level, const char *message)
{
    IS(sink == &log_count);
    EQUAL(level, FR_LOG_WARNING);
    log_count++;
    snprintf(last_log, sizeof last_log, "%s", message);
}

static const struct fr_log test_log = {.write = on_log, .sink = &log_count, .level = FR_LOG_INFO};

static void begin_on(int family)
{
    int error = 0;
    listening = socket(family, SOCK_STREAM, 0);
    IS(listening >= 0);
    address_len = sizeof address;
    if (family == AF_INET)
        *(struct sockaddr_in *)&address =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    else
        address.ss_family = AF_UNIX;
    /* A unix address of the family alone is bound to an abstract name of the kernel's choice. */
    EQUAL(bind(listening, (struct sockaddr *)&address,
               family == AF_INET ? (socklen_t)sizeof(struct sockaddr_in) : (socklen_t)sizeof(sa_family_t)),
          0);
    EQUAL(getsockname(listening, (struct sockaddr *)&address, &address_len), 0);
    EQUAL(listen(listening, CLIENTS_MAX), 0);
    loop = fr_loop_open(&fr_transport_uv, &error);
    IS(loop != NULL);
    listener = fr_listener_open(loop, listening, on_accepted, &accepted_count, &test_log, &error);
    IS(listener != NULL);
    fr_clock_advance(fr_loop_clock(loop), 0);
}

static int connect_one(void)
{
    int fd = socket(address.ss_family, SOCK_STREAM, 0);
    IS(fd >= 0);
    EQUAL(connect(fd, (struct sockaddr *)&address, address_len), 0);
    return fd;
}

static void accept_until(unsigned count)
{
    while (accepted_count < count)
        fr_loop_turn(loop, -1);
}

static void settle_down(void)
{
    for (int i = 0; i < 10; i++)
        fr_loop_turn(loop, 0);
}

static void finish(void)
{
    for (unsigned i = 0; i < accepted_count; i++)
        close(accepted[i]);
    fr_listener_close(listener);
    fr_listener_close(listener);
    fr_loop_close(loop);
    EQUAL(close(listening), 0); /* it stayed ours */
}

TEST(what_is_accepted_is_ready_for_use)
{
    begin_on(AF_INET);
    fr_listener_accept(listener, true);
    int client = connect_one(), on = 0;
    accept_until(1);
    IS(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
    IS(fcntl(accepted[0], F_GETFD) & FD_CLOEXEC);
    socklen_t len = sizeof on;
    EQUAL(getsockopt(accepted[0], IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    IS(on != 0);
    struct sockaddr_in own, *peer = (struct sockaddr_in *)&last_peer;
    len = sizeof own;
    EQUAL(getsockname(client, (struct sockaddr *)&own, &len), 0);
    EQUAL(peer->sin_family, AF_INET);
    EQUAL(peer->sin_port, own.sin_port);
    EQUAL(peer->sin_addr.s_addr, own.sin_addr.s_addr);
    close(client);
    finish();
}

TEST(unix_sockets)
{
    begin_on(AF_UNIX);
    fr_listener_accept(listener, true);
    int client = connect_one();
    accept_until(1);
    IS(fcntl(accepted[0], F_GETFL) & O_NONBLOCK);
    EQUAL(write(accepted[0], "x", 1), 1);
    char byte;
    EQUAL(read(client, &byte, 1), 1);
    close(client);
    finish();
}

TEST(waits_in_the_backlog_until_wanted)
{
    begin_on(AF_INET);
    int first = connect_one();
    settle_down();
    EQUAL(accepted_count, 0);
    fr_listener_accept(listener, true);
    accept_until(1);
    fr_listener_accept(listener, false);
    int second = connect_one();
    settle_down();
    EQUAL(accepted_count, 1);
    fr_listener_accept(listener, true);
    accept_until(2);
    close(first);
    close(second);
    finish();
}

TEST(takes_a_fair_share_at_a_time)
{
    begin_on(AF_UNIX);
    int clients[40];
    for (int i = 0; i < 40; i++)
        clients[i] = connect_one();
    fr_listener_accept(listener, true);
    unsigned before = 0;
    while (accepted_count < 40) {
        fr_loop_turn(loop, -1);
        IS(accepted_count - before <= 16);
        before = accepted_count;
    }
    for (int i = 0; i < 40; i++)
        close(clients[i]);
    finish();
}

TEST(may_be_closed_by_what_it_accepts)
{
    begin_on(AF_UNIX);
    close_when_accepted = true;
    int first = connect_one(), second = connect_one();
    fr_listener_accept(listener, true);
    accept_until(1);
    settle_down();
    EQUAL(accepted_count, 1);
    close(first);
    close(second);
    close(accepted[0]);
    fr_loop_close(loop);
    close(listening);
}

static rlim_t allow_descriptors(rlim_t count)
{
    struct rlimit limit;
    EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = count;
    EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

/* The peer has closed; waits for it, but not for ever. */
static void is_closed_by_peer(int fd)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    EQUAL(poll(&event, 1, 10000), 1);
    char byte;
    EQUAL(recv(fd, &byte, 1, 0), 0);
}

TEST(without_descriptors_clients_see_a_close)
{
    begin_on(AF_INET);
    fr_listener_accept(listener, true);
    settle_down();
    int clients[6];
    for (int i = 0; i < 6; i++)
        clients[i] = connect_one();
    int next = dup(0);
    close(next);
    rlim_t before = allow_descriptors((rlim_t)next);
    fr_loop_turn(loop, -1);
    settle_down();
    allow_descriptors(before);
    EQUAL(accepted_count, 0);
    for (int i = 0; i < 6; i++) {
        is_closed_by_peer(clients[i]);
        close(clients[i]);
    }
    EQUAL(log_count, 1);
    IS(strstr(last_log, strerror(EMFILE)) != NULL);
    int client = connect_one();
    accept_until(1);
    close(client);
    finish();
}

TEST(complains_once_a_second)
{
    begin_on(AF_INET);
    fr_listener_accept(listener, true);
    settle_down();
    for (unsigned second = 0; second < 3; second++) {
        for (int i = 0; i < 4; i++) {
            int client = connect_one(), next = dup(0);
            close(next);
            rlim_t before = allow_descriptors((rlim_t)next);
            fr_loop_turn(loop, -1);
            allow_descriptors(before);
            is_closed_by_peer(client);
            close(client);
            EQUAL(log_count, second + 1);
        }
        fr_clock_advance(fr_loop_clock(loop), 1000);
    }
    EQUAL(accepted_count, 0);
    finish();
}

/* With a limit of 0 the spare descriptor is lost as well, and there is nothing to do but wait. */
TEST(rests_when_even_the_spare_descriptor_is_lost)
{
    begin_on(AF_INET);
    fr_listener_accept(listener, true);
    settle_down();
    int client = connect_one();
    rlim_t before = allow_descriptors(0);
    fr_loop_turn(loop, -1);
    EQUAL(log_count, 1);
    settle_down();
    allow_descriptors(before);
    settle_down();
    EQUAL(accepted_count, 0);
    fr_clock_advance(fr_loop_clock(loop), 200);
    fr_loop_turn(loop, 0);
    accept_until(1);
    close(client);
    finish();
}

/* A listener that rests is not woken by new wishes. */
TEST(rest_outlasts_wishes)
{
    begin_on(AF_INET);
    fr_listener_accept(listener, true);
    settle_down();
    int client = connect_one();
    rlim_t before = allow_descriptors(0);
    fr_loop_turn(loop, -1);
    fr_listener_accept(listener, false);
    fr_listener_accept(listener, true);
    allow_descriptors(before);
    settle_down();
    EQUAL(accepted_count, 0);
    fr_clock_advance(fr_loop_clock(loop), 200);
    fr_loop_turn(loop, 0);
    accept_until(1);
    close(client);
    finish();
}

TEST(a_listener_that_was_shut_down_does_not_spin)
{
    begin_on(AF_INET);
    fr_listener_accept(listener, true);
    settle_down();
    EQUAL(shutdown(listening, SHUT_RDWR), 0);
    fr_loop_turn(loop, -1);
    EQUAL(log_count, 1);
    uint64_t rested_ms = 0;
    while (log_count < 2 && rested_ms < 5000) {
        settle_down();
        fr_clock_advance(fr_loop_clock(loop), 50);
        rested_ms += 50;
    }
    EQUAL(log_count, 2);
    IS(strstr(last_log, "times") != NULL);
    IS(rested_ms >= 1000);
    int complaints = 0;
    EQUAL(sscanf(strchr(last_log, '('), "(%d", &complaints), 1);
    IS(complaints >= 2 && complaints <= 12); /* every 100 ms and a tick, for a second */
    finish();
}

TEST(what_cannot_be_listened_on)
{
    int error = 0;
    loop = fr_loop_open(&fr_transport_uv, &error);
    IS(fr_listener_open(loop, 99999, on_accepted, NULL, NULL, &error) == NULL);
    EQUAL(error, EBADF);
    fr_loop_close(loop);
}
