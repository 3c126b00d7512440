/* Timers on a clock that only the test moves; at the end against a model that is too simple to be wrong. */
#include "net/timer.h"

#include <sys/socket.h>
#include <unistd.h>

#include "net/transport.h"
#include "net/watch.h"
#include "unit.h"

struct alarm {
    struct fr_timer timer;
    struct fr_loop *loop;
    unsigned fired;
    uint64_t fired_ms;
    struct alarm *clears, *sets;
    uint64_t sets_delay_ms;
};

static void on_expired(struct fr_timer *timer)
{
    struct alarm *alarm = FR_LIST_OWNER(timer, struct alarm, timer);
    IS(!fr_timer_is_set(timer));
    alarm->fired++;
    alarm->fired_ms = fr_loop_clock(alarm->loop)->now_ms;
    if (alarm->clears)
        fr_timer_clear(alarm->loop, &alarm->clears->timer);
    if (alarm->sets)
        fr_timer_set(alarm->loop, &alarm->sets->timer, alarm->sets_delay_ms);
}

static struct fr_loop *open_loop(void)
{
    int error = 0;
    struct fr_loop *loop = fr_loop_open(&fr_transport_uv, &error);
    IS(loop != NULL);
    fr_clock_advance(fr_loop_clock(loop), 0);
    return loop;
}

static void init(struct alarm *alarm, struct fr_loop *loop)
{
    *alarm = (struct alarm){.timer.expired = on_expired, .loop = loop};
}

static uint64_t now_ms(struct fr_loop *loop)
{
    return fr_loop_clock(loop)->now_ms;
}

static void pass(struct fr_loop *loop, uint64_t ms)
{
    fr_clock_advance(fr_loop_clock(loop), ms);
    fr_loop_turn(loop, 0);
}

TEST(never_early_and_at_most_a_tick_late)
{
    struct fr_loop *loop = open_loop();
    for (uint64_t delay_ms = 0; delay_ms < 200; delay_ms += 7) {
        struct alarm alarm;
        init(&alarm, loop);
        uint64_t set_ms = now_ms(loop);
        fr_timer_set(loop, &alarm.timer, delay_ms);
        IS(alarm.timer.slot_ms >= alarm.timer.due_ms); /* or the wheel would come by in vain */
        while (!alarm.fired)
            pass(loop, 1);
        IS(alarm.fired_ms >= set_ms + delay_ms);
        IS(alarm.fired_ms <= set_ms + delay_ms + FR_TIMER_TICK_MS);
        pass(loop, 1000);
        EQUAL(alarm.fired, 1);
    }
    fr_loop_close(loop);
}

static void on_stirred(void *owner)
{
    ++*(unsigned *)owner;
}

struct late {
    struct fr_timer timer;
    unsigned calls, calls_before;
};

static void on_late(struct fr_timer *timer)
{
    struct late *late = FR_LIST_OWNER(timer, struct late, timer);
    late->calls_before = late->calls;
}

static void on_late_ready(struct fr_watch *watch, bool readable, bool writable)
{
    struct late *late = fr_watch_owner(watch);
    late->calls += readable && !writable;
}

TEST(a_guest_that_may_sleep_sees_its_timers_fire)
{
    struct fr_loop *loop = open_loop();
    unsigned stirred = 0;
    struct alarm alarm;
    init(&alarm, loop);
    fr_loop_on_stirred(loop, on_stirred, &stirred);
    fr_timer_set(loop, &alarm.timer, 1000);
    fr_clock_advance(fr_loop_clock(loop), 1000 + FR_TIMER_TICK_MS);
    fr_loop_turn(loop, 100);
    EQUAL(alarm.fired, 1);
    fr_loop_close(loop);
}

TEST(what_waits_for_a_guest_goes_before_what_fell_due)
{
    struct fr_loop *loop = open_loop();
    int fds[2], error = 0;
    unsigned stirred = 0;
    struct late late = {.timer.expired = on_late};
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fr_loop_on_stirred(loop, on_stirred, &stirred);
    struct fr_watch *watch = fr_watch_open(loop, fds[0], on_late_ready, &late, &error);
    IS(watch != NULL);
    fr_watch_want(watch, true, false);
    while (fr_loop_timeout_ms(loop) == 0)
        fr_loop_turn(loop, 0);
    fr_timer_set(loop, &late.timer, 1000);
    fr_clock_advance(fr_loop_clock(loop), 1000 + FR_TIMER_TICK_MS);
    EQUAL(write(fds[1], "x", 1), 1);
    fr_loop_turn(loop, 0);
    EQUAL(late.calls, 1);
    EQUAL(late.calls_before, 1);
    IS(!fr_timer_is_set(&late.timer));
    fr_watch_close(watch);
    fr_loop_close(loop);
    close(fds[0]);
    close(fds[1]);
}

TEST(a_turn_without_sleep_fires_what_is_due)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarm;
    init(&alarm, loop);
    fr_timer_set(loop, &alarm.timer, 10000);
    pass(loop, 9999);
    EQUAL(alarm.fired, 0);
    pass(loop, 1 + FR_TIMER_TICK_MS);
    EQUAL(alarm.fired, 1);
    fr_loop_close(loop);
}

TEST(moving_later_is_one_store)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarm;
    init(&alarm, loop);
    fr_timer_set(loop, &alarm.timer, 1000);
    uint64_t slot_ms = alarm.timer.slot_ms;
    struct fr_list node = alarm.timer.node;
    for (int i = 0; i < 9; i++) {
        pass(loop, 100);
        fr_timer_set(loop, &alarm.timer, 1000);
        EQUAL(alarm.timer.slot_ms, slot_ms);
        IS(alarm.timer.node.next == node.next && alarm.timer.node.prev == node.prev);
    }
    pass(loop, 500);
    EQUAL(alarm.fired, 0);
    IS(alarm.timer.slot_ms > slot_ms);
    pass(loop, 500 + FR_TIMER_TICK_MS);
    EQUAL(alarm.fired, 1);
    fr_loop_close(loop);
}

TEST(moving_earlier)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarm;
    init(&alarm, loop);
    fr_timer_set(loop, &alarm.timer, 30000);
    fr_timer_set(loop, &alarm.timer, 100);
    pass(loop, 100 + FR_TIMER_TICK_MS);
    EQUAL(alarm.fired, 1);
    pass(loop, 60000);
    EQUAL(alarm.fired, 1);
    fr_loop_close(loop);
}

TEST(cleared_does_not_fire)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarm;
    init(&alarm, loop);
    fr_timer_clear(loop, &alarm.timer);
    fr_timer_set(loop, &alarm.timer, 100);
    IS(fr_timer_is_set(&alarm.timer));
    fr_timer_clear(loop, &alarm.timer);
    fr_timer_clear(loop, &alarm.timer);
    IS(!fr_timer_is_set(&alarm.timer));
    EQUAL(fr_list_is_linked(&alarm.timer.node), 0);
    pass(loop, 1000);
    EQUAL(alarm.fired, 0);
    fr_loop_close(loop);
}

TEST(one_that_fires_may_clear_its_neighbour)
{
    struct fr_loop *loop = open_loop();
    struct alarm first, second;
    init(&first, loop);
    init(&second, loop);
    fr_timer_set(loop, &first.timer, 100);
    fr_timer_set(loop, &second.timer, 100);
    first.clears = &second;
    pass(loop, 500);
    EQUAL(first.fired, 1);
    EQUAL(second.fired, 0);
    fr_loop_close(loop);
}

TEST(one_that_fires_may_move_its_neighbour_later)
{
    struct fr_loop *loop = open_loop();
    struct alarm first, second;
    init(&first, loop);
    init(&second, loop);
    fr_timer_set(loop, &first.timer, 100);
    fr_timer_set(loop, &second.timer, 100);
    first.sets = &second;
    first.sets_delay_ms = 1000;
    pass(loop, 500);
    EQUAL(first.fired, 1);
    EQUAL(second.fired, 0);
    pass(loop, 1000 + FR_TIMER_TICK_MS);
    EQUAL(second.fired, 1);
    fr_loop_close(loop);
}

TEST(one_that_sets_itself_at_once_does_not_keep_the_loop)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarm;
    init(&alarm, loop);
    alarm.sets = &alarm;
    fr_timer_set(loop, &alarm.timer, 0);
    for (unsigned turn = 1; turn <= 5; turn++) {
        pass(loop, FR_TIMER_TICK_MS);
        EQUAL(alarm.fired, turn);
    }
    alarm.sets = NULL;
    fr_timer_clear(loop, &alarm.timer);
    fr_loop_close(loop);
}

TEST(beyond_the_horizon)
{
    struct fr_loop *loop = open_loop();
    struct alarm far, for_ever;
    init(&far, loop);
    init(&for_ever, loop);
    fr_timer_set(loop, &far.timer, 3600000);
    fr_timer_set(loop, &for_ever.timer, UINT64_MAX);
    IS(for_ever.timer.slot_ms < now_ms(loop) + 60000);
    for (unsigned second = 0; second < 3599; second++)
        pass(loop, 1000);
    EQUAL(far.fired, 0);
    pass(loop, 1000 + FR_TIMER_TICK_MS);
    EQUAL(far.fired, 1);
    EQUAL(for_ever.fired, 0);
    fr_timer_clear(loop, &for_ever.timer);
    fr_loop_close(loop);
}

TEST(the_clock_jumps_past_the_whole_wheel)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarms[100];
    for (size_t i = 0; i < 100; i++) {
        init(&alarms[i], loop);
        fr_timer_set(loop, &alarms[i].timer, i * 1000);
    }
    pass(loop, 10000000);
    for (size_t i = 0; i < 100; i++)
        EQUAL(alarms[i].fired, 1);
    EQUAL(fr_loop_timeout_ms(loop), -1);
    fr_loop_close(loop);
}

/* A slot whose only timer was cleared is not a reason to wake. */
TEST(cleared_timers_do_not_wake_for_ever)
{
    struct fr_loop *loop = open_loop();
    struct alarm soon, later;
    init(&soon, loop);
    init(&later, loop);
    fr_timer_set(loop, &soon.timer, 100);
    fr_timer_set(loop, &later.timer, 20000);
    fr_timer_clear(loop, &soon.timer);
    pass(loop, 200);
    IS(fr_loop_timeout_ms(loop) >= 19000);
    fr_timer_clear(loop, &later.timer);
    pass(loop, 30000);
    EQUAL(fr_loop_timeout_ms(loop), -1);
    fr_loop_close(loop);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % below;
}

#define ALARMS 150

struct model {
    bool set[ALARMS];
    uint64_t due_ms[ALARMS];
};

static void change_at_random(struct fr_loop *loop, struct alarm *alarms, struct model *model)
{
    static const uint64_t spans_ms[] = {1, 60, 1000, 30000, 51200, 120000};
    size_t i = next_random(ALARMS);
    if (next_random(4) == 0) {
        fr_timer_clear(loop, &alarms[i].timer);
        model->set[i] = false;
        return;
    }
    uint64_t delay_ms = next_random(spans_ms[next_random(6)] + 1);
    fr_timer_set(loop, &alarms[i].timer, delay_ms);
    model->set[i] = true;
    model->due_ms[i] = now_ms(loop) + delay_ms;
}

static void compare(struct fr_loop *loop, struct alarm *alarms, struct model *model)
{
    for (size_t i = 0; i < ALARMS; i++) {
        EQUAL(alarms[i].fired <= 1, 1);
        if (alarms[i].fired) {
            IS(model->set[i]);
            IS(model->due_ms[i] <= now_ms(loop));
            model->set[i] = false;
            alarms[i].fired = 0;
        }
        EQUAL(fr_timer_is_set(&alarms[i].timer), model->set[i]);
        if (model->set[i])
            IS(model->due_ms[i] + FR_TIMER_TICK_MS > now_ms(loop));
    }
}

TEST(agrees_with_a_simple_model)
{
    struct fr_loop *loop = open_loop();
    struct alarm alarms[ALARMS];
    struct model model = {{false}, {0}};
    for (size_t i = 0; i < ALARMS; i++)
        init(&alarms[i], loop);
    for (int round = 0; round < 30000; round++) {
        for (uint64_t changes = next_random(4); changes > 0; changes--)
            change_at_random(loop, alarms, &model);
        pass(loop, next_random(100) ? next_random(120) : next_random(200000));
        compare(loop, alarms, &model);
    }
    for (size_t i = 0; i < ALARMS; i++)
        fr_timer_clear(loop, &alarms[i].timer);
    fr_loop_close(loop);
}
