/* tests/core/fakes/tls_maker.h - Makes keys, certificates, revocations and staples, as PEM or DER in memory. */
#ifndef FR_TESTS_FAKES_TLS_MAKER_H
#define FR_TESTS_FAKES_TLS_MAKER_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* A certificate and its key. */
struct maker_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

struct maker_wish {
    const char *common_name;         /* NULL: none */
    const char *names;               /* subjectAltName as OpenSSL writes it, "DNS:a.example,email:x@a.example" */
    const struct maker_pair *issuer; /* NULL: itself */
    bool authority;
    bool rsa;             /* else ECDSA on P-256 */
    long from_s, until_s; /* from now; both 0: yesterday, and in a year */
    long serial;          /* 0: 1 */
};

struct maker_pair maker_pair(const struct maker_wish *wish);
void maker_free(struct maker_pair *pair);

/* Texts for the caller to free. */
char *maker_certificate_pem(const struct maker_pair *pair);
char *maker_key_pem(const struct maker_pair *pair, const char *password);
char *maker_crl_pem(const struct maker_pair *issuer, long revoked_serial);
char *maker_join(const char *first, const char *second);

/* An OCSP response by `issuer` that `pair` is good; `*data` is for the caller to free. Its length. */
size_t maker_staple(const struct maker_pair *pair, const struct maker_pair *issuer, char **data);

/* Writes a file and answers its path, in a folder of this process's own. */
const char *maker_file(const char *name, const void *data, size_t len);

/* The same for a text. */
const char *maker_text_file(const char *name, const char *text);

#endif
