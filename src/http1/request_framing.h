/* http1/request_framing.h - What the fields of a complete head say about its body and its connection.
 *
 * RFC 9112 sections 3.2, 6 and 9; RFC 9110 sections 7.2, 7.8 and 10.1.1. Knows fields, not bytes: whoever
 * split the head comes first. */
#ifndef FR_HTTP1_REQUEST_FRAMING_H
#define FR_HTTP1_REQUEST_FRAMING_H

#include "base/error.h"
#include "http/message.h"

/* Fills authority (unless the target had one), body_length, keep_alive, expect_continue and upgrade from
 * version, form and headers, whose `known` is set. 0, or the error of the rule that is broken: FR_E_HOST,
 * FR_E_CONTENT_LENGTH, FR_E_TRANSFER_ENCODING, FR_E_TRANSFER_CODING, FR_E_EXPECTATION. */
FR_CHECKED int fr_request_framing_apply(struct fr_request_head *head);

#endif
