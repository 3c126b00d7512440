/* bench/ceiling/core_echo_server.c - freastal's C core without Python: one worker that echoes WebSocket messages.
 *
 * What the gateway costs is the distance to this; what the core costs, with all that RFC 6455 asks for, is the distance
 * from here to ws_echo_server. Without pings, which need a clock. Usage: core_echo_server --port N */
#include "core_worker.h"
#include "websocket/session.h"

struct echo_application {
    struct fr_application base;
    struct fr_limits limits;
};

static void let_go(struct fr_websocket *websocket)
{
    struct fr_exchange *exchange = websocket->exchange;
    fr_websocket_free(websocket);
    free(websocket);
    fr_exchange_let_go(exchange);
}

static void on_message(struct fr_websocket *websocket, bool text, fr_span bytes)
{
    int gone = fr_websocket_send(websocket, text, &FR_CHUNK_COPY(bytes));
    (void)gone; /* closed() follows */
    if (!fr_exchange_is_writable(websocket->exchange))
        fr_websocket_want(websocket, false);
}

static void on_closed(struct fr_websocket *websocket, unsigned code, fr_span reason)
{
    (void)code, (void)reason;
    let_go(websocket);
}

static const struct fr_websocket_events events = {.message = on_message, .closed = on_closed};

static void on_request(struct fr_application *base, struct fr_exchange *exchange)
{
    struct echo_application *application = (struct echo_application *)base;
    struct fr_websocket_handshake handshake;
    const char *why = "a WebSocket is wanted\n";
    int status = 426;
    if (fr_is_websocket_request(exchange->head))
        status = fr_websocket_handshake_read(&handshake, exchange->head, &why);
    if (status) {
        int gone = fr_exchange_answer_text(exchange, status, fr_span_of_string(why));
        (void)gone;
        fr_exchange_let_go(exchange);
        return;
    }
    struct fr_websocket *websocket = calloc(1, sizeof *websocket);
    if (!websocket)
        die("calloc");
    exchange->application_data = websocket;
    int gone =
        fr_websocket_accept(websocket, exchange, &handshake, FR_SPAN(""), NULL, 0, &application->limits, &events, 0);
    if (gone) {
        free(websocket);
        fr_exchange_let_go(exchange);
        return;
    }
    fr_websocket_want(websocket, true);
}

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    fr_websocket_on_body(exchange->application_data, bytes, last, 0);
}

static void on_writable(struct fr_exchange *exchange)
{
    fr_websocket_on_writable(exchange->application_data);
    fr_websocket_want(exchange->application_data, true);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    fr_websocket_on_aborted(exchange->application_data, reason);
}

static const struct fr_application_ops echo = {
    .name = "echo",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
};

int main(int argc, char **argv)
{
    struct core_options options = read_core_options(argc, argv);
    struct echo_application application = {.base = {&echo}};
    fr_limits_init(&application.limits);
    application.limits.ws_ping_interval_ms = 0;
    return serve_core(&application.base, &options, &application.limits);
}
