/* tls/client_facts.h - A client's certificate as texts: for ASGI, and as mod_ssl names its variables. */
#ifndef FR_TLS_CLIENT_FACTS_H
#define FR_TLS_CLIENT_FACTS_H

#include <openssl/x509.h>

#include "base/tls_facts.h"

struct fr_tls_client_facts {
    struct fr_tls_client client; /* what the others are shown; its spans and lists are the ones below */
    char *text;
    fr_span *chain;
    struct fr_tls_variable *variables;
};

/* All there is to say about `leaf`, which came with `chain` (NULL: alone); `error` is X509_V_OK when it is trusted. */
void fr_tls_client_facts_open(struct fr_tls_client_facts *facts, X509 *leaf, const STACK_OF(X509) * chain, long error);

void fr_tls_client_facts_close(struct fr_tls_client_facts *facts);

#endif
