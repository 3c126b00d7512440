/* http2/guard.h - What a peer may make us do for nothing: rates of frames that cost more than they carry.
 *
 * HTTP/2 has many frames that are cheap to send and must be worked on or answered, and requests that can be taken
 * back at once. Each is paid for with a token; tokens come back with time, and are earned by what a peer is there
 * for: requests, answers, and bytes of answers that it reads. CVE-2019-9511 to 9518, CVE-2023-44487 (rapid reset),
 * CVE-2024-27316 (CONTINUATION), CVE-2025-8671 (resets that the peer provokes). Does not know what a frame says. */
#ifndef FR_HTTP2_GUARD_H
#define FR_HTTP2_GUARD_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "http2/frame_reader.h"

struct fr_guard_bucket {
    uint64_t filled_ms; /* refilled up to this moment */
    uint32_t tokens;
};

struct fr_guard {
    const struct fr_clock *clock;
    struct fr_guard_bucket
        control; /* SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA, HEADERS for nothing, unknown frames */
    struct fr_guard_bucket resets; /* streams taken back by the peer, or ended by us for its mistakes */
    uint32_t continuations;        /* of this header block */
    uint32_t unpaid_bytes;         /* of answers, that have not earned a token yet */
};

void fr_guard_init(struct fr_guard *guard, const struct fr_clock *clock);

/* A frame begins: 0, or FR_E_FLOOD when it is one too many. */
FR_CHECKED int fr_guard_frame(struct fr_guard *guard, const struct fr_frame_reader *frame);

/* A stream was ended by us for a mistake of the peer's: 0 or FR_E_FLOOD. */
FR_CHECKED int fr_guard_mistake(struct fr_guard *guard);

/* A request was begun; an answer is complete; bytes of answers have left. */
void fr_guard_earn_request(struct fr_guard *guard);
void fr_guard_earn_answer(struct fr_guard *guard);
void fr_guard_earn_bytes(struct fr_guard *guard, size_t count);

#endif
