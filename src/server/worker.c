/* server/worker.c - One loop, its listeners, its connections, its counters.
 *
 * Owns everything that lives as long as the worker. Does not know bytes, nor what a connection is doing; it knows how
 * many there are. One thread; another may only wake the loop. */
#include "server/worker.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "http1/connection.h"
#include "http2/session.h"
#include "net/listener.h"
#include "net/timer.h"
#include "server/access_log.h"
#include "server/certificates.h"
#include "server/connection.h"
#include "server/redirect.h"
#include "server/refusal.h"
#include "tls/tickets.h"

/* Connections beyond the limit that may be told so at a time; then the others wait in the backlog. */
#define REFUSALS_MAX 256

/* How often, at most, the log hears that the limit is reached. */
#define OVERLOAD_LOG_MS 1000

/* A worker at rest turns this often, so that whoever reads its slot sees that it is alive. */
#define BEAT_MS 1000

/* A bind of the configuration, being listened to. */
struct door {
    struct fr_worker *worker;
    const struct fr_bind *bind;
    struct fr_listener *listener;           /* NULL once closed */
    const struct fr_protocol_ops *protocol; /* what is spoken behind it at first */
    struct fr_application *application;
    struct fr_redirect redirect; /* that application, of a bind that only redirects */
    bool choice;                 /* whoever comes may choose HTTP/2 */
    bool plain;                  /* whatever else is encrypted */
};

struct fr_worker {
    const struct fr_config *config;
    struct fr_loop *loop;
    struct fr_connection_shared shared;
    struct fr_certificates certificates;
    struct fr_response_policy policy;
    struct fr_stats own_stats;      /* when the configuration gives no slot */
    struct fr_poll_hook turned;     /* counts the turns, whoever makes them */
    struct fr_timer beat;           /* armed when somebody else may read the counters, or files are watched */
    struct fr_request_head scratch; /* one head at a time, while it is parsed and shown */
    enum fr_worker_state state;
    bool accepting;
    size_t refusals;             /* connections that speak fr_refusal; the limit does not count them */
    uint64_t overload_logged_ms; /* 0: never */
    uint64_t overload_untold;    /* refusals that the log has not heard of */
    struct door doors[];
};

static void accept_all(struct fr_worker *worker, bool wanted)
{
    worker->accepting = wanted;
    for (size_t i = 0; i < worker->config->bind_count; i++)
        if (worker->doors[i].listener)
            fr_listener_accept(worker->doors[i].listener, wanted);
}

static void close_doors(struct fr_worker *worker)
{
    worker->accepting = false;
    for (size_t i = 0; i < worker->config->bind_count; i++) {
        if (worker->doors[i].listener)
            fr_listener_close(worker->doors[i].listener);
        worker->doors[i].listener = NULL;
    }
}

static bool is_full(const struct fr_worker *worker)
{
    unsigned max = worker->config->limits.connections_max;
    return max && worker->shared.count - worker->refusals >= max;
}

/* Whoever comes can be answered, if only with a refusal. */
static bool may_accept(const struct fr_worker *worker)
{
    return !is_full(worker) || worker->refusals < REFUSALS_MAX;
}

static void log_overload(struct fr_worker *worker)
{
    uint64_t now_ms = fr_loop_clock(worker->loop)->now_ms;
    worker->overload_untold++;
    if (worker->overload_logged_ms && now_ms < worker->overload_logged_ms + OVERLOAD_LOG_MS)
        return;
    fr_log_print(&worker->config->log, FR_LOG_WARNING, "%u connections are open, the limit: %llu refused with 503",
                 worker->config->limits.connections_max, (unsigned long long)worker->overload_untold);
    worker->overload_logged_ms = now_ms;
    worker->overload_untold = 0;
}

static void on_accepted(struct fr_listener *listener, int fd, const struct sockaddr *peer, socklen_t len)
{
    struct door *door = fr_listener_owner(listener);
    struct fr_worker *worker = door->worker;
    bool refuse = is_full(worker);
    FR_STATS_ADD(worker->shared.stats, connections_accepted, 1);
    struct fr_entrance entrance = {
        .protocol = refuse ? &fr_refusal : door->protocol,
        .application = door->application,
        .tls = door->plain ? NULL : worker->certificates.context,
        .local = &door->bind->local,
        .unix_socket = door->bind->unix_socket,
        .choice = !refuse && door->choice,
    };
    int error = fr_connection_open(&worker->shared, &entrance, fd, peer, len);
    if (error) {
        fr_log_print(&worker->config->log, FR_LOG_ERROR, "a connection could not be opened: %s", fr_error_text(error));
        return;
    }
    if (refuse) {
        worker->refusals++;
        FR_STATS_ADD(worker->shared.stats, connections_refused, 1);
        log_overload(worker);
    }
    if (!may_accept(worker))
        accept_all(worker, false);
}

/* The turn that this makes is the beat. */
static void on_beat(struct fr_timer *beat)
{
    struct fr_worker *worker = FR_LIST_OWNER(beat, struct fr_worker, beat);
    if (worker->config->tls_watch_files)
        fr_certificates_watch(&worker->certificates);
    fr_timer_set(worker->loop, beat, BEAT_MS);
}

static void on_poll(struct fr_poll_hook *hook, bool sleep)
{
    struct fr_worker *worker = FR_LIST_OWNER(hook, struct fr_worker, turned);
    struct fr_stats *stats = worker->shared.stats;
    if (sleep)
        return;
    FR_STATS_ADD(stats, turns, 1);
    FR_STATS_SET(stats, beat_ms, fr_loop_clock(worker->loop)->now_ms);
}

static void stop_when_empty(struct fr_worker *worker)
{
    if (worker->state != FR_WORKER_DRAINING || worker->shared.count > 0)
        return;
    if (worker->shared.access_log)
        fr_access_log_flush(worker->shared.access_log);
    fr_certificates_close(&worker->certificates); /* in the thread that used them; close may be called in another */
    worker->state = FR_WORKER_STOPPED;
    if (worker->config->stopped)
        worker->config->stopped(worker->config->owner);
}

static void on_closed(struct fr_connection_shared *shared, bool refused)
{
    struct fr_worker *worker = FR_LIST_OWNER(shared, struct fr_worker, shared);
    worker->refusals -= refused;
    if (worker->state == FR_WORKER_SERVING && !worker->accepting && may_accept(worker))
        accept_all(worker, true);
    stop_when_empty(worker);
}

/* Until there is io_uring to choose, asking for it is refused rather than answered with something else. */
static const struct fr_transport_ops *choose_transport(const struct fr_config *config)
{
    const char *name = config->transport;
    if (!name || strcmp(name, "auto") == 0 || strcmp(name, "uv") == 0)
        return &fr_transport_uv;
    if (strcmp(name, "uring") == 0)
        fr_log_print(&config->log, FR_LOG_ERROR, "the transport \"uring\" is not available in this build; use \"uv\"");
    else
        fr_log_print(&config->log, FR_LOG_ERROR, "there is no transport \"%s\"", name);
    return NULL;
}

static void give_shared(struct fr_worker *worker, const struct fr_transport_ops *transport)
{
    const struct fr_config *config = worker->config;
    if (config->server_header)
        worker->policy.server = fr_span_of_string(config->server_header);
    worker->policy.date = config->date_header;
    worker->scratch.header_capacity = config->limits.fields_max;
    worker->scratch.headers = fr_alloc(config->limits.fields_max * sizeof(*worker->scratch.headers));
    worker->shared = (struct fr_connection_shared){
        .loop = worker->loop,
        .transport = transport,
        .http2 = config->http2 ? &fr_http2 : NULL,
        .limits = &config->limits,
        .log = &config->log,
        .policy = &worker->policy,
        .scratch = &worker->scratch,
        .stats = config->stats ? config->stats : &worker->own_stats,
        .plain = config->tls ? fr_alloc(FR_CHANNEL_PLAIN_BYTES) : NULL,
        .closed = on_closed,
    };
    fr_connection_shared_init(&worker->shared);
    /* A slot may have been that of a worker which died; its sums go on, its present is over. */
    FR_STATS_SET(worker->shared.stats, connections_open, 0);
    FR_STATS_SET(worker->shared.stats, requests_open, 0);
    if (config->access_format != FR_ACCESS_OFF)
        worker->shared.access_log =
            fr_access_log_open(worker->loop, config->access_fd, config->access_format, &config->log);
}

/* Whoever is only told where to go is told in HTTP/1.1. */
static void furnish_door(struct fr_worker *worker, struct door *door)
{
    const struct fr_config *config = worker->config;
    bool http1 = config->http1 || !config->http2;
    door->choice = config->http2;
    door->protocol = http1 ? &fr_http1 : &fr_refusal_of_version;
    door->application = config->application;
    if (!door->bind->redirect_port)
        return;
    fr_redirect_init(&door->redirect, door->bind->redirect_port);
    door->plain = true;
    door->choice = false;
    door->protocol = &fr_http1;
    door->application = &door->redirect.application;
}

static int open_doors(struct fr_worker *worker)
{
    for (size_t i = 0; i < worker->config->bind_count; i++) {
        struct door *door = &worker->doors[i];
        int system = 0;
        door->worker = worker;
        door->bind = &worker->config->binds[i];
        furnish_door(worker, door);
        door->listener =
            fr_listener_open(worker->loop, door->bind->fd, on_accepted, door, &worker->config->log, &system);
        if (!door->listener) {
            fr_log_print(&worker->config->log, FR_LOG_ERROR, "descriptor %d cannot be listened to: %s", door->bind->fd,
                         strerror(system));
            return FR_E_SYSTEM;
        }
    }
    return 0;
}

static void free_worker(struct fr_worker *worker)
{
    close_doors(worker);
    fr_timer_clear(worker->loop, &worker->beat);
    fr_loop_remove_hook(worker->loop, &worker->turned);
    fr_connection_shared_leave(&worker->shared);
    if (worker->shared.access_log)
        fr_access_log_close(worker->shared.access_log);
    fr_certificates_close(&worker->certificates);
    if (!worker->config->loop)
        fr_loop_close(worker->loop);
    fr_free(worker->shared.plain);
    fr_free(worker->scratch.headers);
    fr_free(worker);
}

struct fr_worker *fr_worker_open(const struct fr_config *config, int *error)
{
    const struct fr_transport_ops *transport = choose_transport(config);
    if (!transport) {
        *error = FR_E_UNSUPPORTED;
        return NULL;
    }
    struct fr_worker *worker = fr_alloc_zero(sizeof(*worker) + config->bind_count * sizeof(worker->doors[0]));
    worker->config = config;
    worker->loop = config->loop ? config->loop : fr_loop_open(transport, error);
    if (!worker->loop) {
        fr_log_print(&config->log, FR_LOG_ERROR, "no event loop can be opened: %s", fr_error_text(*error));
        fr_free(worker);
        return NULL;
    }
    worker->turned.before_poll = on_poll;
    fr_loop_add_hook(worker->loop, &worker->turned);
    give_shared(worker, transport);
    *error = fr_certificates_open(&worker->certificates, config->tls, config->tls_kept, &config->log);
    if (!*error)
        *error = open_doors(worker);
    if (*error) {
        free_worker(worker);
        return NULL;
    }
    return worker;
}

void fr_worker_start(struct fr_worker *worker)
{
    assert(worker->state == FR_WORKER_READY);
    worker->state = FR_WORKER_SERVING;
    worker->beat.expired = on_beat;
    if (worker->config->stats || worker->config->tls_watch_files)
        on_beat(&worker->beat);
    accept_all(worker, true);
}

void fr_worker_turn(struct fr_worker *worker, int timeout_ms)
{
    fr_loop_turn(worker->loop, timeout_ms);
}

void fr_worker_drain(struct fr_worker *worker)
{
    if (worker->state == FR_WORKER_DRAINING || worker->state == FR_WORKER_STOPPED)
        return;
    worker->state = FR_WORKER_DRAINING;
    close_doors(worker);
    for (struct fr_list *node = worker->shared.connections.next; node != &worker->shared.connections; node = node->next)
        fr_connection_drain(FR_LIST_OWNER(node, struct fr_connection, node));
    stop_when_empty(worker);
}

void fr_worker_stop(struct fr_worker *worker)
{
    if (worker->state == FR_WORKER_STOPPED)
        return;
    worker->state = FR_WORKER_DRAINING;
    close_doors(worker);
    for (struct fr_list *node = worker->shared.connections.next; node != &worker->shared.connections; node = node->next)
        fr_connection_close(FR_LIST_OWNER(node, struct fr_connection, node), FR_CLOSE_STOP);
    stop_when_empty(worker);
}

int fr_worker_reload_tls(struct fr_worker *worker, char *complaint, size_t size)
{
    return fr_certificates_read(&worker->certificates, complaint, size);
}

int fr_worker_check_tls(const struct fr_tls_options *options, char *complaint, size_t size)
{
    return fr_certificates_check(options, complaint, size);
}

size_t fr_worker_ticket_ring_bytes(void)
{
    return fr_tls_ticket_ring_bytes();
}

enum fr_worker_state fr_worker_state(const struct fr_worker *worker)
{
    return worker->state;
}

struct fr_loop *fr_worker_loop(struct fr_worker *worker)
{
    return worker->loop;
}

const struct fr_stats *fr_worker_stats(const struct fr_worker *worker)
{
    return worker->shared.stats;
}

void fr_worker_close(struct fr_worker *worker)
{
    assert(worker->state == FR_WORKER_READY || worker->state == FR_WORKER_STOPPED);
    free_worker(worker);
}
