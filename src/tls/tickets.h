/* tls/tickets.h - The keys that session tickets are sealed with: one ring for all workers, rotated. RFC 5077 section 5.
 *
 * The ring lies in memory that processes may share; any of them may turn it, and none waits for another. A ticket
 * is taken as long as its key is in the ring; a key seals for an hour and opens for two more. */
#ifndef FR_TLS_TICKETS_H
#define FR_TLS_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_tls_ticket_ring;

/* How much memory a ring needs, zeroed before first use, on a boundary of 8. */
size_t fr_tls_ticket_ring_bytes(void);

#endif
