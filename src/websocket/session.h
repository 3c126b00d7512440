/* websocket/session.h - A WebSocket over an exchange in tunnel mode: messages, ping and pong, the closing handshake
 * (RFC 6455).
 *
 * A client of the exchange, embedded by whoever implements the application seam: that one owns the exchange, hands
 * on body(), writable() and aborted(), and lets go of the exchange once the WebSocket is over. Knows frames,
 * compression and closing; knows neither sockets nor clocks: times come in by fr_websocket_tick. */
#ifndef FR_WEBSOCKET_SESSION_H
#define FR_WEBSOCKET_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "http/exchange.h"
#include "websocket/handshake.h"

struct fr_websocket;
struct fr_websocket_partial;

/* Close codes (RFC 6455 section 7.4.1, and the IANA registry). */
#define FR_WEBSOCKET_NORMAL 1000
#define FR_WEBSOCKET_GOING_AWAY 1001
#define FR_WEBSOCKET_PROTOCOL_ERROR 1002
#define FR_WEBSOCKET_NO_CODE 1005  /* never sent: the peer's close frame had none */
#define FR_WEBSOCKET_ABNORMAL 1006 /* never sent: there was no close frame */
#define FR_WEBSOCKET_INVALID_DATA 1007
#define FR_WEBSOCKET_TOO_BIG 1009
#define FR_WEBSOCKET_INTERNAL_ERROR 1011
#define FR_WEBSOCKET_SERVICE_RESTART 1012

/* What its owner may rely on:
 *  - message() and closed() come from inside want, close, tick, on_body and on_aborted, never from accept, send and
 *    on_writable. What happens to the exchange from inside message() waits for message() to return.
 *  - From inside message() every function may be called but free; want(false) holds back the next message, even one
 *    that is here already. closed() is the last thing that is done with the WebSocket: from inside it, or later, it
 *    is freed, and the exchange let go.
 *  - Credit is the session's to give: the owner gives none.
 *  - Everything is sent by fr_exchange_send: what is said in answer to received bytes leaves in one write when they
 *    are used up, what is said in between when the loop comes round. Who will keep the loop waiting calls
 *    fr_exchange_flush.
 *  - After our close frame nothing more is sent, and what still comes is dropped up to the peer's. When both have
 *    passed, or one side has failed, the answer is ended: the connection closes in order. */
struct fr_websocket_events {
    /* A whole message; text is valid UTF-8. Borrowed until return. */
    void (*message)(struct fr_websocket *websocket, bool text, fr_span bytes);
    /* The last event: the WebSocket is over, with the code that receivers are to be told (of the peer's close frame,
     * of ours when we failed the connection, 1005, 1006) and the reason, borrowed. The answer on the exchange has
     * been ended or reset; nothing can be sent any more. */
    void (*closed)(struct fr_websocket *websocket, unsigned code, fr_span reason);
};

enum fr_websocket_state {
    FR_WEBSOCKET_OPEN,
    FR_WEBSOCKET_CLOSING, /* our close frame is out, the peer's is awaited */
    FR_WEBSOCKET_OVER     /* closed() was told */
};

/* Embedded first or found by FR_LIST_OWNER; the fields are the session's. */
struct fr_websocket {
    struct fr_exchange *exchange;
    const struct fr_websocket_events *events;
    const struct fr_limits *limits;
    struct fr_deflate *deflate;           /* NULL: not agreed */
    struct fr_websocket_partial *partial; /* the message in progress; NULL at rest */
    struct fr_buffer pending; /* bytes of a frame that is not complete, or that nobody wants yet; empty at rest */
    char *pong;               /* the payload of the newest ping, while there is no room to answer; NULL at rest */
    uint64_t frame_left;      /* of a data frame's payload, still to come */
    uint64_t heard_ms;        /* when bytes came last */
    uint64_t due_ms;          /* when fr_websocket_tick has something to do; UINT64_MAX: never */
    uint32_t pending_used;    /* of pending, at its beginning */
    unsigned char state;      /* an enum fr_websocket_state */
    unsigned char pong_len;
    bool wanted;      /* the owner takes messages */
    bool busy;        /* received bytes are being worked on, perhaps inside message() */
    bool peer_ended;  /* no more bytes will come */
    bool ping_awaits; /* a ping of ours is unanswered */
};

/* Accepts: answers the request of `handshake` on `exchange` as fr_websocket_handshake_respond does, with compression if
 * limits->ws_deflate_window_bits is not 0. `websocket` is zeroed memory; `now_ms` is the loop's clock. 0, or what
 * fr_exchange_respond says: then the exchange is as before, and `websocket` still zeroed. Nothing is read until
 * fr_websocket_want. */
FR_CHECKED int fr_websocket_accept(struct fr_websocket *websocket, struct fr_exchange *exchange,
                                   const struct fr_websocket_handshake *handshake, fr_span subprotocol,
                                   const struct fr_response_header *headers, size_t header_count,
                                   const struct fr_limits *limits, const struct fr_websocket_events *events,
                                   uint64_t now_ms);

/* The owner takes messages from now on, or none for now: then the peer is read as far as its credit (some 64 KiB)
 * goes. message() may be called from inside. */
void fr_websocket_want(struct fr_websocket *websocket, bool wanted);

/* Sends a message; takes over the chunk's release in every case (file chunks are not for WebSockets). FR_E_GONE when
 * the WebSocket is over or closing. Afterwards fr_exchange_is_writable(websocket->exchange) tells whether to go on. */
FR_CHECKED int fr_websocket_send(struct fr_websocket *websocket, bool text, const struct fr_chunk *payload);

/* Begins the closing handshake; nothing when it has begun. 1005 sends a frame without a code. FR_E_CLOSE_CODE: a code
 * that may not be sent (section 7.4), or a reason longer than 123 bytes or not UTF-8. */
FR_CHECKED int fr_websocket_close(struct fr_websocket *websocket, unsigned code, fr_span reason, uint64_t now_ms);

/* To be called when due_ms has come (earlier does nothing): sends pings, gives up on a peer that does not answer (1011
 * for a missing pong, 1006 for a missing close frame). Any bytes will do for a pong. Only fr_websocket_close moves
 * due_ms to an earlier time; bytes that come move it later, but not before the next tick. So a timer is set after
 * accept, close and tick, and never for a message. */
void fr_websocket_tick(struct fr_websocket *websocket, uint64_t now_ms);

/* What the owner hands on from the application seam. */
void fr_websocket_on_body(struct fr_websocket *websocket, fr_span bytes, bool last, uint64_t now_ms);
void fr_websocket_on_writable(struct fr_websocket *websocket);
void fr_websocket_on_aborted(struct fr_websocket *websocket, enum fr_close_reason reason);

/* Gives back all memory; legal on zeroed memory, and in every state: an open one is reset without an event. Not from
 * inside message(). */
void fr_websocket_free(struct fr_websocket *websocket);

#endif
