/* http1/error_response.c - What the protocol says by itself when a request is malformed, too large or too slow.
 *
 * The body is the sentence of base/error.c, so the peer's developer learns which rule was broken. RFC 9112
 * section 9.6 asks for Connection: close, for what follows the bad request cannot be trusted. */
#include "http1/error_response.h"

#include <assert.h>
#include <stdio.h>

#include "http/status.h"
#include "http1/response_writer.h"

int fr_error_response_write(struct fr_protocol *protocol, int error)
{
    const struct fr_response_header type = {FR_SPAN("Content-Type"), FR_SPAN("text/plain; charset=utf-8")};
    struct fr_response_plan plan = {.keep_alive = false};
    struct fr_exchange nobody;
    char text[128];
    int status = fr_status_of_error(error);
    int len = snprintf(text, sizeof text, "%s\n", fr_error_text(error));
    assert(len > 0 && (size_t)len < sizeof text);
    fr_exchange_init(&nobody, protocol);
    nobody.version = FR_HTTP_1_1;
    nobody.response_left = len;
    struct fr_response_head head = {.status = status, .headers = &type, .header_count = 1, .content_length = len};
    int refused = fr_response_write_head(protocol->outbox, &nobody, &head, protocol->policy, protocol->clock, &plan);
    assert(!refused);
    (void)refused;
    fr_outbox_copy(protocol->outbox, fr_span_of(text, (size_t)len));
    return status;
}

enum fr_close_reason fr_error_response_reason(int error)
{
    switch (error) {
    case FR_E_HEAD_TIMEOUT:
        return FR_CLOSE_HEAD_TIMEOUT;
    case FR_E_BODY_TIMEOUT:
        return FR_CLOSE_BODY_TIMEOUT;
    case FR_E_LIMIT:
    case FR_E_REQUEST_LINE_TOO_LONG:
    case FR_E_HEAD_TOO_LARGE:
    case FR_E_TOO_MANY_FIELDS:
    case FR_E_BODY_TOO_LARGE:
        return FR_CLOSE_LIMIT;
    default:
        return FR_CLOSE_BAD_REQUEST;
    }
}
