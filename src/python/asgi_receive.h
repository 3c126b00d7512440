/* python/asgi_receive.h - receive() of HTTP: the request's body as messages, then http.disconnect. */
#ifndef FR_PYTHON_ASGI_RECEIVE_H
#define FR_PYTHON_ASGI_RECEIVE_H

#include "python/asgi_request.h"

/* The function receive() of a new request. */
PyObject *fr_asgi_receive_call(PyObject *self, PyObject *const *args, size_t countf, PyObject *names);

/* A piece of the body has come: keeps it until it is asked for. 0, or -1 and an exception. Wakes nobody. */
int fr_asgi_receive_keep(struct fr_asgi_request *request, fr_span bytes, bool last);

/* A new message http.request without a body, the only one of most requests; NULL and an exception. */
PyObject *fr_asgi_receive_new_empty(struct core_state *state);

#endif
