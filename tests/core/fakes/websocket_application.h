/* tests/core/fakes/websocket_application.h - An application that accepts WebSockets, one at a time, and writes down
 * what it hears.
 *
 * The record is text, one word per event: "text:abc", "binary:abc", "closed:1000:reason", "aborted", "drained". A
 * WebSocket is memory of its own, given back from inside closed(), so that whoever touches it afterwards is seen. */
#ifndef FR_TESTS_WEBSOCKET_APPLICATION_H
#define FR_TESTS_WEBSOCKET_APPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "http/application.h"
#include "websocket/session.h"

struct websocket_application {
    struct fr_application base;
    const struct fr_limits *limits; /* given, as are the next three */
    bool waits;                     /* accepts when the test says so, by websocket_application_accept */
    bool echoes;                    /* sends every message back */
    unsigned takes;                 /* messages before it wants no more; UINT32_MAX: never enough */
    fr_span subprotocol;
    uint64_t now_ms;
    struct fr_exchange *exchange; /* NULL before and after */
    struct fr_websocket *websocket;
    struct fr_websocket_handshake handshake;
    int refused;       /* the status that the last handshake was refused with */
    int send_error;    /* of the last echo that failed */
    unsigned messages; /* all that came */
    size_t largest;    /* of them, in bytes */
    struct fr_buffer record;
    size_t taken;
    /* Called after a message was written down, from inside message(). */
    void (*on_message)(struct websocket_application *application, fr_span bytes);
};

void websocket_application_open(struct websocket_application *application, const struct fr_limits *limits);

/* Lets go of what is open, and frees what it remembers. */
void websocket_application_close(struct websocket_application *application);

/* Accepts the request that waits, and wants messages if it takes any; what fr_websocket_accept says. */
int websocket_application_accept(struct websocket_application *application);

/* What was written down since the last call, each event with a space before; valid until the next event. */
fr_span websocket_application_take(struct websocket_application *application);

#endif
