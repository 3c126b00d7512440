/* tls/certificate.h - A certificate of ours with its chain, its key, the names it is for and the staple to it.
 *
 * Loaded and checked once, out of files or memory, and never looked at again but for its age. */
#ifndef FR_TLS_CERTIFICATE_H
#define FR_TLS_CERTIFICATE_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "tls/errors.h"
#include "tls/file.h"
#include "tls/options.h"
#include "tls/server_name.h"

struct fr_tls_certificate {
    SSL_CTX *ssl; /* with the certificate in it; everything else is set by the context */
    fr_span pem;  /* of the certificate itself */
    fr_span *names;
    size_t name_count;
    fr_span staple; /* an OCSP response in DER; empty: none */
    struct fr_tls_file files[3];
    size_t file_count;
};

/* Loads `identity` into the SSL_CTX that `certificate->ssl` already is. 0, or FR_E_CERTIFICATE with a complaint;
 * either way fr_tls_certificate_close follows. When it can be used and yet something is wrong with it (it has
 * expired), `warning` says so. */
FR_CHECKED int fr_tls_certificate_load(struct fr_tls_certificate *certificate, const struct fr_tls_identity *identity,
                                       OSSL_LIB_CTX *library, const struct fr_tls_complaint *complaint,
                                       const struct fr_tls_complaint *warning);

/* How well the best of its names stands for `name`. */
enum fr_tls_match fr_tls_certificate_match(const struct fr_tls_certificate *certificate, fr_span name);

/* Frees all of it, the SSL_CTX too. */
void fr_tls_certificate_close(struct fr_tls_certificate *certificate);

#endif
