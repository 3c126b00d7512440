/* net/loop_internal.h - What the files of net/ know of the loop; nobody else includes it.
 *
 * libuv turns the loop; the order of a turn, the clock, the deferred work and the timers are ours. */
#ifndef FR_NET_LOOP_INTERNAL_H
#define FR_NET_LOOP_INTERNAL_H

#include <uv.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/loop.h"
#include "net/timer.h"

/* 51.2 s ahead in steps of FR_TIMER_TICK_MS: beyond the longest default timeout. Must be a multiple of 64. */
#define FR_TIMER_SLOTS 1024

#define FR_TIMER_NEVER UINT64_MAX

struct fr_timer_wheel {
    uint64_t tick;                        /* the last one that has been looked at */
    uint64_t next_ms;                     /* nothing is to be looked at before; FR_TIMER_NEVER when empty */
    uint64_t used[FR_TIMER_SLOTS / 64];   /* a clear bit means an empty slot; a set one that it may not be */
    struct fr_list slots[FR_TIMER_SLOTS]; /* tick t is in slot t % FR_TIMER_SLOTS */
};

struct fr_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t alarm;   /* ends a sleep: for the wheel, or for the caller's timeout */
    uv_poll_t wakeup;   /* on the read end of the pipe below */
    int wakeup_pipe[2]; /* -1: nobody has asked for it yet */
    uint64_t alarm_ms;  /* when it rings, on the loop's clock; FR_TIMER_NEVER when off */
    const struct fr_transport_ops *transport;
    void *transport_state;
    struct fr_clock clock;
    struct fr_pool *pool;
    char *scratch;  /* FR_LOOP_SCRATCH_BYTES; lent to one received() at a time */
    bool asleep;    /* inside uv_run, and nothing has been called back yet */
    bool turning;   /* inside fr_loop_turn */
    bool hurried;   /* this turn shall not sleep */
    bool unsettled; /* libuv has yet to tell the kernel of a handle, or to call a close callback */
    struct fr_list deferred;
    struct fr_list doubtful; /* watches whose descriptor may not be what it was when libuv tells the kernel of it */
    struct fr_list hooks;
    struct fr_timer_wheel timers;
    void (*stirred)(void *owner); /* see fr_loop_on_stirred; NULL: nobody asks */
    void *stirred_owner;
};

/* There is work for a turn. */
static inline void fr_loop_stir(struct fr_loop *loop)
{
    if (loop->stirred && !loop->turning)
        loop->stirred(loop->stirred_owner);
}

/* Every callback from libuv calls this first: the clock is read once per wake-up. */
static inline void fr_loop_woke(struct fr_loop *loop)
{
    if (loop->asleep) {
        loop->asleep = false;
        fr_clock_update(&loop->clock);
    }
}

/* Closes a handle of libuv; `on_closed` comes from the loop. */
static inline void fr_loop_close_handle(struct fr_loop *loop, uv_handle_t *handle, uv_close_cb on_closed)
{
    loop->unsettled = true;
    uv_close(handle, on_closed);
    fr_loop_stir(loop);
}

/* Watches for `events` from now on, 0 for none. It can fail for descriptors only that are closed or watched
 * by somebody else, which is a mistake of ours. */
void fr_loop_poll(struct fr_loop *loop, uv_poll_t *poll, int events, uv_poll_cb on_poll);

/* Has libuv forget the doubtful watches whose descriptor was closed meanwhile; it aborts when the kernel refuses. */
void fr_watch_settle(struct fr_loop *loop);

void fr_timer_wheel_init(struct fr_timer_wheel *wheel);

/* No timer is set; for assertions. */
bool fr_timer_wheel_is_empty(const struct fr_timer_wheel *wheel);

/* Fires what is due by the loop's clock; to be called when that has reached wheel->next_ms. True when anything
 * was fired. */
bool fr_timer_run_due(struct fr_loop *loop);

#endif
