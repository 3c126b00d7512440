/* server/tally.h - What is counted and written down of every request: three events of the protocol. */
#ifndef FR_SERVER_TALLY_H
#define FR_SERVER_TALLY_H

#include "http/protocol.h"

/* As fr_protocol_events has them; the protocol is that of a connection. */
void fr_tally_begun(struct fr_protocol *protocol, struct fr_exchange *exchange);
void fr_tally_ended(struct fr_protocol *protocol, struct fr_exchange *exchange);
void fr_tally_refused(struct fr_protocol *protocol, int error, int status);

#endif
