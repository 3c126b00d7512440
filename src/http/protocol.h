/* http/protocol.h - SEAM: a version of HTTP, as the connection and the exchange see it.
 *
 * A protocol never touches a socket: bytes come in by receive() and leave by its outbox. Whoever opens it
 * (server/connection.c, or a test) sets the fields marked "given" and listens to its events.
 *
 * Two rules keep it simple to call: the wire side never frees itself inside a call, and the
 * answering side may be called from inside receive() (an application that answers at once) as well as
 * later. Inside receive() output is flushed by the caller when it returns; later, by the `output` event.
 * Of the wire side only close() may be called from inside another call on the same protocol, that is from an
 * event. */
#ifndef FR_HTTP_PROTOCOL_H
#define FR_HTTP_PROTOCOL_H

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/outbox.h"
#include "base/pool.h"
#include "http/application.h"
#include "http/exchange.h"

struct fr_protocol;

/* What the protocol waits for; picks the connection's deadline. */
enum fr_phase {
    FR_PHASE_IDLE,    /* between requests, nothing pending: keep-alive timeout */
    FR_PHASE_HEAD,    /* a new connection, or part of a head is here: head timeout, counted from the change of phase */
    FR_PHASE_BODY,    /* a body is awaited and wanted: body timeout, counted from the last progress */
    FR_PHASE_ANSWER,  /* the application's turn: no deadline of the wire */
    FR_PHASE_TUNNEL,  /* raw bytes: no deadline of the wire */
    FR_PHASE_STREAMS, /* several exchanges, each with a deadline of its own: the protocol says when the first is due */
    FR_PHASE_LINGER   /* the last answer is out; what still comes is dropped: linger timeout */
};

/* What the wire tells the protocol besides bytes. */
enum fr_protocol_signal {
    FR_SIGNAL_PEER_ENDED, /* the peer will send no more (half close) */
    FR_SIGNAL_WRITABLE,   /* the outbox fell to the low mark */
    FR_SIGNAL_EXPIRED, /* the deadline of this phase passed: queue what the peer is owed, finish. In STREAMS only what
                             is due need end */
    FR_SIGNAL_DRAIN    /* the next answer is the last; who is idle stays so, and expires */
};

/* The response fields that the server adds by itself, and how. */
struct fr_response_policy {
    fr_span server; /* the value of Server; empty: not sent */
    bool date;      /* send Date */
};

/* What server/connection.c hears from its protocol. All may be called from inside any call. */
struct fr_protocol_events {
    /* There is output, or phase, finished, paused or resume changed, outside of receive(). */
    void (*output)(struct fr_protocol *protocol);
    /* Write what is queued now, as far as the socket takes it. With `more` the next piece follows at once, and the
     * kernel may gather short ones as long as earlier ones are on their way. */
    void (*flush)(struct fr_protocol *protocol, bool more);
    /* An exchange begins (its head is valid) / is over: answered or aborted, once each. */
    void (*begun)(struct fr_protocol *protocol, struct fr_exchange *exchange);
    void (*ended)(struct fr_protocol *protocol, struct fr_exchange *exchange);
    /* A request was refused by the protocol before an exchange began; `status` is what was answered. A begun
     * one that the protocol had to answer itself (408, 400 in the body) is `ended` with that status, ABORTED. */
    void (*refused)(struct fr_protocol *protocol, int error, int status);
};

struct fr_protocol_ops {
    const char *name; /* as ALPN spells it */
    size_t size;      /* storage the connection sets aside; the base below comes first */

    /* The wire side, called by server/connection.c. */
    FR_CHECKED int (*open)(struct fr_protocol *protocol);
    /* Takes every byte, or fails; a failure has already queued its answer and set `finished`. No bytes at all:
     * go on with what waits inside (see `resume`). */
    FR_CHECKED int (*receive)(struct fr_protocol *protocol, fr_span bytes);
    void (*signal)(struct fr_protocol *protocol, enum fr_protocol_signal signal);
    /* Aborts what is open and frees all but itself; nothing is called afterwards but release. */
    void (*close)(struct fr_protocol *protocol, enum fr_close_reason reason);

    /* The answering side, called by http/exchange.c, which has checked the state. */
    FR_CHECKED int (*respond)(struct fr_exchange *exchange, const struct fr_response_head *head);
    FR_CHECKED int (*send)(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last);
    FR_CHECKED int (*trailers)(struct fr_exchange *exchange, const struct fr_response_header *trailers, size_t count);
    void (*credit)(struct fr_exchange *exchange); /* exchange->credit grew */
    void (*reset)(struct fr_exchange *exchange);
    void (*release)(struct fr_exchange *exchange); /* both owners have let go: free it */
};

struct fr_protocol {
    const struct fr_protocol_ops *ops; /* given, as are the next nine */
    const struct fr_protocol_events *events;
    struct fr_outbox *outbox;
    struct fr_application *application;
    struct fr_pool *pool;
    struct fr_clock *clock;
    const struct fr_limits *limits;
    const struct fr_log *log;
    const struct fr_response_policy *policy;
    const struct fr_peer *peer;
    struct fr_request_head *scratch; /* the worker's: for one head, while receive() runs */

    uint64_t due_ms;         /* in FR_PHASE_STREAMS, by the clock: when EXPIRED shall come; 0: never */
    enum fr_phase phase : 8; /* said by the protocol, as are the rest; a byte, for each idle client has one */
    enum fr_close_reason close_reason : 8; /* why, once `finished` */
    bool finished;                         /* close when the outbox is empty; in FR_PHASE_LINGER only end our
                                                  direction then, drop what comes, and close when the peer
                                                  ends too or the deadline passes */
    bool paused;                           /* do not read for now: what is here already cannot be used yet */
    bool resume;                           /* bytes wait that can be used now: call receive() with none of them,
                                                  soon, from the loop (not from inside `output`) */
    bool awaits_writable;                  /* signal WRITABLE after the flush that leaves the outbox at or below
                                                  the low mark, also when that flush took all at once */
    bool draining : 1;
    bool gone : 1; /* said by the connection, when a flush finds it out: nothing that is sent reaches the peer */
    bool cut : 1;  /* said by the protocol: the last answer is not whole, and its end must not look like one */
};

#endif
