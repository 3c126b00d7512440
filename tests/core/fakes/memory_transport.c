/* tests/core/fakes/memory_transport.c - The transport seam over two buffers.
 *
 * The ends live in the loop's state of the transport; a socket's storage holds its deferred, by which every
 * event comes from the loop. */
#include "memory_transport.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "net/loop_internal.h"

struct memory_wire_end {
    struct memory_wire_end *other;
    struct fr_buffer inbox; /* on the way to this end */
    struct fr_buffer taken; /* what memory_take lends */
    size_t capacity;
    unsigned flushes;
    struct fr_socket *socket; /* who opened this end; NULL: played by the test, or closed */
    bool ended;               /* nothing more will come from this end */
    bool closed;
    bool torn; /* the connection was reset */
};

struct memory_network {
    struct memory_wire_end **ends;
    size_t count;
};

struct memory_socket {
    struct fr_deferred deferred;
    struct fr_socket *socket;
    struct memory_wire_end *end;
    bool reading, told_end, stuck, owing, broken, closing;
};

static struct memory_wire_end *find_end(struct fr_loop *loop, int end)
{
    struct memory_network *network = loop->transport_state;
    assert(loop->transport == &fr_transport_memory);
    assert(end >= 0 && (size_t)end < network->count);
    return network->ends[end];
}

/* Something has changed at this end: its socket looks in the next turn. */
static void notify(struct memory_wire_end *end)
{
    if (end->socket) {
        struct memory_socket *own = end->socket->transport;
        fr_loop_defer(end->socket->loop, &own->deferred);
    }
}

static struct memory_wire_end *add_end(struct memory_network *network)
{
    struct memory_wire_end *end = fr_alloc_zero(sizeof *end);
    fr_buffer_init(&end->inbox, SIZE_MAX / 2);
    fr_buffer_init(&end->taken, SIZE_MAX / 2);
    end->capacity = MEMORY_CAPACITY_BYTES;
    network->ends = fr_realloc(network->ends, (network->count + 1) * sizeof *network->ends);
    network->ends[network->count++] = end;
    return end;
}

static void append(struct fr_buffer *buffer, fr_span bytes)
{
    int result = fr_buffer_append(buffer, bytes);
    assert(result == 0);
    (void)result;
}

/* ---- the test as a peer ---- */

void memory_pair(struct fr_loop *loop, int ends[2])
{
    struct memory_network *network = loop->transport_state;
    assert(loop->transport == &fr_transport_memory);
    ends[0] = (int)network->count;
    struct memory_wire_end *first = add_end(network);
    ends[1] = (int)network->count;
    struct memory_wire_end *second = add_end(network);
    first->other = second;
    second->other = first;
}

void memory_set_capacity(struct fr_loop *loop, int number, size_t bytes)
{
    struct memory_wire_end *end = find_end(loop, number);
    end->capacity = bytes;
    notify(end->other);
}

void memory_send(struct fr_loop *loop, int number, fr_span bytes)
{
    struct memory_wire_end *end = find_end(loop, number);
    assert(!end->ended && !end->torn);
    if (end->other->closed)
        return;
    append(&end->other->inbox, bytes);
    notify(end->other);
}

void memory_end(struct fr_loop *loop, int number)
{
    struct memory_wire_end *end = find_end(loop, number);
    end->ended = true;
    notify(end->other);
}

void memory_reset(struct fr_loop *loop, int number)
{
    struct memory_wire_end *end = find_end(loop, number);
    end->torn = end->other->torn = true;
    end->ended = end->closed = true;
    fr_buffer_consume(&end->inbox, end->inbox.len);
    notify(end->other);
}

fr_span memory_take(struct fr_loop *loop, int number, size_t len_max)
{
    struct memory_wire_end *end = find_end(loop, number);
    fr_span bytes = fr_buffer_span(&end->inbox);
    if (bytes.len > len_max)
        bytes.len = len_max;
    fr_buffer_consume(&end->taken, end->taken.len);
    append(&end->taken, bytes);
    fr_buffer_consume(&end->inbox, bytes.len);
    notify(end->other);
    return fr_buffer_span(&end->taken);
}

bool memory_has_ended(struct fr_loop *loop, int number)
{
    struct memory_wire_end *end = find_end(loop, number);
    return end->inbox.len == 0 && end->other->ended;
}

bool memory_has_closed(struct fr_loop *loop, int number)
{
    return find_end(loop, number)->other->closed;
}

unsigned memory_flushes(struct fr_loop *loop, int number)
{
    return find_end(loop, number)->flushes;
}

bool memory_is_read(struct fr_loop *loop, int number)
{
    struct fr_socket *socket = find_end(loop, number)->other->socket;
    return socket && ((struct memory_socket *)socket->transport)->reading;
}

/* ---- the transport ---- */

static int open_loop(struct fr_loop *loop, void **state)
{
    (void)loop;
    *state = fr_alloc_zero(sizeof(struct memory_network));
    return 0;
}

static void close_loop(struct fr_loop *loop, void *state)
{
    struct memory_network *network = state;
    (void)loop;
    for (size_t i = 0; i < network->count; i++) {
        fr_buffer_free(&network->ends[i]->inbox);
        fr_buffer_free(&network->ends[i]->taken);
        fr_free(network->ends[i]);
    }
    fr_free(network->ends);
    fr_free(network);
}

static void fail(struct memory_socket *own, int error)
{
    own->broken = true;
    own->reading = false;
    own->socket->events->failed(own->socket, error);
}

static void hand_out(struct memory_socket *own)
{
    struct memory_wire_end *end = own->end;
    size_t len = end->inbox.len < FR_LOOP_SCRATCH_BYTES ? end->inbox.len : FR_LOOP_SCRATCH_BYTES;
    if (len > 0) {
        char *bytes = fr_alloc(len);
        memcpy(bytes, end->inbox.data, len);
        fr_buffer_consume(&end->inbox, len);
        notify(end->other);
        own->socket->events->received(own->socket, fr_span_of(bytes, len));
        fr_free(bytes);
    } else if (end->torn) {
        fail(own, ECONNRESET);
    } else if (end->other->ended && !own->told_end) {
        own->told_end = true;
        own->reading = false;
        own->socket->events->ended(own->socket);
    }
}

/* The bytes of a file piece, read as the kernel would; 0 when the file is too short. */
static size_t read_file(const struct fr_outbox *outbox, char *bytes, size_t room)
{
    int file = -1;
    int64_t offset = 0;
    size_t len = 0;
    bool is_file = fr_outbox_file(outbox, &file, &offset, &len);
    assert(is_file);
    (void)is_file;
    ssize_t count = pread(file, bytes, len < room ? len : room, (off_t)offset);
    return count > 0 ? (size_t)count : 0;
}

/* Moves one piece, as far as there is room; 0 or an errno. */
static int write_piece(struct memory_socket *own, struct fr_outbox *outbox, struct memory_wire_end *other)
{
    if (own->end->torn || other->closed)
        return own->end->torn ? ECONNRESET : EPIPE;
    size_t room = other->capacity > other->inbox.len ? other->capacity - other->inbox.len : 0;
    struct iovec vector;
    char file_bytes[4096];
    if (fr_outbox_gather(outbox, &vector, 1) == 0) {
        vector.iov_base = file_bytes;
        vector.iov_len = read_file(outbox, file_bytes, sizeof file_bytes);
        if (vector.iov_len == 0)
            return EIO;
    }
    size_t len = vector.iov_len < room ? vector.iov_len : room;
    append(&other->inbox, fr_span_of(vector.iov_base, len));
    fr_outbox_consume(outbox, len);
    own->stuck = len == room && !fr_outbox_is_empty(outbox);
    return 0;
}

static int write_out(struct memory_socket *own)
{
    struct fr_outbox *outbox = own->socket->outbox;
    struct memory_wire_end *other = own->end->other;
    size_t before = outbox->bytes;
    int error = 0;
    own->stuck = false;
    while (error == 0 && !own->stuck && !fr_outbox_is_empty(outbox))
        error = write_piece(own, outbox, other);
    if (outbox->bytes < before) {
        other->flushes++;
        notify(other);
    }
    return error;
}

static void continue_writing(struct memory_socket *own)
{
    int error = write_out(own);
    if (error) {
        fail(own, error);
    } else if (own->owing && own->socket->outbox->bytes <= own->socket->low_bytes) {
        own->owing = false;
        own->socket->events->drained(own->socket);
    }
}

static bool has_something(const struct memory_socket *own)
{
    const struct memory_wire_end *end = own->end;
    bool news = end->inbox.len > 0 || (end->other->ended && !own->told_end);
    return !own->broken && (own->closing || end->torn || (own->reading && news));
}

static void on_deferred(struct fr_deferred *deferred)
{
    struct memory_socket *own = FR_LIST_OWNER(deferred, struct memory_socket, deferred);
    if (own->closing) {
        own->socket->events->closed(own->socket);
        return;
    }
    if (own->stuck && !own->broken)
        continue_writing(own);
    if (!own->broken && !own->closing && (own->reading || own->end->torn))
        hand_out(own);
    if (own->closing || has_something(own))
        fr_loop_defer(own->socket->loop, &own->deferred);
}

static int open_socket(struct fr_socket *socket, int fd)
{
    struct memory_socket *own = socket->transport;
    own->end = find_end(socket->loop, fd);
    assert(own->end->socket == NULL && !own->end->closed);
    own->end->socket = socket;
    own->socket = socket;
    own->deferred.run = on_deferred;
    return 0;
}

static void read_socket(struct fr_socket *socket, bool wanted)
{
    struct memory_socket *own = socket->transport;
    if (own->told_end || own->broken || own->closing)
        return;
    own->reading = wanted;
    if (has_something(own))
        fr_loop_defer(socket->loop, &own->deferred);
}

static int flush_socket(struct fr_socket *socket, bool more)
{
    struct memory_socket *own = socket->transport;
    (void)more;
    if (own->broken || own->closing)
        return FR_E_GONE;
    if (!own->stuck) {
        int error = write_out(own);
        if (error == EIO) {
            own->stuck = true;
            fr_loop_defer(socket->loop, &own->deferred);
        } else if (error) {
            own->broken = true;
            own->reading = false;
            return FR_E_GONE;
        }
    }
    own->owing = own->stuck;
    return 0;
}

static void end_socket(struct fr_socket *socket)
{
    struct memory_socket *own = socket->transport;
    assert(fr_outbox_is_empty(socket->outbox));
    own->end->ended = true;
    notify(own->end->other);
}

static void close_socket(struct fr_socket *socket)
{
    struct memory_socket *own = socket->transport;
    if (own->closing)
        return;
    own->closing = true;
    own->reading = false;
    own->end->socket = NULL;
    own->end->ended = own->end->closed = true;
    notify(own->end->other);
    fr_loop_defer(socket->loop, &own->deferred);
}

const struct fr_transport_ops fr_transport_memory = {
    .name = "memory",
    .socket_size = sizeof(struct memory_socket),
    .loop_open = open_loop,
    .loop_close = close_loop,
    .open = open_socket,
    .read = read_socket,
    .flush = flush_socket,
    .end = end_socket,
    .close = close_socket,
};
