/* python/asgi_extensions.h - What send() knows beyond heads and bodies (ASGI extensions): files, early hints,
 * trailers, notes for whoever debugs. */
#ifndef FR_PYTHON_ASGI_EXTENSIONS_H
#define FR_PYTHON_ASGI_EXTENSIONS_H

#include "python/asgi_request.h"

enum fr_asgi_extension {
    FR_ASGI_EXTENSION_NONE,
    FR_ASGI_EXTENSION_PATHSEND,
    FR_ASGI_EXTENSION_ZEROCOPYSEND,
    FR_ASGI_EXTENSION_EARLY_HINT,
    FR_ASGI_EXTENSION_TRAILERS,
    FR_ASGI_EXTENSION_DEBUG,
};

/* Which one a message of this type is of. */
enum fr_asgi_extension fr_asgi_extension_of(fr_span type);

/* A message of it may come now. */
bool fr_asgi_extension_may_come(enum fr_asgi_extension extension, enum fr_asgi_stage stage);

/* Does what the message says; an awaitable, or NULL and an exception. The exchange is there. */
PyObject *fr_asgi_extension_send(struct fr_asgi_request *request, enum fr_asgi_extension extension, PyObject *message,
                                 PyObject *type);

#endif
