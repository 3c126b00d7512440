/* base/clock.h - Now, once per turn of the loop; and the HTTP date, once per second.
 *
 * Everything in one worker reads the same clock, so a test that moves it moves all deadlines. */
#ifndef FR_BASE_CLOCK_H
#define FR_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define FR_CLOCK_DATE_LEN 29 /* "Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 section 5.6.7 */

struct fr_clock {
    uint64_t now_ms; /* monotonic, of this turn */
    int64_t wall_s;  /* seconds since 1970, of this turn */
    bool frozen;     /* a test moves it; update does nothing */
    int64_t date_s;  /* the second that `date` was written for */
    char date[FR_CLOCK_DATE_LEN + 1];
};

/* Reads the machine's clocks for the first time. */
void fr_clock_init(struct fr_clock *clock);

/* Reads them again; called by the loop when it wakes. */
void fr_clock_update(struct fr_clock *clock);

/* Stops following the machine's clocks and moves `ms` forward; for tests. */
void fr_clock_advance(struct fr_clock *clock, uint64_t ms);

/* Now, read for this call, or what a test has set. For what deadlines are counted from: an application that was called
 * in this turn may have worked for longer than they are. Never before now_ms, often behind it. */
uint64_t fr_clock_latest_ms(const struct fr_clock *clock);

/* The date of this turn, as HTTP writes it; borrowed until the clock moves. */
fr_span fr_clock_date(struct fr_clock *clock);

/* Monotonic nanoseconds, read now; for durations in logs and histograms. */
uint64_t fr_clock_monotonic_ns(void);

#endif
