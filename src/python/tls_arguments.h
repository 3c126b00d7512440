/* python/tls_arguments.h - The dict that Worker() is given as `tls`, as the core's options. */
#ifndef FR_PYTHON_TLS_ARGUMENTS_H
#define FR_PYTHON_TLS_ARGUMENTS_H

#include "python/compat.h"
#include "server/config.h"

/* Zero before first use. */
struct fr_tls_arguments {
    struct fr_tls_options options; /* points into the rest */
    struct fr_tls_options kept;    /* the same with other identities; none: nothing is kept */
    struct fr_tls_identity *identities, *kept_identities;
    PyObject *texts;   /* list of bytes */
    Py_buffer tickets; /* obj is NULL when there are none */
    bool watch_files;  /* certificates are to be read again when they change */
};

/* Reads the dict; 0, or -1 and an exception. Either way fr_tls_arguments_free is owed. What is offered by ALPN is the
 * caller's to say. */
int fr_tls_arguments_read(struct fr_tls_arguments *arguments, PyObject *given);

/* _core.check_tls(tls): None, or a ValueError that says what is wrong with what the dict names. */
PyObject *fr_tls_arguments_check(PyObject *module, PyObject *given);

/* Lets go of everything, when no worker uses it any more. Legal twice. */
void fr_tls_arguments_free(struct fr_tls_arguments *arguments);

#endif
