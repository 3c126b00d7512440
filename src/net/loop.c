/* net/loop.c - The turn: what is deferred, what is due, the hooks, one sleep, one batch of events.
 *
 * Owns libuv's loop and the order of things around uv_run. Does not know sockets: those belong to the
 * transports, listeners and watches, which share loop_internal.h with this file. */
#include "net/loop_internal.h"

#include <assert.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/transport.h"

/* Free blocks that a worker keeps: some thousand connections may end and others begin without malloc. */
#define POOL_KEPT_BYTES_MAX (4u << 20)

/* How often deferred work may beget deferred work before the sockets get their turn. */
#define ROUNDS_MAX 4

/* uv_stop because libuv looks at its timers before it polls as well, and would then sleep without one. */
static void on_alarm(uv_timer_t *alarm)
{
    struct fr_loop *loop = alarm->data;
    loop->alarm_ms = FR_TIMER_NEVER;
    fr_loop_woke(loop);
    uv_stop(alarm->loop);
}

static void on_wake(uv_async_t *wake)
{
    fr_loop_woke(wake->data);
}

/* What is written says nothing that the writer has not noted elsewhere. */
static void on_wakeup(uv_poll_t *wakeup, int status, int events)
{
    struct fr_loop *loop = wakeup->data;
    (void)status;
    (void)events;
    fr_loop_woke(loop);
    char bytes[256];
    while (read(loop->wakeup_pipe[0], bytes, sizeof bytes) == sizeof bytes)
        continue;
}

static void close_wakeup(struct fr_loop *loop)
{
    if (loop->wakeup_pipe[0] < 0)
        return;
    fr_loop_close_handle(loop, (uv_handle_t *)&loop->wakeup, NULL);
    (void)close(loop->wakeup_pipe[0]);
    (void)close(loop->wakeup_pipe[1]);
}

static int open_uv(struct fr_loop *loop)
{
    int status = uv_loop_init(&loop->uv);
    if (status < 0)
        return status;
    status = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (status < 0) {
        (void)uv_loop_close(&loop->uv);
        return status;
    }
    (void)uv_timer_init(&loop->uv, &loop->alarm);
    loop->wake.data = loop->alarm.data = loop;
    loop->alarm_ms = FR_TIMER_NEVER;
    loop->wakeup_pipe[0] = loop->wakeup_pipe[1] = -1;
    return 0;
}

static void run_deferred(struct fr_loop *loop)
{
    struct fr_list collected, *node;
    fr_list_init(&collected);
    fr_list_move_all(&loop->deferred, &collected);
    while ((node = fr_list_take_first(&collected)) != NULL) {
        struct fr_deferred *deferred = FR_LIST_OWNER(node, struct fr_deferred, node);
        deferred->run(deferred);
    }
}

/* Each hook goes back to the list before it is called, so that it may remove itself or any other. */
static void call_hooks(struct fr_loop *loop, bool sleep)
{
    struct fr_list collected, *node;
    fr_list_init(&collected);
    fr_list_move_all(&loop->hooks, &collected);
    while ((node = fr_list_take_first(&collected)) != NULL) {
        struct fr_poll_hook *hook = FR_LIST_OWNER(node, struct fr_poll_hook, node);
        fr_list_append(&loop->hooks, node);
        hook->before_poll(hook, sleep);
    }
}

/* Everything that comes before the sockets. False when sleep is out of the question: there is still something
 * deferred, or a timer has fired and the caller may have waited for just that. */
static bool settle(struct fr_loop *loop, bool with_timers)
{
    run_deferred(loop);
    bool fired = with_timers && loop->clock.now_ms >= loop->timers.next_ms && fr_timer_run_due(loop);
    for (int round = 1; round < ROUNDS_MAX && !fr_list_is_empty(&loop->deferred); round++)
        run_deferred(loop);
    return !fired && fr_list_is_empty(&loop->deferred);
}

/* The hooks have the last word: what they deferred is done, and then they are called again. */
static bool prepare_to_sleep(struct fr_loop *loop)
{
    for (int round = 0; round < ROUNDS_MAX; round++) {
        call_hooks(loop, true);
        if (fr_list_is_empty(&loop->deferred))
            return true;
        run_deferred(loop);
    }
    return false;
}

/* An alarm that rings too early is left alone: a turn may always end early, and under load deadlines move
 * with every request. */
static void set_alarm(struct fr_loop *loop, int timeout_ms)
{
    uint64_t wanted_ms = loop->timers.next_ms;
    if (timeout_ms > 0 && loop->clock.now_ms + (uint64_t)timeout_ms < wanted_ms)
        wanted_ms = loop->clock.now_ms + (uint64_t)timeout_ms;
    if (wanted_ms >= loop->alarm_ms)
        return;
    fr_clock_update(&loop->clock);
    uint64_t now_ms = loop->clock.now_ms;
    uv_update_time(&loop->uv);
    (void)uv_timer_start(&loop->alarm, on_alarm, wanted_ms > now_ms ? wanted_ms - now_ms : 0, 0);
    loop->alarm_ms = wanted_ms;
}

/* True when something was called back. */
static bool poll_events(struct fr_loop *loop, bool sleep)
{
    if (!fr_list_is_empty(&loop->doubtful))
        fr_watch_settle(loop);
    loop->unsettled = false;
    loop->asleep = true;
    (void)uv_run(&loop->uv, sleep ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    bool woken = !loop->asleep;
    fr_loop_woke(loop);
    return woken;
}

/* Close callbacks may close, and defer, in their turn. */
static void run_down(struct fr_loop *loop)
{
    do {
        run_deferred(loop);
        (void)poll_events(loop, false);
    } while (loop->unsettled || !fr_list_is_empty(&loop->deferred));
}

struct fr_loop *fr_loop_open(const struct fr_transport_ops *transport, int *error)
{
    struct fr_loop *loop = fr_alloc_zero(sizeof *loop);
    if (open_uv(loop) < 0) {
        *error = FR_E_SYSTEM;
        fr_free(loop);
        return NULL;
    }
    loop->transport = transport;
    loop->pool = fr_pool_open(POOL_KEPT_BYTES_MAX);
    loop->scratch = fr_alloc(FR_LOOP_SCRATCH_BYTES);
    fr_clock_init(&loop->clock);
    fr_list_init(&loop->deferred);
    fr_list_init(&loop->doubtful);
    fr_list_init(&loop->hooks);
    fr_timer_wheel_init(&loop->timers);
    *error = transport->loop_open(loop, &loop->transport_state);
    if (*error < 0) {
        loop->transport = NULL;
        fr_loop_close(loop);
        return NULL;
    }
    return loop;
}

struct fr_loop *fr_loop_open_plain(int *error)
{
    return fr_loop_open(&fr_transport_uv, error);
}

void fr_loop_close(struct fr_loop *loop)
{
    run_down(loop);
    if (loop->transport)
        loop->transport->loop_close(loop, loop->transport_state);
    fr_loop_close_handle(loop, (uv_handle_t *)&loop->wake, NULL);
    fr_loop_close_handle(loop, (uv_handle_t *)&loop->alarm, NULL);
    close_wakeup(loop);
    run_down(loop);
    assert(fr_timer_wheel_is_empty(&loop->timers));
    int status = uv_loop_close(&loop->uv);
    assert(status == 0);
    (void)status;
    fr_pool_close(loop->pool);
    fr_free(loop->scratch);
    fr_free(loop);
}

/* The sockets are looked at before the sleep: what the hooks do for one is wasted on a worker under load.
 *
 * A turn that may not sleep follows a sleep, or work, of somebody else's: what has arrived meanwhile goes before what
 * fell due, lest a deadline passes over bytes that lie waiting. One that may sleep has the time of its last wake-up,
 * which is at most one batch of events old; if a timer fell due meanwhile the alarm rings at once. */
void fr_loop_turn(struct fr_loop *loop, int timeout_ms)
{
    loop->turning = true;
    loop->hurried = false;
    bool refreshed = timeout_ms == 0 && loop->stirred; /* then the clock is no longer that of the last wake-up */
    bool sleep = settle(loop, !refreshed) && timeout_ms != 0;
    call_hooks(loop, false);
    bool woken = poll_events(loop, false);
    if (timeout_ms == 0 && loop->clock.now_ms >= loop->timers.next_ms)
        (void)fr_timer_run_due(loop);
    if (!woken && sleep && !loop->hurried && prepare_to_sleep(loop) && !loop->hurried) {
        set_alarm(loop, timeout_ms);
        (void)poll_events(loop, true);
    }
    loop->turning = false;
}

void fr_loop_hurry(struct fr_loop *loop)
{
    loop->hurried = true;
}

int fr_loop_renew(struct fr_loop *loop)
{
    return uv_loop_fork(&loop->uv) == 0 ? 0 : FR_E_SYSTEM;
}

void fr_loop_wake(struct fr_loop *loop)
{
    (void)uv_async_send(&loop->wake);
}

int fr_loop_wakeup_fd(struct fr_loop *loop)
{
    if (loop->wakeup_pipe[0] >= 0)
        return loop->wakeup_pipe[1];
    int ends[2];
    if (uv_pipe(ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) < 0)
        return -1;
    if (uv_poll_init(&loop->uv, &loop->wakeup, ends[0]) < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return -1;
    }
    loop->wakeup_pipe[0] = ends[0];
    loop->wakeup_pipe[1] = ends[1];
    loop->wakeup.data = loop;
    fr_loop_poll(loop, &loop->wakeup, UV_READABLE, on_wakeup);
    return ends[1];
}

const char *fr_loop_library(void)
{
    return "libuv";
}

const char *fr_loop_library_version(void)
{
    return uv_version_string();
}

int fr_loop_fd(const struct fr_loop *loop)
{
    return uv_backend_fd(&loop->uv);
}

int fr_loop_timeout_ms(const struct fr_loop *loop)
{
    if (loop->unsettled || !fr_list_is_empty(&loop->deferred))
        return 0;
    if (loop->timers.next_ms == FR_TIMER_NEVER)
        return -1;
    struct fr_clock clock = loop->clock;
    fr_clock_update(&clock);
    if (clock.now_ms >= loop->timers.next_ms)
        return 0;
    uint64_t timeout_ms = loop->timers.next_ms - clock.now_ms;
    return timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX;
}

void fr_loop_refresh(struct fr_loop *loop)
{
    if (loop->stirred && !loop->turning)
        fr_clock_update(&loop->clock);
}

void fr_loop_defer(struct fr_loop *loop, struct fr_deferred *deferred)
{
    if (fr_list_is_linked(&deferred->node))
        return;
    fr_list_append(&loop->deferred, &deferred->node);
    fr_loop_stir(loop);
}

void fr_loop_on_stirred(struct fr_loop *loop, void (*stirred)(void *owner), void *owner)
{
    loop->stirred = stirred;
    loop->stirred_owner = owner;
}

void fr_loop_forget(struct fr_loop *loop, struct fr_deferred *deferred)
{
    (void)loop;
    if (fr_list_is_linked(&deferred->node))
        fr_list_remove(&deferred->node);
}

void fr_loop_add_hook(struct fr_loop *loop, struct fr_poll_hook *hook)
{
    fr_list_append(&loop->hooks, &hook->node);
}

void fr_loop_remove_hook(struct fr_loop *loop, struct fr_poll_hook *hook)
{
    (void)loop;
    fr_list_remove(&hook->node);
}

struct fr_clock *fr_loop_clock(struct fr_loop *loop)
{
    return &loop->clock;
}

struct fr_pool *fr_loop_pool(struct fr_loop *loop)
{
    return loop->pool;
}

void fr_loop_poll(struct fr_loop *loop, uv_poll_t *poll, int events, uv_poll_cb on_poll)
{
    loop->unsettled = true;
    int status = events ? uv_poll_start(poll, events, on_poll) : uv_poll_stop(poll);
    assert(status == 0);
    (void)status;
    fr_loop_stir(loop);
}
