/* python/worker_options.h - What Worker() was told, as the core's configuration. */
#ifndef FR_PYTHON_WORKER_OPTIONS_H
#define FR_PYTHON_WORKER_OPTIONS_H

#include "python/asgi_application.h"
#include "python/tls_arguments.h"
#include "python/wsgi_application.h"
#include "server/config.h"

/* Zero before first use. */
struct fr_worker_options {
    struct fr_config config; /* but for application and the log's sink; points into the rest */
    bool is_asgi;
    struct fr_wsgi_options wsgi; /* its references are owned here, */
    struct fr_asgi_options asgi; /* and of these root_path, event_loop and lifespan_state */
    PyObject *on_stopped;        /* callable(); NULL: none */
    PyObject *on_stirred;        /* callable(), for guests of another loop; NULL: none */
    struct fr_tls_arguments tls; /* all zero without TLS */
    struct fr_bind *binds;
    PyObject *log;           /* callable(level, message); NULL: none */
    PyObject *server_header; /* str that config points into; NULL: none */
    Py_buffer stats;         /* obj is NULL when there is none */
};

/* Reads the arguments of Worker(); 0, or -1 and an exception. Either way fr_worker_options_free is owed. */
int fr_worker_options_read(struct fr_worker_options *options, PyObject *args, PyObject *kwargs);

/* Lets go of what the configuration points to, when no worker uses it any more. Legal twice. */
void fr_worker_options_free(struct fr_worker_options *options);

/* A new dict: the name of every limit, with its default. */
PyObject *fr_worker_options_limits(void);

#endif
