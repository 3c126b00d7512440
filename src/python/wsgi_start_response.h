/* python/wsgi_start_response.h - start_response() and the write() it returns (PEP 3333, "The start_response()
 * Callable").
 *
 * Both are objects that know a request while it is open, and nothing afterwards; a worker uses the same
 * two again as long as no application has kept them. */
#ifndef FR_PYTHON_WSGI_START_RESPONSE_H
#define FR_PYTHON_WSGI_START_RESPONSE_H

#include "python/wsgi_application.h"

/* Gives the request its start_response and write; 0, or -1 and an exception. */
int fr_wsgi_start_response_lend(struct fr_wsgi_request *request);

/* Takes them back: whoever kept them finds that the request is over. */
void fr_wsgi_start_response_revoke(struct fr_wsgi_request *request);

#endif
