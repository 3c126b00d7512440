/* tls/certificate.h - A certificate of ours with its chain, its key, the names it is for and the staple to it.
 *
 * Loaded and checked once, out of files or memory, and never looked at again but for its age. */
#ifndef FR_TLS_CERTIFICATE_H
#define FR_TLS_CERTIFICATE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "tls/errors.h"
#include "tls/file.h"
#include "tls/options.h"
#include "tls/server_name.h"

struct fr_tls_certificate {
    const char *name, *key_name; /* for complaints */
    SSL_CTX *ssl;                /* NULL until it is used */
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    fr_span pem;    /* of the leaf */
    fr_span *names; /* that it is for */
    size_t name_count;
    fr_span staple; /* an OCSP response in DER; empty: none */
    struct fr_tls_file files[3];
    size_t file_count;
};

/* Reads `identity`. 0, or FR_E_CERTIFICATE with a complaint; either way fr_tls_certificate_close follows. When it can
 * be used and yet something is wrong with it (it has expired), `warning` says so. */
FR_CHECKED int fr_tls_certificate_load(struct fr_tls_certificate *certificate, const struct fr_tls_identity *identity,
                                       OSSL_LIB_CTX *library, const struct fr_tls_complaint *complaint,
                                       const struct fr_tls_complaint *warning);

/* Has `ssl` show it, which may already hold another one with another kind of key. 0, or FR_E_CERTIFICATE. */
FR_CHECKED int fr_tls_certificate_use(struct fr_tls_certificate *certificate, SSL_CTX *ssl,
                                      const struct fr_tls_complaint *complaint);

/* Both are for the same names and differ in the kind of key: a client may be shown the one that it can read. */
bool fr_tls_certificate_is_twin(const struct fr_tls_certificate *a, const struct fr_tls_certificate *b);

/* How well the best of its names stands for `name`. */
enum fr_tls_match fr_tls_certificate_match(const struct fr_tls_certificate *certificate, fr_span name);

/* Frees all of it, and its share of the SSL_CTX. */
void fr_tls_certificate_close(struct fr_tls_certificate *certificate);

#endif
