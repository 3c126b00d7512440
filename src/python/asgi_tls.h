/* python/asgi_tls.h - scope["extensions"]["tls"] (ASGI TLS Extension 0.2).
 *
 * Six values, which no application can change: what a connection has settled is one tuple of them, kept for the next
 * connections with the same facts. The dict around them is made of the tuple, and belongs to one scope. */
#ifndef FR_PYTHON_ASGI_TLS_H
#define FR_PYTHON_ASGI_TLS_H

#include "python/state.h"
#include "python/tls_memory.h"

/* The values for `peer`, which is encrypted; a new reference, or NULL and an exception. */
PyObject *fr_asgi_tls_values(struct fr_tls_memory *memory, const struct fr_peer *peer);

/* A new dict of them; NULL and an exception. */
PyObject *fr_asgi_tls_new(const struct core_state *state, PyObject *values);

/* Nobody else refers to the dict, and it holds these very values and nothing else. */
bool fr_asgi_tls_is_untouched(const struct core_state *state, PyObject *dict, PyObject *values);

#endif
