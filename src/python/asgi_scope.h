/* python/asgi_scope.h - A request head as the scope of an ASGI call (ASGI 3.0, HTTP and WebSocket spec 2.5). */
#ifndef FR_PYTHON_ASGI_SCOPE_H
#define FR_PYTHON_ASGI_SCOPE_H

#include "python/asgi_application.h"

/* A new dict for the request of `exchange`, whose head must be valid; NULL and an exception. */
PyObject *fr_asgi_scope_new(struct fr_asgi *asgi, const struct fr_exchange *exchange, bool websocket);

/* For the collector. */
int fr_asgi_scope_traverse(struct fr_asgi *asgi, visitproc visit, void *arg);

/* Lets go of the templates and of what was kept for the next requests. Legal before the first one, and twice. */
void fr_asgi_scope_close(struct fr_asgi *asgi);

#endif
