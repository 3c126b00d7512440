/* python/wsgi_spool.c - Making, keeping and closing files without names. */
#include "python/wsgi_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A file that held more is closed, so that one huge upload does not keep the disk for ever. */
#define KEPT_BYTES_MAX (16 * 1024 * 1024)

static int find_folder(PyObject **folder)
{
    if (*folder != NULL)
        return 0;
    PyObject *module = PyImport_ImportModule("tempfile");
    PyObject *text = module ? PyObject_CallMethod(module, "gettempdir", NULL) : NULL;
    int status = text != NULL && PyUnicode_FSConverter(text, folder) ? 0 : -1;
    Py_XDECREF(text);
    Py_XDECREF(module);
    return status;
}

/* A file that nobody can find: without a name where the system can, else unlinked at once. */
static int open_nameless(const char *folder)
{
#ifdef O_TMPFILE
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (file >= 0)
        return file;
#endif
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/freastal-XXXXXX", folder);
    if (len < 0 || (size_t)len >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int named = mkstemp(path);
    if (named < 0)
        return -1;
    (void)unlink(path);
    (void)fcntl(named, F_SETFD, FD_CLOEXEC);
    return named;
}

int fr_wsgi_spool_take(struct fr_wsgi_spool *spool)
{
    if (spool->has_spare) {
        spool->has_spare = false;
        return spool->spare;
    }
    if (find_folder(&spool->folder) < 0)
        return -1;
    int file = open_nameless(PyBytes_AS_STRING(spool->folder));
    if (file < 0)
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(spool->folder));
    return file;
}

void fr_wsgi_spool_give(struct fr_wsgi_spool *spool, int file, uint64_t len)
{
    if (spool->has_spare || len > KEPT_BYTES_MAX) {
        (void)close(file);
        return;
    }
    spool->spare = file;
    spool->has_spare = true;
}

void fr_wsgi_spool_close(struct fr_wsgi_spool *spool)
{
    Py_CLEAR(spool->folder);
    if (spool->has_spare)
        (void)close(spool->spare);
    spool->has_spare = false;
}
