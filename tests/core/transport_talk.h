/* tests/core/transport_talk.h - Two sockets that talk to each other on one loop.
 *
 * What is sent follows a pattern, so that a byte lost, doubled or moved is seen at once; what is heard is counted, and
 * what must not be heard is a failure. */
#ifndef FR_TESTS_TRANSPORT_TALK_H
#define FR_TESTS_TRANSPORT_TALK_H

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

#endif
