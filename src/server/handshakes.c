/* server/handshakes.c - The TLS handshakes of a worker.
 *
 * Owns their order and their numbers. Knows neither connections nor what a handshake consists of. */
#include "server/handshakes.h"

#define SECOND_MS 1000

/* A scan of the network shows its kinds in this many lines. */
#define FAILURES_SAID_MAX 10

/* Of the bound being reached. */
#define CROWDS_SAID_MAX 1

void fr_handshakes_init(struct fr_handshakes *handshakes)
{
    fr_list_init(&handshakes->open);
    handshakes->count = 0;
    handshakes->failures = handshakes->crowds = (struct fr_log_allowance){0};
    FR_STATS_SET(handshakes->stats, tls_handshakes_open, 0);
}

/* May this line be said; if so, `unsaid` is how many were not before it. */
static bool may_say(struct fr_log_allowance *allowance, uint64_t now_ms, unsigned max, uint64_t *unsaid)
{
    if (now_ms >= allowance->second_began_ms + SECOND_MS) {
        allowance->second_began_ms = now_ms;
        allowance->said = 0;
    }
    if (allowance->said >= max) {
        allowance->unsaid++;
        return false;
    }
    allowance->said++;
    *unsaid = allowance->unsaid;
    allowance->unsaid = 0;
    return true;
}

static void take_out(struct fr_handshakes *handshakes, struct fr_list *node)
{
    fr_list_remove(node);
    handshakes->count--;
    FR_STATS_ADD(handshakes->stats, tls_handshakes_open, -1);
}

static struct fr_list *give_up_oldest(struct fr_handshakes *handshakes)
{
    struct fr_list *oldest = handshakes->open.next;
    uint64_t unsaid;
    take_out(handshakes, oldest);
    FR_STATS_ADD(handshakes->stats, tls_handshakes_failed, 1);
    if (may_say(&handshakes->crowds, handshakes->clock->now_ms, CROWDS_SAID_MAX, &unsaid))
        fr_log_print(handshakes->log, FR_LOG_WARNING,
                     "%u TLS handshakes are in progress, the limit: %llu of the oldest closed",
                     handshakes->limits->tls_handshakes_max, (unsigned long long)unsaid + 1);
    return oldest;
}

struct fr_list *fr_handshakes_begin(struct fr_handshakes *handshakes, struct fr_list *node)
{
    fr_list_append(&handshakes->open, node);
    handshakes->count++;
    FR_STATS_ADD(handshakes->stats, tls_handshakes_open, 1);
    unsigned max = handshakes->limits->tls_handshakes_max;
    return max && handshakes->count > max ? give_up_oldest(handshakes) : NULL;
}

void fr_handshakes_succeed(struct fr_handshakes *handshakes, struct fr_list *node, bool resumed)
{
    take_out(handshakes, node);
    FR_STATS_ADD(handshakes->stats, tls_handshakes, 1);
    FR_STATS_ADD(handshakes->stats, tls_resumed, resumed);
}

void fr_handshakes_leave(struct fr_handshakes *handshakes, struct fr_list *node)
{
    if (fr_list_is_linked(node))
        take_out(handshakes, node);
}

void fr_handshakes_fail(struct fr_handshakes *handshakes, struct fr_list *node, const char *who, const char *why)
{
    uint64_t unsaid;
    take_out(handshakes, node);
    FR_STATS_ADD(handshakes->stats, tls_handshakes_failed, 1);
    if (!why || !may_say(&handshakes->failures, handshakes->clock->now_ms, FAILURES_SAID_MAX, &unsaid))
        return;
    if (unsaid)
        fr_log_print(handshakes->log, FR_LOG_INFO, "%llu more TLS handshakes failed", (unsigned long long)unsaid);
    fr_log_print(handshakes->log, FR_LOG_INFO, "the TLS handshake with %s failed: %s", who, why);
}
