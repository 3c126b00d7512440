/* tests/core/http1/talk.h - One HTTP/1.1 connection with an echo behind it, spoken to in plain text. */
#ifndef FR_TESTS_TALK_H
#define FR_TESTS_TALK_H

#include "fakes/echo_application.h"
#include "fakes/wire.h"
#include "http1/connection.h"
#include "unit.h"

#define FIELDS "Server: freastal\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define OK_HEAD "HTTP/1.1 200 OK\r\n" FIELDS
#define HELLO OK_HEAD "Content-Length: 6\r\n\r\nhello\n"
#define HELLO_CLOSE OK_HEAD "Content-Length: 6\r\nConnection: close\r\n\r\nhello\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, fields, body) "POST " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n\r\n" body

struct talk {
    struct echo_application echo;
    struct wire wire;
};

static inline void open_talk(struct talk *talk, enum echo_mode mode)
{
    echo_open(&talk->echo, mode);
    wire_open(&talk->wire, &fr_http1, &talk->echo.base);
}

static inline void close_talk(struct talk *talk)
{
    wire_close(&talk->wire);
    echo_close(&talk->echo);
}

static inline void say(struct talk *talk, const char *bytes)
{
    wire_send(&talk->wire, fr_span_of_string(bytes));
}

#endif
