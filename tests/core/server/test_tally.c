/* server/tally.c: every request is counted once when it begins and once when it is over. */
#include "server/tally.h"

#include "scripted_protocol.h"

static struct fr_protocol *tally_open(struct stage *stage)
{
    stage_open(stage, NULL);
    stage_connect(stage, &scripted);
    return stage_connection(stage)->protocol;
}

TEST(answers_are_counted_by_their_status)
{
    struct stage stage;
    struct fr_protocol *protocol = tally_open(&stage);
    for (int status = 101; status < 600; status += 100) {
        struct fr_exchange exchange = {.protocol = protocol, .state = FR_EXCHANGE_ANSWERED, .status = status};
        fr_tally_begun(protocol, &exchange);
        EQUAL(stage.stats.requests_open, 1);
        fr_tally_ended(protocol, &exchange);
    }
    EQUAL(stage.stats.requests_begun, 5);
    EQUAL(stage.stats.requests_open, 0);
    EQUAL(stage.stats.responses_1xx, 1);
    EQUAL(stage.stats.responses_2xx, 1);
    EQUAL(stage.stats.responses_3xx, 1);
    EQUAL(stage.stats.responses_4xx, 1);
    EQUAL(stage.stats.responses_5xx, 1);
    EQUAL(stage.stats.responses_cut, 0);
    EQUAL(stage_connection(&stage)->request_count, 5);
    close_all(&stage);
}

TEST(refusals_and_cut_answers_are_counted)
{
    struct stage stage;
    struct fr_protocol *protocol = tally_open(&stage);
    protocol->events->refused(protocol, FR_E_HOST, 400);
    IS(strstr(stage.said, "with 400: missing, repeated or invalid Host"));
    struct fr_exchange cut = {.protocol = protocol, .state = FR_EXCHANGE_ABORTED, .status = 0};
    protocol->events->begun(protocol, &cut);
    protocol->events->ended(protocol, &cut);
    EQUAL(stage.stats.requests_refused, 1);
    EQUAL(stage.stats.responses_4xx, 1);
    EQUAL(stage.stats.responses_cut, 1);
    EQUAL(stage.stats.requests_open, 0);
    close_all(&stage);
}
