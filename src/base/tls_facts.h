/* base/tls_facts.h - What TLS settled about a connection, for those who tell an application.
 *
 * Plain values and spans, valid as long as the connection. Lies in base/ because tls/, which finds it out, and
 * http/ and python/, which pass it on, may not see each other. */
#ifndef FR_BASE_TLS_FACTS_H
#define FR_BASE_TLS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* A variable as mod_ssl names it, "SSL_CLIENT_S_DN", and its value in UTF-8. */
struct fr_tls_variable {
    fr_span name;
    fr_span value;
};

/* The certificate that a client has shown. */
struct fr_tls_client {
    fr_span name;         /* its subject, by RFC 4514 */
    fr_span error;        /* why it is not trusted (OpenSSL's sentence); empty: it is */
    const fr_span *chain; /* PEM, its own certificate first */
    size_t chain_count;
    const struct fr_tls_variable *variables; /* all of SSL_CLIENT_* but SSL_CLIENT_VERIFY */
    size_t variable_count;
};

struct fr_tls_facts {
    uint16_t version;                   /* 0x0303 for 1.2, 0x0304 for 1.3 */
    uint16_t cipher_suite;              /* its IANA number */
    bool resumed;                       /* by a session ticket */
    fr_span version_name;               /* "TLSv1.3" */
    fr_span cipher;                     /* the suite as OpenSSL spells it */
    fr_span server_name;                /* what the client asked for (SNI), lower case; empty: nothing */
    fr_span server_certificate;         /* PEM of the one that was shown; if resumed, of one for the same name */
    const struct fr_tls_client *client; /* NULL: the client showed none */
};

#endif
