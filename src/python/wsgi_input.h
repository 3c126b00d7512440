/* python/wsgi_input.h - wsgi.input: a complete request body, read like a file. */
#ifndef FR_PYTHON_WSGI_INPUT_H
#define FR_PYTHON_WSGI_INPUT_H

#include "python/state.h"

/* A stream over `bytes`, whose reference is taken over, or when that is NULL over the first `len` bytes of
 * `file`, which is taken over too. NULL and an exception. */
PyObject *fr_wsgi_input_new(struct core_state *state, PyObject *bytes, int file, uint64_t len);

/* Takes the file, `*len` bytes of it in use, out of an input that was made over one; what remains is closed for
 * reading and nobody else may hold a reference to it. */
int fr_wsgi_input_detach(PyObject *input, uint64_t *len);

#endif
