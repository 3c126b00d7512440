/* server/channel.c: everything passes both ways, in order, and nothing but closed() after close. */
#include "server/channel.h"

#include <errno.h>

#include "fakes/memory_transport.h"
#include "unit.h"

static struct {
    char received[100];
    size_t received_len;
    unsigned ended, drained, failed, closed;
    int error;
    bool close_in_received;
} heard;

static void on_received(struct fr_channel *channel, fr_span plaintext)
{
    IS(heard.received_len + plaintext.len <= sizeof heard.received);
    memcpy(heard.received + heard.received_len, plaintext.data, plaintext.len);
    heard.received_len += plaintext.len;
    if (heard.close_in_received)
        fr_channel_close(channel, true);
}

static void on_ended(struct fr_channel *channel)
{
    (void)channel;
    heard.ended++;
}

static void on_drained(struct fr_channel *channel)
{
    (void)channel;
    heard.drained++;
}

static void on_failed(struct fr_channel *channel, int error)
{
    (void)channel;
    heard.failed++;
    heard.error = error;
}

static void on_closed(struct fr_channel *channel)
{
    IS(fr_outbox_is_empty(&channel->outbox));
    heard.closed++;
}

static const struct fr_channel_events events = {
    .received = on_received,
    .ended = on_ended,
    .drained = on_drained,
    .failed = on_failed,
    .closed = on_closed,
};

struct pair {
    struct fr_loop *loop;
    struct fr_channel channel;
    void *storage;
    int peer;
};

static void open_pair(struct pair *pair)
{
    int error = 0, ends[2];
    memset(pair, 0, sizeof *pair);
    pair->loop = fr_loop_open(&fr_transport_memory, &error);
    IS(pair->loop);
    pair->storage = calloc(1, fr_transport_memory.socket_size);
    memory_pair(pair->loop, ends);
    pair->peer = ends[1];
    EQUAL(fr_channel_open(&pair->channel, pair->loop, &fr_transport_memory, &events, pair->storage, 10, ends[0]), 0);
}

static void turn(struct pair *pair)
{
    do
        fr_loop_turn(pair->loop, 0);
    while (fr_loop_timeout_ms(pair->loop) == 0);
}

static void close_pair(struct pair *pair)
{
    fr_channel_close(&pair->channel, true);
    fr_channel_close(&pair->channel, true);
    EQUAL(heard.closed, 0); /* from the loop, never from inside */
    turn(pair);
    EQUAL(heard.closed, 1);
    EQUAL(fr_pool_taken(fr_loop_pool(pair->loop)), 0);
    fr_loop_close(pair->loop);
    free(pair->storage);
}

TEST(bytes_pass_both_ways)
{
    struct pair pair;
    open_pair(&pair);
    memory_send(pair.loop, pair.peer, FR_SPAN("in"));
    turn(&pair);
    EQUAL(heard.received_len, 0); /* not reading yet */
    fr_channel_read(&pair.channel, true);
    turn(&pair);
    SAME(fr_span_of(heard.received, heard.received_len), "in");
    fr_outbox_copy(&pair.channel.outbox, FR_SPAN("out"));
    EQUAL(fr_channel_flush(&pair.channel, false), 0);
    SAME(memory_take(pair.loop, pair.peer, 10), "out");
    close_pair(&pair);
}

TEST(drained_follows_a_flush_that_left_more)
{
    struct pair pair;
    open_pair(&pair);
    memory_set_capacity(pair.loop, pair.peer, 5);
    fr_outbox_copy(&pair.channel.outbox, FR_SPAN("twenty bytes of text"));
    EQUAL(fr_channel_flush(&pair.channel, false), 0);
    EQUAL(pair.channel.outbox.bytes, 15);
    turn(&pair);
    EQUAL(heard.drained, 0);
    SAME(memory_take(pair.loop, pair.peer, 10), "twent");
    turn(&pair);
    EQUAL(heard.drained, 1);
    close_pair(&pair);
}

TEST(ends_are_told_in_both_directions)
{
    struct pair pair;
    open_pair(&pair);
    fr_channel_read(&pair.channel, true);
    memory_end(pair.loop, pair.peer);
    turn(&pair);
    EQUAL(heard.ended, 1);
    IS(!memory_has_ended(pair.loop, pair.peer));
    fr_channel_end(&pair.channel, true);
    IS(memory_has_ended(pair.loop, pair.peer));
    close_pair(&pair);
}

TEST(a_reset_fails)
{
    struct pair pair;
    open_pair(&pair);
    fr_channel_read(&pair.channel, true);
    memory_reset(pair.loop, pair.peer);
    turn(&pair);
    EQUAL(heard.failed, 1);
    EQUAL(heard.error, ECONNRESET);
    fr_outbox_copy(&pair.channel.outbox, FR_SPAN("out"));
    EQUAL(fr_channel_flush(&pair.channel, false), FR_E_GONE);
    close_pair(&pair);
}

TEST(nothing_but_closed_comes_after_close)
{
    struct pair pair;
    open_pair(&pair);
    fr_channel_read(&pair.channel, true);
    heard.close_in_received = true;
    memory_send(pair.loop, pair.peer, FR_SPAN("once"));
    fr_loop_turn(pair.loop, 0);
    memory_end(pair.loop, pair.peer);
    turn(&pair);
    EQUAL(heard.received_len, 4);
    EQUAL(heard.ended, 0);
    EQUAL(heard.closed, 1);
    heard.closed = 0;
    fr_loop_close(pair.loop);
    free(pair.storage);
}

static void count_release(void *owner)
{
    ++*(unsigned *)owner;
}

TEST(what_was_queued_is_let_go_of_when_closed)
{
    struct pair pair;
    unsigned released = 0;
    static const char bytes[FR_OUTBOX_COPY_BYTES_MAX + 1];
    open_pair(&pair);
    struct fr_chunk chunk = {fr_span_of(bytes, sizeof bytes), -1, 0, count_release, &released};
    fr_outbox_push(&pair.channel.outbox, &chunk);
    fr_channel_close(&pair.channel, true);
    EQUAL(released, 0);
    turn(&pair);
    EQUAL(released, 1);
    heard.closed = 0;
    EQUAL(fr_pool_taken(fr_loop_pool(pair.loop)), 0);
    fr_loop_close(pair.loop);
    free(pair.storage);
}
