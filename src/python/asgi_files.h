/* python/asgi_files.h - Answers out of files, sent by the kernel: http.response.pathsend and .zerocopysend. */
#ifndef FR_PYTHON_ASGI_FILES_H
#define FR_PYTHON_ASGI_FILES_H

#include "python/asgi_request.h"

/* The file at message["path"] is the rest of the body; an awaitable, or NULL and an exception. */
PyObject *fr_asgi_files_send_path(struct fr_asgi_request *request, PyObject *message, PyObject *type);

/* A stretch of the open message["file"] is a piece of the body. The file stays the application's, who may close it when
 * this has returned. */
PyObject *fr_asgi_files_send_open(struct fr_asgi_request *request, PyObject *message, PyObject *type);

#endif
