/* python/state.h - What the module owns: its types and its interned names. Read-only after exec.
 *
 * One per module object, so per interpreter; every type of ours finds it through its own type object, and
 * nothing in this folder is static but tables and functions. */
#ifndef FR_PYTHON_STATE_H
#define FR_PYTHON_STATE_H

#include "http/message.h"
#include "python/compat.h"
#include "python/names.h"

struct core_state {
    PyTypeObject *worker_type;
    PyTypeObject *input_type;             /* wsgi.input */
    PyTypeObject *response_function_type; /* start_response and write */
    PyTypeObject *file_wrapper_type;      /* wsgi.file_wrapper */
    PyTypeObject *event_loop_type;
    PyTypeObject *handle_type;       /* what call_soon returns */
    PyTypeObject *timer_handle_type; /* what call_later returns */
    PyTypeObject *asgi_call_type;    /* the coroutine of an application's task */
    PyTypeObject *asgi_spare_type;   /* what a spare task waits for */
    PyTypeObject *asgi_done_type;
    PyTypeObject *asgi_wait_type;
    PyObject *asgi_done;               /* the awaitable that gives None */
    PyObject *context_names;           /* ("context",): of the keywords of a call */
    PyTypeObject *asgi_websocket_type; /* what receive and send of a WebSocket belong to */
    PyObject *io_base;                 /* io.IOBase */
    PyObject *plain_file_types;        /* (io.BufferedReader, io.BufferedRandom): a FileIO may be under them */
    PyObject *raw_file_type;           /* io.FileIO */
    PyObject *sys_dict;                /* vars(sys) */
    PyTypeObject *asgi_request_type;   /* receive of HTTP */
    PyTypeObject *asgi_send_type;      /* send of HTTP */
    PyObject *client_disconnected;     /* freastal.errors.ClientDisconnected */
    PyObject *empty_text;
    PyObject *empty_bytes;
    PyObject *methods[FR_METHOD_COUNT];      /* "GET", ...; NULL for OTHER */
    PyObject *header_keys[FR_HEADER_COUNT];  /* "HTTP_ACCEPT", ...; NULL for OTHER */
    PyObject *header_names[FR_HEADER_COUNT]; /* b"accept", ...; NULL for OTHER */
    PyObject *versions[FR_HTTP_2 + 1];       /* "HTTP/1.0", ... */
    PyObject *http_versions[FR_HTTP_2 + 1];  /* "1.0", ... */
    struct {
#define X(symbol, text) PyObject *symbol;
        FR_NAME_LIST(X)
#undef X
    } names;
};

extern const PyType_Spec fr_worker_spec;
extern const PyType_Spec fr_wsgi_input_spec;
extern const PyType_Spec fr_wsgi_start_response_spec;
extern const PyType_Spec fr_wsgi_file_spec;
extern const PyType_Spec fr_asgi_websocket_spec;
extern const PyType_Spec fr_event_loop_spec;
extern const PyType_Spec fr_event_handle_spec;
extern const PyType_Spec fr_event_timer_handle_spec;
extern const PyType_Spec fr_asgi_request_spec;
extern const PyType_Spec fr_asgi_send_spec;

/* The state, from an instance of one of the module's types. */
static inline struct core_state *core_state_of(PyObject *instance);

/* ---- inline definitions ---- */

static inline struct core_state *core_state_of(PyObject *instance)
{
    return PyType_GetModuleState(Py_TYPE(instance));
}

#endif
