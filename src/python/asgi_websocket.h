/* python/asgi_websocket.h - One WebSocket of an ASGI application, from the handshake to the end of its call. */
#ifndef FR_PYTHON_ASGI_WEBSOCKET_H
#define FR_PYTHON_ASGI_WEBSOCKET_H

#include "python/asgi_application.h"

/* Takes over the exchange, whose request fr_is_websocket_request: refuses a bad handshake, or sets application_data,
 * starts the call and does what it says. */
void fr_asgi_websocket_begin(struct fr_asgi *asgi, struct fr_exchange *exchange);

#endif
