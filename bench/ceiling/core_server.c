/* bench/ceiling/core_server.c - freastal's C core without Python: one worker, one fixed answer.
 *
 * What a gateway costs is the distance to this; what the core costs is the distance from here to epoll_server.
 * Usage: core_server --port N --size BYTES [--access-log] */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/application.h"
#include "server/worker.h"

struct fixed_application {
    struct fr_application base;
    char *body;
    size_t size;
};

/* The body outlives every answer, so it can be held by reference and there is nothing to let go of. */
static void keep_body(void *owner)
{
    (void)owner;
}

static void on_request(struct fr_application *base, struct fr_exchange *exchange)
{
    struct fixed_application *application = (struct fixed_application *)base;
    struct fr_response_header headers[] = {{FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8")}};
    struct fr_response_head head = {
        .status = 200,
        .headers = headers,
        .header_count = 1,
        .content_length = (int64_t)application->size,
    };
    struct fr_chunk chunk = {
        .bytes = fr_span_of(application->body, application->size), .file = -1, .release = keep_body};
    int failed = fr_exchange_respond(exchange, &head);
    if (!failed)
        failed = fr_exchange_send(exchange, &chunk, true);
    if (failed)
        fprintf(stderr, "%s\n", fr_error_text(failed));
    fr_exchange_let_go(exchange);
}

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    (void)exchange, (void)bytes, (void)last;
}

static void on_writable(struct fr_exchange *exchange)
{
    (void)exchange;
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    (void)exchange, (void)reason;
}

static const struct fr_application_ops fixed = {
    .name = "fixed",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
};

static void write_log(void *sink, enum fr_log_level level, const char *message)
{
    (void)level;
    fprintf(sink, "%s\n", message);
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
        fprintf(stderr, "port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    int port = 8000;
    struct fixed_application application = {.base = {&fixed}, .size = 500};
    struct fr_config config = {.application = &application.base, .server_header = "freastal", .date_header = true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            port = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--size") == 0 && i + 1 < argc)
            application.size = (size_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--access-log") == 0)
            config.access_format = FR_ACCESS_COMBINED;
        else
            return fprintf(stderr, "usage: %s --port N --size BYTES [--access-log]\n", argv[0]), 2;
    }
    signal(SIGPIPE, SIG_IGN);
    application.body = malloc(application.size + 1);
    if (!application.body)
        return 1;
    memset(application.body, 'x', application.size);
    struct fr_bind bind = {.fd = listen_on(port), .local = {.host = "127.0.0.1", .port = (uint16_t)port}};
    config.binds = &bind;
    config.bind_count = 1;
    config.access_fd = STDOUT_FILENO;
    config.log = (struct fr_log){.write = write_log, .sink = stderr, .level = FR_LOG_WARNING};
    fr_limits_init(&config.limits);
    int error = 0;
    struct fr_worker *worker = fr_worker_open(&config, &error);
    if (!worker)
        return 1;
    fr_worker_start(worker);
    while (fr_worker_state(worker) == FR_WORKER_SERVING)
        fr_worker_turn(worker, -1);
    fr_worker_close(worker);
    return 0;
}
