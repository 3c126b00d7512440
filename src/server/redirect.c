/* server/redirect.c - 308 to the same host, path and query on https (RFC 9110 section 15.4.9).
 *
 * 308 for every method: unlike 301 it lets no client turn a POST into a GET. The place is made of what the request
 * says and of nothing else, so there is none for a request that names no host. */
#include "server/redirect.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/list.h"
#include "http/protocol.h"

#define HTTPS_PORT 443

/* "https://", ":65535" and "/". */
#define FRAME_BYTES_MAX 16

/* The host of an authority, without its port. An address of IPv6 stands in brackets, and they stay. */
static fr_span host_of(fr_span authority)
{
    size_t from = authority.len && authority.data[0] == '[' ? fr_span_find(authority, ']') : 0;
    size_t colon = from + fr_span_find(fr_span_skip(authority, from), ':');
    return fr_span_slice(authority, 0, colon);
}

static char *copy(char *to, fr_span bytes)
{
    if (bytes.len)
        memcpy(to, bytes.data, bytes.len);
    return to + bytes.len;
}

/* Browsers send some bytes as they are that may not stand in a URI. */
static char *encode(char *to, fr_span bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        if (byte > 0x20 && byte < 0x7f && byte != '"' && byte != '<' && byte != '>') {
            *to++ = (char)byte;
            continue;
        }
        *to++ = '%';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    return to;
}

/* The asterisk is the target of an address without a path (RFC 9112 section 3.2.4). */
static char *write_location(char *to, fr_span host, uint16_t port, const struct fr_request_head *head)
{
    to = copy(to, FR_SPAN("https://"));
    to = copy(to, host);
    if (port != HTTPS_PORT) {
        char text[8];
        int len = snprintf(text, sizeof text, ":%u", (unsigned)port);
        to = copy(to, fr_span_of(text, (size_t)len));
    }
    if (head->form == FR_TARGET_ASTERISK)
        return to;
    to = encode(to, head->path);
    if (head->query.len) {
        *to++ = '?';
        to = encode(to, head->query);
    }
    return to;
}

static int answer_location(struct fr_exchange *exchange, fr_span location)
{
    const fr_span text = FR_SPAN("This server speaks https.\r\n");
    const struct fr_response_header headers[] = {
        {FR_SPAN("Location"), location},
        {FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8")},
    };
    struct fr_response_head head = {
        .status = 308, .headers = headers, .header_count = 2, .content_length = (int64_t)text.len};
    int error = fr_exchange_respond(exchange, &head);
    return error ? error : fr_exchange_send(exchange, &FR_CHUNK_COPY(text), true);
}

static int redirect_request(const struct fr_redirect *redirect, struct fr_exchange *exchange)
{
    const struct fr_request_head *head = exchange->head;
    fr_span host = host_of(head->authority);
    if (host.len == 0)
        return fr_exchange_answer_text(exchange, 400,
                                       FR_SPAN("This server speaks https. Say Host to be told where.\r\n"));
    char *place = fr_alloc(host.len + 3 * (head->path.len + head->query.len) + FRAME_BYTES_MAX);
    char *end = write_location(place, host, redirect->port, head);
    int error = answer_location(exchange, fr_span_of(place, (size_t)(end - place)));
    fr_free(place);
    return error;
}

/* Nothing is done about an answer that does not reach its peer: letting go ends what is open. */
static void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    (void)redirect_request(FR_LIST_OWNER(application, struct fr_redirect, application), exchange);
    fr_exchange_let_go(exchange);
}

/* ---- not called: the exchange is let go of at once ---- */

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    (void)exchange, (void)bytes, (void)last;
}

static void on_writable(struct fr_exchange *exchange)
{
    (void)exchange;
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    (void)exchange, (void)reason;
}

static const struct fr_application_ops ops = {
    .name = "redirect",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
};

void fr_redirect_init(struct fr_redirect *redirect, uint16_t port)
{
    *redirect = (struct fr_redirect){.application = {.ops = &ops}, .port = port};
}
