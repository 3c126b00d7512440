/* server/deadline.h - When a connection's time is up: by its phase, or because its output is stuck.
 *
 * A deadline that is gone is left to fire and find nothing; so it may come too early, and never comes too late. */
#ifndef FR_SERVER_DEADLINE_H
#define FR_SERVER_DEADLINE_H

#include <stdint.h>

#include "server/connection.h"

/* What connection->phase may be besides an enum fr_phase. */
#define FR_PHASE_UNKNOWN UINT8_MAX         /* none has been looked at, or the last look no longer counts */
#define FR_PHASE_HANDSHAKE (UINT8_MAX - 1) /* TLS is being agreed on; the protocol's phase does not count yet */

/* Sets the deadline by the protocol's phase, and by what has left the outbox. After every call to the protocol. */
void fr_deadline_follow(struct fr_connection *connection);

/* Only phase_due_ms, for when the timer has fired and the protocol may have moved on. */
void fr_deadline_follow_phase(struct fr_connection *connection);

/* The handshake begins. Its time runs until the phase is said to be unknown. */
void fr_deadline_of_handshake(struct fr_connection *connection);

/* The worker drains: whoever only waits has less time than was said. */
void fr_deadline_shorten(struct fr_connection *connection);

#endif
