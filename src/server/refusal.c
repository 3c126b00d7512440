/* server/refusal.c - The answers of protocols that serve nobody: RFC 9110 sections 15.5.1, 15.6.4, 15.6.6.
 *
 * Said in one piece and without parsing a request: whoever is refused must not cost a parser or a deadline of its own.
 * What still comes is dropped by the connection, which lingers. */
#include "server/refusal.h"

#include <assert.h>
#include <stdio.h>

#include "http/status.h"

static void write_field(struct fr_outbox *outbox, fr_span name, fr_span value)
{
    fr_outbox_copy(outbox, name);
    fr_outbox_copy(outbox, FR_SPAN(": "));
    fr_outbox_copy(outbox, value);
    fr_outbox_copy(outbox, FR_SPAN("\r\n"));
}

static void write_status(struct fr_outbox *outbox, int status)
{
    char digits[8];
    int len = snprintf(digits, sizeof digits, "%d ", status);
    assert(len == 4);
    fr_outbox_copy(outbox, FR_SPAN("HTTP/1.1 "));
    fr_outbox_copy(outbox, fr_span_of(digits, (size_t)len));
    fr_outbox_copy(outbox, fr_status_reason(status));
    fr_outbox_copy(outbox, FR_SPAN("\r\n"));
}

/* The whole answer; the last that is said on this connection. */
static void refuse(struct fr_protocol *protocol, enum fr_close_reason reason, int status, fr_span text)
{
    struct fr_outbox *outbox = protocol->outbox;
    char length[24];
    int length_len = snprintf(length, sizeof length, "%zu", text.len);
    write_status(outbox, status);
    write_field(outbox, FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8"));
    write_field(outbox, FR_SPAN("Content-Length"), fr_span_of(length, (size_t)length_len));
    if (status == 503)
        write_field(outbox, FR_SPAN("Retry-After"), FR_SPAN("1"));
    write_field(outbox, FR_SPAN("Connection"), FR_SPAN("close"));
    if (protocol->policy->date)
        write_field(outbox, FR_SPAN("Date"), fr_clock_date(protocol->clock));
    if (protocol->policy->server.len)
        write_field(outbox, FR_SPAN("Server"), protocol->policy->server);
    fr_outbox_copy(outbox, FR_SPAN("\r\n"));
    fr_outbox_copy(outbox, text);
    protocol->phase = FR_PHASE_LINGER;
    protocol->close_reason = reason;
    protocol->finished = true;
}

/* ---- what they have in common ---- */

static int open_silently(struct fr_protocol *protocol)
{
    protocol->phase = FR_PHASE_HEAD;
    return 0;
}

static int drop(struct fr_protocol *protocol, fr_span bytes)
{
    (void)protocol, (void)bytes;
    return 0;
}

/* Whoever never says a word is owed none. */
static void heed(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    if (signal == FR_SIGNAL_WRITABLE || signal == FR_SIGNAL_DRAIN)
        return;
    protocol->close_reason = signal == FR_SIGNAL_EXPIRED ? FR_CLOSE_HEAD_TIMEOUT : FR_CLOSE_PEER_CLOSED;
    protocol->finished = true;
}

static void close_nothing(struct fr_protocol *protocol, enum fr_close_reason reason)
{
    (void)protocol, (void)reason;
}

/* ---- the worker is full ---- */

static int refuse_at_once(struct fr_protocol *protocol)
{
    refuse(protocol, FR_CLOSE_OVERLOAD, 503, FR_SPAN("The server is busy. Try again, please.\r\n"));
    return 0;
}

/* No exchange is ever begun, so nobody can call the answering side. */
const struct fr_protocol_ops fr_refusal = {
    .name = "refusal",
    .size = sizeof(struct fr_protocol),
    .open = refuse_at_once,
    .receive = drop,
    .signal = heed,
    .close = close_nothing,
};

/* ---- only HTTP/2 is spoken ---- */

static int refuse_version(struct fr_protocol *protocol, fr_span bytes)
{
    (void)bytes;
    refuse(protocol, FR_CLOSE_BAD_REQUEST, 505, FR_SPAN("This server speaks HTTP/2 only.\r\n"));
    protocol->events->refused(protocol, FR_E_VERSION, 505);
    return FR_E_VERSION;
}

const struct fr_protocol_ops fr_refusal_of_version = {
    .name = "refusal of version",
    .size = sizeof(struct fr_protocol),
    .open = open_silently,
    .receive = refuse_version,
    .signal = heed,
    .close = close_nothing,
};
