/* tls/options.h - What TLS is told: certificates, whom to trust, which versions. Plain C, filled by python/ or a test.
 *
 * Text is NUL-terminated and belongs to the caller, who keeps it as long as any context that was opened with it. */
#ifndef FR_TLS_OPTIONS_H
#define FR_TLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct fr_tls_ticket_ring;

/* A certificate with its chain and key; which names it is for, it says itself (subjectAltName). Two for the same names,
 * one of an RSA and one of an ECDSA key, are shown each to the clients that can read it. */
struct fr_tls_identity {
    const char *certfile;    /* PEM: the certificate, then its chain; NULL: see certificate */
    const char *keyfile;     /* PEM; NULL: the key stands in certfile */
    const char *password;    /* of the key; NULL: none */
    const char *ocsp_file;   /* a DER OCSP response to staple; NULL: none */
    const char *certificate; /* PEM in memory instead of files: the same contents */
    const char *key;
};

enum fr_tls_verify { FR_TLS_VERIFY_NONE, FR_TLS_VERIFY_OPTIONAL, FR_TLS_VERIFY_REQUIRED };

struct fr_tls_options {
    const struct fr_tls_identity *identities; /* the first is for names that none has, and for clients without SNI */
    size_t identity_count;
    enum fr_tls_verify verify;          /* of client certificates; OPTIONAL: an untrusted one is told, not refused */
    const char *ca_file;                /* PEM: whom to trust for client certificates; NULL: nobody */
    const char *crl_file;               /* PEM: what they revoked; NULL: not looked at */
    int version_min;                    /* 0x0303 (TLS 1.2) or 0x0304 */
    const char *ciphers;                /* for TLS 1.2, as OpenSSL's lists are written; NULL: Mozilla intermediate */
    bool http1, http2;                  /* what is offered by ALPN */
    struct fr_tls_ticket_ring *tickets; /* in memory that all workers share; NULL: one of the context's own */
};

#endif
