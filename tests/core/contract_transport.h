/* tests/core/contract_transport.h - What every transport must do: one TEST per clause, run on each of them.
 *
 * A program describes its transport and calls CONTRACT_TRANSPORT(it). Two sockets talk to each other on one
 * loop; what is sent follows a pattern, so that a byte lost, doubled or moved is seen at once. */
#ifndef FR_TESTS_CONTRACT_TRANSPORT_H
#define FR_TESTS_CONTRACT_TRANSPORT_H

#include <errno.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "net/loop.h"
#include "net/transport.h"
#include "unit.h"

struct contract_transport {
    const struct fr_transport_ops *ops;
    /* A connected pair of what ops->open takes, with room for at most some hundred KiB on their way. */
    void (*pair)(struct fr_loop *loop, int fds[2]);
    /* Tears the connection at `fd`, which no socket has opened and which has at least one byte unread. */
    void (*reset)(struct fr_loop *loop, int fd);
};

#define MUCH_BYTES (4u << 20) /* more than fits on the way */

struct side {
    struct fr_socket socket;
    const struct fr_transport_ops *ops;
    struct fr_outbox outbox;
    struct fr_buffer got;
    size_t sent_bytes;    /* pushed so far, by the pattern */
    size_t drained_bytes; /* what the outbox held when drained() came */
    unsigned received, ended, drained, failed, closed;
    int error;
    bool closing;
    void (*after_received)(struct side *side);
    void (*after_drained)(struct side *side);
};

struct talk {
    struct fr_loop *loop;
    int fds[2];
    struct side a, b;
};

static struct side *side_of(struct fr_socket *socket)
{
    return (struct side *)(void *)socket;
}

static void on_received(struct fr_socket *socket, fr_span bytes)
{
    struct side *side = side_of(socket);
    IS(!side->closing && !side->ended && !side->failed);
    IS(bytes.len > 0);
    side->received++;
    EQUAL(fr_buffer_append(&side->got, bytes), 0);
    if (side->after_received)
        side->after_received(side);
}

static void on_ended(struct fr_socket *socket)
{
    IS(!side_of(socket)->closing);
    side_of(socket)->ended++;
}

static void on_drained(struct fr_socket *socket)
{
    struct side *side = side_of(socket);
    IS(!side->closing && !side->failed);
    side->drained++;
    side->drained_bytes = side->outbox.bytes;
    if (side->after_drained)
        side->after_drained(side);
}

static void on_failed(struct fr_socket *socket, int error)
{
    IS(!side_of(socket)->closing);
    side_of(socket)->failed++;
    side_of(socket)->error = error;
}

static void on_closed(struct fr_socket *socket)
{
    IS(side_of(socket)->closing);
    side_of(socket)->closed++;
}

static const struct fr_socket_events side_events = {on_received, on_ended, on_drained, on_failed, on_closed};

static void open_side(struct side *side, struct talk *talk, const struct fr_transport_ops *ops, int fd)
{
    *side = (struct side){.ops = ops};
    fr_outbox_init(&side->outbox, fr_loop_pool(talk->loop));
    fr_buffer_init(&side->got, 64u << 20);
    side->socket = (struct fr_socket){
        .loop = talk->loop,
        .events = &side_events,
        .outbox = &side->outbox,
        .transport = fr_alloc_zero(ops->socket_size),
    };
    EQUAL(ops->open(&side->socket, fd), 0);
}

static void close_side(struct side *side)
{
    side->closing = true;
    side->ops->close(&side->socket);
}

/* One end is a socket, the other is left to the test. */
static void begin_alone(struct talk *talk, const struct contract_transport *it)
{
    int error = 0;
    *talk = (struct talk){.loop = fr_loop_open(it->ops, &error)};
    IS(talk->loop != NULL);
    it->pair(talk->loop, talk->fds);
    open_side(&talk->a, talk, it->ops, talk->fds[0]);
}

static void begin(struct talk *talk, const struct contract_transport *it)
{
    begin_alone(talk, it);
    open_side(&talk->b, talk, it->ops, talk->fds[1]);
}

/* Turns until the condition holds; a loop without events for ten seconds is a failure. */
#define TURN_UNTIL(talk, condition)                                   \
    do {                                                              \
        uint64_t give_up_ns = fr_clock_monotonic_ns() + 10000000000u; \
        while (!(condition)) {                                        \
            if (fr_clock_monotonic_ns() > give_up_ns)                 \
                UNIT_FAIL("did not come true: %s", #condition);       \
            fr_loop_turn((talk)->loop, 100);                          \
        }                                                             \
    } while (0)

/* Enough turns for everything that would come by itself. */
static void settle_down(struct talk *talk)
{
    for (int i = 0; i < 20; i++)
        fr_loop_turn(talk->loop, 0);
}

static void finish_side(struct side *side, struct talk *talk)
{
    if (!side->ops)
        return;
    if (!side->closing)
        close_side(side);
    TURN_UNTIL(talk, side->closed);
    settle_down(talk);
    EQUAL(side->closed, 1);
    fr_outbox_clear(&side->outbox);
    fr_buffer_free(&side->got);
    fr_free(side->socket.transport);
}

static void finish(struct talk *talk)
{
    finish_side(&talk->a, talk);
    finish_side(&talk->b, talk);
    fr_loop_close(talk->loop);
}

static char pattern_at(size_t position)
{
    return (char)(position * 31 + position / 251);
}

/* Queues the next `count` bytes of the pattern as one referenced piece. */
static void push(struct side *side, size_t count)
{
    char *bytes = fr_alloc(count);
    for (size_t i = 0; i < count; i++)
        bytes[i] = pattern_at(side->sent_bytes + i);
    side->sent_bytes += count;
    struct fr_chunk chunk = {.bytes = fr_span_of(bytes, count), .file = -1, .release = fr_free, .owner = bytes};
    fr_outbox_push(&side->outbox, &chunk);
}

static void send_now(struct side *side, size_t count)
{
    push(side, count);
    EQUAL(side->ops->flush(&side->socket, false), 0);
}

static void read_on(struct side *side)
{
    side->ops->read(&side->socket, true);
}

static void read_off(struct side *side)
{
    side->ops->read(&side->socket, false);
}

/* Everything that `sender` has pushed has arrived, and nothing else. */
static void is_whole(const struct side *receiver, const struct side *sender)
{
    EQUAL(receiver->got.len, sender->sent_bytes);
    for (size_t i = 0; i < receiver->got.len; i++)
        if (receiver->got.data[i] != pattern_at(i))
            UNIT_FAIL("byte %zu differs", i);
}

static void contract_delivers_in_order(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.a);
    read_on(&talk.b);
    for (size_t round = 1; round <= 50; round++) {
        send_now(&talk.a, round * 7);
        TURN_UNTIL(&talk, talk.b.got.len == talk.a.sent_bytes);
        send_now(&talk.b, round * 13);
        TURN_UNTIL(&talk, talk.a.got.len == talk.b.sent_bytes);
    }
    is_whole(&talk.b, &talk.a);
    is_whole(&talk.a, &talk.b);
    EQUAL(talk.a.drained + talk.b.drained, 0);
    IS(fr_outbox_is_empty(&talk.a.outbox));
    finish(&talk);
}

static void contract_is_silent_until_read(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    send_now(&talk.b, 100);
    settle_down(&talk);
    EQUAL(talk.a.received, 0);
    read_on(&talk.a);
    TURN_UNTIL(&talk, talk.a.got.len == 100);
    is_whole(&talk.a, &talk.b);
    finish(&talk);
}

static void contract_reads_nothing_when_off(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.a);
    send_now(&talk.b, 10);
    TURN_UNTIL(&talk, talk.a.got.len == 10);
    read_off(&talk.a);
    for (int i = 0; i < 3; i++) {
        send_now(&talk.b, 1000);
        settle_down(&talk);
        EQUAL(talk.a.got.len, 10);
    }
    read_on(&talk.a);
    TURN_UNTIL(&talk, talk.a.got.len == talk.b.sent_bytes);
    is_whole(&talk.a, &talk.b);
    finish(&talk);
}

static void contract_read_off_and_on_again(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    for (int i = 0; i < 5; i++) {
        read_on(&talk.a);
        read_off(&talk.a);
        settle_down(&talk);
        read_on(&talk.a);
        read_on(&talk.a);
        send_now(&talk.b, 500);
        TURN_UNTIL(&talk, talk.a.got.len == talk.b.sent_bytes);
    }
    is_whole(&talk.a, &talk.b);
    finish(&talk);
}

static void contract_read_off_from_received(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    talk.a.after_received = read_off;
    send_now(&talk.b, 2 * FR_LOOP_SCRATCH_BYTES + 1);
    while (talk.a.got.len < talk.b.sent_bytes) {
        unsigned before = talk.a.received;
        read_on(&talk.a);
        TURN_UNTIL(&talk, talk.a.received > before);
        settle_down(&talk);
        EQUAL(talk.a.received, before + 1);
    }
    is_whole(&talk.a, &talk.b);
    finish(&talk);
}

static void contract_flush_in_part(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    send_now(&talk.a, MUCH_BYTES);
    IS(talk.a.outbox.bytes > 0);
    EQUAL(talk.a.drained, 0);
    settle_down(&talk);
    IS(talk.a.outbox.bytes > 0);
    send_now(&talk.a, 1000);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.got.len == talk.a.sent_bytes);
    TURN_UNTIL(&talk, talk.a.drained);
    settle_down(&talk);
    EQUAL(talk.a.drained, 1);
    EQUAL(talk.a.outbox.bytes, 0);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

/* The reader takes a piece at a time, so that the writer's outbox falls to the mark while it is far from empty. */
static void contract_drained_at_low(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    talk.a.socket.low_bytes = MUCH_BYTES / 2;
    talk.b.after_received = read_off;
    for (unsigned round = 1; round <= 3; round++) {
        for (int i = 0; i < 400; i++)
            push(&talk.a, MUCH_BYTES / 400);
        EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
        IS(talk.a.outbox.bytes > talk.a.socket.low_bytes);
        while (talk.a.outbox.bytes > talk.a.socket.low_bytes) {
            EQUAL(talk.a.drained, round - 1);
            read_on(&talk.b);
            settle_down(&talk);
        }
        EQUAL(talk.a.drained, round);
        IS(talk.a.drained_bytes > 0);
        IS(talk.a.drained_bytes <= talk.a.socket.low_bytes);
        while (talk.b.got.len < talk.a.sent_bytes) {
            read_on(&talk.b);
            fr_loop_turn(talk.loop, 100);
        }
        settle_down(&talk);
        EQUAL(talk.a.drained, round);
    }
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void send_another_megabyte(struct side *side)
{
    if (side->sent_bytes < 4 * MUCH_BYTES)
        send_now(side, 1u << 20);
}

static void contract_drained_may_flush(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    talk.a.after_drained = send_another_megabyte;
    send_now(&talk.a, MUCH_BYTES);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.got.len == 4 * MUCH_BYTES);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void contract_more_is_sent_at_last(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.b);
    push(&talk.a, 100);
    EQUAL(talk.a.ops->flush(&talk.a.socket, true), 0);
    uint64_t began_ns = fr_clock_monotonic_ns();
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    TURN_UNTIL(&talk, talk.b.got.len == 100);
    IS(fr_clock_monotonic_ns() - began_ns < 150000000u); /* the kernel would wait 200 ms for more */
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void contract_end_is_heard_once(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.b);
    settle_down(&talk);
    talk.a.ops->end(&talk.a.socket);
    TURN_UNTIL(&talk, talk.b.ended);
    read_off(&talk.b);
    read_on(&talk.b);
    settle_down(&talk);
    EQUAL(talk.b.ended, 1);
    EQUAL(talk.b.received, 0);
    EQUAL(talk.b.failed, 0);
    finish(&talk);
}

static void contract_end_comes_after_the_bytes(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    send_now(&talk.a, 5000);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.got.len == 5000);
    read_off(&talk.b);
    send_now(&talk.a, 5000);
    talk.a.ops->end(&talk.a.socket);
    settle_down(&talk);
    EQUAL(talk.b.ended, 0);
    EQUAL(talk.b.got.len, 5000);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.ended);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void contract_half_closed_still_sends(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.a);
    read_on(&talk.b);
    talk.a.ops->end(&talk.a.socket);
    TURN_UNTIL(&talk, talk.b.ended);
    send_now(&talk.b, MUCH_BYTES);
    TURN_UNTIL(&talk, talk.a.got.len == MUCH_BYTES);
    is_whole(&talk.a, &talk.b);
    talk.b.ops->end(&talk.b.socket);
    TURN_UNTIL(&talk, talk.a.ended);
    finish(&talk);
}

static void contract_reset_is_failed(const struct contract_transport *it)
{
    struct talk talk;
    begin_alone(&talk, it);
    read_on(&talk.a);
    send_now(&talk.a, 1);
    settle_down(&talk);
    it->reset(talk.loop, talk.fds[1]);
    TURN_UNTIL(&talk, talk.a.failed);
    EQUAL(talk.a.error, ECONNRESET);
    settle_down(&talk);
    EQUAL(talk.a.failed, 1);
    EQUAL(talk.a.ended, 0);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), FR_E_GONE);
    finish(&talk);
}

static void contract_reset_while_stuck(const struct contract_transport *it)
{
    struct talk talk;
    begin_alone(&talk, it);
    send_now(&talk.a, MUCH_BYTES);
    settle_down(&talk);
    it->reset(talk.loop, talk.fds[1]);
    TURN_UNTIL(&talk, talk.a.failed);
    settle_down(&talk);
    EQUAL(talk.a.failed, 1);
    EQUAL(talk.a.drained, 0);
    finish(&talk);
}

static void contract_reset_while_reading_is_off(const struct contract_transport *it)
{
    struct talk talk;
    begin_alone(&talk, it);
    read_on(&talk.a);
    send_now(&talk.a, 1);
    settle_down(&talk);
    read_off(&talk.a);
    it->reset(talk.loop, talk.fds[1]);
    TURN_UNTIL(&talk, talk.a.failed);
    EQUAL(talk.a.error, ECONNRESET);
    finish(&talk);
}

static void contract_flush_after_reset_is_gone(const struct contract_transport *it)
{
    struct talk talk;
    begin_alone(&talk, it);
    read_on(&talk.a);
    send_now(&talk.a, 1);
    it->reset(talk.loop, talk.fds[1]);
    push(&talk.a, 1);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), FR_E_GONE);
    EQUAL(talk.a.failed, 0);
    settle_down(&talk);
    EQUAL(talk.a.failed, 0);
    finish(&talk);
}

static void contract_closed_comes_last(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.a);
    send_now(&talk.a, MUCH_BYTES);
    send_now(&talk.b, 100);
    close_side(&talk.a);
    talk.a.ops->close(&talk.a.socket);
    EQUAL(talk.a.closed, 0);
    TURN_UNTIL(&talk, talk.a.closed);
    EQUAL(talk.a.received, 0);
    EQUAL(talk.a.drained, 0);
    finish(&talk);
}

static void contract_close_from_received(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    talk.a.after_received = close_side;
    read_on(&talk.a);
    send_now(&talk.b, 2 * FR_LOOP_SCRATCH_BYTES);
    TURN_UNTIL(&talk, talk.a.closed);
    EQUAL(talk.a.received, 1);
    finish(&talk);
}

static void contract_close_from_drained(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    talk.a.after_drained = close_side;
    send_now(&talk.a, MUCH_BYTES);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.a.closed && (talk.b.ended || talk.b.failed));
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void contract_peer_sees_close(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    read_on(&talk.b);
    send_now(&talk.a, 777);
    close_side(&talk.a);
    TURN_UNTIL(&talk, talk.b.ended);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void count_release(void *owner)
{
    ++*(unsigned *)owner;
}

/* A file of the pattern from `position` on, behind `offset` bytes of something else; to be closed. */
static int make_file(size_t position, size_t offset, size_t len)
{
    FILE *file = tmpfile();
    IS(file != NULL);
    for (size_t i = 0; i < offset; i++)
        putc('#', file);
    for (size_t i = 0; i < len; i++)
        putc((unsigned char)pattern_at(position + i), file);
    EQUAL(fflush(file), 0);
    int fd = dup(fileno(file));
    IS(fd >= 0);
    fclose(file);
    return fd;
}

static void push_file(struct side *side, int file, size_t offset, size_t len, unsigned *released)
{
    struct fr_chunk chunk = {
        .bytes = {NULL, len}, .file = file, .offset = (int64_t)offset, .release = count_release, .owner = released};
    fr_outbox_push(&side->outbox, &chunk);
    side->sent_bytes += len;
}

static void contract_file_pieces(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    unsigned released = 0;
    push(&talk.a, 300);
    int first = make_file(talk.a.sent_bytes, 17, MUCH_BYTES);
    push_file(&talk.a, first, 17, MUCH_BYTES, &released);
    push(&talk.a, 5000);
    int second = make_file(talk.a.sent_bytes, 0, 1);
    push_file(&talk.a, second, 0, 1, &released);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    EQUAL(released, 0);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.got.len == talk.a.sent_bytes);
    is_whole(&talk.b, &talk.a);
    EQUAL(released, 2);
    close(first);
    close(second);
    finish(&talk);
}

static void contract_short_file_is_failed(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    unsigned released = 0;
    push(&talk.a, 300);
    int file = make_file(talk.a.sent_bytes, 0, 1000);
    push_file(&talk.a, file, 0, 1001, &released);
    read_on(&talk.b);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    EQUAL(talk.a.failed, 0);
    TURN_UNTIL(&talk, talk.a.failed);
    EQUAL(talk.a.error, EIO);
    TURN_UNTIL(&talk, talk.b.got.len == 1300);
    finish(&talk);
    EQUAL(released, 1);
    close(file);
}

static void contract_large_both_ways(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    talk.a.after_drained = talk.b.after_drained = send_another_megabyte;
    read_on(&talk.a);
    read_on(&talk.b);
    send_now(&talk.a, MUCH_BYTES);
    send_now(&talk.b, MUCH_BYTES);
    TURN_UNTIL(&talk, talk.a.got.len >= MUCH_BYTES && talk.b.got.len >= MUCH_BYTES);
    TURN_UNTIL(&talk, talk.a.got.len == talk.b.sent_bytes && talk.b.got.len == talk.a.sent_bytes);
    is_whole(&talk.a, &talk.b);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

static void contract_many_pieces(const struct contract_transport *it)
{
    struct talk talk;
    begin(&talk, it);
    for (size_t i = 0; i < 300; i++) {
        push(&talk.a, 2049 + i);
        push(&talk.a, 1 + i);
    }
    read_on(&talk.b);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    TURN_UNTIL(&talk, talk.b.got.len == talk.a.sent_bytes);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}

#define CONTRACT_CLAUSE(it, clause) \
    TEST(it##_##clause)             \
    {                               \
        contract_##clause(&it);     \
    }

#define CONTRACT_TRANSPORT(it)                      \
    CONTRACT_CLAUSE(it, delivers_in_order)          \
    CONTRACT_CLAUSE(it, is_silent_until_read)       \
    CONTRACT_CLAUSE(it, reads_nothing_when_off)     \
    CONTRACT_CLAUSE(it, read_off_and_on_again)      \
    CONTRACT_CLAUSE(it, read_off_from_received)     \
    CONTRACT_CLAUSE(it, flush_in_part)              \
    CONTRACT_CLAUSE(it, drained_at_low)             \
    CONTRACT_CLAUSE(it, drained_may_flush)          \
    CONTRACT_CLAUSE(it, more_is_sent_at_last)       \
    CONTRACT_CLAUSE(it, end_is_heard_once)          \
    CONTRACT_CLAUSE(it, end_comes_after_the_bytes)  \
    CONTRACT_CLAUSE(it, half_closed_still_sends)    \
    CONTRACT_CLAUSE(it, reset_is_failed)            \
    CONTRACT_CLAUSE(it, reset_while_stuck)          \
    CONTRACT_CLAUSE(it, reset_while_reading_is_off) \
    CONTRACT_CLAUSE(it, flush_after_reset_is_gone)  \
    CONTRACT_CLAUSE(it, closed_comes_last)          \
    CONTRACT_CLAUSE(it, close_from_received)        \
    CONTRACT_CLAUSE(it, close_from_drained)         \
    CONTRACT_CLAUSE(it, peer_sees_close)            \
    CONTRACT_CLAUSE(it, file_pieces)                \
    CONTRACT_CLAUSE(it, short_file_is_failed)       \
    CONTRACT_CLAUSE(it, large_both_ways)            \
    CONTRACT_CLAUSE(it, many_pieces)

#endif
