/* tests/core/server/stage.h - Connections on memory sockets, with a clock that only the test moves. */
#ifndef FR_TESTS_SERVER_STAGE_H
#define FR_TESTS_SERVER_STAGE_H

#include "fakes/memory_transport.h"
#include "server/connection.h"
#include "unit.h"

#define STAGE_FIELDS_MAX 100

struct stage {
    struct fr_loop *loop;
    struct fr_limits limits;
    struct fr_response_policy policy;
    struct fr_log log;
    struct fr_stats stats;
    struct fr_request_head scratch;
    struct fr_header fields[STAGE_FIELDS_MAX];
    struct fr_endpoint local;
    struct fr_application *application;
    struct fr_tls_context *tls; /* of whoever comes; NULL: plain */
    bool choice;                /* whoever comes may choose shared.http2 */
    struct fr_connection_shared shared;
    unsigned closed;  /* connections whose memory is back */
    unsigned refused; /* of these, those that were opened to be refused */
    char said[1024];  /* the last line of the log */
};

static void stage_on_closed(struct fr_connection_shared *shared, bool refused)
{
    struct stage *stage = FR_LIST_OWNER(shared, struct stage, shared);
    stage->closed++;
    stage->refused += refused;
}

static void stage_hear(void *sink, enum fr_log_level level, const char *message)
{
    struct stage *stage = sink;
    (void)level;
    snprintf(stage->said, sizeof stage->said, "%s", message);
}

static inline void stage_open(struct stage *stage, struct fr_application *application)
{
    int error = 0;
    memset(stage, 0, sizeof *stage);
    stage->loop = fr_loop_open(&fr_transport_memory, &error);
    IS(stage->loop);
    fr_clock_advance(fr_loop_clock(stage->loop), 0);
    fr_limits_init(&stage->limits);
    stage->log = (struct fr_log){.write = stage_hear, .sink = stage, .level = FR_LOG_DEBUG};
    stage->scratch.headers = stage->fields;
    stage->scratch.header_capacity = STAGE_FIELDS_MAX;
    stage->shared = (struct fr_connection_shared){
        .loop = stage->loop,
        .transport = &fr_transport_memory,
        .limits = &stage->limits,
        .log = &stage->log,
        .policy = &stage->policy,
        .scratch = &stage->scratch,
        .stats = &stage->stats,
        .closed = stage_on_closed,
    };
    stage->shared.plain = malloc(FR_CHANNEL_PLAIN_BYTES);
    fr_connection_shared_init(&stage->shared);
    stage->application = application;
}

/* Turns until there is nothing more to do at this moment. */
static inline void stage_turn(struct stage *stage)
{
    int turns = 0;
    do {
        fr_loop_turn(stage->loop, 0);
        IS(++turns < 1000);
    } while (fr_loop_timeout_ms(stage->loop) == 0);
}

/* Time passes, tick by tick, so that everything happens in its order. */
static inline void stage_wait(struct stage *stage, uint64_t ms)
{
    while (ms > 0) {
        uint64_t step = ms < FR_TIMER_TICK_MS ? ms : FR_TIMER_TICK_MS;
        fr_clock_advance(fr_loop_clock(stage->loop), step);
        stage_turn(stage);
        ms -= step;
    }
}

/* Somebody comes in by `end` and is spoken to in `protocol`. */
static inline void stage_enter(struct stage *stage, const struct fr_protocol_ops *protocol, int end)
{
    struct fr_entrance entrance = {
        .protocol = protocol,
        .application = stage->application,
        .tls = stage->tls,
        .local = &stage->local,
        .unix_socket = true,
        .choice = stage->choice,
    };
    EQUAL(fr_connection_open(&stage->shared, &entrance, end, NULL, 0), 0);
}

/* A connection that speaks `protocol`; returns the peer's end. */
static inline int stage_connect(struct stage *stage, const struct fr_protocol_ops *protocol)
{
    int ends[2];
    memory_pair(stage->loop, ends);
    stage_enter(stage, protocol, ends[0]);
    stage_turn(stage);
    return ends[1];
}

/* The youngest connection. */
static inline struct fr_connection *stage_connection(struct stage *stage)
{
    IS(!fr_list_is_empty(&stage->shared.connections));
    return FR_LIST_OWNER(stage->shared.connections.prev, struct fr_connection, node);
}

/* Every connection must be closed. */
static inline void stage_close(struct stage *stage)
{
    EQUAL(stage->shared.count, 0);
    EQUAL(stage->stats.connections_open, 0);
    EQUAL(fr_pool_taken(fr_loop_pool(stage->loop)), 0);
    fr_loop_close(stage->loop);
    free(stage->shared.plain);
}

#endif
