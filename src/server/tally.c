/* server/tally.c - What is counted and written down of requests.
 *
 * Owns nothing: the counters are the worker's slot, the lines those of its access log. Does not know what becomes of
 * the connection. */
#include "server/tally.h"

#include "server/access_log.h"
#include "server/connection.h"

void fr_tally_begun(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    struct fr_connection *connection = fr_connection_of(protocol);
    struct fr_connection_shared *shared = connection->shared;
    connection->request_count++;
    connection->begun = true;
    FR_STATS_ADD(shared->stats, requests_begun, 1);
    FR_STATS_ADD(shared->stats, requests_open, 1);
    if (shared->access_log)
        fr_access_log_begin(shared->access_log, exchange);
}

static void count_response(struct fr_stats *stats, int status)
{
    if (status < 200)
        FR_STATS_ADD(stats, responses_1xx, 1);
    else if (status < 300)
        FR_STATS_ADD(stats, responses_2xx, 1);
    else if (status < 400)
        FR_STATS_ADD(stats, responses_3xx, 1);
    else if (status < 500)
        FR_STATS_ADD(stats, responses_4xx, 1);
    else
        FR_STATS_ADD(stats, responses_5xx, 1);
}

void fr_tally_ended(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    struct fr_connection *connection = fr_connection_of(protocol);
    struct fr_connection_shared *shared = connection->shared;
    FR_STATS_ADD(shared->stats, requests_open, -1);
    if (exchange->state == FR_EXCHANGE_ABORTED)
        FR_STATS_ADD(shared->stats, responses_cut, 1);
    if (exchange->status)
        count_response(shared->stats, exchange->status);
    if (shared->access_log)
        fr_access_log_end(shared->access_log, &connection->peer, exchange);
}

void fr_tally_refused(struct fr_protocol *protocol, int error, int status)
{
    struct fr_connection *connection = fr_connection_of(protocol);
    struct fr_connection_shared *shared = connection->shared;
    FR_STATS_ADD(shared->stats, requests_refused, 1);
    count_response(shared->stats, status);
    if (shared->access_log)
        fr_access_log_refuse(shared->access_log, &connection->peer, status);
    fr_log_print(shared->log, FR_LOG_INFO, "refused a request from %s with %d: %s",
                 connection->peer.remote.host[0] ? connection->peer.remote.host : "a unix socket", status,
                 fr_error_text(error));
}
