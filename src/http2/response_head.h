/* http2/response_head.h - A response head as the list of fields that nghttp2 takes. RFC 9113 section 8.3.2.
 *
 * Checks and additions are those of HTTP/1.1; what speaks of a connection is left out (section 8.2.2). The list
 * borrows: it is good until the fields of the application change, and nghttp2 copies it when it is submitted. */
#ifndef FR_HTTP2_RESPONSE_HEAD_H
#define FR_HTTP2_RESPONSE_HEAD_H

#include <nghttp2/nghttp2.h>

#include "base/error.h"
#include "http/exchange.h"
#include "http/protocol.h"

#define FR_FIELD_LIST_FEW 24 /* fit without a block of the pool */

struct fr_field_list {
    nghttp2_nv *fields;
    size_t count, capacity;
    struct fr_pool *pool;
    char status[3];
    char length[20];
    nghttp2_nv few[FR_FIELD_LIST_FEW];
};

/* The head, with what the policy adds to a final one: 0, or FR_E_RESPONSE_HEAD and an empty list. Close it in every
 * case. */
FR_CHECKED int fr_field_list_of_head(struct fr_field_list *list, const struct fr_exchange *exchange,
                                     const struct fr_response_head *head);

/* Trailers that have been surveyed. */
void fr_field_list_of_trailers(struct fr_field_list *list, struct fr_pool *pool,
                               const struct fr_response_header *trailers, size_t count);

void fr_field_list_close(struct fr_field_list *list);

#endif
