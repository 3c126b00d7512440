/* tls/trust.h - Whom to believe when a client shows a certificate: authorities, and what they have revoked.
 *
 * Read once. RFC 5280 section 6. */
#ifndef FR_TLS_TRUST_H
#define FR_TLS_TRUST_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "tls/errors.h"
#include "tls/file.h"
#include "tls/options.h"

#define FR_TLS_TRUST_ID_BYTES 32

struct fr_tls_trust {
    enum fr_tls_verify verify;
    X509_STORE *store;
    STACK_OF(X509_NAME) * names;       /* told to clients, so that they choose a certificate that helps */
    uint8_t id[FR_TLS_TRUST_ID_BYTES]; /* another one for any other trust: sessions do not outlive it */
    struct fr_tls_file files[2];
    size_t file_count;
};

/* Reads the authorities and revocations of `options`. 0, or FR_E_CERTIFICATE and a complaint; either way
 * fr_tls_trust_close follows. */
FR_CHECKED int fr_tls_trust_load(struct fr_tls_trust *trust, const struct fr_tls_options *options,
                                 OSSL_LIB_CTX *library, const struct fr_tls_complaint *complaint);

/* Has connections of `ssl` ask for certificates as `trust` wants, which outlives them. False: no memory. */
bool fr_tls_trust_apply(struct fr_tls_trust *trust, SSL_CTX *ssl);

void fr_tls_trust_close(struct fr_tls_trust *trust);

#endif
