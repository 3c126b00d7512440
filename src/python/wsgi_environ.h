/* python/wsgi_environ.h - A request head as a WSGI environ (PEP 3333, "environ Variables"; RFC 3875).
 *
 * What PEP 3333 leaves open is decided so:
 *  - PATH_INFO is percent-decoded and, with --root-path, loses that prefix only where it has it as whole
 *    segments; SCRIPT_NAME is the root path in any case. RAW_URI and REQUEST_URI are the target as received.
 *  - A field whose name has an underscore is dropped, since X_Y and X-Y would share one key.
 *  - Repeated fields are joined with "," (Cookie with "; ").
 *  - A chunked body is complete before the application runs: CONTENT_LENGTH is what has arrived, and
 *    HTTP_TRANSFER_ENCODING is left out, as RFC 3875 section 4.1.2 has it for servers that decode.
 *  - On a unix socket SERVER_NAME is "localhost", SERVER_PORT the scheme's default, REMOTE_ADDR empty and
 *    REMOTE_PORT absent. */
#ifndef FR_PYTHON_WSGI_ENVIRON_H
#define FR_PYTHON_WSGI_ENVIRON_H

#include "python/wsgi_application.h"

/* A new environ for exchange->head, without the body; wsgi.input is empty. NULL and an exception. */
PyObject *fr_wsgi_environ_new(struct fr_wsgi *wsgi, const struct fr_exchange *exchange);

/* Puts the body in: wsgi.input, and for a chunked one CONTENT_LENGTH. Takes over `input`, also on failure and
 * when it is NULL (which fails). 0, or -1 and an exception. */
int fr_wsgi_environ_set_body(struct fr_wsgi *wsgi, PyObject *environment, PyObject *input, uint64_t len, bool chunked);

#endif
