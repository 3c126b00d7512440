/* server/connection.c by its rules, with a protocol that does what the test tells it. */
#include "server/connection.h"

#include "http1/connection.h"
#include "scripted_protocol.h"

/* ---- memory ---- */

TEST(an_idle_connection_is_small)
{
    IS(fr_connection_bytes(&fr_http1, &fr_transport_uv) <= 768);
}

TEST(memory_comes_back)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    EQUAL(stage.shared.count, 1);
    EQUAL(stage.stats.connections_open, 1);
    fr_connection_close(stage_connection(&stage), FR_CLOSE_STOP);
    EQUAL(script.closed, FR_CLOSE_NONE); /* marked, not closed: perhaps the caller is inside it */
    stage_turn(&stage);
    EQUAL(script.closed, FR_CLOSE_STOP);
    IS(memory_has_closed(stage.loop, end));
    EQUAL(stage.closed, 1);
    IS(strstr(stage.said, "the worker is stopping now"));
    stage_close(&stage);
}

/* ---- output ---- */

static void answer_in_pieces(struct fr_protocol *protocol)
{
    say(protocol, "a");
    protocol->events->output(protocol);
    say(protocol, "b");
}

TEST(output_of_one_read_is_written_once)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = answer_in_pieces;
    send_text(&stage, end, "?");
    EQUAL(memory_flushes(stage.loop, end), 1);
    SAME(memory_take(stage.loop, end, 100), "ab");
    EQUAL(stage.stats.bytes_received, 1);
    EQUAL(stage.stats.bytes_sent, 2);
    close_all(&stage);
}

TEST(later_output_is_written_once_before_the_loop_sleeps)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    answer_in_pieces(stage_connection(&stage)->protocol);
    answer_in_pieces(stage_connection(&stage)->protocol);
    EQUAL(memory_flushes(stage.loop, end), 0);
    stage_turn(&stage);
    EQUAL(memory_flushes(stage.loop, end), 1);
    SAME(memory_take(stage.loop, end, 100), "abab");
    close_all(&stage);
}

static int flushed_end;
static struct stage *flushed_stage;

static void flush_half_way(struct fr_protocol *protocol)
{
    say(protocol, "a");
    protocol->events->flush(protocol, false);
    EQUAL(memory_flushes(flushed_stage->loop, flushed_end), 1);
    say(protocol, "b");
}

TEST(flush_writes_now)
{
    struct stage stage;
    stage_open(&stage, NULL);
    flushed_stage = &stage;
    flushed_end = stage_connect(&stage, &scripted);
    script.on_receive = flush_half_way;
    send_text(&stage, flushed_end, "?");
    EQUAL(memory_flushes(stage.loop, flushed_end), 2);
    SAME(memory_take(stage.loop, flushed_end, 100), "ab");
    close_all(&stage);
}

static void flush_to_nobody(struct fr_protocol *protocol)
{
    memory_reset(flushed_stage->loop, flushed_end);
    say(protocol, "a");
    protocol->events->flush(protocol, false);
    EQUAL(script.closed, FR_CLOSE_NONE); /* not from inside its own call */
}

TEST(flush_that_finds_the_peer_gone_closes_later)
{
    struct stage stage;
    stage_open(&stage, NULL);
    flushed_stage = &stage;
    flushed_end = stage_connect(&stage, &scripted);
    script.on_receive = flush_to_nobody;
    send_text(&stage, flushed_end, "?");
    EQUAL(script.closed, FR_CLOSE_PEER_RESET);
    stage_close(&stage);
}

/* ---- backpressure ---- */

TEST(paused_is_not_read)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    struct fr_protocol *protocol = stage_connection(&stage)->protocol;
    IS(memory_is_read(stage.loop, end));
    protocol->paused = true;
    protocol->events->output(protocol);
    stage_turn(&stage);
    IS(!memory_is_read(stage.loop, end));
    send_text(&stage, end, "?");
    EQUAL(script.receives, 0);
    protocol->paused = false;
    protocol->events->output(protocol);
    stage_turn(&stage);
    EQUAL(script.receives, 1);
    close_all(&stage);
}

static void resume_twice(struct fr_protocol *protocol)
{
    protocol->resume = script.receives < 3;
}

TEST(what_waits_inside_is_resumed_without_bytes)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = resume_twice;
    send_text(&stage, end, "abc");
    EQUAL(script.receives, 3);
    SAME(fr_span_of(script.received, script.received_len), "abc");
    close_all(&stage);
}

static void say_more_than_fits(struct fr_protocol *protocol)
{
    say_much(protocol, 100000);
    protocol->awaits_writable = true;
}

static void note_room(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    if (signal == FR_SIGNAL_WRITABLE)
        protocol->awaits_writable = false;
}

TEST(writable_is_told_at_the_low_mark)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = say_more_than_fits;
    script.on_signal = note_room;
    memory_set_capacity(stage.loop, end, 1000);
    send_text(&stage, end, "?");
    size_t left = 100000;
    while (left - 1000 > stage.limits.write_low_bytes) {
        EQUAL(script.signals[FR_SIGNAL_WRITABLE], 0);
        EQUAL(memory_take(stage.loop, end, 1000).len, 1000);
        stage_turn(&stage);
        left -= 1000;
    }
    EQUAL(script.signals[FR_SIGNAL_WRITABLE], 1);
    while (left > 0) {
        left -= memory_take(stage.loop, end, 1000).len;
        stage_turn(&stage);
    }
    EQUAL(script.signals[FR_SIGNAL_WRITABLE], 1);
    EQUAL(stage.stats.bytes_sent, 100000);
    close_all(&stage);
}

TEST(writable_is_told_when_one_write_took_everything)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = say_more_than_fits;
    script.on_signal = note_room;
    memory_set_capacity(stage.loop, end, 1000000);
    send_text(&stage, end, "?");
    EQUAL(script.signals[FR_SIGNAL_WRITABLE], 1);
    close_all(&stage);
}

/* A stream without end, to a peer that takes everything. */
static void refill(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    if (signal == FR_SIGNAL_WRITABLE)
        say_much(protocol, 20000);
}

TEST(an_endless_stream_leaves_turns_to_others)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = say_more_than_fits;
    script.on_signal = refill;
    memory_set_capacity(stage.loop, end, SIZE_MAX / 4);
    memory_send(stage.loop, end, FR_SPAN("?"));
    unsigned before = 0;
    for (int turn = 0; turn < 20; turn++) {
        fr_loop_turn(stage.loop, 0);
        IS(script.signals[FR_SIGNAL_WRITABLE] - before <= 4 * 8); /* refills in a settle, settles in a turn */
        before = script.signals[FR_SIGNAL_WRITABLE];
    }
    IS(before > 20);
    script.on_signal = note_room;
    close_all(&stage);
}

/* ---- the way out ---- */

TEST(a_finished_one_closes_when_all_is_written)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    memory_set_capacity(stage.loop, end, 3);
    say(stage_connection(&stage)->protocol, "abcdef");
    finish(stage_connection(&stage)->protocol, FR_PHASE_IDLE);
    enter_phase(&stage, FR_PHASE_IDLE);
    EQUAL(script.closed, FR_CLOSE_NONE);
    SAME(memory_take(stage.loop, end, 3), "abc");
    stage_turn(&stage);
    EQUAL(script.closed, FR_CLOSE_FINISHED);
    SAME(memory_take(stage.loop, end, 3), "def");
    IS(memory_has_closed(stage.loop, end));
    stage_close(&stage);
}

static void refuse(struct fr_protocol *protocol)
{
    say(protocol, "no");
    finish(protocol, FR_PHASE_LINGER);
}

TEST(lingering_drops_what_comes_until_the_peer_ends)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = refuse;
    send_text(&stage, end, "a bad request");
    SAME(memory_take(stage.loop, end, 100), "no");
    IS(memory_has_ended(stage.loop, end));
    IS(!memory_has_closed(stage.loop, end));
    send_text(&stage, end, "the rest of it");
    EQUAL(script.receives, 1);
    memory_end(stage.loop, end);
    stage_turn(&stage);
    EQUAL(script.closed, FR_CLOSE_FINISHED);
    stage_close(&stage);
}

TEST(lingering_has_an_end)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = refuse;
    send_text(&stage, end, "a bad request");
    for (int i = 0; i < 4; i++) {
        EQUAL(script.closed, FR_CLOSE_NONE);
        stage_wait(&stage, 490);
        send_text(&stage, end, "more and more");
    }
    stage_wait(&stage, 100);
    EQUAL(script.closed, FR_CLOSE_FINISHED);
    stage_close(&stage);
}

TEST(a_paused_one_reads_again_when_it_lingers)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    script.on_receive = refuse;
    stage_connection(&stage)->protocol->paused = true;
    send_text(&stage, end, "a bad request");
    IS(memory_is_read(stage.loop, end));
    close_all(&stage);
}

TEST(a_peer_that_had_ended_needs_no_lingering)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    memory_end(stage.loop, end);
    stage_turn(&stage);
    EQUAL(script.signals[FR_SIGNAL_PEER_ENDED], 1);
    EQUAL(script.closed, FR_CLOSE_NONE); /* the answer may still be due */
    finish(stage_connection(&stage)->protocol, FR_PHASE_LINGER);
    enter_phase(&stage, FR_PHASE_LINGER);
    EQUAL(script.closed, FR_CLOSE_FINISHED);
    stage_close(&stage);
}

TEST(a_reset_closes)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &scripted);
    memory_reset(stage.loop, end);
    stage_turn(&stage);
    EQUAL(script.closed, FR_CLOSE_PEER_RESET);
    stage_close(&stage);
}

static void close_in_receive(struct fr_protocol *protocol)
{
    struct fr_connection *connection = stage_connection(flushed_stage);
    say(protocol, "never sent");
    fr_connection_close(connection, FR_CLOSE_LIMIT);
    fr_connection_close(connection, FR_CLOSE_STOP);
    EQUAL(script.closed, FR_CLOSE_NONE);
}

TEST(closing_inside_a_call_waits_for_its_end_and_keeps_the_first_reason)
{
    struct stage stage;
    stage_open(&stage, NULL);
    flushed_stage = &stage;
    int end = stage_connect(&stage, &scripted);
    script.on_receive = close_in_receive;
    send_text(&stage, end, "?");
    EQUAL(script.closed, FR_CLOSE_LIMIT);
    EQUAL(memory_take(stage.loop, end, 100).len, 0);
    stage_close(&stage);
}

TEST(draining_is_told_once)
{
    struct stage stage;
    stage_open(&stage, NULL);
    stage_connect(&stage, &scripted);
    fr_connection_drain(stage_connection(&stage));
    fr_connection_drain(stage_connection(&stage));
    stage_turn(&stage);
    fr_connection_drain(stage_connection(&stage));
    stage_turn(&stage);
    EQUAL(script.signals[FR_SIGNAL_DRAIN], 1);
    close_all(&stage);
}

TEST(a_protocol_that_does_not_open_is_closed)
{
    struct stage stage;
    stage_open(&stage, NULL);
    script.open_result = FR_E_SYSTEM;
    stage_connect(&stage, &scripted);
    EQUAL(script.closed, FR_CLOSE_SYSTEM);
    stage_close(&stage);
}
