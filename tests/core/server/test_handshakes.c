/* server/handshakes.c: numbers are exact, lines are few. */
#include "server/handshakes.h"

#include "unit.h"

static struct {
    struct fr_clock clock;
    struct fr_log log;
    struct fr_stats stats;
    struct fr_limits limits;
    struct fr_handshakes handshakes;
    unsigned lines;
    char said[1024];
} hall;

static void hear(void *sink, enum fr_log_level level, const char *message)
{
    (void)sink, (void)level;
    hall.lines++;
    snprintf(hall.said, sizeof hall.said, "%s", message);
}

static void open_hall(unsigned max)
{
    fr_clock_init(&hall.clock);
    fr_clock_advance(&hall.clock, 0);
    fr_limits_init(&hall.limits);
    hall.limits.tls_handshakes_max = max;
    hall.log = (struct fr_log){.write = hear, .level = FR_LOG_INFO};
    hall.stats.tls_handshakes_open = 7; /* of one that died */
    hall.handshakes = (struct fr_handshakes){
        .log = &hall.log,
        .clock = &hall.clock,
        .stats = &hall.stats,
        .limits = &hall.limits,
    };
    fr_handshakes_init(&hall.handshakes);
}

static void begin(struct fr_list *node)
{
    IS(!fr_handshakes_begin(&hall.handshakes, node));
}

TEST(they_are_counted_by_what_becomes_of_them)
{
    struct fr_list nodes[4] = {{NULL, NULL}};
    open_hall(0);
    EQUAL(hall.stats.tls_handshakes_open, 0);
    for (int i = 0; i < 4; i++)
        begin(&nodes[i]);
    EQUAL(hall.stats.tls_handshakes_open, 4);
    fr_handshakes_succeed(&hall.handshakes, &nodes[2], false);
    fr_handshakes_succeed(&hall.handshakes, &nodes[0], true);
    fr_handshakes_fail(&hall.handshakes, &nodes[1], "192.0.2.1", "no shared cipher");
    fr_handshakes_leave(&hall.handshakes, &nodes[3]);
    fr_handshakes_leave(&hall.handshakes, &nodes[3]); /* it is over already */
    EQUAL(hall.stats.tls_handshakes_open, 0);
    EQUAL(hall.stats.tls_handshakes, 2);
    EQUAL(hall.stats.tls_resumed, 1);
    EQUAL(hall.stats.tls_handshakes_failed, 1);
    SAME(fr_span_of_string(hall.said), "the TLS handshake with 192.0.2.1 failed: no shared cipher");
    EQUAL(hall.lines, 1);
}

TEST(the_oldest_makes_room_and_one_line_says_so)
{
    struct fr_list nodes[20] = {{NULL, NULL}};
    open_hall(2);
    begin(&nodes[0]);
    begin(&nodes[1]);
    for (int i = 2; i < 12; i++)
        IS(fr_handshakes_begin(&hall.handshakes, &nodes[i]) == &nodes[i - 2]);
    EQUAL(hall.lines, 1);
    SAME(fr_span_of_string(hall.said), "2 TLS handshakes are in progress, the limit: 1 of the oldest closed");
    EQUAL(hall.stats.tls_handshakes_failed, 10);
    EQUAL(hall.stats.tls_handshakes_open, 2);
    fr_clock_advance(&hall.clock, 1000);
    IS(fr_handshakes_begin(&hall.handshakes, &nodes[12]) == &nodes[10]);
    EQUAL(hall.lines, 2);
    SAME(fr_span_of_string(hall.said), "2 TLS handshakes are in progress, the limit: 10 of the oldest closed");
}

TEST(failures_say_no_more_than_a_few_lines_in_a_second)
{
    open_hall(0);
    for (int i = 0; i < 50; i++) {
        struct fr_list node = {NULL, NULL};
        begin(&node);
        fr_handshakes_fail(&hall.handshakes, &node, "192.0.2.1", "because");
    }
    EQUAL(hall.lines, 10);
    EQUAL(hall.stats.tls_handshakes_failed, 50);
    fr_clock_advance(&hall.clock, 1000);
    struct fr_list node = {NULL, NULL};
    begin(&node);
    hall.log.write = NULL;
    fr_handshakes_fail(&hall.handshakes, &node, "192.0.2.1", NULL); /* nothing to say */
    EQUAL(hall.handshakes.failures.unsaid, 40);
    hall.log.write = hear;
    begin(&node);
    fr_handshakes_fail(&hall.handshakes, &node, "192.0.2.1", "because");
    EQUAL(hall.lines, 12);
    EQUAL(hall.handshakes.failures.unsaid, 0);
}
