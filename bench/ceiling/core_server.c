/* bench/ceiling/core_server.c - freastal's C core without Python: one worker, one fixed answer.
 *
 * What a gateway costs is the distance to this; what the core costs is the distance from here to epoll_server.
 * Usage: core_server --port N --size BYTES [--access-log] */
#include "core_worker.h"

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

int main(int argc, char **argv)
{
    struct core_options options = read_core_options(argc, argv);
    struct fixed_application application = {.base = {&fixed}, .body = malloc(options.size + 1), .size = options.size};
    if (!application.body)
        die("malloc");
    memset(application.body, 'x', application.size);
    struct fr_limits limits;
    fr_limits_init(&limits);
    return serve_core(&application.base, &options, &limits);
}
