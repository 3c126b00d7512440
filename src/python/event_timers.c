/* python/event_timers.c - A binary heap; does not know what is called, nor who waits. */
#include "python/event_timers.h"

/* So few are not worth a sweep; asyncio's number. */
#define SWEEP_COUNT_MIN 100

struct fr_event_timer {
    double when_s;
    uint64_t number;
    PyObject *handle;
};

static bool is_earlier(const struct fr_event_timer *one, const struct fr_event_timer *other)
{
    return one->when_s < other->when_s || (one->when_s == other->when_s && one->number < other->number);
}

static void sift_up(struct fr_event_timers *timers, size_t at)
{
    struct fr_event_timer moved = timers->heap[at];
    while (at > 0 && is_earlier(&moved, &timers->heap[(at - 1) / 2])) {
        timers->heap[at] = timers->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    timers->heap[at] = moved;
}

static void sift_down(struct fr_event_timers *timers, size_t at)
{
    struct fr_event_timer moved = timers->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && is_earlier(&timers->heap[child + 1], &timers->heap[child]))
            child++;
        if (!is_earlier(&timers->heap[child], &moved))
            break;
        timers->heap[at] = timers->heap[child];
        at = child;
    }
    timers->heap[at] = moved;
}

void fr_event_timers_add_lock_held(struct fr_event_timers *timers, double when_s, PyObject *handle)
{
    if (timers->count == timers->capacity) {
        timers->capacity = timers->capacity ? timers->capacity * 2 : 32;
        timers->heap = fr_realloc(timers->heap, timers->capacity * sizeof *timers->heap);
    }
    timers->heap[timers->count] = (struct fr_event_timer){when_s, timers->added++, handle};
    sift_up(timers, timers->count++);
}

static PyObject *take_first(struct fr_event_timers *timers, struct fr_event_handles *handles)
{
    PyObject *handle = timers->heap[0].handle;
    timers->heap[0] = timers->heap[--timers->count];
    if (timers->count > 0)
        sift_down(timers, 0);
    fr_event_handle_unschedule(handles, handle);
    return handle;
}

static void drop_first(struct fr_event_timers *timers, struct fr_event_handles *handles, struct fr_event_queue *dropped)
{
    handles->cancelled_scheduled--;
    fr_event_queue_push(dropped, take_first(timers, handles));
}

void fr_event_timers_take_due_lock_held(struct fr_event_timers *timers, struct fr_event_handles *handles, double end_s,
                                        struct fr_event_queue *ready, struct fr_event_queue *dropped)
{
    while (timers->count > 0 && timers->heap[0].when_s < end_s) {
        if (fr_event_handle_is_cancelled(handles, timers->heap[0].handle))
            drop_first(timers, handles, dropped);
        else
            fr_event_queue_push(ready, take_first(timers, handles));
    }
}

static void sweep_all(struct fr_event_timers *timers, struct fr_event_handles *handles, struct fr_event_queue *dropped)
{
    size_t kept = 0;
    for (size_t i = 0; i < timers->count; i++) {
        if (!fr_event_handle_is_cancelled(handles, timers->heap[i].handle)) {
            timers->heap[kept++] = timers->heap[i];
            continue;
        }
        fr_event_handle_unschedule(handles, timers->heap[i].handle);
        fr_event_queue_push(dropped, timers->heap[i].handle);
    }
    timers->count = kept;
    handles->cancelled_scheduled = 0;
    for (size_t at = kept / 2; at-- > 0;)
        sift_down(timers, at);
}

void fr_event_timers_sweep_lock_held(struct fr_event_timers *timers, struct fr_event_handles *handles,
                                     struct fr_event_queue *dropped)
{
    if (timers->count > SWEEP_COUNT_MIN && handles->cancelled_scheduled > timers->count / 2) {
        sweep_all(timers, handles, dropped);
        return;
    }
    while (timers->count > 0 && handles->cancelled_scheduled > 0 &&
           fr_event_handle_is_cancelled(handles, timers->heap[0].handle))
        drop_first(timers, handles, dropped);
}

bool fr_event_timers_first_lock_held(const struct fr_event_timers *timers, double *when_s)
{
    if (timers->count > 0)
        *when_s = timers->heap[0].when_s;
    return timers->count > 0;
}

int fr_event_timers_traverse(struct fr_event_timers *timers, visitproc visit, void *arg)
{
    for (size_t i = 0; i < timers->count; i++)
        Py_VISIT(timers->heap[i].handle);
    return 0;
}

void fr_event_timers_clear(struct fr_event_timers *timers)
{
    struct fr_event_timers taken = *timers;
    *timers = (struct fr_event_timers){0};
    for (size_t i = 0; i < taken.count; i++)
        Py_DECREF(taken.heap[i].handle);
    fr_free(taken.heap);
}
