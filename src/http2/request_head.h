/* http2/request_head.h - Decoded fields to a request head. RFC 9113 section 8.3, RFC 8441 section 4.
 *
 * Fields come one by one while their block is decoded; each is copied once, and never more of them than the limits
 * allow: what is beyond is only counted, for HPACK must stay in step. nghttp2 has refused by then what is malformed
 * by HTTP/2 itself: upper case, connection-specific fields, missing, repeated, late and unknown pseudo-headers. The
 * head says to an application exactly what HTTP/1.1 would. */
#ifndef FR_HTTP2_REQUEST_HEAD_H
#define FR_HTTP2_REQUEST_HEAD_H

#include "base/error.h"
#include "base/limits.h"
#include "base/pool.h"
#include "http/message.h"

struct fr_head_draft {
    struct fr_request_head head; /* complete after fr_head_draft_finish */
    const struct fr_limits *limits;
    struct fr_pool *pool;
    char *bytes; /* where the spans of the head point */
    size_t used, capacity;
    size_t list_bytes;        /* all that came, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 10.5.1) */
    struct fr_header *cookie; /* the one that further crumbs are appended to; NULL: none came */
    int error;                /* the first limit that was passed */
    struct fr_header fields[];
};

struct fr_head_draft *fr_head_draft_open(struct fr_pool *pool, const struct fr_limits *limits);

/* Adds a field or a pseudo-header. */
void fr_head_draft_add(struct fr_head_draft *draft, fr_span name, fr_span value);

/* The block is complete; `ended` when the request is too. Fills the rest of the head: 0, or why it is refused. */
FR_CHECKED int fr_head_draft_finish(struct fr_head_draft *draft, bool ended);

/* Gives back the draft, and with it all that the head points to. */
void fr_head_draft_close(struct fr_head_draft *draft);

#endif
