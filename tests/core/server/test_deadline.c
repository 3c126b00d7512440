/* server/deadline.c: every phase has its time, and a peer that does not read has one too. */
#include "server/deadline.h"

#include "scripted_protocol.h"

static void expect_expiry(enum fr_phase phase, unsigned timeout_ms)
{
    struct stage stage;
    stage_open(&stage, NULL);
    stage_connect(&stage, &scripted);
    enter_phase(&stage, phase);
    stage_wait(&stage, timeout_ms - 50);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    stage_wait(&stage, 150);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    EQUAL(script.closed, FR_CLOSE_HEAD_TIMEOUT); /* as the script says */
    stage_close(&stage);
}

TEST(a_head_expires)
{
    expect_expiry(FR_PHASE_HEAD, 10000);
}

TEST(a_body_expires)
{
    expect_expiry(FR_PHASE_BODY, 30000);
}

TEST(keep_alive_expires)
{
    expect_expiry(FR_PHASE_IDLE, 5000);
}

TEST(an_answer_and_a_tunnel_do_not_expire)
{
    struct stage stage;
    stage_open(&stage, NULL);
    stage_connect(&stage, &scripted);
    enter_phase(&stage, FR_PHASE_ANSWER);
    stage_wait(&stage, 100000);
    enter_phase(&stage, FR_PHASE_TUNNEL);
    stage_wait(&stage, 100000);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    enter_phase(&stage, FR_PHASE_IDLE);
    stage_wait(&stage, 5100);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    stage_close(&stage);
}

struct late_answer {
    struct fr_timer timer;
    struct fr_protocol *protocol;
};

static void on_late_answer(struct fr_timer *timer)
{
    struct fr_protocol *protocol = FR_LIST_OWNER(timer, struct late_answer, timer)->protocol;
    protocol->phase = FR_PHASE_ANSWER;
    protocol->events->output(protocol);
}

TEST(an_answer_of_the_same_turn_comes_before_the_deadline)
{
    struct stage stage;
    stage_open(&stage, NULL);
    stage_connect(&stage, &scripted);
    struct late_answer answer = {.timer.expired = on_late_answer, .protocol = stage_connection(&stage)->protocol};
    enter_phase(&stage, FR_PHASE_BODY);
    stage_wait(&stage, 29500);
    fr_timer_set(stage.loop, &answer.timer, 100);
    fr_clock_advance(fr_loop_clock(stage.loop), 1000); /* both fall due in one turn, in this order */
    stage_turn(&stage);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    close_all(&stage);
}

TEST(a_head_byte_by_byte_gets_no_more_time)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    for (int i = 0; i < 10; i++) {
        EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
        send_text(&stage, end, "x");
        stage_wait(&stage, 1000);
    }
    stage_wait(&stage, 100);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    stage_close(&stage);
}

static void begin_request(struct fr_protocol *protocol)
{
    struct fr_exchange exchange = {.protocol = protocol, .status = 200};
    protocol->events->begun(protocol, &exchange);
    protocol->events->ended(protocol, &exchange);
}

TEST(a_new_head_gets_its_own_time)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = begin_request; /* one request, and the beginning of the next: HEAD again */
    for (int i = 0; i < 10; i++) {
        send_text(&stage, end, "x");
        stage_wait(&stage, 9000);
    }
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    EQUAL(stage.stats.requests_begun, 10);
    EQUAL(stage.stats.requests_open, 0);
    EQUAL(stage.stats.responses_2xx, 10);
    close_all(&stage);
}

TEST(a_body_that_moves_does_not_expire)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    enter_phase(&stage, FR_PHASE_BODY);
    for (int i = 0; i < 5; i++) {
        stage_wait(&stage, 29000);
        send_text(&stage, end, "x");
    }
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 0);
    stage_wait(&stage, 30100);
    EQUAL(script.signals[FR_SIGNAL_EXPIRED], 1);
    stage_close(&stage);
}

TEST(a_peer_that_does_not_read_is_closed)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    enter_phase(&stage, FR_PHASE_ANSWER);
    memory_set_capacity(stage.loop, end, 10);
    say(stage_connection(&stage)->protocol, "more than ten bytes");
    enter_phase(&stage, FR_PHASE_ANSWER);
    stage_wait(&stage, 29900);
    EQUAL(script.closed, FR_CLOSE_NONE);
    stage_wait(&stage, 200);
    EQUAL(script.closed, FR_CLOSE_WRITE_TIMEOUT);
    EQUAL(stage.stats.bytes_sent, 10);
    stage_close(&stage);
}

TEST(a_peer_that_reads_slowly_is_not_closed)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    memory_set_capacity(stage.loop, end, 10);
    enter_phase(&stage, FR_PHASE_ANSWER);
    say(stage_connection(&stage)->protocol, "more than ten bytes");
    enter_phase(&stage, FR_PHASE_ANSWER);
    for (int i = 0; i < 8; i++) {
        stage_wait(&stage, 22000);
        EQUAL(memory_take(stage.loop, end, 1).len, 1);
    }
    EQUAL(script.closed, FR_CLOSE_NONE);
    stage_wait(&stage, 38000); /* progress is seen by looking, every quarter of the timeout */
    EQUAL(script.closed, FR_CLOSE_WRITE_TIMEOUT);
    stage_close(&stage);
}
