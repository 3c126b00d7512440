/* server/refusal.h - A protocol that answers 503 to whoever connects, for when the worker is full.
 *
 * It begins no exchange and reads nothing; the connection around it writes the answer and lingers. */
#ifndef FR_SERVER_REFUSAL_H
#define FR_SERVER_REFUSAL_H

#include "http/protocol.h"

extern const struct fr_protocol_ops fr_refusal;

#endif
