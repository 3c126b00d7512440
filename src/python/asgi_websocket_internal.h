/* python/asgi_websocket_internal.h - One WebSocket of an ASGI application: what asgi_websocket.c, its receive, its send
 * and asgi_denial.c share.
 *
 * A Python object, on which receive() and send() are bound; the application may keep these as long as it likes. Three
 * hold it: the exchange, until it is let go of; the call, until it is over; and the application. Everything that calls
 * the session or the exchange stands between enter and leave: the last to leave lets go of what is over. */
#ifndef FR_PYTHON_ASGI_WEBSOCKET_INTERNAL_H
#define FR_PYTHON_ASGI_WEBSOCKET_INTERNAL_H

#include "net/timer.h"
#include "python/asgi_application.h"
#include "python/asgi_fields.h"
#include "websocket/session.h"

/* What the application may say next. */
enum fr_asgi_websocket_stage {
    FR_ASGI_WEBSOCKET_CONNECTING, /* accept, close or http.response.start */
    FR_ASGI_WEBSOCKET_DENYING,    /* http.response.body */
    FR_ASGI_WEBSOCKET_OPEN,       /* send or close */
    FR_ASGI_WEBSOCKET_CLOSED,     /* nothing: it has closed */
    FR_ASGI_WEBSOCKET_DENIED      /* nothing: its response is complete */
};

/* Messages that have come and were not taken: str or bytes, oldest first. Zero is empty. */
struct fr_asgi_messages {
    PyObject *oldest;   /* NULL: there are none */
    PyObject **rest;    /* a ring behind it; NULL: nothing is owned */
    unsigned ring_size; /* a power of two, or 0 */
    unsigned first;     /* of the ring */
    unsigned count;     /* with the oldest */
    size_t bytes;       /* of memory, about */
};

/* What waits for a denial's first piece of body. */
struct fr_asgi_denial {
    struct fr_asgi_fields fields;
    int status;
    bool head_sent;
};

struct fr_asgi_websocket {
    PyObject_HEAD
    struct fr_asgi_exchange
        base; /* what application_data points to; its asgi lives as long as the call and the exchange */
    struct fr_exchange *exchange;             /* NULL: let go of */
    struct fr_websocket_handshake *handshake; /* of the request; NULL once it is answered */
    struct fr_websocket session;              /* once `accepted` */
    struct fr_timer timer;                    /* for the session's ticks */
    struct fr_list receivers;                 /* waits for a message */
    struct fr_list senders;                   /* waits for room */
    struct fr_asgi_messages messages;
    struct fr_asgi_denial denial;
    PyObject *path;              /* str, for sentences in the log */
    PyObject *disconnect_reason; /* str; NULL: no disconnect yet */
    unsigned disconnect_code;
    unsigned disconnects_owed; /* how many receive() are still to be told */
    unsigned depth;            /* of enter */
    enum fr_asgi_websocket_stage stage;
    bool accepted;     /* the session is there */
    bool connect_told; /* the application has been told websocket.connect */
    bool paused;       /* so much was not taken that the peer has to wait */
    bool gone;         /* nothing that is sent reaches the peer */
    bool over;         /* the exchange is to be let go of */
    bool returned;     /* the call is over */
};

static inline struct fr_asgi_websocket *fr_asgi_websocket_of(const struct fr_exchange *exchange)
{
    return FR_LIST_OWNER(exchange->application_data, struct fr_asgi_websocket, base);
}

/* ---- asgi_websocket.c ---- */

static inline void fr_asgi_websocket_enter(struct fr_asgi_websocket *websocket)
{
    if (websocket->depth++ == 0 && websocket->exchange != NULL)
        fr_loop_refresh(websocket->base.asgi->loop);
}

/* Also follows the session's deadline. Without a reference of the caller's, `websocket` may be gone afterwards. */
void fr_asgi_websocket_leave(struct fr_asgi_websocket *websocket);

/* What receive() says when no message is left, and wakes who waits; the first one counts. `reason` is UTF-8. */
void fr_asgi_websocket_disconnect(struct fr_asgi_websocket *websocket, unsigned code, fr_span reason);

/* Begins the closing handshake, after which no message is taken any more: 0 or FR_E_CLOSE_CODE. Between enter and
 * leave. */
FR_CHECKED int fr_asgi_websocket_close(struct fr_asgi_websocket *websocket, unsigned code, fr_span reason);

/* The loop's clock. */
uint64_t fr_asgi_websocket_now_ms(const struct fr_asgi_websocket *websocket);

extern const struct fr_websocket_events fr_asgi_websocket_events;

/* ---- asgi_websocket_receive.c ---- */

PyObject *fr_asgi_websocket_receive(PyObject *self, PyObject *ignored);

/* Keeps a message, and gives it to who waits for it. Reports when memory is short. */
void fr_asgi_websocket_deliver(struct fr_asgi_websocket *websocket, bool text, fr_span bytes);

/* Drops what was not taken. */
void fr_asgi_messages_clear(struct fr_asgi_messages *messages);

/* ---- asgi_websocket_send.c ---- */

PyObject *fr_asgi_websocket_send(PyObject *self, PyObject *message);

/* Raises that nobody is there any more. Returns NULL. */
PyObject *fr_asgi_websocket_raise_gone(const struct fr_asgi_websocket *websocket);

/* An awaitable that is over when there is room. */
PyObject *fr_asgi_websocket_await_room(struct fr_asgi_websocket *websocket);

/* ---- asgi_denial.c ---- */

/* websocket.http.response.start: checks and keeps the head. Awaitables, or NULL and an exception. */
PyObject *fr_asgi_denial_start(struct fr_asgi_websocket *websocket, PyObject *message);

/* websocket.http.response.body, with the head before the first. */
PyObject *fr_asgi_denial_send(struct fr_asgi_websocket *websocket, PyObject *message);

#endif
