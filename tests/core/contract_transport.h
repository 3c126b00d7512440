/* tests/core/contract_transport.h - What every transport must do: one TEST per clause, run on each of them.
 *
 * A program describes its transport and calls CONTRACT_TRANSPORT(it). */
#ifndef FR_TESTS_CONTRACT_TRANSPORT_H
#define FR_TESTS_CONTRACT_TRANSPORT_H

#include <errno.h>

#include "transport_talk.h"

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
