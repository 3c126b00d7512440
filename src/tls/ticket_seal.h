/* tls/ticket_seal.h - Seals session tickets with the keys of a ring, and opens them. RFC 5077, RFC 8446. */
#ifndef FR_TLS_TICKET_SEAL_H
#define FR_TLS_TICKET_SEAL_H

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "tls/tickets.h"

/* How long a ticket is good for, which is no longer than its key opens. */
#define FR_TLS_TICKET_S 7200

struct fr_tls_ticket_seal {
    OSSL_LIB_CTX *library;
    struct fr_tls_ticket_ring *ring;
    struct fr_tls_ticket_ring *own_ring; /* NULL: it is somebody else's */
    struct fr_tls_ticket_key spare;      /* for the moment when another process is about to turn the ring */
    EVP_CIPHER *cipher;
};

/* `ring` NULL: one of its own. */
void fr_tls_ticket_seal_open(struct fr_tls_ticket_seal *seal, OSSL_LIB_CTX *library, struct fr_tls_ticket_ring *ring);

/* What OpenSSL's callback for ticket keys answers: its own numbers. */
enum { FR_TLS_TICKET_FAILED = -1, FR_TLS_TICKET_UNKNOWN, FR_TLS_TICKET_GOOD, FR_TLS_TICKET_GOOD_AND_RENEW };

/* Does what that callback has to, with its arguments. */
int fr_tls_ticket_seal_prepare(const struct fr_tls_ticket_seal *seal, uint8_t *name, uint8_t *iv,
                               EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing);

void fr_tls_ticket_seal_close(struct fr_tls_ticket_seal *seal);

#endif
