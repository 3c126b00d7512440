/* tests/core/fakes/recording_protocol.h - A protocol that writes down what the exchange asks of it, and does nothing.
 *
 * The record is text, one word per call: "respond:200", "send:abc", "send:abc!" (last), "send:-!" (only the end),
 * "trailers:2", "credit", "reset", "begun", "ended:200", "flush". `refuses` makes respond and trailers fail once. */
#ifndef FR_TESTS_RECORDING_PROTOCOL_H
#define FR_TESTS_RECORDING_PROTOCOL_H

#include <stdbool.h>

#include "http/protocol.h"

struct recorder {
    struct fr_protocol base;
    struct fr_exchange exchange;
    struct fr_outbox outbox;
    struct fr_limits limits;
    struct fr_clock clock;
    struct fr_peer peer;
    struct fr_pool *pool;
    char record[1024], taken[1024];
    int refuses; /* an error for the next head or trailers */
    unsigned ended;
    unsigned released;
    void (*on_flush)(struct recorder *recorder);
    void (*on_respond)(struct recorder *recorder);
    void (*on_ended)(struct recorder *recorder);
};

/* A recorder with one exchange, not begun. */
void recorder_open(struct recorder *recorder, struct fr_application *application);

/* Frees what it owns; the exchange must have been released. */
void recorder_close(struct recorder *recorder);

/* Begins the exchange with "METHOD / HTTP/1.1" and this body length. */
void recorder_begin(struct recorder *recorder, enum fr_method_name method, int64_t body_length);

/* What was written down since the last call, with a space before each word; valid until the next. */
const char *recorder_take(struct recorder *recorder);

#endif
