/* Watches: what they are told of, when they stop, and that trouble counts as being ready. */
#include "net/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "net/transport.h"
#include "unit.h"

struct seen {
    unsigned calls, readable, writable;
    bool close_at_call;
};

static void on_ready(struct fr_watch *watch, bool readable, bool writable)
{
    struct seen *seen = fr_watch_owner(watch);
    seen->calls++;
    seen->readable += readable;
    seen->writable += writable;
    if (seen->close_at_call)
        fr_watch_close(watch);
}

static struct fr_loop *loop;
static int fds[2];
static struct seen seen;

static struct fr_watch *begin(void)
{
    int error = 0;
    loop = fr_loop_open(&fr_transport_uv, &error);
    IS(loop != NULL);
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    struct fr_watch *watch = fr_watch_open(loop, fds[0], on_ready, &seen, &error);
    IS(watch != NULL);
    IS(fr_watch_owner(watch) == &seen);
    return watch;
}

static void finish(void)
{
    fr_loop_close(loop);
    close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
}

static void settle_down(void)
{
    for (int i = 0; i < 5; i++)
        fr_loop_turn(loop, 0);
}

TEST(is_silent_until_asked)
{
    struct fr_watch *watch = begin();
    EQUAL(write(fds[1], "x", 1), 1);
    settle_down();
    EQUAL(seen.calls, 0);
    fr_watch_close(watch);
    finish();
}

TEST(readable_again_and_again_until_read)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, true, false);
    settle_down();
    EQUAL(seen.calls, 0);
    EQUAL(write(fds[1], "x", 1), 1);
    while (seen.calls < 3)
        fr_loop_turn(loop, -1);
    EQUAL(seen.readable, seen.calls);
    EQUAL(seen.writable, 0);
    char byte;
    EQUAL(read(fds[0], &byte, 1), 1);
    unsigned calls = seen.calls;
    settle_down();
    EQUAL(seen.calls, calls);
    fr_watch_close(watch);
    finish();
}

TEST(writable)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, false, true);
    fr_loop_turn(loop, -1);
    IS(seen.writable > 0);
    EQUAL(seen.readable, 0);
    fr_watch_want(watch, false, false);
    seen = (struct seen){0};
    settle_down();
    EQUAL(seen.calls, 0);
    fr_watch_close(watch);
    finish();
}

TEST(both_at_once)
{
    struct fr_watch *watch = begin();
    EQUAL(write(fds[1], "x", 1), 1);
    fr_watch_want(watch, true, true);
    fr_loop_turn(loop, -1);
    EQUAL(seen.calls, 1);
    EQUAL(seen.readable, 1);
    EQUAL(seen.writable, 1);
    fr_watch_want(watch, true, false);
    fr_loop_turn(loop, -1);
    EQUAL(seen.writable, 1);
    EQUAL(seen.readable, 2);
    fr_watch_close(watch);
    finish();
}

TEST(a_closed_peer_is_readable)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, true, false);
    close(fds[1]);
    fds[1] = -1;
    fr_loop_turn(loop, -1);
    EQUAL(seen.readable, 1);
    fr_watch_close(watch);
    finish();
}

/* The writing end of a pipe without readers is in error for good; one that stopped after the first report
 * would leave a writer waiting for ever. */
TEST(an_error_is_ready_as_long_as_it_lasts)
{
    int pipe_fds[2], error = 0;
    EQUAL(pipe(pipe_fds), 0);
    loop = fr_loop_open(&fr_transport_uv, &error);
    struct fr_watch *watch = fr_watch_open(loop, pipe_fds[1], on_ready, &seen, &error);
    IS(watch != NULL);
    close(pipe_fds[0]);
    fr_watch_want(watch, false, true);
    while (seen.writable < 3)
        fr_loop_turn(loop, -1);
    EQUAL(seen.readable, 0);
    fr_watch_close(watch);
    fr_loop_close(loop);
    close(pipe_fds[1]);
}

TEST(closes_from_its_own_callback)
{
    struct fr_watch *watch = begin();
    seen.close_at_call = true;
    fr_watch_want(watch, true, true);
    fr_loop_turn(loop, -1);
    settle_down();
    EQUAL(seen.calls, 1);
    finish();
}

TEST(closed_is_silent_and_the_descriptor_may_be_closed_at_once)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, true, true);
    EQUAL(write(fds[1], "x", 1), 1);
    fr_watch_close(watch);
    close(fds[0]);
    fds[0] = dup(fds[1]); /* very likely the same number */
    settle_down();
    EQUAL(seen.calls, 0);
    finish();
}

/* Between two polls the descriptor's number may come to mean something else. */
TEST(a_number_that_is_used_again_is_watched_again)
{
    struct fr_watch *watch = begin();
    int error = 0;
    fr_watch_want(watch, true, false);
    settle_down();
    fr_watch_close(watch);
    watch = fr_watch_open(loop, fds[0], on_ready, &seen, &error);
    IS(watch != NULL);
    fr_watch_want(watch, true, false);
    EQUAL(write(fds[1], "x", 1), 1);
    fr_loop_turn(loop, -1);
    EQUAL(seen.readable, 1);
    fr_watch_close(watch);
    finish();
}

TEST(what_cannot_be_watched)
{
    int error = 0;
    loop = fr_loop_open(&fr_transport_uv, &error);
    IS(fr_watch_open(loop, 99999, on_ready, NULL, &error) == NULL);
    EQUAL(error, EBADF);
    FILE *file = tmpfile();
    IS(fr_watch_open(loop, fileno(file), on_ready, NULL, &error) == NULL);
    EQUAL(error, EPERM);
    fclose(file);
    fr_loop_close(loop);
}

/* libuv aborts when the kernel refuses a watch that it is told of. */
TEST(closed_by_its_owner_before_the_kernel_hears_of_it)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, true, true);
    close(fds[0]);
    settle_down();
    EQUAL(seen.calls, 0);
    fr_watch_close(watch);
    settle_down();
    fds[0] = -1;
    close(fds[1]);
    fr_loop_close(loop);
}

TEST(closed_by_its_owner_while_it_is_watched)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, true, false);
    settle_down();
    int number = fds[0];
    close(fds[0]);
    fr_watch_want(watch, true, true);
    settle_down();
    EQUAL(seen.calls, 0);
    fr_watch_close(watch);
    fds[0] = dup(fds[1]);
    EQUAL(fds[0], number);
    settle_down();
    finish();
}

TEST(become_a_file_that_cannot_be_watched)
{
    struct fr_watch *watch = begin();
    fr_watch_want(watch, true, false);
    int number = fds[0];
    close(fds[0]);
    FILE *file = tmpfile();
    EQUAL(fileno(file), number);
    settle_down();
    EQUAL(seen.calls, 0);
    fr_watch_close(watch);
    settle_down();
    fclose(file);
    close(fds[1]);
    fr_loop_close(loop);
}

TEST(stays_blocking)
{
    struct fr_watch *watch = begin();
    IS(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    fr_watch_want(watch, true, false);
    settle_down();
    IS(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    EQUAL(fcntl(fds[1], F_SETFL, fcntl(fds[1], F_GETFL) | O_NONBLOCK), 0);
    int error = 0;
    struct fr_watch *other = fr_watch_open(loop, fds[1], on_ready, &seen, &error);
    IS(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    fr_watch_close(watch);
    fr_watch_close(other);
    finish();
}
