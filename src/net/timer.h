/* net/timer.h - Thousands of coarse deadlines on one real timer.
 *
 * Precise to FR_TIMER_TICK_MS, never early. Moving a deadline later costs one store, since the wheel
 * looks at it again only when the earlier one is reached; so a deadline may be touched for every read. */
#ifndef FR_NET_TIMER_H
#define FR_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"

#define FR_TIMER_TICK_MS 50

/* Embedded in its owner; zero before first use. */
struct fr_timer {
    struct fr_list node;
    uint64_t due_ms;  /* when it is to fire, on the loop's clock; 0: not armed */
    uint64_t slot_ms; /* when the wheel will look at it */
    void (*expired)(struct fr_timer *timer);
};

/* Fires `expired` once, `delay_ms` from now; replaces what was set before. */
void fr_timer_set(struct fr_loop *loop, struct fr_timer *timer, uint64_t delay_ms);

/* Will not fire; legal when not armed. */
void fr_timer_clear(struct fr_loop *loop, struct fr_timer *timer);

static inline bool fr_timer_is_set(const struct fr_timer *timer)
{
    return timer->due_ms != 0;
}

#endif
