/* http/application.h - SEAM: whoever answers requests: WSGI, ASGI, or an echo in the tests.
 *
 * Everything an application is shown is borrowed until the call returns. An application may answer from
 * inside any of these calls, or later from the worker's thread. */
#ifndef FR_HTTP_APPLICATION_H
#define FR_HTTP_APPLICATION_H

#include "base/error.h"
#include "http/exchange.h"

struct fr_application_ops {
    const char *name;
    /* The head is complete. The application owns the exchange from here until it lets go, which it may do
     * before it returns. */
    void (*request)(struct fr_application *application, struct fr_exchange *exchange);
    /* Request body, never more than the credit given. */
    void (*body)(struct fr_exchange *exchange, fr_span bytes, bool last);
    /* The outbox has room again, after fr_exchange_is_writable had said no. */
    void (*writable)(struct fr_exchange *exchange);
    /* The peer is gone; no answer will reach it. The application must still let go, now or later. */
    void (*aborted)(struct fr_exchange *exchange, enum fr_close_reason reason);
    /* The worker drains: long answers should come to an end. May be NULL. Called once per open exchange. */
    void (*draining)(struct fr_exchange *exchange);
    /* The peer will send no more, and its request is complete; it may still read, or be gone. Long answers whose
     * listeners leave like that had better look. May be NULL. Called once, not for a tunnel. */
    void (*peer_ended)(struct fr_exchange *exchange);
};

/* The base of every application; embedded first. */
struct fr_application {
    const struct fr_application_ops *ops;
};

#endif
