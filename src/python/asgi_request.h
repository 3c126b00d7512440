/* python/asgi_request.h - One HTTP request of an ASGI application: what asgi_http.c, asgi_receive.c, asgi_send.c and
 * asgi_extensions.c share.
 *
 * The request is a Python object, and that object is receive() itself; send() is a second one that holds on to it. The
 * application may keep both as long as it likes. Three hold the request: the exchange, until it is let go of; the call,
 * until it is over; and the application. */
#ifndef FR_PYTHON_ASGI_REQUEST_H
#define FR_PYTHON_ASGI_REQUEST_H

#include "base/buffer.h"
#include "python/asgi_application.h"
#include "python/asgi_fields.h"

/* How far the answer is. */
enum fr_asgi_stage {
    FR_ASGI_UNANSWERED, /* http.response.start is to come */
    FR_ASGI_STARTED,    /* it has come, and the head waits for the first of the body */
    FR_ASGI_STREAMING,  /* the head has left; more of the body is to come */
    FR_ASGI_TRAILING,   /* the body is complete; trailers are to come */
    FR_ASGI_COMPLETE,
};

struct fr_asgi_request {
    PyObject_HEAD
    vectorcallfunc call;          /* receive() */
    struct fr_asgi_exchange base; /* what application_data points to; of no use without an exchange, but for the call */
    struct fr_exchange *exchange; /* NULL: let go of, the request is over */
    PyObject *scope;              /* until the call is over; for sentences in the log */
    struct fr_list receivers;     /* waits for a message */
    struct fr_list senders;       /* waits for room */
    PyObject *piece;              /* bytes: the front of the body that nobody has asked for; NULL: none */
    struct fr_buffer more;        /* and what has come behind it */
    struct fr_asgi_fields fields; /* of the head, while it waits */
    PyObject *trailers;           /* list of pairs, while more may come; or NULL */
    int64_t declared_length;      /* by the head that waits; -1: not declared */
    int status;                   /* of the head that waits */
    enum fr_asgi_stage stage;
    bool body_ended;      /* all of the request's body has come */
    bool body_told;       /* the application was told so */
    bool peer_ended;      /* the peer sends no more; perhaps it does not read either */
    bool gone;            /* no answer will reach the peer */
    bool trailers_follow; /* the application has promised some */
};

static inline struct fr_asgi_request *fr_asgi_request_of(const struct fr_exchange *exchange)
{
    return FR_LIST_OWNER(exchange->application_data, struct fr_asgi_request, base);
}

/* Lets go of the exchange: with an answer that is complete, or else one that is cut, or never began and becomes a 500.
 * Who waits is woken. The caller holds the request. */
void fr_asgi_request_leave(struct fr_asgi_request *request);

#endif
