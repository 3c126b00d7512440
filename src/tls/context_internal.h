/* tls/context_internal.h - The context as the streams see it. */
#ifndef FR_TLS_CONTEXT_INTERNAL_H
#define FR_TLS_CONTEXT_INTERNAL_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "tls/buffers.h"
#include "tls/certificate.h"
#include "tls/context.h"
#include "tls/ticket_seal.h"
#include "tls/trust.h"

/* What the rest of an answer is gathered in, before it is sealed. */
#define FR_TLS_RECORD_BYTES 16384

/* Less than the 2^24.5 that AES-GCM bears; a WebSocket gets there. */
#define FR_TLS_RECORDS_PER_KEY (UINT32_C(1) << 23)

/* What the callbacks of OpenSSL know of a stream; the app data of its SSL object. */
struct fr_tls_attachment {
    struct fr_tls_context *context;
    bool http1, http2; /* offered by ALPN */
    fr_span asked_for; /* the name in the hello that is being read; OpenSSL's memory, and gone with the hello */
};

struct fr_tls_context {
    size_t references;     /* its owner, and every stream */
    OSSL_LIB_CTX *library; /* algorithms of its own: no lock is shared with others, no configuration is read */
    BIO_METHOD *wire_method;
    struct fr_tls_certificate *certificates; /* the SSL_CTX of the first is what streams begin with */
    size_t certificate_count;
    struct fr_tls_trust trust;
    struct fr_tls_ticket_seal seal;
    struct fr_tls_buffers buffers;
    bool http1, http2;
    uint32_t records_per_key; /* FR_TLS_RECORDS_PER_KEY, or what a test wants */
    char record[FR_TLS_RECORD_BYTES];
};

/* The stream's share of the context. */
struct fr_tls_context *fr_tls_context_hold(struct fr_tls_context *context);

/* The certificate that a client has been shown. */
const struct fr_tls_certificate *fr_tls_context_certificate(const struct fr_tls_context *context, const SSL *ssl);

#endif
