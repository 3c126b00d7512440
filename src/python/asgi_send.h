/* python/asgi_send.h - send() of HTTP: messages to the exchange, checked against the state of the answer. */
#ifndef FR_PYTHON_ASGI_SEND_H
#define FR_PYTHON_ASGI_SEND_H

#include "python/asgi_request.h"

/* The send() of `request`, which it holds; NULL and an exception. */
PyObject *fr_asgi_send_new(struct fr_asgi_request *request);

/* ---- for the messages of asgi_extensions.c ---- */

/* The answer is at `stage` or further along in its body, as a message of `type` needs it: 0, or -1 and an exception. */
int fr_asgi_send_expect_body(struct fr_asgi_request *request, PyObject *type);

/* Sends `len` bytes of body by `chunk` (NULL: there are none), whose release is taken over, after the head if that
 * still waits; and with `last` ends the body. An awaitable, or NULL and an exception. */
PyObject *fr_asgi_send_chunk(struct fr_asgi_request *request, const struct fr_chunk *chunk, uint64_t len, bool last);

/* What a call of the core's comes to: 0, or -1 and the exception that `error` stands for. */
int fr_asgi_send_check(struct fr_asgi_request *request, int error);

/* The answer is complete: lets go of the exchange. */
void fr_asgi_send_finish(struct fr_asgi_request *request);

/* Raises that nobody is there any more. Returns NULL. */
PyObject *fr_asgi_send_raise_gone(PyObject *self);

#endif
