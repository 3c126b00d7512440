/* http/headers.h - Looking things up in a list of fields, and what their values may be.
 *
 * RFC 9110 section 5. Knows what is hop-by-hop; does not know any version's framing. */
#ifndef FR_HTTP_HEADERS_H
#define FR_HTTP_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/message.h"

/* The first field of that number, or NULL. */
const struct fr_header *fr_headers_find(const struct fr_request_head *head, enum fr_header_name name);

/* `text` is a token (RFC 9110 section 5.6.2): one or more tchar. */
bool fr_is_token(fr_span text);

/* `text` may stand as a field value: no CTL but HTAB, that is no CR, LF or NUL. */
bool fr_is_field_value(fr_span text);

/* A comma-separated list has `token` as one of its elements, whatever the case. */
bool fr_list_has_token(fr_span list, fr_span token);

/* Takes the next non-empty element (trimmed) off the front of a comma-separated list; false at its end. */
bool fr_list_next(fr_span *list, fr_span *element);

/* A field that belongs to one connection and must not come from an application or cross to one
 * (RFC 9110 section 7.6.1): Connection, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding, Upgrade. */
bool fr_is_hop_by_hop(enum fr_header_name name);

/* 1*DIGIT as a number without overflow; negative FR_E_CONTENT_LENGTH otherwise. */
int64_t fr_parse_content_length(fr_span text);

#endif
