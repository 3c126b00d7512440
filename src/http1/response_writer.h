/* http1/response_writer.h - Response head and body framing into the outbox. RFC 9112 sections 4, 6, 7.
 *
 * Decides the framing (Content-Length, chunked, until close, none) from the head, the version and the
 * request; the connection acts on what it decided. Checking every status, name and value against splitting is
 * done here too, before the first byte is queued. */
#ifndef FR_HTTP1_RESPONSE_WRITER_H
#define FR_HTTP1_RESPONSE_WRITER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/outbox.h"
#include "http/exchange.h"
#include "http/protocol.h"

enum fr_framing {
    FR_FRAMING_NONE,   /* no body: HEAD, 1xx, 204, 304 */
    FR_FRAMING_LENGTH, /* Content-Length */
    FR_FRAMING_CHUNKED,
    FR_FRAMING_UNTIL_CLOSE /* HTTP/1.0 without a known length */
};

struct fr_response_plan {
    enum fr_framing framing;
    bool keep_alive; /* in: wanted; out: also possible, given framing and the application's Connection field */
};

/* Queues the head. 0, or FR_E_RESPONSE_HEAD and nothing queued. */
FR_CHECKED int fr_response_write_head(struct fr_outbox *outbox, const struct fr_exchange *exchange,
                                      const struct fr_response_head *head, const struct fr_response_policy *policy,
                                      struct fr_clock *clock, struct fr_response_plan *plan);

/* Queues a piece of body in the planned framing; takes over its release. An empty piece queues nothing. */
void fr_response_write_body(struct fr_outbox *outbox, enum fr_framing framing, const struct fr_chunk *chunk);

/* Queues the end of the body: the last chunk and the trailers, where there is framing for it. */
FR_CHECKED int fr_response_write_end(struct fr_outbox *outbox, enum fr_framing framing,
                                     const struct fr_response_header *trailers, size_t count);

#endif
