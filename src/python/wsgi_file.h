/* python/wsgi_file.h - wsgi.file_wrapper: a file as a WSGI iterable (PEP 3333, "Optional Platform-Specific File
 * Handling"). */
#ifndef FR_PYTHON_WSGI_FILE_H
#define FR_PYTHON_WSGI_FILE_H

#include "python/state.h"

/* When `wrapper` wraps a file whose rest can be sent from its descriptor as it is: 1, *file a duplicate of the
 * descriptor (the caller's to close), *offset where to begin, *len how much is left. 0 when it must be
 * iterated instead. -1 and an exception that is no Exception, KeyboardInterrupt for one. */
int fr_wsgi_file_open(struct core_state *state, PyObject *wrapper, int *file, int64_t *offset, int64_t *len);

#endif
