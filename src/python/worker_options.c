/* python/worker_options.c - The arguments of Worker(), checked one by one. Opens nothing. */
#include "python/worker_options.h"

#include <stdint.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/headers.h"
#include "server/stats.h"

struct limit {
    const char *name;
    size_t offset;
    size_t size;
};

#define LIMIT(name) {#name, offsetof(struct fr_limits, name), sizeof(((struct fr_limits *)0)->name)}

static const struct limit limits[] = {
    LIMIT(request_line_bytes_max), LIMIT(field_bytes_max),
    LIMIT(head_bytes_max),         LIMIT(fields_max),
    LIMIT(body_bytes_max),         LIMIT(chunk_extension_bytes_max),
    LIMIT(trailer_bytes_max),      LIMIT(connections_max),
    LIMIT(head_timeout_ms),        LIMIT(body_timeout_ms),
    LIMIT(write_timeout_ms),       LIMIT(keep_alive_timeout_ms),
    LIMIT(linger_timeout_ms),      LIMIT(tls_handshake_timeout_ms),
    LIMIT(tls_handshakes_max),     LIMIT(h2_streams_max),
    LIMIT(h2_window_bytes),        LIMIT(h2_header_table_bytes),
    LIMIT(ws_message_bytes_max),   LIMIT(ws_ping_interval_ms),
    LIMIT(ws_ping_timeout_ms),     LIMIT(ws_close_timeout_ms),
    LIMIT(ws_deflate_window_bits), LIMIT(ws_deflate_takeover),
    LIMIT(ws_queue_messages_max),  LIMIT(write_high_bytes),
    LIMIT(write_low_bytes),
};

#define LIMIT_COUNT (sizeof limits / sizeof *limits)

static uint64_t get_limit(const struct fr_limits *from, const struct limit *limit)
{
    uint64_t wide;
    uint32_t narrow;
    const char *field = (const char *)from + limit->offset;
    if (limit->size == sizeof wide) {
        memcpy(&wide, field, sizeof wide);
        return wide;
    }
    memcpy(&narrow, field, sizeof narrow);
    return narrow;
}

static int set_limit(struct fr_limits *to, const struct limit *limit, PyObject *value)
{
    unsigned long long wide = PyLong_Check(value) ? PyLong_AsUnsignedLongLong(value) : 0;
    bool valid = PyLong_Check(value) && !PyErr_Occurred();
    if (!valid || (limit->size < sizeof wide && wide > UINT32_MAX)) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "limit %s cannot be %R", limit->name, value);
        return -1;
    }
    uint32_t narrow = (uint32_t)wide;
    char *field = (char *)to + limit->offset;
    memcpy(field, limit->size == sizeof wide ? (void *)&wide : (void *)&narrow, limit->size);
    return 0;
}

static const struct limit *find_limit(PyObject *name)
{
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, limits[i].name) == 0)
            return &limits[i];
    return NULL;
}

static int read_limits(struct fr_limits *to, PyObject *given)
{
    fr_limits_init(to);
    if (given == NULL)
        return 0;
    if (!PyDict_Check(given)) {
        PyErr_Format(PyExc_TypeError, "limits must be a dict, not %.100s", Py_TYPE(given)->tp_name);
        return -1;
    }
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(given, &at, &name, &value)) {
        const struct limit *limit = find_limit(name);
        if (limit == NULL) {
            PyErr_Format(PyExc_ValueError, "there is no limit %R", name);
            return -1;
        }
        if (set_limit(to, limit, value) < 0)
            return -1;
    }
    return 0;
}

static int read_bind(struct fr_bind *bind, PyObject *given)
{
    const char *host;
    int port, unix_socket, redirect_port = 0;
    if (!PyTuple_Check(given)) {
        PyErr_Format(PyExc_TypeError, "a bind must be a tuple (fd, host, port, is_unix), not %R", given);
        return -1;
    }
    if (!PyArg_ParseTuple(given, "isip|i;a bind must be (fd, host, port, is_unix) or have a port to redirect to",
                          &bind->fd, &host, &port, &unix_socket, &redirect_port))
        return -1;
    if (bind->fd < 0 || port < 0 || port > UINT16_MAX || redirect_port < 0 || redirect_port > UINT16_MAX) {
        PyErr_Format(PyExc_ValueError, "a bind cannot be %R", given);
        return -1;
    }
    (void)snprintf(bind->local.host, sizeof bind->local.host, "%s", host);
    bind->local.port = (uint16_t)port;
    bind->unix_socket = unix_socket != 0;
    bind->redirect_port = (uint16_t)redirect_port;
    return 0;
}

static int read_binds(struct fr_worker_options *options, PyObject *given)
{
    if (given == NULL || !PyList_Check(given) || PyList_GET_SIZE(given) == 0) {
        PyErr_SetString(PyExc_TypeError, "binds must be a list of at least one tuple (fd, host, port, is_unix)");
        return -1;
    }
    size_t count = (size_t)PyList_GET_SIZE(given);
    options->binds = fr_alloc_zero(count * sizeof *options->binds);
    for (size_t i = 0; i < count; i++)
        if (read_bind(&options->binds[i], PyList_GET_ITEM(given, (Py_ssize_t)i)) < 0)
            return -1;
    options->config.binds = options->binds;
    options->config.bind_count = count;
    return 0;
}

static int read_access_format(enum fr_access_format *format, const char *name)
{
    if (strcmp(name, "off") == 0)
        *format = FR_ACCESS_OFF;
    else if (strcmp(name, "common") == 0)
        *format = FR_ACCESS_COMMON;
    else if (strcmp(name, "combined") == 0)
        *format = FR_ACCESS_COMBINED;
    else {
        PyErr_Format(PyExc_ValueError, "access_format must be off, common or combined, not '%s'", name);
        return -1;
    }
    return 0;
}

/* The names the core knows, as text that lives as long as the program. */
static int read_transport(const char **transport, const char *name)
{
    static const char *const names[] = {"auto", "uv", "uring"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *transport = names[i];
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "transport must be auto, uv or uring, not '%s'", name);
    return -1;
}

static int read_versions(struct fr_config *config, const char *http)
{
    bool any = strcmp(http, "auto") == 0;
    config->http1 = any || strcmp(http, "1") == 0;
    config->http2 = any || strcmp(http, "2") == 0;
    if (config->http1 || config->http2)
        return 0;
    PyErr_Format(PyExc_ValueError, "http must be auto, 1 or 2, not '%s'", http);
    return -1;
}

/* After the versions, which ALPN offers. */
static int read_tls(struct fr_worker_options *options, PyObject *given)
{
    if (given == NULL || Py_IsNone(given))
        return 0;
    if (fr_tls_arguments_read(&options->tls, given) < 0)
        return -1;
    options->tls.options.http1 = options->tls.kept.http1 = options->config.http1;
    options->tls.options.http2 = options->tls.kept.http2 = options->config.http2;
    options->config.tls = &options->tls.options;
    options->config.tls_kept = options->tls.kept.identity_count > 0 ? &options->tls.kept : NULL;
    options->config.tls_watch_files = options->tls.watch_files;
    return 0;
}

static int read_server_header(struct fr_worker_options *options, PyObject *given)
{
    if (given != NULL && Py_IsNone(given))
        return 0;
    options->server_header = given != NULL ? Py_NewRef(given) : PyUnicode_FromString("freastal");
    if (options->server_header == NULL)
        return -1;
    const char *text = PyUnicode_Check(options->server_header) ? PyUnicode_AsUTF8(options->server_header) : NULL;
    if (text == NULL || !PyUnicode_IS_ASCII(options->server_header) || !fr_is_field_value(fr_span_of_string(text))) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "server_header must be ASCII text without control characters, not %R", given);
        return -1;
    }
    options->config.server_header = text;
    return 0;
}

/* "/prefix" without a slash at its end; with `as_bytes` in the code points that the bytes of a path will have. */
static PyObject *new_root_path(PyObject *given, bool as_bytes)
{
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(given, &len);
    if (text == NULL)
        return NULL;
    if (len > 0 && text[0] != '/')
        return PyErr_Format(PyExc_ValueError, "root_path must begin with '/', not be %R", given);
    while (len > 0 && text[len - 1] == '/')
        len--;
    return as_bytes ? PyUnicode_DecodeLatin1(text, len, NULL) : PyUnicode_DecodeUTF8(text, len, NULL);
}

static int read_callable(PyObject **to, PyObject *given, const char *name)
{
    if (given == NULL || Py_IsNone(given))
        return 0;
    if (!PyCallable_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s must be callable, not %.100s", name, Py_TYPE(given)->tp_name);
        return -1;
    }
    *to = Py_NewRef(given);
    return 0;
}

static int read_stats(struct fr_worker_options *options, PyObject *given)
{
    if (given == NULL || Py_IsNone(given))
        return 0;
    if (PyObject_GetBuffer(given, &options->stats, PyBUF_WRITABLE) < 0)
        return -1;
    bool aligned = (uintptr_t)options->stats.buf % _Alignof(struct fr_stats) == 0;
    if (!aligned || (size_t)options->stats.len < sizeof(struct fr_stats)) {
        PyErr_Format(PyExc_ValueError, "stats must be a buffer of %zu bytes, on a boundary of %zu",
                     sizeof(struct fr_stats), _Alignof(struct fr_stats));
        return -1;
    }
    options->config.stats = options->stats.buf;
    return 0;
}

/* The numbers of the module logging, 10 for DEBUG to 40 for ERROR: the core need not write what nobody reads. */
static enum fr_log_level read_log_level(int number)
{
    int level = number / 10 - 1;
    return level < FR_LOG_DEBUG ? FR_LOG_DEBUG : level > FR_LOG_ERROR ? FR_LOG_ERROR : (enum fr_log_level)level;
}

static int read_wsgi(struct fr_wsgi_options *wsgi, PyObject *root_path, PyObject *url_scheme,
                     Py_ssize_t body_memory_max)
{
    if (body_memory_max < 0) {
        PyErr_Format(PyExc_ValueError, "body_memory_max cannot be %zd", body_memory_max);
        return -1;
    }
    wsgi->body_memory_max = (uint64_t)body_memory_max;
    wsgi->root_path = root_path != NULL ? new_root_path(root_path, true) : PyUnicode_FromString("");
    wsgi->url_scheme = url_scheme != NULL ? Py_NewRef(url_scheme) : PyUnicode_FromString("http");
    return wsgi->root_path != NULL && wsgi->url_scheme != NULL ? 0 : -1;
}

/* What an ASGI application is told, most of it as a WSGI application would be. */
static int read_asgi(struct fr_worker_options *options, PyObject *root_path, PyObject *event_loop,
                     PyObject *lifespan_state)
{
    struct fr_asgi_options *asgi = &options->asgi;
    bool has_state = lifespan_state != NULL && !Py_IsNone(lifespan_state);
    if (event_loop == NULL || Py_IsNone(event_loop)) {
        PyErr_SetString(PyExc_TypeError, "an ASGI application needs a loop, asyncio's or one like it");
        return -1;
    }
    if (has_state && !PyDict_Check(lifespan_state)) {
        PyErr_Format(PyExc_TypeError, "lifespan_state must be a dict, not %.100s", Py_TYPE(lifespan_state)->tp_name);
        return -1;
    }
    asgi->root_path = root_path != NULL ? new_root_path(root_path, false) : PyUnicode_FromString("");
    asgi->event_loop = Py_NewRef(event_loop);
    asgi->lifespan_state = has_state ? Py_NewRef(lifespan_state) : NULL;
    asgi->callable = options->wsgi.callable;
    asgi->log_exception = options->wsgi.log_exception;
    asgi->url_scheme = options->wsgi.url_scheme;
    asgi->limits = &options->config.limits;
    asgi->log = &options->config.log;
    return asgi->root_path != NULL ? 0 : -1;
}

static int read_interface(struct fr_worker_options *options, const char *interface, PyObject *event_loop)
{
    options->is_asgi = interface != NULL && strcmp(interface, "asgi") == 0;
    if (!options->is_asgi && (interface == NULL || strcmp(interface, "wsgi") != 0)) {
        PyErr_Format(PyExc_ValueError, "interface must be wsgi or asgi, not '%s'", interface != NULL ? interface : "");
        return -1;
    }
    if (!options->is_asgi && event_loop != NULL && !Py_IsNone(event_loop)) {
        PyErr_SetString(PyExc_ValueError, "a WSGI application is not run by a loop of asyncio's");
        return -1;
    }
    return 0;
}

/* The arguments that are kept until they are read one by one; all borrowed. */
struct given {
    PyObject *application, *binds, *limits, *server_header, *log, *log_exception, *stats, *root_path, *url_scheme;
    PyObject *event_loop, *lifespan_state, *on_stopped, *on_stirred, *tls;
    const char *interface, *transport, *access_format, *http;
    int date_header, multithread, multiprocess, log_level;
    Py_ssize_t body_memory_max;
};

static int parse(struct given *given, int *access_fd, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {
        "application",   "interface",       "binds",         "limits",     "transport",
        "server_header", "date_header",     "access_format", "access_fd",  "log",
        "log_exception", "stats",           "root_path",     "url_scheme", "multithread",
        "multiprocess",  "body_memory_max", "log_level",     "loop",       "lifespan_state",
        "on_stopped",    "on_stirred",      "tls",           "http",       NULL,
    };
    return PyArg_ParseTupleAndKeywords(
        args, kwargs, "O|$sOOsOpsiOOOUUppniOOOOOs:Worker", (char **)names, &given->application, &given->interface,
        &given->binds, &given->limits, &given->transport, &given->server_header, &given->date_header,
        &given->access_format, access_fd, &given->log, &given->log_exception, &given->stats, &given->root_path,
        &given->url_scheme, &given->multithread, &given->multiprocess, &given->body_memory_max, &given->log_level,
        &given->event_loop, &given->lifespan_state, &given->on_stopped, &given->on_stirred, &given->tls, &given->http);
}

static int read_callables(struct fr_worker_options *options, const struct given *given)
{
    if (read_callable(&options->wsgi.callable, given->application, "application") < 0 ||
        read_callable(&options->log, given->log, "log") < 0 ||
        read_callable(&options->wsgi.log_exception, given->log_exception, "log_exception") < 0 ||
        read_callable(&options->on_stopped, given->on_stopped, "on_stopped") < 0 ||
        read_callable(&options->on_stirred, given->on_stirred, "on_stirred") < 0)
        return -1;
    if (options->wsgi.callable != NULL)
        return 0;
    PyErr_SetString(PyExc_TypeError, "application must be callable, not None");
    return -1;
}

int fr_worker_options_read(struct fr_worker_options *options, PyObject *args, PyObject *kwargs)
{
    struct given given = {
        .transport = "auto", .http = "auto", .access_format = "off", .date_header = 1, .body_memory_max = 1 << 20};
    options->config.access_fd = -1;
    if (!parse(&given, &options->config.access_fd, args, kwargs) ||
        read_interface(options, given.interface, given.event_loop) < 0)
        return -1;
    options->config.date_header = given.date_header != 0;
    options->config.log.level = read_log_level(given.log_level);
    options->wsgi.multithread = given.multithread != 0;
    options->wsgi.multiprocess = given.multiprocess != 0;
    if (read_callables(options, &given) < 0 || read_binds(options, given.binds) < 0 ||
        read_limits(&options->config.limits, given.limits) < 0 ||
        read_transport(&options->config.transport, given.transport) < 0 ||
        read_versions(&options->config, given.http) < 0 || read_tls(options, given.tls) < 0 ||
        read_access_format(&options->config.access_format, given.access_format) < 0 ||
        read_server_header(options, given.server_header) < 0 || read_stats(options, given.stats) < 0 ||
        read_wsgi(&options->wsgi, given.root_path, given.url_scheme, given.body_memory_max) < 0)
        return -1;
    return options->is_asgi ? read_asgi(options, given.root_path, given.event_loop, given.lifespan_state) : 0;
}

void fr_worker_options_free(struct fr_worker_options *options)
{
    Py_CLEAR(options->wsgi.callable);
    Py_CLEAR(options->wsgi.log_exception);
    Py_CLEAR(options->wsgi.root_path);
    Py_CLEAR(options->wsgi.url_scheme);
    Py_CLEAR(options->asgi.root_path);
    Py_CLEAR(options->asgi.event_loop);
    Py_CLEAR(options->asgi.lifespan_state);
    Py_CLEAR(options->on_stopped);
    Py_CLEAR(options->on_stirred);
    Py_CLEAR(options->log);
    Py_CLEAR(options->server_header);
    if (options->stats.obj != NULL)
        PyBuffer_Release(&options->stats);
    fr_tls_arguments_free(&options->tls);
    options->config.tls = options->config.tls_kept = NULL;
    fr_free(options->binds);
    options->binds = NULL;
}

PyObject *fr_worker_options_limits(void)
{
    struct fr_limits defaults;
    fr_limits_init(&defaults);
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict != NULL && i < LIMIT_COUNT; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(get_limit(&defaults, &limits[i]));
        if (value == NULL || PyDict_SetItemString(dict, limits[i].name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}
