/* tests/core/fakes/wire.h - The connection around a protocol, without a socket: bytes go in, bytes come out.
 *
 * Does for its protocol what server/connection.c promises (heeds `paused`, `resume` and `awaits_writable`, writes
 * after each entry), but everything waits for the test: whether the peer reads, and what time it is. */
#ifndef FR_TESTS_WIRE_H
#define FR_TESTS_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "http/protocol.h"

#define WIRE_FIELDS_MAX 100

struct wire {
    struct fr_protocol *protocol;
    struct fr_limits limits;          /* may be changed before the first bytes */
    struct fr_response_policy policy; /* Server: freastal, and Date: Sun, 06 Nov 1994 08:49:37 GMT */
    struct fr_clock clock;            /* frozen */
    struct fr_pool *pool;
    struct fr_outbox outbox;
    struct fr_log log;
    struct fr_endpoint local;
    struct fr_peer peer;
    struct fr_request_head scratch;
    struct fr_header fields[WIRE_FIELDS_MAX];
    struct fr_buffer unread; /* sent by the peer, not read yet: the protocol is paused */
    struct fr_buffer output; /* all that was written */
    size_t taken;            /* of it, by wire_take */
    bool is_stuck;           /* the peer does not read: what is written stays in the outbox */
    bool drops_on_flush;     /* a flush finds the peer gone, and the connection with it */
    bool is_closed;
    int error; /* of the first receive() that failed */
    unsigned outputs, flushes, begun, ended, refused;
    int refused_error, refused_status;
    int ended_status; /* of the last exchange that ended */
    enum fr_exchange_state ended_state;
    uint64_t ended_bytes;
};

/* Opens a protocol with default limits. */
void wire_open(struct wire *wire, const struct fr_protocol_ops *ops, struct fr_application *application);

/* The same with limits of the test's, for a protocol that tells them when it is opened. */
void wire_open_with(struct wire *wire, const struct fr_protocol_ops *ops, struct fr_application *application,
                    const struct fr_limits *limits);

/* Closes it if the test has not, gives everything back, and asserts that the pool has. */
void wire_close(struct wire *wire);

/* The peer sends; read at once if the protocol reads, in a block of exactly that size. */
void wire_send(struct wire *wire, fr_span bytes);

/* Tells the protocol something. */
void wire_signal(struct wire *wire, enum fr_protocol_signal signal);

/* The connection goes: the protocol is closed. */
void wire_drop(struct wire *wire, enum fr_close_reason reason);

/* What the loop would do before it sleeps: writes, then lets the protocol go on. After answers given outside. */
void wire_turn(struct wire *wire);

/* Everything that was written since the last call. */
fr_span wire_take(struct wire *wire);

#endif
