/* tls/tickets.h - The keys that session tickets are sealed with: one ring for all workers, rotated. RFC 5077 section 5.
 *
 * The ring lies in memory that processes may share; any of them may turn it, and none waits for another. A ticket
 * is taken as long as its key is in the ring; a key seals for an hour and opens for two more. Hours are of a clock that
 * all of them see, such as the time since boot. */
#ifndef FR_TLS_TICKETS_H
#define FR_TLS_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FR_TLS_TICKET_NAME_BYTES 16

struct fr_tls_ticket_ring;

struct fr_tls_ticket_key {
    uint8_t name[FR_TLS_TICKET_NAME_BYTES]; /* stands in the ticket, so that the key is found again */
    uint8_t cipher[32];                     /* AES-256 */
    uint8_t mac[32];                        /* HMAC-SHA256 */
};

/* How much memory a ring needs, zeroed before first use, on a boundary of 8. */
size_t fr_tls_ticket_ring_bytes(void);

/* The key of this hour; false: there is none yet, or somebody is writing it right now. */
bool fr_tls_ticket_ring_current(struct fr_tls_ticket_ring *ring, uint64_t now_s, struct fr_tls_ticket_key *key);

/* Offers `fresh` as the key of this hour: the first who does is taken. Wipes those that are too old. */
void fr_tls_ticket_ring_turn(struct fr_tls_ticket_ring *ring, uint64_t now_s, const struct fr_tls_ticket_key *fresh);

/* The key of that name, if it still opens. */
bool fr_tls_ticket_ring_find(struct fr_tls_ticket_ring *ring, uint64_t now_s, const uint8_t *name,
                             struct fr_tls_ticket_key *key);

#endif
