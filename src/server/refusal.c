/* server/refusal.c - The answer of a full worker: 503 with Retry-After (RFC 9110 section 15.6.4).
 *
 * Said without waiting for a request: the connection must not cost a parser or a deadline of its own. */
#include "server/refusal.h"

static const char head_start[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 40\r\n"
                                 "Retry-After: 1\r\n"
                                 "Connection: close\r\n";
static const char body[] = "The server is busy. Try again, please.\r\n";
_Static_assert(sizeof(body) - 1 == 40, "as Content-Length says");

static void write_field(struct fr_outbox *outbox, fr_span name, fr_span value)
{
    fr_outbox_copy(outbox, name);
    fr_outbox_copy(outbox, FR_SPAN(": "));
    fr_outbox_copy(outbox, value);
    fr_outbox_copy(outbox, FR_SPAN("\r\n"));
}

static int refuse(struct fr_protocol *protocol)
{
    struct fr_outbox *outbox = protocol->outbox;
    fr_outbox_copy(outbox, FR_SPAN(head_start));
    if (protocol->policy->date)
        write_field(outbox, FR_SPAN("Date"), fr_clock_date(protocol->clock));
    if (protocol->policy->server.len)
        write_field(outbox, FR_SPAN("Server"), protocol->policy->server);
    fr_outbox_copy(outbox, FR_SPAN("\r\n"));
    fr_outbox_copy(outbox, FR_SPAN(body));
    protocol->phase = FR_PHASE_LINGER;
    protocol->close_reason = FR_CLOSE_OVERLOAD;
    protocol->finished = true;
    return 0;
}

static int drop(struct fr_protocol *protocol, fr_span bytes)
{
    (void)protocol, (void)bytes;
    return 0;
}

static void ignore(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    (void)protocol, (void)signal;
}

static void close_nothing(struct fr_protocol *protocol, enum fr_close_reason reason)
{
    (void)protocol, (void)reason;
}

/* No exchange is ever begun, so nobody can call the answering side. */
const struct fr_protocol_ops fr_refusal = {
    .name = "refusal",
    .size = sizeof(struct fr_protocol),
    .open = refuse,
    .receive = drop,
    .signal = ignore,
    .close = close_nothing,
};
