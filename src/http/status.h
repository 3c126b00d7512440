/* http/status.h - Status codes: their phrases, what they allow, and which one an error earns. */
#ifndef FR_HTTP_STATUS_H
#define FR_HTTP_STATUS_H

#include <stdbool.h>

#include "base/span.h"

/* The phrase of RFC 9110 section 15 and the IANA registry; empty when unknown. */
fr_span fr_status_reason(int status);

/* A response with this status has no body: 1xx, 204, 304. */
bool fr_status_is_bodiless(int status);

/* The status that answers a request which failed with `error` (enum fr_error). */
int fr_status_of_error(int error);

#endif
