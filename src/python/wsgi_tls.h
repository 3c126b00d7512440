/* python/wsgi_tls.h - What TLS settled about a connection, as variables of an environ.
 *
 * Named and written as Apache's mod_ssl does, since that is what applications look for: HTTPS is "on", and
 *  - SSL_PROTOCOL "TLSv1.3", SSL_CIPHER, SSL_SESSION_RESUMED "Initial" or "Resumed", SSL_SERVER_CERT (PEM);
 *  - SSL_TLS_SNI, when the client has named a host;
 *  - SSL_CLIENT_VERIFY: "NONE", "SUCCESS", or "FAILED:" and the reason;
 *  - of a client's certificate everything that tls/ found out about it: SSL_CLIENT_S_DN and so on.
 * Like all text of PEP 3333 they are bytes, here of UTF-8, as code points. */
#ifndef FR_PYTHON_WSGI_TLS_H
#define FR_PYTHON_WSGI_TLS_H

#include "python/wsgi_application.h"

/* What the environ of a request of `peer`, which is encrypted, begins with: `base` and these variables. Borrowed until
 * the next call; NULL and an exception. */
PyObject *fr_wsgi_tls_template(struct fr_wsgi *wsgi, const struct fr_peer *peer, PyObject *base);

#endif
