/* python/asgi_message.h - Looking into the messages that applications send: dicts, nearly always. */
#ifndef FR_PYTHON_ASGI_MESSAGE_H
#define FR_PYTHON_ASGI_MESSAGE_H

#include "base/span.h"
#include "python/compat.h"

/* message[key]: 1 and a new reference; 0 and NULL when it is missing; -1 and an exception. */
int fr_asgi_message_find(PyObject *message, PyObject *key, PyObject **value);

/* The same of a key that must be there. */
int fr_asgi_message_get(PyObject *message, PyObject *key, PyObject **value);

/* Whether message[key] is true: 1 or 0, and 0 when it is missing; -1 and an exception. */
int fr_asgi_message_is(PyObject *message, PyObject *key);

/* message[key], which must be the status of a final response, 200 to 999; -1 and an exception. */
int fr_asgi_message_status(PyObject *message, PyObject *key);

/* message["type"], with its bytes borrowed from it in `text`: a new reference, or NULL and an exception. */
PyObject *fr_asgi_message_type(PyObject *message, PyObject *key, fr_span *text);

#endif
