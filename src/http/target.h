/* http/target.h - The four forms of a request target, and percent-decoding. RFC 9112 section 3.2. */
#ifndef FR_HTTP_TARGET_H
#define FR_HTTP_TARGET_H

#include "base/error.h"
#include "http/message.h"

/* Fills form, path, query, and for the absolute form scheme and authority, from head->target and
 * head->method. 0, or FR_E_TARGET: fragment, control or space, userinfo in authority, wrong form for
 * the method, not '/'-led. Bytes >= 0x80 are allowed in path and query (browsers send them). */
FR_CHECKED int fr_target_parse(struct fr_request_head *head);

/* `text` may stand in Host: uri-host [":" port], RFC 9112 section 3.2 and RFC 3986 section 3.2.2; it may
 * be empty. */
bool fr_is_host(fr_span text);

/* Writes `text` with %XX decoded to `out` (room for text.len bytes) and returns the length written;
 * a '%' that is not followed by two hex digits stays as it is. */
size_t fr_percent_decode(fr_span text, char *out);

#endif
