/* tests/core/server/house.h - A worker with two doors on real sockets, an application, and clients who knock. */
#ifndef FR_TESTS_SERVER_HOUSE_H
#define FR_TESTS_SERVER_HOUSE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/transport.h"
#include "server/worker.h"
#include "unit.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define TURNS_MAX 2000

/* ---- an application that answers at once, or when the test says so ---- */

static struct {
    bool hold;
    struct fr_exchange *held;
    unsigned aborted, draining;
    enum fr_close_reason reason;
} app;

static inline void answer(struct fr_exchange *exchange)
{
    EQUAL(fr_exchange_answer_text(exchange, 200, FR_SPAN("hi")), 0);
    fr_exchange_let_go(exchange);
}

static inline void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    (void)application;
    if (!app.hold) {
        answer(exchange);
        return;
    }
    app.held = exchange;
}

static inline void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    (void)exchange, (void)bytes, (void)last;
}

static inline void on_writable(struct fr_exchange *exchange)
{
    (void)exchange;
}

static inline void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    app.aborted++;
    app.reason = reason;
    fr_exchange_let_go(exchange);
}

static inline void on_draining(struct fr_exchange *exchange)
{
    IS(exchange == app.held);
    app.draining++;
}

static const struct fr_application_ops ops = {
    .name = "test",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
    .draining = on_draining,
};

/* ---- a house with two doors ---- */

struct house {
    struct fr_application application;
    struct fr_config config;
    struct fr_bind binds[2];
    struct fr_worker *worker;
    char path[64];
    unsigned warnings;
    char said[1024];
};

static inline void hear(void *sink, enum fr_log_level level, const char *message)
{
    struct house *house = sink;
    if (level < FR_LOG_WARNING)
        return;
    house->warnings++;
    snprintf(house->said, sizeof house->said, "%s", message);
}

static inline int open_socket(int family, bool blocking)
{
    int fd = socket(family, SOCK_STREAM, 0);
    IS(fd >= 0);
    if (!blocking)
        EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline int listen_tcp(void)
{
    int fd = open_socket(AF_INET, false);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    EQUAL(listen(fd, 512), 0);
    return fd;
}

static inline int listen_unix(struct house *house)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = open_socket(AF_UNIX, false);
    snprintf(house->path, sizeof house->path, "/tmp/worker-%ld.sock", (long)getpid());
    snprintf(address.sun_path, sizeof address.sun_path, "%s", house->path);
    EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    EQUAL(listen(fd, 16), 0);
    return fd;
}

static inline void prepare_house(struct house *house)
{
    memset(house, 0, sizeof *house);
    house->application.ops = &ops;
    house->binds[0].fd = listen_tcp();
    house->binds[1].fd = listen_unix(house);
    house->binds[1].unix_socket = true;
    house->config = (struct fr_config){
        .binds = house->binds,
        .bind_count = 2,
        .application = &house->application,
        .log = {.write = hear, .sink = house, .level = FR_LOG_DEBUG},
        .access_fd = -1,
    };
    fr_limits_init(&house->config.limits);
}

static inline void open_house(struct house *house)
{
    int error = 0;
    house->worker = fr_worker_open(&house->config, &error);
    IS(house->worker);
    EQUAL(fr_worker_state(house->worker), FR_WORKER_READY);
    fr_worker_start(house->worker);
    EQUAL(fr_worker_state(house->worker), FR_WORKER_SERVING);
}

static inline void turn_until_stopped(struct house *house)
{
    for (int turns = 0; fr_worker_state(house->worker) != FR_WORKER_STOPPED; turns++) {
        IS(turns < TURNS_MAX);
        fr_worker_turn(house->worker, 10);
    }
}

static inline void close_house(struct house *house)
{
    fr_worker_stop(house->worker);
    turn_until_stopped(house);
    EQUAL(fr_worker_stats(house->worker)->connections_open, 0);
    fr_worker_close(house->worker);
    unlink(house->path);
}

/* ---- clients ---- */

static inline int connect_tcp(struct house *house)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    EQUAL(getsockname(house->binds[0].fd, (struct sockaddr *)&address, &len), 0);
    int fd = open_socket(AF_INET, true);
    EQUAL(connect(fd, (struct sockaddr *)&address, len), 0);
    return fd;
}

static inline int connect_unix(struct house *house)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", house->path);
    int fd = open_socket(AF_UNIX, true);
    EQUAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void send_request(int fd)
{
    EQUAL(send(fd, REQUEST, strlen(REQUEST), 0), (long long)strlen(REQUEST));
}

/* Turns the worker until the client has read an answer that ends in `end`; empty: until the connection does. */
static inline const char *read_answer(struct house *house, int fd, const char *end)
{
    static char text[4096];
    size_t len = 0;
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        fr_worker_turn(house->worker, len ? 10 : 1);
        ssize_t count = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN)
            continue;
        IS(count >= 0 || errno == ECONNRESET);
        len += count > 0 ? (size_t)count : 0;
        text[len] = 0;
        size_t end_len = strlen(end);
        if (end_len == 0 ? count <= 0 : len >= end_len && strcmp(text + len - end_len, end) == 0)
            return text;
        IS(count > 0);
    }
    UNIT_FAIL("no answer that ends in \"%s\"", end);
}

static inline void expect_hi(struct house *house, int fd)
{
    send_request(fd);
    IS(strncmp(read_answer(house, fd, "hi"), "HTTP/1.1 200 OK\r\n", 17) == 0);
}

/* Turns until `count` connections are open. */
static inline void await_open(struct house *house, uint64_t count)
{
    for (int turns = 0; fr_worker_stats(house->worker)->connections_open != count; turns++) {
        IS(turns < TURNS_MAX);
        fr_worker_turn(house->worker, 10);
    }
}

static inline void await_held(struct house *house, int client)
{
    send_request(client);
    for (int turns = 0; !app.held; turns++) {
        IS(turns < TURNS_MAX);
        fr_worker_turn(house->worker, 10);
    }
}

#endif
