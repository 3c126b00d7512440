/* tls/resumption.h - What a session ticket carries of a client's certificate, and when it is no longer good.
 *
 * OpenSSL puts the certificate itself into a ticket, and forgets what came with it. */
#ifndef FR_TLS_RESUMPTION_H
#define FR_TLS_RESUMPTION_H

#include <openssl/ssl.h>

/* Has tickets of `ssl` carry the chain, and refuses those of certificates that have expired since, or were shown longer
 * ago than a ticket is good for; and those of TLS 1.2 that were given to somebody who asked for another name. */
void fr_tls_resumption_apply(SSL_CTX *ssl);

/* What the client has shown behind its own certificate, now or when it got its ticket; NULL: nothing. For the caller
 * to free. */
STACK_OF(X509) * fr_tls_resumption_chain(SSL *ssl);

#endif
