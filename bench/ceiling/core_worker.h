/* bench/ceiling/core_worker.h - One worker of freastal's C core, for applications in C: options, a socket, the loop. */
#ifndef FR_BENCH_CORE_WORKER_H
#define FR_BENCH_CORE_WORKER_H

#include <signal.h>
#include <unistd.h>

#include "http/application.h"
#include "local.h"
#include "server/worker.h"

/* --port N [--size BYTES] [--access-log] [--certfile FILE --keyfile FILE]; the size belongs to the application. */
struct core_options {
    int port;
    size_t size;
    bool access_log;
    const char *certfile, *keyfile; /* NULL: plain */
};

static inline struct core_options read_core_options(int argc, char **argv)
{
    struct core_options options = {.port = 8000, .size = 500};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            options.port = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--size") == 0 && i + 1 < argc) {
            options.size = (size_t)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--access-log") == 0) {
            options.access_log = true;
        } else if (strcmp(argv[i], "--certfile") == 0 && i + 1 < argc) {
            options.certfile = argv[++i];
        } else if (strcmp(argv[i], "--keyfile") == 0 && i + 1 < argc) {
            options.keyfile = argv[++i];
        } else {
            fprintf(stderr, "usage: %s --port N [--size BYTES] [--access-log] [--certfile FILE --keyfile FILE]\n",
                    argv[0]);
            exit(2);
        }
    }
    return options;
}

static inline void write_log(void *sink, enum fr_log_level level, const char *message)
{
    (void)level;
    fprintf(sink, "%s\n", message);
}

/* Serves until a signal ends the process; the exit status. `limits` as the application wants them. */
static inline int serve_core(struct fr_application *application, const struct core_options *options,
                             const struct fr_limits *limits)
{
    signal(SIGPIPE, SIG_IGN);
    struct fr_bind bind = {.fd = listen_locally(options->port),
                           .local = {.host = "127.0.0.1", .port = (unsigned short)options->port}};
    const struct fr_tls_identity identity = {.certfile = options->certfile, .keyfile = options->keyfile};
    const struct fr_tls_options tls = {
        .identities = &identity, .identity_count = 1, .version_min = 0x0303, .http1 = true, .http2 = true};
    struct fr_config config = {
        .application = application,
        .tls = options->certfile ? &tls : NULL,
        .http1 = true,
        .http2 = true,
        .server_header = "freastal",
        .date_header = true,
        .binds = &bind,
        .bind_count = 1,
        .access_format = options->access_log ? FR_ACCESS_COMBINED : FR_ACCESS_OFF,
        .access_fd = STDOUT_FILENO,
        .log = {.write = write_log, .sink = stderr, .level = FR_LOG_WARNING},
        .limits = *limits,
    };
    int error = 0;
    struct fr_worker *worker = fr_worker_open(&config, &error);
    if (!worker) {
        fprintf(stderr, "%s\n", fr_error_text(error));
        return 1;
    }
    fr_worker_start(worker);
    while (fr_worker_state(worker) == FR_WORKER_SERVING)
        fr_worker_turn(worker, -1);
    fr_worker_close(worker);
    return 0;
}

#endif
