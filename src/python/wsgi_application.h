/* python/wsgi_application.h - A WSGI callable as an application of the core (PEP 3333).
 *
 * The callable is run inline, in the loop, once the whole request body is here; so it never waits for the
 * peer. What it returns is sent piece by piece, as fast as the peer reads. */
#ifndef FR_PYTHON_WSGI_APPLICATION_H
#define FR_PYTHON_WSGI_APPLICATION_H

#include <sys/types.h>

#include "http/application.h"
#include "net/loop.h"
#include "python/convert.h"
#include "python/gil.h"
#include "python/state.h"
#include "python/wsgi_body.h"

struct fr_tls_memory;

/* What an application is told at its birth; borrowed for the call. */
struct fr_wsgi_options {
    PyObject *callable;
    PyObject *log_exception; /* callable(sentence, exception) or NULL: sys.unraisablehook */
    PyObject *root_path;     /* str; "" or "/prefix" without a slash at its end */
    PyObject *url_scheme;    /* str */
    bool multithread, multiprocess;
    uint64_t body_memory_max; /* longer bodies go to a temporary file */
};

/* The environ that requests over one listener begin with. */
struct fr_wsgi_template {
    const struct fr_endpoint *local;
    bool encrypted;
    PyObject *environ;
};

/* One per worker; belongs to its thread. */
struct fr_wsgi {
    struct fr_application base;
    struct core_state *state;
    struct fr_gil *gil;
    struct fr_loop *loop;
    struct fr_wsgi_options options;   /* its references are owned here */
    PyObject *empty_input;            /* wsgi.input of every request without a body */
    PyObject *errors;                 /* what wsgi.errors is in the templates: the last sys.stderr seen */
    PyObject *null_errors;            /* a stream to nowhere, for when sys.stderr is None; or NULL */
    struct fr_wsgi_spool spool;       /* temporary files for long bodies */
    PyObject *start_response, *write; /* kept for the next request; NULL while in use */
    pid_t process;                    /* that turns the worker; another one is a copy that the callable has made */
    PyObject *interrupt;              /* a KeyboardInterrupt that came out of the callable; NULL: none */
    unsigned long thread;             /* the one that ran the last request */
    struct fr_wsgi_template *templates;
    size_t template_count;
    struct fr_tls_memory *tls; /* the same for TLS, with what it has settled; NULL before the first request over it */
    struct fr_text_cache texts;
};

/* One request, from the core's request() to its let_go(). */
struct fr_wsgi_request {
    struct fr_exchange *exchange;
    struct fr_wsgi *wsgi;
    PyObject *input;                  /* wsgi.input, when its file is to be had back; else NULL */
    PyObject *environ;                /* until the callable has returned */
    PyObject *method, *path;          /* str, for sentences in the log; path as received */
    PyObject *start_response, *write; /* while the callable may use them */
    PyObject *headers;                /* tuple of (name, value); NULL before start_response */
    PyObject *status_line;            /* as given: "200 OK" */
    PyObject *result;                 /* what the callable returned: to be closed */
    PyObject *iterator;               /* over the result; NULL when it is not iterated */
    struct fr_wsgi_body body;
    struct fr_deferred again; /* goes on iterating in the next turn */
    uint64_t piece_ns;        /* when the last piece of an iteration came, monotonic */
    unsigned quick_pieces;    /* how many have come one right after the other */
    int64_t declared_length;  /* Content-Length as given by the callable; -1: none */
    const char *complaint;    /* what is wrong with the length of the body; NULL: nothing */
    int status;
    bool head_sent;
    bool ended;   /* the last piece is sent, or the answer was cut */
    bool gone;    /* the peer is gone */
    bool running; /* code of the callable, or of its result, is on the stack */
    bool busy;    /* code of ours is on the stack: not to be freed by a callback */
};

/* Makes an application over options->callable; 0, or -1 and an exception. `wsgi` is zeroed memory. */
int fr_wsgi_open(struct fr_wsgi *wsgi, struct core_state *state, const struct fr_wsgi_options *options);

/* Says whose loop the application runs in; before the first request. */
void fr_wsgi_attach(struct fr_wsgi *wsgi, struct fr_gil *gil, struct fr_loop *loop);

/* For the collector: visits and clears what the application refers to. */
int fr_wsgi_traverse(struct fr_wsgi *wsgi, visitproc visit, void *arg);

/* Lets go of everything; no request is open. Legal on zeroed memory, and twice. */
void fr_wsgi_close(struct fr_wsgi *wsgi);

/* Reports the exception in flight as "<METHOD> <path>: <what>" and clears it. KeyboardInterrupt is kept for
 * whoever turns the worker, instead. */
void fr_wsgi_report(struct fr_wsgi_request *request, const char *what);

#endif
