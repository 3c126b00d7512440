/* tests/core/fakes/websocket_application.c - Hands everything on to the session, as the gateway does. */
#include "fakes/websocket_application.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "websocket/utf8.h"

#define RECORD_BYTES_MAX (64u << 20)
#define SHOWN_BYTES_MAX 200 /* of a message, in the record */

static struct websocket_application *application_of(const struct fr_exchange *exchange)
{
    return (struct websocket_application *)(void *)exchange->application;
}

static void note(struct websocket_application *application, const char *word, fr_span bytes)
{
    size_t len = bytes.len < SHOWN_BYTES_MAX ? bytes.len : SHOWN_BYTES_MAX;
    int error = fr_buffer_append(&application->record, fr_span_of_string(word));
    assert(!error);
    error = fr_buffer_append(&application->record, fr_span_slice(bytes, 0, len));
    assert(!error);
    (void)error;
}

static void let_go(struct websocket_application *application)
{
    struct fr_exchange *exchange = application->exchange;
    struct fr_websocket *websocket = application->websocket;
    application->exchange = NULL;
    application->websocket = NULL;
    if (websocket)
        fr_websocket_free(websocket);
    fr_free(websocket);
    if (exchange)
        fr_exchange_let_go(exchange);
}

/* ---- what the session says ---- */

static void on_message(struct fr_websocket *websocket, bool text, fr_span bytes)
{
    struct websocket_application *application = application_of(websocket->exchange);
    assert(websocket->wanted && websocket == application->websocket && (!text || fr_utf8_is_valid(bytes)));
    note(application, text ? " text:" : " binary:", bytes);
    application->largest = bytes.len > application->largest ? bytes.len : application->largest;
    application->messages++;
    if (application->echoes) {
        int error = fr_websocket_send(websocket, text, &FR_CHUNK_COPY(bytes));
        application->send_error = error ? error : application->send_error;
    }
    if (application->messages >= application->takes)
        fr_websocket_want(websocket, false);
    if (application->on_message)
        application->on_message(application, bytes);
}

static void on_closed(struct fr_websocket *websocket, unsigned code, fr_span reason)
{
    struct websocket_application *application = application_of(websocket->exchange);
    char word[32];
    assert(websocket == application->websocket);
    snprintf(word, sizeof word, " closed:%u:", code);
    note(application, word, reason);
    let_go(application);
}

static const struct fr_websocket_events events = {.message = on_message, .closed = on_closed};

/* ---- what the exchange says ---- */

int websocket_application_accept(struct websocket_application *application)
{
    struct fr_websocket *websocket = fr_alloc_zero(sizeof *websocket);
    int error = fr_websocket_accept(websocket, application->exchange, &application->handshake, application->subprotocol,
                                    NULL, 0, application->limits, &events, application->now_ms);
    if (error) {
        fr_websocket_free(websocket);
        fr_free(websocket);
        return error;
    }
    application->websocket = websocket;
    if (application->takes)
        fr_websocket_want(websocket, true);
    return 0;
}

static void on_request(struct fr_application *base, struct fr_exchange *exchange)
{
    struct websocket_application *application = (struct websocket_application *)(void *)base;
    const char *why = "no WebSocket\n";
    assert(!application->exchange);
    application->exchange = exchange;
    int status = fr_is_websocket_request(exchange->head)
                     ? fr_websocket_handshake_read(&application->handshake, exchange->head, &why)
                     : 404;
    if (status) {
        application->refused = status;
        int error = fr_exchange_answer_text(exchange, status, fr_span_of_string(why));
        assert(!error);
        (void)error;
        let_go(application);
    } else if (!application->waits && websocket_application_accept(application) != 0) {
        let_go(application);
    }
}

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    struct websocket_application *application = application_of(exchange);
    fr_websocket_on_body(application->websocket, bytes, last, application->now_ms);
}

static void on_writable(struct fr_exchange *exchange)
{
    fr_websocket_on_writable(application_of(exchange)->websocket);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    struct websocket_application *application = application_of(exchange);
    note(application, " aborted", FR_SPAN(""));
    if (application->websocket)
        fr_websocket_on_aborted(application->websocket, reason);
    else
        let_go(application);
}

static void on_draining(struct fr_exchange *exchange)
{
    struct websocket_application *application = application_of(exchange);
    note(application, " drained", FR_SPAN(""));
    if (!application->websocket)
        return;
    int error = fr_websocket_close(application->websocket, FR_WEBSOCKET_SERVICE_RESTART, FR_SPAN("restart"),
                                   application->now_ms);
    assert(!error);
    (void)error;
}

static const struct fr_application_ops ops = {
    .name = "websocket",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
    .draining = on_draining,
};

void websocket_application_open(struct websocket_application *application, const struct fr_limits *limits)
{
    *application = (struct websocket_application){
        .base.ops = &ops,
        .limits = limits,
        .takes = UINT32_MAX,
        .now_ms = 1000000,
    };
    fr_buffer_init(&application->record, RECORD_BYTES_MAX);
}

void websocket_application_close(struct websocket_application *application)
{
    let_go(application);
    fr_buffer_free(&application->record);
}

fr_span websocket_application_take(struct websocket_application *application)
{
    fr_span fresh = fr_buffer_span(&application->record);
    fresh = fresh.len ? fr_span_skip(fresh, application->taken) : FR_SPAN("");
    application->taken = application->record.len;
    return fresh;
}
