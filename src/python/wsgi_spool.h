/* python/wsgi_spool.h - Temporary files for request bodies, one of which is kept for the next.
 *
 * A new file costs the file system more than what is written to it: 10 MiB into a new file and back take three
 * times as long as into one that is there already. So one file per worker is kept, if it did not grow too
 * large, and written over. It has no name, is gone with the process, and what an earlier body left behind in it is
 * never read: every reader knows its length. */
#ifndef FR_PYTHON_WSGI_SPOOL_H
#define FR_PYTHON_WSGI_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "python/compat.h"

/* Zeroed memory is one without files. */
struct fr_wsgi_spool {
    PyObject *folder; /* bytes, what tempfile.gettempdir() says; NULL before the first file */
    bool has_spare;
    int spare; /* a file that nobody uses, when there is one */
};

/* A file to be written from its beginning, the caller's; -1 and an exception. */
int fr_wsgi_spool_take(struct fr_wsgi_spool *spool);

/* Gives back a file of which `len` bytes were used: kept, or closed. */
void fr_wsgi_spool_give(struct fr_wsgi_spool *spool, int file, uint64_t len);

/* Closes what is kept. Legal twice. */
void fr_wsgi_spool_close(struct fr_wsgi_spool *spool);

#endif
