/* server/handshakes.h - The TLS handshakes of a worker: which are in progress, and what became of the others.
 *
 * A handshake costs its peer little and us much, so no more than a bound of them are in progress. Those that fail are
 * counted, each, and told to the log, not each: whoever knocks all day must not fill it. */
#ifndef FR_SERVER_HANDSHAKES_H
#define FR_SERVER_HANDSHAKES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "server/stats.h"

/* So many lines of one kind in a second; how many more there would have been is said in the next one. */
struct fr_log_allowance {
    uint64_t second_began_ms;
    unsigned said;
    uint64_t unsaid;
};

struct fr_handshakes {
    const struct fr_log *log; /* given, as are the next three */
    const struct fr_clock *clock;
    struct fr_stats *stats;
    const struct fr_limits *limits;
    struct fr_list open; /* the oldest first */
    unsigned count;
    struct fr_log_allowance failures, crowds;
};

/* Makes it empty; the given fields stay. */
void fr_handshakes_init(struct fr_handshakes *handshakes);

/* One more, which its owner knows by `node`. Returns the oldest when that makes one too many: it is taken out and
 * counted as failed, and its connection is to be closed; else NULL. */
FR_CHECKED struct fr_list *fr_handshakes_begin(struct fr_handshakes *handshakes, struct fr_list *node);

/* It is over, and so is it when the connection is closed for reasons of its own. */
void fr_handshakes_succeed(struct fr_handshakes *handshakes, struct fr_list *node, bool resumed);
void fr_handshakes_leave(struct fr_handshakes *handshakes, struct fr_list *node);

/* The same, with a line that says who failed and `why`; NULL: nothing to say, somebody came and went. */
void fr_handshakes_fail(struct fr_handshakes *handshakes, struct fr_list *node, const char *who, const char *why);

#endif
