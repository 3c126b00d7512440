/* tests/core/fakes/wire.c - Every entry into the protocol is followed by a turn, as in server/connection.c. */
#include "fakes/wire.h"

#include <assert.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

#define WRITTEN_BYTES_MAX (64u << 20)

/* Storage of the protocol, with the way back. */
struct stage {
    struct wire *wire;
    struct fr_protocol protocol;
};

static struct wire *wire_of(struct fr_protocol *protocol)
{
    return ((struct stage *)(void *)((char *)protocol - offsetof(struct stage, protocol)))->wire;
}

static void append(struct fr_buffer *buffer, fr_span bytes)
{
    int error = bytes.len ? fr_buffer_append(buffer, bytes) : 0;
    assert(!error);
    (void)error;
}

static void write_file(struct wire *wire, int file, int64_t offset, size_t len)
{
    char *room = fr_buffer_reserve(&wire->output, len);
    ssize_t got = pread(file, room, len, (off_t)offset);
    assert(got == (ssize_t)len);
    wire->output.len += (size_t)got;
    fr_outbox_consume(&wire->outbox, len);
}

static void write_all(struct wire *wire)
{
    while (!wire->is_stuck && !fr_outbox_is_empty(&wire->outbox)) {
        struct iovec vectors[8];
        size_t len = 0;
        int64_t offset;
        int file, count = fr_outbox_gather(&wire->outbox, vectors, 8);
        if (count == 0 && fr_outbox_file(&wire->outbox, &file, &offset, &len)) {
            write_file(wire, file, offset, len);
            continue;
        }
        for (int i = 0; i < count; i++) {
            append(&wire->output, fr_span_of(vectors[i].iov_base, vectors[i].iov_len));
            len += vectors[i].iov_len;
        }
        fr_outbox_consume(&wire->outbox, len);
    }
}

static void on_output(struct fr_protocol *protocol)
{
    wire_of(protocol)->outputs++;
}

static void on_flush(struct fr_protocol *protocol, bool more)
{
    struct wire *wire = wire_of(protocol);
    (void)more;
    wire->flushes++;
    if (wire->drops_on_flush)
        wire_drop(wire, FR_CLOSE_PEER_RESET);
    else
        write_all(wire);
}

static void on_begun(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    assert(exchange->head && exchange->state == FR_EXCHANGE_BEGUN);
    wire_of(protocol)->begun++;
}

static void on_ended(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    struct wire *wire = wire_of(protocol);
    wire->ended++;
    wire->ended_status = exchange->status;
    wire->ended_state = exchange->state;
    wire->ended_bytes = exchange->response_bytes;
}

static void on_refused(struct fr_protocol *protocol, int error, int status)
{
    struct wire *wire = wire_of(protocol);
    wire->refused++;
    wire->refused_error = error;
    wire->refused_status = status;
}

static const struct fr_protocol_events events = {
    .output = on_output,
    .flush = on_flush,
    .begun = on_begun,
    .ended = on_ended,
    .refused = on_refused,
};

/* Hands bytes over in memory of their own, so that neither reading past them nor keeping them goes unseen. */
static void hand_over(struct wire *wire, fr_span bytes)
{
    char *copy = bytes.len ? fr_alloc(bytes.len) : NULL;
    if (bytes.len)
        memcpy(copy, bytes.data, bytes.len);
    int error = wire->protocol->ops->receive(wire->protocol, fr_span_of(copy, bytes.len));
    assert(!error || wire->protocol->finished);
    if (!wire->error)
        wire->error = error;
    fr_free(copy);
}

static void read_unread(struct wire *wire)
{
    struct fr_buffer bytes = wire->unread;
    fr_buffer_init(&wire->unread, WRITTEN_BYTES_MAX);
    hand_over(wire, fr_buffer_span(&bytes));
    fr_buffer_free(&bytes);
}

void wire_turn(struct wire *wire)
{
    struct fr_protocol *protocol = wire->protocol;
    bool goes_on = true;
    while (goes_on && !wire->is_closed) {
        write_all(wire);
        bool has_room = wire->outbox.bytes <= wire->limits.write_low_bytes;
        goes_on = true;
        if (protocol->finished)
            goes_on = false;
        else if (protocol->awaits_writable && has_room)
            protocol->ops->signal(protocol, FR_SIGNAL_WRITABLE);
        else if (protocol->resume)
            hand_over(wire, (fr_span){NULL, 0});
        else if (!protocol->paused && wire->unread.len)
            read_unread(wire);
        else
            goes_on = false;
    }
}

void wire_open(struct wire *wire, const struct fr_protocol_ops *ops, struct fr_application *application)
{
    struct fr_limits limits;
    fr_limits_init(&limits);
    wire_open_with(wire, ops, application, &limits);
}

void wire_open_with(struct wire *wire, const struct fr_protocol_ops *ops, struct fr_application *application,
                    const struct fr_limits *limits)
{
    memset(wire, 0, sizeof *wire);
    wire->limits = *limits;
    wire->policy = (struct fr_response_policy){.server = FR_SPAN("freastal"), .date = true};
    fr_clock_init(&wire->clock);
    fr_clock_advance(&wire->clock, 0);
    wire->clock.wall_s = 784111777;
    wire->pool = fr_pool_open(1u << 20);
    fr_outbox_init(&wire->outbox, wire->pool);
    fr_buffer_init(&wire->unread, WRITTEN_BYTES_MAX);
    fr_buffer_init(&wire->output, WRITTEN_BYTES_MAX);
    wire->scratch.headers = wire->fields;
    wire->scratch.header_capacity = WIRE_FIELDS_MAX;
    wire->peer.local = &wire->local;

    struct stage *stage = fr_alloc_zero(offsetof(struct stage, protocol) + ops->size);
    stage->wire = wire;
    wire->protocol = &stage->protocol;
    stage->protocol = (struct fr_protocol){
        .ops = ops,
        .events = &events,
        .outbox = &wire->outbox,
        .application = application,
        .pool = wire->pool,
        .clock = &wire->clock,
        .limits = &wire->limits,
        .log = &wire->log,
        .policy = &wire->policy,
        .peer = &wire->peer,
        .scratch = &wire->scratch,
    };
    int error = ops->open(wire->protocol);
    assert(!error);
    (void)error;
}

void wire_send(struct wire *wire, fr_span bytes)
{
    if (wire->protocol->paused && !wire->protocol->finished)
        append(&wire->unread, bytes);
    else
        hand_over(wire, bytes);
    wire_turn(wire);
}

void wire_signal(struct wire *wire, enum fr_protocol_signal signal)
{
    wire->protocol->ops->signal(wire->protocol, signal);
    wire_turn(wire);
}

void wire_drop(struct wire *wire, enum fr_close_reason reason)
{
    wire->protocol->ops->close(wire->protocol, reason);
    wire->is_closed = true;
    fr_outbox_clear(&wire->outbox);
}

fr_span wire_take(struct wire *wire)
{
    /* The last contents stay readable until the next call: the buffer is only marked as used up. */
    fr_span all = fr_buffer_span(&wire->output);
    fr_span fresh = all.len > wire->taken ? fr_span_skip(all, wire->taken) : FR_SPAN("");
    wire->taken = all.len;
    return fresh;
}

void wire_close(struct wire *wire)
{
    if (!wire->is_closed)
        wire_drop(wire, FR_CLOSE_STOP);
    fr_outbox_clear(&wire->outbox);
    fr_buffer_free(&wire->unread);
    fr_buffer_free(&wire->output);
    fr_free((char *)wire->protocol - offsetof(struct stage, protocol));
    assert(fr_pool_taken(wire->pool) == 0);
    fr_pool_close(wire->pool);
}
