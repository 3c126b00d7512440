/* tests/core/fakes/echo_application.h - An application that answers in the way the test asks for.
 *
 * It remembers what it was told, for all its exchanges together. In the modes that answer later it keeps the last
 * exchange in `exchange`, and the test answers with fr_exchange_* and lets go with echo_let_go. */
#ifndef FR_TESTS_ECHO_APPLICATION_H
#define FR_TESTS_ECHO_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "http/application.h"

enum echo_mode {
    ECHO_FIXED,  /* 200 with `text`, whole and at once; does not ask for the body */
    ECHO_BODY,   /* asks for the body and answers with it when it is complete */
    ECHO_CHUNKS, /* asks for the body and sends every piece back as it comes, of no declared length */
    ECHO_STREAM, /* `stream_bytes` of no declared length, in pieces of 1000, as long as there is room */
    ECHO_SHORT,  /* declares one byte more than `text` has */
    ECHO_LONG,   /* declares one byte less than `text` has */
    ECHO_LEAVE,  /* lets go without a word */
    ECHO_TUNNEL, /* 101, then every byte back, until the peer ends */
    ECHO_LATE,   /* asks for nothing and answers nothing: the test does */
    ECHO_ASK     /* likewise, but asks for the body */
};

struct echo_application {
    struct fr_application base;
    enum echo_mode mode;
    fr_span text;    /* of the fixed answers */
    uint64_t credit; /* given at once, and again when used up; 0: without bound */
    size_t stream_bytes;
    bool flushes; /* after each piece of a stream */
    unsigned requests, bodies, lasts, writables, aborts, drains, peer_ends;
    unsigned kept;                /* exchanges not let go yet */
    int last_error;               /* of the last call on an exchange that failed */
    enum fr_close_reason reason;  /* of the last abort */
    struct fr_exchange *exchange; /* the last, until it is let go */
    struct fr_buffer heads;       /* "GET /path\n" for each request */
    struct fr_buffer body;        /* every body byte */
};

void echo_open(struct echo_application *echo, enum echo_mode mode);

/* Frees what it remembers; every exchange must have been let go. */
void echo_close(struct echo_application *echo);

/* Lets go of `exchange`, as the modes that answer by themselves do. */
void echo_let_go(struct fr_exchange *exchange);

#endif
