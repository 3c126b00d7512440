/* net/timer.c - A wheel of slots, one per tick; the loop's alarm rings for the first used one.
 *
 * A timer stands in the slot of its deadline, or in an earlier one when the deadline has moved since or lies
 * beyond the horizon: the wheel then puts it where it belongs when it comes by. */
#include "net/timer.h"

#include "net/loop_internal.h"

/* A deadline further away than this (3 years) is as good as never, and leaves room to add. */
#define DELAY_MS_MAX 100000000000u

static void put_in_slot(struct fr_timer_wheel *wheel, struct fr_timer *timer, uint64_t now_ms)
{
    if (wheel->next_ms == FR_TIMER_NEVER)
        wheel->tick = now_ms / FR_TIMER_TICK_MS;
    uint64_t tick = (timer->due_ms + FR_TIMER_TICK_MS - 1) / FR_TIMER_TICK_MS;
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    if (tick > wheel->tick + FR_TIMER_SLOTS)
        tick = wheel->tick + FR_TIMER_SLOTS;
    size_t slot = tick % FR_TIMER_SLOTS;
    timer->slot_ms = tick * FR_TIMER_TICK_MS;
    fr_list_append(&wheel->slots[slot], &timer->node);
    wheel->used[slot / 64] |= 1ull << slot % 64;
    if (timer->slot_ms < wheel->next_ms)
        wheel->next_ms = timer->slot_ms;
}

/* When the first slot with a timer is to be looked at. Bits of slots that were emptied by
 * fr_timer_clear are cleared on the way. */
static uint64_t find_next_ms(struct fr_timer_wheel *wheel)
{
    uint64_t tick = wheel->tick + 1;
    while (tick <= wheel->tick + FR_TIMER_SLOTS) {
        size_t slot = tick % FR_TIMER_SLOTS;
        uint64_t bits = wheel->used[slot / 64] >> slot % 64;
        if (bits == 0) {
            tick += 64 - slot % 64;
            continue;
        }
        tick += (unsigned)__builtin_ctzll(bits);
        slot = tick % FR_TIMER_SLOTS;
        if (!fr_list_is_empty(&wheel->slots[slot]))
            return tick * FR_TIMER_TICK_MS;
        wheel->used[slot / 64] &= ~(1ull << slot % 64);
    }
    return FR_TIMER_NEVER;
}

/* Moves every timer whose slot has been reached to `reached`, and turns the wheel to now. */
static void collect_reached(struct fr_timer_wheel *wheel, uint64_t now_ms, struct fr_list *reached)
{
    uint64_t now_tick = now_ms / FR_TIMER_TICK_MS;
    uint64_t last = now_tick < wheel->tick + FR_TIMER_SLOTS ? now_tick : wheel->tick + FR_TIMER_SLOTS;
    for (uint64_t tick = wheel->tick + 1; tick <= last; tick++) {
        size_t slot = tick % FR_TIMER_SLOTS;
        fr_list_move_all(&wheel->slots[slot], reached);
        wheel->used[slot / 64] &= ~(1ull << slot % 64);
    }
    wheel->tick = now_tick;
    wheel->next_ms = find_next_ms(wheel);
}

void fr_timer_set(struct fr_loop *loop, struct fr_timer *timer, uint64_t delay_ms)
{
    uint64_t now_ms = loop->clock.now_ms;
    uint64_t due_ms = now_ms + (delay_ms < DELAY_MS_MAX ? delay_ms : DELAY_MS_MAX);
    timer->due_ms = due_ms ? due_ms : 1;
    if (fr_list_is_linked(&timer->node)) {
        if (timer->slot_ms < timer->due_ms + FR_TIMER_TICK_MS)
            return;
        fr_list_remove(&timer->node);
    }
    uint64_t next_ms = loop->timers.next_ms;
    put_in_slot(&loop->timers, timer, now_ms);
    if (loop->timers.next_ms < next_ms)
        fr_loop_stir(loop);
}

void fr_timer_clear(struct fr_loop *loop, struct fr_timer *timer)
{
    (void)loop;
    timer->due_ms = 0;
    if (fr_list_is_linked(&timer->node))
        fr_list_remove(&timer->node);
}

void fr_timer_wheel_init(struct fr_timer_wheel *wheel)
{
    *wheel = (struct fr_timer_wheel){.next_ms = FR_TIMER_NEVER};
    for (size_t slot = 0; slot < FR_TIMER_SLOTS; slot++)
        fr_list_init(&wheel->slots[slot]);
}

bool fr_timer_wheel_is_empty(const struct fr_timer_wheel *wheel)
{
    for (size_t slot = 0; slot < FR_TIMER_SLOTS; slot++)
        if (!fr_list_is_empty(&wheel->slots[slot]))
            return false;
    return true;
}

/* Collect, then run: a callback may set or clear any timer, also one that is about to fire. */
bool fr_timer_run_due(struct fr_loop *loop)
{
    uint64_t now_ms = loop->clock.now_ms;
    bool fired = false;
    struct fr_list reached, *node;
    fr_list_init(&reached);
    collect_reached(&loop->timers, now_ms, &reached);
    while ((node = fr_list_take_first(&reached)) != NULL) {
        struct fr_timer *timer = FR_LIST_OWNER(node, struct fr_timer, node);
        if (timer->due_ms > now_ms) {
            put_in_slot(&loop->timers, timer, now_ms);
            continue;
        }
        timer->due_ms = 0;
        fired = true;
        timer->expired(timer);
    }
    return fired;
}
