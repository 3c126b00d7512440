/* server/deadline.c - When a connection's time is up.
 *
 * Owns the one timer of a connection: the phase's end or the next look at output that is stuck, whichever is earlier.
 * What is to be done then the connection knows. */
#include "server/deadline.h"

/* A drained connection that is idle gets this long: the peer's next request may be on its way, and is answered. */
#define DRAIN_IDLE_MS 200

/* A handshake that is in progress when the worker drains gets this long: a round trip or two. */
#define DRAIN_HANDSHAKE_MS 1000

/* A stuck write is looked at this many times before it counts as stalled, since progress is only seen by looking. */
#define STUCK_LOOKS 4

static uint64_t now_ms(const struct fr_connection *connection)
{
    return connection->protocol->clock->now_ms;
}

static unsigned phase_timeout_ms(const struct fr_connection *connection)
{
    const struct fr_limits *limits = connection->shared->limits;
    switch (connection->protocol->phase) {
    case FR_PHASE_IDLE:
        return connection->protocol->draining ? DRAIN_IDLE_MS : limits->keep_alive_timeout_ms;
    case FR_PHASE_HEAD:
        return limits->head_timeout_ms;
    case FR_PHASE_BODY:
        return limits->body_timeout_ms;
    case FR_PHASE_LINGER:
        return limits->linger_timeout_ms;
    case FR_PHASE_ANSWER:
    case FR_PHASE_TUNNEL:
    case FR_PHASE_STREAMS:
        break;
    }
    return 0;
}

/* A phase's deadline counts from its beginning, a body's from its last bytes. Two heads in a row are two
 * phases, told apart by the requests begun. */
void fr_deadline_follow_phase(struct fr_connection *connection)
{
    enum fr_phase phase = connection->protocol->phase;
    if (connection->phase == FR_PHASE_HANDSHAKE)
        return;
    if (connection->protocol->finished) {
        if (!connection->lingering)
            connection->phase_due_ms = 0;
        return;
    }
    if (phase == FR_PHASE_STREAMS) {
        connection->phase = (uint8_t)phase;
        connection->phase_due_ms = connection->protocol->due_ms;
        return;
    }
    bool same = phase == connection->phase && !connection->begun;
    if (same && !(connection->progressed && phase == FR_PHASE_BODY))
        return;
    connection->progressed = false;
    connection->phase = (uint8_t)phase;
    connection->begun = false;
    bool timed = phase != FR_PHASE_ANSWER && phase != FR_PHASE_TUNNEL;
    uint64_t now = fr_clock_latest_ms(connection->protocol->clock); /* an application may have worked for long */
    connection->phase_due_ms = timed ? now + phase_timeout_ms(connection) : 0;
}

/* A deadline that is gone is left to fire and find nothing: cheaper than taking it out for each request. */
static void set_deadline(struct fr_connection *connection)
{
    uint64_t now = now_ms(connection), due = connection->phase_due_ms;
    if (connection->stuck_since_ms) {
        unsigned timeout_ms = connection->shared->limits->write_timeout_ms;
        uint64_t stalled = connection->stuck_since_ms + timeout_ms;
        uint64_t look = now + timeout_ms / STUCK_LOOKS + 1;
        look = look < stalled ? look : stalled;
        due = due && due < look ? due : look;
    }
    if (due && due != connection->deadline.due_ms)
        fr_timer_set(connection->shared->loop, &connection->deadline, due > now ? due - now : 0);
}

void fr_deadline_follow(struct fr_connection *connection)
{
    fr_deadline_follow_phase(connection);
    set_deadline(connection);
}

void fr_deadline_of_handshake(struct fr_connection *connection)
{
    uint64_t now = fr_loop_clock(connection->shared->loop)->now_ms;
    connection->phase = FR_PHASE_HANDSHAKE;
    connection->phase_due_ms = now + connection->shared->limits->tls_handshake_timeout_ms;
}

void fr_deadline_shorten(struct fr_connection *connection)
{
    if (connection->phase == FR_PHASE_HANDSHAKE) {
        uint64_t due = now_ms(connection) + DRAIN_HANDSHAKE_MS;
        if (due < connection->phase_due_ms)
            connection->phase_due_ms = due;
    } else if (connection->protocol->phase == FR_PHASE_IDLE) {
        connection->phase = FR_PHASE_UNKNOWN;
    }
}
