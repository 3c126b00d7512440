/* server/refusal.c - The answers of protocols that serve nobody: RFC 9110 sections 15.5.1, 15.6.4, 15.6.6.
 *
 * Said in one piece and without parsing a request: whoever is refused must not cost a parser or a deadline of its own.
 * What still comes is dropped by the connection, which lingers. */
#include "server/refusal.h"

#include <assert.h>
#include <stdio.h>

#include "http/status.h"
#include "http/target.h"

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

/* ---- TLS is spoken ---- */

/* As much of a request as is looked at for the place that it wants. */
#define PLACE_BYTES_MAX 4096

static bool is_visible(fr_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
            return false;
    return true;
}

/* The line at the front of `*rest`, which then begins behind it; empty when there is no whole one. */
static fr_span take_line(fr_span *rest)
{
    size_t len = fr_span_find(*rest, '\n');
    if (len == rest->len)
        return *rest = (fr_span){NULL, 0};
    fr_span line = fr_span_slice(*rest, 0, len);
    *rest = fr_span_skip(*rest, len + 1);
    return line.len && line.data[len - 1] == '\r' ? fr_span_slice(line, 0, len - 1) : line;
}

/* The target of "GET /path HTTP/1.1"; empty when there is none that begins with a slash. */
static fr_span target_in(fr_span line)
{
    fr_span target = fr_span_skip(line, fr_span_find(line, ' '));
    if (target.len < 2 || target.data[1] != '/')
        return (fr_span){NULL, 0};
    target = fr_span_skip(target, 1);
    return fr_span_slice(target, 0, fr_span_find(target, ' '));
}

static fr_span host_in(fr_span rest)
{
    for (fr_span line = take_line(&rest); line.len; line = take_line(&rest)) {
        size_t colon = fr_span_find(line, ':');
        if (colon < line.len && fr_span_equal_nocase(fr_span_slice(line, 0, colon), FR_SPAN("host")))
            return fr_span_trim(fr_span_skip(line, colon + 1));
    }
    return (fr_span){NULL, 0};
}

/* A glance at what came first, not a parser: whatever looks odd is not repeated. */
static int refuse_plain_http(struct fr_protocol *protocol, fr_span bytes)
{
    char text[PLACE_BYTES_MAX + 100];
    int len = snprintf(text, sizeof text, "This port speaks TLS.\r\n");
    fr_span rest = bytes.len > PLACE_BYTES_MAX ? fr_span_slice(bytes, 0, PLACE_BYTES_MAX) : bytes;
    fr_span target = target_in(take_line(&rest)), host = host_in(rest);
    if (target.len && is_visible(target) && host.len && is_visible(host) && fr_is_host(host))
        len = snprintf(text, sizeof text, "This port speaks TLS: https://%.*s%.*s\r\n", (int)host.len, host.data,
                       (int)target.len, target.data);
    assert(len > 0 && (size_t)len < sizeof text);
    refuse(protocol, FR_CLOSE_BAD_REQUEST, 400, fr_span_of(text, (size_t)len));
    protocol->events->refused(protocol, FR_E_TLS_PLAIN_HTTP, 400);
    return FR_E_TLS_PLAIN_HTTP;
}

const struct fr_protocol_ops fr_refusal_of_plain_http = {
    .name = "refusal of plain HTTP",
    .size = sizeof(struct fr_protocol),
    .open = open_silently,
    .receive = refuse_plain_http,
    .signal = heed,
    .close = close_nothing,
};

static int linger(struct fr_protocol *protocol)
{
    protocol->phase = FR_PHASE_LINGER;
    protocol->close_reason = FR_CLOSE_TLS;
    protocol->finished = true;
    return 0;
}

const struct fr_protocol_ops fr_refusal_by_alert = {
    .name = "refusal by alert",
    .size = sizeof(struct fr_protocol),
    .open = linger,
    .receive = drop,
    .signal = heed,
    .close = close_nothing,
};
