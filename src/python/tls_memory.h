/* python/tls_memory.h - What was made of the TLS facts of a connection, found again by facts that are the same.
 *
 * Connections differ little: the same version, cipher and certificate over and over, few client certificates. So a
 * worker keeps the last few objects that it made of facts, compares the whole of them, and a connection itself need
 * remember nothing. Belongs to one thread. */
#ifndef FR_PYTHON_TLS_MEMORY_H
#define FR_PYTHON_TLS_MEMORY_H

#include "http/message.h"
#include "python/compat.h"

struct fr_tls_memory;

/* An empty one. */
struct fr_tls_memory *fr_tls_memory_open(void);

/* What was kept for a peer with the same facts at the same listener, borrowed until the next call; NULL: nothing.
 * `peer` is encrypted, here and below. */
PyObject *fr_tls_memory_find(const struct fr_tls_memory *memory, const struct fr_peer *peer);

/* Keeps `object`, with a reference and a copy of the facts of its own, in place of another one perhaps. */
void fr_tls_memory_keep(struct fr_tls_memory *memory, const struct fr_peer *peer, PyObject *object);

/* Lets go of everything that was kept. */
void fr_tls_memory_clear(struct fr_tls_memory *memory);

/* For the collector; NULL is legal. */
int fr_tls_memory_traverse(const struct fr_tls_memory *memory, visitproc visit, void *arg);

/* Frees it; NULL is legal. */
void fr_tls_memory_close(struct fr_tls_memory *memory);

#endif
