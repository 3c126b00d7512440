/* python/asgi_http.h - One HTTP request of an ASGI application, from its scope to the end of its call. */
#ifndef FR_PYTHON_ASGI_HTTP_H
#define FR_PYTHON_ASGI_HTTP_H

#include "python/asgi_application.h"

/* Takes over the exchange: sets application_data, starts the call, answers. */
void fr_asgi_http_begin(struct fr_asgi *asgi, struct fr_exchange *exchange);

#endif
