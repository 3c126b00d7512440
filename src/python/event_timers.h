/* python/event_timers.h - The timers of an event loop: a heap by time, then by age.
 *
 * A cancelled timer stays until it is due or until more than half of them are, as in asyncio: most timeouts are
 * cancelled long before, and cancelling so costs nothing. The owner locks, and the functions that run no code of
 * Python's end in _lock_held. */
#ifndef FR_PYTHON_EVENT_TIMERS_H
#define FR_PYTHON_EVENT_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "python/event_handle.h"
#include "python/event_queue.h"

struct fr_event_timer; /* an entry */

/* Zero is an empty heap. */
struct fr_event_timers {
    struct fr_event_timer *heap;
    size_t count, capacity;
    uint64_t added; /* numbers the entries, so that equal times keep their order */
};

/* Takes over the reference of `handle`. */
void fr_event_timers_add_lock_held(struct fr_event_timers *timers, double when_s, PyObject *handle);

/* Moves what is due before `end_s`, and not cancelled, to `ready`; what is cancelled and first goes to `dropped`. */
void fr_event_timers_take_due_lock_held(struct fr_event_timers *timers, struct fr_event_handles *handles, double end_s,
                                        struct fr_event_queue *ready, struct fr_event_queue *dropped);

/* Moves cancelled timers to `dropped`: all of them if they are many, else those at the front. */
void fr_event_timers_sweep_lock_held(struct fr_event_timers *timers, struct fr_event_handles *handles,
                                     struct fr_event_queue *dropped);

/* When the first is due; false when there is none. */
bool fr_event_timers_first_lock_held(const struct fr_event_timers *timers, double *when_s);

int fr_event_timers_traverse(struct fr_event_timers *timers, visitproc visit, void *arg);

/* Lets go of all. */
void fr_event_timers_clear(struct fr_event_timers *timers);

#endif
