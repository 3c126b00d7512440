/* python/asgi_application.h - An ASGI 3 callable as an application of the core.
 *
 * Decides for each request whether it is HTTP or a WebSocket, makes its scope, starts the call and hands on what the
 * core says to the one of asgi_http.h or asgi_websocket.h. */
#ifndef FR_PYTHON_ASGI_APPLICATION_H
#define FR_PYTHON_ASGI_APPLICATION_H

#include <sys/types.h>

#include "base/limits.h"
#include "base/log.h"
#include "http/application.h"
#include "net/loop.h"
#include "python/asgi_task.h"
#include "python/convert.h"
#include "python/gil.h"
#include "python/state.h"

/* What an application is told at its birth; borrowed for the call. */
struct fr_asgi_options {
    PyObject *callable;
    PyObject *log_exception;  /* callable(sentence, exception) or NULL: sys.unraisablehook */
    PyObject *root_path;      /* str; "" or "/prefix" without a slash at its end */
    PyObject *url_scheme;     /* str */
    PyObject *event_loop;     /* the asyncio loop that the worker runs in, or is a guest of */
    PyObject *lifespan_state; /* dict to be copied into each scope, or NULL: no key "state" */
    const struct fr_limits *limits;
    const struct fr_log *log;
};

/* One per worker; belongs to its thread. */
struct fr_asgi {
    struct fr_application base;
    struct core_state *state;
    struct fr_gil *gil;
    struct fr_loop *loop;
    struct fr_asgi_options options; /* its references are owned here */
    struct fr_asgi_tasks tasks;
    struct fr_asgi_scopes *scopes; /* what asgi_scope.c remembers; NULL before the first request */
    struct fr_text_cache texts;
    PyObject *cancelled_error; /* asyncio.CancelledError */
    PyObject *empty_message;   /* http.request without a body */
    struct fr_deferred *idle;  /* for when the last call is over; NULL: nobody waits for that */
    pid_t process;             /* that serves; another one is a copy that the application has made */
    bool cancelling;           /* the worker stops, and has cancelled the calls */
    PyObject *interrupt;       /* a KeyboardInterrupt or SystemExit for whoever turns a guest; NULL: none */
};

/* What the core says of one exchange, after request(): for HTTP and for WebSocket. */
struct fr_asgi_exchange_ops {
    void (*body)(struct fr_exchange *exchange, fr_span bytes, bool last);
    void (*writable)(struct fr_exchange *exchange);
    void (*aborted)(struct fr_exchange *exchange, enum fr_close_reason reason);
    void (*draining)(struct fr_exchange *exchange);   /* may be NULL */
    void (*peer_ended)(struct fr_exchange *exchange); /* may be NULL */
};

/* What exchange->application_data points to, first in asgi_http.c's and asgi_websocket.c's own structs. */
struct fr_asgi_exchange {
    const struct fr_asgi_exchange_ops *ops;
    struct fr_asgi *asgi;
};

/* Makes an application over options->callable; 0, or -1 and an exception. `asgi` is zeroed memory. */
int fr_asgi_open(struct fr_asgi *asgi, struct core_state *state, const struct fr_asgi_options *options,
                 struct fr_gil *gil);

/* Says whose loop the application runs in, before the first request; NULL: that is gone. */
void fr_asgi_attach(struct fr_asgi *asgi, struct fr_loop *loop);

int fr_asgi_traverse(struct fr_asgi *asgi, visitproc visit, void *arg);

/* Lets go of everything; no request is open. Legal on zeroed memory, and twice. */
void fr_asgi_close(struct fr_asgi *asgi);

/* A call is over, and whoever `fr_asgi_task_start` told so has let go of what it had of it. */
void fr_asgi_call_ended(struct fr_asgi *asgi);

/* Cancels every call that is not over; for a worker that has to stop. What comes of it is nothing to be reported. */
void fr_asgi_cancel(struct fr_asgi *asgi);

/* The exception with which a call is over is no failure, and nothing that anybody could mend: it says that the peer is
 * `gone`, or that the worker stops. */
bool fr_asgi_is_expected(const struct fr_asgi *asgi, bool gone, PyObject *exception);

/* Reports `exception` as "<METHOD> <path>: <what>". KeyboardInterrupt and SystemExit are kept for whoever turns the
 * loop, instead. */
void fr_asgi_report(struct fr_asgi *asgi, PyObject *scope, const char *what, PyObject *exception);

/* A line for the log: "<METHOD> <path>: <text>". */
void fr_asgi_log(struct fr_asgi *asgi, enum fr_log_level level, PyObject *scope, PyObject *text);

#endif
