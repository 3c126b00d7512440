/* server/refusal.h - Protocols for those who are not served: each says one thing, and lingers.
 *
 * They begin no exchange and keep no bytes; the connection around them writes the answer. Each is no larger than any
 * protocol, so that it can take the place of one. */
#ifndef FR_SERVER_REFUSAL_H
#define FR_SERVER_REFUSAL_H

#include "http/protocol.h"

/* 503 to whoever connects, for when the worker is full. */
extern const struct fr_protocol_ops fr_refusal;

/* 505 to whoever speaks HTTP/1.1 where only HTTP/2 is spoken. */
extern const struct fr_protocol_ops fr_refusal_of_version;

/* 400 to whoever speaks plain HTTP where TLS is spoken, with the place on https if the request names one. */
extern const struct fr_protocol_ops fr_refusal_of_plain_http;

/* Nothing: TLS has said it, in an alert. */
extern const struct fr_protocol_ops fr_refusal_by_alert;

#endif
