/* http/exchange.h - One request and its response; where protocols and applications meet.
 *
 * A protocol embeds an exchange in its own per-request struct and fills it; an application answers it;
 * neither names the other. Rules:
 *  - Two owners, protocol and application, one bit each; when both have let go, the protocol's
 *    `release` frees it. The application owns from request() on and must let go exactly once.
 *  - States change only in exchange.c, by its one table.
 *  - The request head is borrowed: valid only inside application->request().
 *  - Body bytes flow only as far as the application gave credit; the first credit is the moment at which
 *    the application "asks for the body" (100 Continue).
 *  - After aborted() every call but let_go answers FR_E_GONE and does nothing.
 *  - A complete answer ends the request too: body() is not called any more, and what is left of the body is
 *    the protocol's to discard. The application may keep the exchange as long as it likes. */
#ifndef FR_HTTP_EXCHANGE_H
#define FR_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/outbox.h"
#include "http/message.h"

struct fr_application;
struct fr_protocol;
struct fr_protocol_ops;

/* What has happened to the response. */
enum fr_exchange_state {
    FR_EXCHANGE_IDLE,      /* not begun */
    FR_EXCHANGE_BEGUN,     /* the application has the request; no final head yet */
    FR_EXCHANGE_ANSWERING, /* the head is given; body follows */
    FR_EXCHANGE_TRAILING,  /* the body is complete; trailers follow */
    FR_EXCHANGE_TUNNEL,    /* raw bytes both ways, after 101 or an accepted extended CONNECT */
    FR_EXCHANGE_ANSWERED,  /* the response is complete */
    FR_EXCHANGE_ABORTED,   /* no more to say to anybody */
    FR_EXCHANGE_STATE_COUNT
};

struct fr_exchange {
    struct fr_protocol *protocol; /* NULL once the protocol has let go: the connection may be gone */
    const struct fr_protocol_ops *protocol_ops;
    struct fr_application *application;
    void *application_data;             /* belongs to the application */
    void *observer_data;                /* belongs to whoever listens to the protocol's events */
    const struct fr_request_head *head; /* NULL outside application->request() */
    struct fr_outbox *outbox; /* where what it sends waits: the protocol's, or one of its own; NULL with `protocol` */
    enum fr_exchange_state state : 8; /* a byte, as are the next two: an idle WebSocket keeps its exchange */
    enum fr_method_name method : 8;   /* survives the head */
    enum fr_http_version version : 8;
    bool owned_by_protocol, owned_by_application;
    bool body_expected;      /* the request has a body (perhaps of length 0, when chunked) */
    bool body_ended;         /* every body byte was delivered; true at once without a body */
    bool head_only;          /* HEAD, or a status without body: sent body bytes are dropped */
    bool blocked;            /* above the high mark: writable() will follow */
    bool calling;            /* inside a call to the application */
    bool in_burst;           /* set by the application: pieces come so fast that they need no packet each */
    bool ended;              /* the protocol's `ended` event was told */
    bool draining;           /* the application was told that the worker drains */
    bool peer_ended;         /* the application was told that the peer sends no more */
    bool trailers_follow;    /* the response head promised trailers */
    unsigned char depth;     /* calls of exchange.c on the stack: not freed before the last returns */
    int status;              /* of the final head; 0 before */
    int64_t request_length;  /* as fr_request_head.body_length */
    uint64_t request_bytes;  /* body bytes delivered so far */
    int64_t response_left;   /* of a declared length; -1: not declared */
    uint64_t response_bytes; /* body bytes accepted so far */
    uint64_t credit;         /* body bytes the application will still take */
    uint64_t begun_ns;       /* monotonic */
};

/* ---- for applications ---- */

/* Gives the response head. 1xx (not 101) may come before the final one. FR_E_STATE: already given;
 * FR_E_RESPONSE_HEAD: a status, name or value that may not be sent (nothing was sent);
 * FR_E_GONE. A head that declares a length twice or wrongly is FR_E_RESPONSE_HEAD. */
FR_CHECKED int fr_exchange_respond(struct fr_exchange *exchange, const struct fr_response_head *head);

/* Sends a piece of body (or of the tunnel), and with `last` ends it. Takes over the chunk's release in every
 * case, errors included. `chunk` may be NULL to only end. FR_E_LENGTH: more than declared
 * (the excess is dropped) or, at `last`, less (the connection will be closed); FR_E_STATE; FR_E_GONE, also
 * when a flush has found the peer gone and aborted() is still to come.
 * Afterwards fr_exchange_is_writable tells whether to go on. */
FR_CHECKED int fr_exchange_send(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last);

/* The same, and then writes what is queued to the socket now, as fr_exchange_flush does; that also for the last
 * piece, after which the exchange cannot be flushed any more because the protocol has let go of it. */
FR_CHECKED int fr_exchange_send_now(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last);

/* Ends a response whose head promised trailers. */
FR_CHECKED int fr_exchange_trailers(struct fr_exchange *exchange, const struct fr_response_header *trailers,
                                    size_t count);

/* Writes what is queued to the socket now, as far as it takes it, instead of when the callback
 * returns; for streams whose next piece may take its time. */
void fr_exchange_flush(struct fr_exchange *exchange);

/* The application will take `bytes` more of the request body; body() may be called from inside. */
void fr_exchange_credit(struct fr_exchange *exchange, uint64_t bytes);

/* Who asks; lives as long as the connection, NULL when that is gone. */
const struct fr_peer *fr_exchange_peer(const struct fr_exchange *exchange);

/* There is room; otherwise application->writable() will be called when there is. False for ever once the
 * exchange is aborted. */
bool fr_exchange_is_writable(const struct fr_exchange *exchange);

/* The application cannot finish what it began: the peer sees the response cut (never a clean end).
 * Before the head, send a 500 instead. aborted() is not called for it. */
void fr_exchange_reset(struct fr_exchange *exchange);

/* The application is done with the exchange; it may be freed before this returns. An unanswered one is
 * reset first. */
void fr_exchange_let_go(struct fr_exchange *exchange);

/* A complete plain-text response in one call, for errors. Same results as respond. */
FR_CHECKED int fr_exchange_answer_text(struct fr_exchange *exchange, int status, fr_span text);

/* Answers a CONNECT to something that the application does not speak with 501 (RFC 9220 section 3), and lets go: a 2xx
 * would open a tunnel to nobody. */
void fr_exchange_refuse_tunnel(struct fr_exchange *exchange);

/* ---- for protocols ---- */

/* Zeroes the exchange and makes the protocol its owner. A protocol whose exchanges wait for more than the connection
 * gives each an outbox of its own then, and calls writable() when that falls to the low mark. */
void fr_exchange_init(struct fr_exchange *exchange, struct fr_protocol *protocol);

/* The head is complete: hands the exchange to the application. */
void fr_exchange_begin(struct fr_exchange *exchange, const struct fr_request_head *head);

/* A piece of the request body, at most exchange->credit bytes; `last` with the final one (which may be
 * empty, and needs no credit then). In tunnel mode the raw bytes. */
void fr_exchange_body(struct fr_exchange *exchange, fr_span bytes, bool last);

/* The outbox fell to the low mark. */
void fr_exchange_writable(struct fr_exchange *exchange);

/* The worker drains: tells the application, once, while its answer is open. */
void fr_exchange_drain(struct fr_exchange *exchange);

/* The peer sends no more: tells the application, once, while its answer is open. */
void fr_exchange_peer_end(struct fr_exchange *exchange);

/* The peer or the connection is gone: tells the application once, unless it has let go or its answer was
 * complete and its body taken. */
void fr_exchange_abort(struct fr_exchange *exchange, enum fr_close_reason reason);

/* The protocol is done with the exchange; may release it. */
void fr_exchange_protocol_let_go(struct fr_exchange *exchange);

/* "begun", "answering", ...; for logs and tests. */
const char *fr_exchange_state_name(enum fr_exchange_state state);

#endif
