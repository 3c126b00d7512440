/* The turn of the loop: what is deferred, the hooks, sleep and what ends it. */
#include "net/loop.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "net/timer.h"
#include "net/transport.h"
#include "net/watch.h"
#include "unit.h"

static struct fr_loop *open_loop(void)
{
    int error = 0;
    struct fr_loop *loop = fr_loop_open(&fr_transport_uv, &error);
    IS(loop != NULL);
    EQUAL(error, 0);
    return loop;
}

struct task {
    struct fr_deferred deferred;
    struct fr_loop *loop;
    unsigned runs, wanted_runs;
    struct fr_deferred *other;
};

static void run_task(struct fr_deferred *deferred)
{
    struct task *task = FR_LIST_OWNER(deferred, struct task, deferred);
    if (++task->runs < task->wanted_runs)
        fr_loop_defer(task->loop, deferred);
}

static void run_and_forget_other(struct fr_deferred *deferred)
{
    struct task *task = FR_LIST_OWNER(deferred, struct task, deferred);
    task->runs++;
    fr_loop_forget(task->loop, task->other);
}

static void run_and_defer_other(struct fr_deferred *deferred)
{
    struct task *task = FR_LIST_OWNER(deferred, struct task, deferred);
    task->runs++;
    fr_loop_defer(task->loop, task->other);
}

struct counting_hook {
    struct fr_poll_hook hook;
    struct fr_loop *loop;
    unsigned looks, calls, defer_calls;
    struct fr_deferred *defers;
    struct fr_poll_hook *removes;
    unsigned *order, place;
};

static void on_poll(struct fr_poll_hook *hook, bool sleep)
{
    struct counting_hook *own = FR_LIST_OWNER(hook, struct counting_hook, hook);
    if (!sleep) {
        own->looks++;
        return;
    }
    own->calls++;
    if (own->order)
        own->place = ++*own->order;
    if (own->defers && own->defer_calls) {
        own->defer_calls--;
        fr_loop_defer(own->loop, own->defers);
    }
    if (own->removes) {
        fr_loop_remove_hook(own->loop, own->removes);
        own->removes = NULL;
    }
}

TEST(opens_and_closes)
{
    struct fr_loop *loop = open_loop();
    IS(fr_loop_fd(loop) >= 0);
    IS(fr_loop_pool(loop) != NULL);
    fr_loop_turn(loop, 0);
    fr_loop_close(loop);
}

static int refuse_loop(struct fr_loop *loop, void **state)
{
    (void)loop;
    *state = NULL;
    return FR_E_UNSUPPORTED;
}

TEST(a_transport_may_refuse)
{
    struct fr_transport_ops refusing = fr_transport_uv;
    refusing.loop_open = refuse_loop;
    int error = 0;
    IS(fr_loop_open(&refusing, &error) == NULL);
    EQUAL(error, FR_E_UNSUPPORTED);
}

TEST(deferred_runs_once)
{
    struct fr_loop *loop = open_loop();
    struct task task = {.deferred.run = run_task, .loop = loop};
    fr_loop_defer(loop, &task.deferred);
    fr_loop_defer(loop, &task.deferred);
    EQUAL(task.runs, 0);
    EQUAL(fr_loop_timeout_ms(loop), 0);
    fr_loop_turn(loop, 0);
    EQUAL(task.runs, 1);
    fr_loop_turn(loop, 0);
    EQUAL(task.runs, 1);
    fr_loop_close(loop);
}

TEST(deferred_may_defer_again_and_the_loop_does_not_sleep)
{
    struct fr_loop *loop = open_loop();
    struct task task = {.deferred.run = run_task, .loop = loop, .wanted_runs = 100};
    fr_loop_defer(loop, &task.deferred);
    unsigned turns = 0;
    while (task.runs < 100) {
        if (task.runs + 10 >= 100)
            fr_loop_wake(loop); /* the turn that does the last may sleep */
        fr_loop_turn(loop, -1);
        turns++;
    }
    IS(turns > 10); /* and the sockets had their turn in between */
    fr_loop_close(loop);
}

TEST(deferred_is_forgotten)
{
    struct fr_loop *loop = open_loop();
    struct task second = {.deferred.run = run_task, .loop = loop};
    struct task first = {.deferred.run = run_and_forget_other, .loop = loop, .other = &second.deferred};
    fr_loop_defer(loop, &second.deferred);
    fr_loop_forget(loop, &second.deferred);
    fr_loop_forget(loop, &second.deferred);
    fr_loop_turn(loop, 0);
    EQUAL(second.runs, 0);
    fr_loop_defer(loop, &first.deferred);
    fr_loop_defer(loop, &second.deferred);
    fr_loop_turn(loop, 0);
    EQUAL(first.runs, 1);
    EQUAL(second.runs, 0);
    fr_loop_close(loop);
}

TEST(deferred_by_deferred_runs_in_the_same_turn)
{
    struct fr_loop *loop = open_loop();
    struct task second = {.deferred.run = run_task, .loop = loop};
    struct task first = {.deferred.run = run_and_defer_other, .loop = loop, .other = &second.deferred};
    fr_loop_defer(loop, &first.deferred);
    fr_loop_turn(loop, 0);
    EQUAL(second.runs, 1);
    fr_loop_close(loop);
}

TEST(hooks_are_called_in_order)
{
    struct fr_loop *loop = open_loop();
    unsigned order = 0;
    struct counting_hook first = {.hook.before_poll = on_poll, .order = &order};
    struct counting_hook second = {.hook.before_poll = on_poll, .order = &order};
    fr_loop_add_hook(loop, &first.hook);
    fr_loop_add_hook(loop, &second.hook);
    for (unsigned turn = 0; turn < 3; turn++) {
        fr_loop_turn(loop, 1);
        EQUAL(first.place, 2 * turn + 1);
        EQUAL(second.place, 2 * turn + 2);
    }
    fr_loop_close(loop);
}

TEST(what_a_hook_defers_is_done_before_sleep_and_the_hooks_have_the_last_word)
{
    struct fr_loop *loop = open_loop();
    struct task task = {.deferred.run = run_task, .loop = loop};
    struct counting_hook hook = {.hook.before_poll = on_poll, .loop = loop};
    hook.defers = &task.deferred;
    hook.defer_calls = 2;
    fr_loop_add_hook(loop, &hook.hook);
    fr_loop_turn(loop, 1);
    EQUAL(task.runs, 2);
    EQUAL(hook.calls, 3);
    fr_loop_close(loop);
}

TEST(a_hook_that_always_defers_never_lets_the_loop_sleep)
{
    struct fr_loop *loop = open_loop();
    struct task task = {.deferred.run = run_task, .loop = loop};
    struct counting_hook hook = {.hook.before_poll = on_poll, .loop = loop};
    hook.defers = &task.deferred;
    hook.defer_calls = 1000;
    fr_loop_add_hook(loop, &hook.hook);
    for (int i = 0; i < 10; i++)
        fr_loop_turn(loop, -1);
    IS(task.runs >= 10);
    fr_loop_close(loop);
}

TEST(a_hook_may_remove_itself_and_others)
{
    struct fr_loop *loop = open_loop();
    struct counting_hook first = {.hook.before_poll = on_poll, .loop = loop};
    struct counting_hook second = {.hook.before_poll = on_poll, .loop = loop};
    struct counting_hook third = {.hook.before_poll = on_poll, .loop = loop};
    fr_loop_add_hook(loop, &first.hook);
    fr_loop_add_hook(loop, &second.hook);
    fr_loop_add_hook(loop, &third.hook);
    first.removes = &second.hook;
    third.removes = &third.hook;
    fr_loop_turn(loop, 1);
    fr_loop_turn(loop, 1);
    EQUAL(first.calls, 2);
    EQUAL(second.calls, 0);
    EQUAL(third.calls, 1);
    fr_loop_close(loop);
}

TEST(a_hook_hears_whether_the_loop_will_sleep)
{
    struct fr_loop *loop = open_loop();
    struct counting_hook hook = {.hook.before_poll = on_poll, .loop = loop};
    fr_loop_add_hook(loop, &hook.hook);
    fr_loop_turn(loop, 0);
    fr_loop_wake(loop);
    fr_loop_turn(loop, -1);
    EQUAL(hook.calls, 0);
    EQUAL(hook.looks, 2);
    fr_loop_turn(loop, 1);
    EQUAL(hook.calls, 1);
    EQUAL(hook.looks, 3);
    fr_loop_close(loop);
}

static void *wake_loop(void *loop)
{
    fr_loop_wake(loop);
    return NULL;
}

TEST(another_thread_ends_the_sleep)
{
    struct fr_loop *loop = open_loop();
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        EQUAL(pthread_create(&thread, NULL, wake_loop, loop), 0);
        fr_loop_turn(loop, -1);
        EQUAL(pthread_join(thread, NULL), 0);
        fr_loop_turn(loop, 0);
    }
    fr_loop_close(loop);
}

static struct fr_loop *signalled_loop;

static void on_signal(int number)
{
    (void)number;
    fr_loop_wake(signalled_loop);
}

TEST(a_signal_handler_ends_the_sleep)
{
    signalled_loop = open_loop();
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    fr_loop_turn(signalled_loop, -1);
    fr_loop_close(signalled_loop);
}

TEST(a_byte_to_the_wakeup_descriptor_ends_the_sleep)
{
    struct fr_loop *loop = open_loop();
    int fd = fr_loop_wakeup_fd(loop);
    IS(fd >= 0);
    EQUAL(fr_loop_wakeup_fd(loop), fd);
    for (int i = 0; i < 3; i++) {
        char bytes[600] = {0};
        EQUAL(write(fd, bytes, sizeof bytes), sizeof bytes);
        fr_loop_turn(loop, -1);
        struct pollfd event = {.fd = fr_loop_fd(loop), .events = POLLIN};
        EQUAL(poll(&event, 1, 0), 0); /* every byte was taken */
    }
    fr_loop_close(loop);
}

TEST(the_library_has_a_name)
{
    SAME(fr_span_of_string(fr_loop_library()), "libuv");
    IS(strchr(fr_loop_library_version(), '.') != NULL);
}

TEST(the_descriptor_is_readable_after_a_wake)
{
    struct fr_loop *loop = open_loop();
    fr_loop_turn(loop, 0);
    struct pollfd fd = {.fd = fr_loop_fd(loop), .events = POLLIN};
    EQUAL(poll(&fd, 1, 0), 0);
    fr_loop_wake(loop);
    EQUAL(poll(&fd, 1, 10000), 1);
    fr_loop_turn(loop, 0);
    EQUAL(poll(&fd, 1, 0), 0);
    fr_loop_close(loop);
}

TEST(sleep_ends_at_the_timeout)
{
    struct fr_loop *loop = open_loop();
    for (int i = 0; i < 3; i++) {
        uint64_t began_ns = fr_clock_monotonic_ns(), slept_ns = 0;
        while (slept_ns < 20000000u) {
            fr_loop_turn(loop, 20);
            slept_ns = fr_clock_monotonic_ns() - began_ns;
        }
        IS(slept_ns < 2000000000u);
        IS(fr_loop_clock(loop)->now_ms >= (began_ns + slept_ns) / 1000000 - 5);
    }
    fr_loop_close(loop);
}

static void on_expired(struct fr_timer *timer)
{
    timer->slot_ms = 0; /* seen by the test: the wheel is done with it */
}

TEST(sleep_ends_for_a_timer)
{
    struct fr_loop *loop = open_loop();
    struct fr_timer timer = {.expired = on_expired};
    fr_timer_set(loop, &timer, 60);
    uint64_t began_ns = fr_clock_monotonic_ns();
    while (fr_timer_is_set(&timer))
        fr_loop_turn(loop, -1);
    EQUAL(timer.slot_ms, 0);
    IS(fr_clock_monotonic_ns() - began_ns > 58000000u);
    fr_loop_close(loop);
}

/* The timer falls due while the loop is busy elsewhere, and the alarm rings before libuv polls. */
TEST(a_timer_that_is_late_already_does_not_wait_for_an_event)
{
    struct fr_loop *loop = open_loop();
    struct fr_timer timer = {.expired = on_expired};
    fr_timer_set(loop, &timer, 1);
    fr_loop_wake(loop);
    fr_loop_turn(loop, -1);
    uint64_t began_ns = fr_clock_monotonic_ns();
    while (fr_clock_monotonic_ns() - began_ns < 120000000u)
        ; /* an event that takes longer than the timer */
    while (fr_timer_is_set(&timer))
        fr_loop_turn(loop, -1);
    EQUAL(timer.slot_ms, 0);
    fr_loop_close(loop);
}

static void on_heard(struct fr_watch *watch, bool readable, bool writable)
{
    IS(readable && !writable);
    struct fr_timer *timer = fr_watch_owner(watch);
    IS(fr_timer_is_set(timer));
    fr_timer_clear(NULL, timer);
    fr_watch_want(watch, false, false);
}

static void on_overheard(struct fr_timer *timer)
{
    (void)timer;
    IS(!"the deadline of one who has spoken in time");
}

/* Nobody turns the loop for longer than the deadline; then the bytes that came in time put it off. */
static void be_late(int timeout_ms)
{
    struct fr_loop *loop = open_loop();
    struct fr_timer timer = {.expired = on_overheard};
    int fds[2], error = 0;
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct fr_watch *watch = fr_watch_open(loop, fds[0], on_heard, &timer, &error);
    fr_watch_want(watch, true, false);
    fr_timer_set(loop, &timer, 1);
    EQUAL(write(fds[1], "x", 1), 1);
    uint64_t began_ns = fr_clock_monotonic_ns();
    while (fr_clock_monotonic_ns() - began_ns < 120000000u)
        ;
    while (fr_timer_is_set(&timer))
        fr_loop_turn(loop, timeout_ms);
    fr_loop_turn(loop, 0);
    fr_watch_close(watch);
    fr_loop_close(loop);
    close(fds[0]);
    close(fds[1]);
}

TEST(what_came_in_time_goes_before_a_timer_that_is_late)
{
    be_late(0);
    be_late(-1);
}

TEST(the_timeout_for_guests)
{
    struct fr_loop *loop = open_loop();
    fr_clock_advance(fr_loop_clock(loop), 0);
    fr_loop_turn(loop, 0);
    EQUAL(fr_loop_timeout_ms(loop), -1);
    struct fr_timer timer = {.expired = on_expired};
    fr_timer_set(loop, &timer, 1000);
    IS(fr_loop_timeout_ms(loop) >= 1000);
    IS(fr_loop_timeout_ms(loop) < 1000 + FR_TIMER_TICK_MS);
    fr_clock_advance(fr_loop_clock(loop), 1000 + FR_TIMER_TICK_MS);
    EQUAL(fr_loop_timeout_ms(loop), 0);
    fr_loop_turn(loop, 0);
    IS(!fr_timer_is_set(&timer));
    EQUAL(fr_loop_timeout_ms(loop), -1);
    fr_timer_set(loop, &timer, UINT64_MAX);
    IS(fr_loop_timeout_ms(loop) > 0);
    fr_timer_clear(loop, &timer);
    fr_loop_close(loop);
}

static void on_ready(struct fr_watch *watch, bool readable, bool writable)
{
    IS(readable && !writable);
    ++*(unsigned *)fr_watch_owner(watch);
    fr_watch_want(watch, false, false);
}

/* A watch added between turns is unknown to the kernel until the next one: the timeout must say so, or the host
 * would sleep on a descriptor that cannot become readable. */
TEST(a_guest_hears_of_new_descriptors)
{
    struct fr_loop *loop = open_loop();
    int fds[2], error = 0;
    unsigned calls = 0;
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fr_loop_turn(loop, 0);
    struct fr_watch *watch = fr_watch_open(loop, fds[0], on_ready, &calls, &error);
    IS(watch != NULL);
    fr_watch_want(watch, true, false);
    struct pollfd fd = {.fd = fr_loop_fd(loop), .events = POLLIN};
    while (fr_loop_timeout_ms(loop) == 0)
        fr_loop_turn(loop, 0);
    EQUAL(poll(&fd, 1, 0), 0);
    EQUAL(write(fds[1], "x", 1), 1);
    EQUAL(poll(&fd, 1, 10000), 1);
    fr_loop_turn(loop, 0);
    EQUAL(calls, 1);
    fr_watch_close(watch);
    EQUAL(fr_loop_timeout_ms(loop), 0);
    fr_loop_close(loop);
    close(fds[0]);
    close(fds[1]);
}

static void on_stirred(void *owner)
{
    ++*(unsigned *)owner;
}

TEST(a_guest_knows_the_time_before_its_turn)
{
    struct fr_loop *loop = open_loop();
    struct fr_clock *clock = fr_loop_clock(loop);
    unsigned stirred = 0;
    uint64_t opened_ms = clock->now_ms;
    clock->now_ms = 1;
    fr_loop_refresh(loop);
    EQUAL(clock->now_ms, 1); /* who turns it is no guest */
    fr_loop_on_stirred(loop, on_stirred, &stirred);
    fr_loop_refresh(loop);
    IS(clock->now_ms >= opened_ms);
    fr_loop_close(loop);
}

TEST(the_clock_moves_with_the_turns)
{
    struct fr_loop *loop = open_loop();
    uint64_t before_ms = fr_loop_clock(loop)->now_ms, began_ns = fr_clock_monotonic_ns();
    while (fr_clock_monotonic_ns() - began_ns < 5000000u)
        ;
    fr_loop_wake(loop);
    fr_loop_turn(loop, -1);
    IS(fr_loop_clock(loop)->now_ms >= before_ms + 4);
    fr_loop_close(loop);
}

struct hurrying_hook {
    struct fr_poll_hook hook;
    struct fr_loop *loop;
    unsigned calls;
    bool before_sleep;
};

static void hurry_up(struct fr_poll_hook *hook, bool sleep)
{
    struct hurrying_hook *hurrying = FR_LIST_OWNER(hook, struct hurrying_hook, hook);
    if (sleep == hurrying->before_sleep) {
        hurrying->calls++;
        fr_loop_hurry(hurrying->loop);
    }
}

/* Both would sleep for ever. */
TEST(a_turn_that_is_hurried_does_not_sleep)
{
    struct fr_loop *loop = open_loop();
    for (int before_sleep = 0; before_sleep < 2; before_sleep++) {
        struct hurrying_hook hurrying = {{.before_poll = hurry_up}, loop, 0, before_sleep};
        fr_loop_add_hook(loop, &hurrying.hook);
        fr_loop_turn(loop, -1);
        EQUAL(hurrying.calls, 1);
        fr_loop_remove_hook(loop, &hurrying.hook);
    }
    fr_loop_close(loop);
}

static void on_pipe(struct fr_watch *watch, bool readable, bool writable)
{
    unsigned *calls = fr_watch_owner(watch);
    *calls += readable && !writable;
}

/* The child stops watching, and the parent goes on to. */
TEST(renewed_in_a_child)
{
    int error = 0, fds[2], status;
    unsigned calls = 0;
    struct fr_loop *loop = fr_loop_open_plain(&error);
    EQUAL(pipe(fds), 0);
    struct fr_watch *watch = fr_watch_open(loop, fds[0], on_pipe, &calls, &error);
    fr_watch_want(watch, true, false);
    fr_loop_turn(loop, 0);
    pid_t child = fork();
    if (child == 0) {
        EQUAL(fr_loop_renew(loop), 0);
        EQUAL(write(fds[1], "x", 1), 1);
        fr_loop_turn(loop, -1);
        EQUAL(calls, 1);
        char byte;
        EQUAL(read(fds[0], &byte, 1), 1);
        fr_watch_close(watch);
        fr_loop_close(loop);
        _exit(0);
    }
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(status, 0);
    EQUAL(write(fds[1], "x", 1), 1);
    fr_loop_turn(loop, -1);
    EQUAL(calls, 1);
    fr_watch_close(watch);
    fr_loop_close(loop);
    close(fds[0]);
    close(fds[1]);
}
