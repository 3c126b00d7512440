/* python/asgi_extensions.c - The extensions of ASGI that are messages: http.response.early_hint, .trailers, .debug; and
 * the way to those that send files. https://asgi.readthedocs.io/en/latest/extensions.html */
#include "python/asgi_extensions.h"

#include "base/alloc.h"
#include "base/log.h"
#include "python/asgi_files.h"
#include "python/asgi_message.h"
#include "python/asgi_send.h"
#include "python/asgi_wait.h"

#define STATUS_EARLY_HINTS 103

/* More links take memory of their own. */
#define LINKS_ON_STACK 16

/* ---- http.response.early_hint: RFC 8297 ---- */

static int read_links(PyObject *links, struct fr_response_header *headers)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(links); i++) {
        PyObject *link = PyTuple_GET_ITEM(links, i);
        if (!PyBytes_Check(link)) {
            PyErr_Format(PyExc_TypeError, "a link must be bytes, not %.100s: %R", Py_TYPE(link)->tp_name, link);
            return -1;
        }
        headers[i].name = FR_SPAN("Link");
        headers[i].value = fr_span_of(PyBytes_AS_STRING(link), (size_t)PyBytes_GET_SIZE(link));
    }
    return 0;
}

static PyObject *give_links(struct fr_asgi_request *request, PyObject *links)
{
    struct fr_response_header small[LINKS_ON_STACK], *headers = small;
    size_t count = (size_t)PyTuple_GET_SIZE(links);
    if (count > LINKS_ON_STACK)
        headers = fr_alloc(count * sizeof *headers);
    int status = read_links(links, headers);
    if (status == 0 && request->exchange == NULL) { /* gone while an iterable of the application's own was asked */
        (void)fr_asgi_send_raise_gone((PyObject *)request);
        status = -1;
    }
    if (status == 0) {
        struct fr_response_head head = {
            .status = STATUS_EARLY_HINTS,
            .headers = headers,
            .header_count = count,
            .content_length = -1,
        };
        status = fr_asgi_send_check(request, fr_exchange_respond(request->exchange, &head));
    }
    if (headers != small)
        fr_free(headers);
    return status == 0 ? fr_asgi_done(core_state_of((PyObject *)request)) : NULL;
}

static PyObject *send_early_hint(struct fr_asgi_request *request, PyObject *message)
{
    PyObject *links;
    if (fr_asgi_message_get(message, core_state_of((PyObject *)request)->names.links, &links) < 0)
        return NULL;
    PyObject *tuple = PySequence_Tuple(links);
    Py_DECREF(links);
    if (tuple == NULL)
        return NULL;
    PyObject *result = give_links(request, tuple);
    Py_DECREF(tuple);
    return result;
}

/* ---- http.response.trailers: RFC 9110 section 6.5 ---- */

/* Adds what the message has to what earlier ones had. */
static int gather_trailers(struct fr_asgi_request *request, PyObject *message, struct core_state *state)
{
    PyObject *headers;
    int found = fr_asgi_message_find(message, state->names.headers, &headers);
    if (found <= 0)
        return found;
    PyObject *list = PySequence_List(headers);
    Py_DECREF(headers);
    if (list == NULL)
        return -1;
    if (request->trailers == NULL) {
        request->trailers = list;
        return 0;
    }
    Py_ssize_t end = PyList_GET_SIZE(request->trailers);
    int status = PyList_SetSlice(request->trailers, end, end, list);
    Py_DECREF(list);
    return status;
}

static PyObject *give_trailers(struct fr_asgi_request *request, PyObject *list)
{
    struct fr_pool *pool = fr_loop_pool(request->base.asgi->loop);
    struct fr_asgi_fields fields = {.content_length = -1};
    if (list != NULL && fr_asgi_fields_read(&fields, pool, list) < 0)
        return NULL;
    int error = FR_E_GONE;
    if (request->exchange != NULL)
        error = fr_exchange_trailers(request->exchange, fields.list, fields.count);
    fr_asgi_fields_free(&fields, pool);
    if (fr_asgi_send_check(request, error) < 0)
        return NULL;
    fr_asgi_send_finish(request);
    return fr_asgi_done(core_state_of((PyObject *)request));
}

static PyObject *send_trailers(struct fr_asgi_request *request, PyObject *message)
{
    struct core_state *state = core_state_of((PyObject *)request);
    int more = fr_asgi_message_is(message, state->names.more_trailers);
    if (more < 0 || gather_trailers(request, message, state) < 0)
        return NULL;
    if (more > 0)
        return fr_asgi_done(state);
    PyObject *list = request->trailers;
    request->trailers = NULL;
    PyObject *result = give_trailers(request, list);
    Py_XDECREF(list);
    return result;
}

/* ---- http.response.debug ---- */

static PyObject *send_debug(struct fr_asgi_request *request, PyObject *message)
{
    struct core_state *state = core_state_of((PyObject *)request);
    struct fr_asgi *asgi = request->base.asgi;
    PyObject *info;
    if (fr_asgi_message_get(message, state->names.info, &info) < 0)
        return NULL;
    PyObject *text = asgi->options.log->level <= FR_LOG_DEBUG ? PyObject_Repr(info) : Py_NewRef(state->empty_text);
    Py_DECREF(info);
    if (text == NULL)
        return NULL;
    if (PyUnicode_GET_LENGTH(text) > 0)
        fr_asgi_log(asgi, FR_LOG_DEBUG, request->scope, text);
    Py_DECREF(text);
    return fr_asgi_done(state);
}

/* ---- which is which ---- */

enum fr_asgi_extension fr_asgi_extension_of(fr_span type)
{
    static const struct {
        fr_span type;
        enum fr_asgi_extension extension;
    } extensions[] = {
        {FR_SPAN("http.response.pathsend"), FR_ASGI_EXTENSION_PATHSEND},
        {FR_SPAN("http.response.zerocopysend"), FR_ASGI_EXTENSION_ZEROCOPYSEND},
        {FR_SPAN("http.response.early_hint"), FR_ASGI_EXTENSION_EARLY_HINT},
        {FR_SPAN("http.response.trailers"), FR_ASGI_EXTENSION_TRAILERS},
        {FR_SPAN("http.response.debug"), FR_ASGI_EXTENSION_DEBUG},
    };
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (fr_span_equal(type, extensions[i].type))
            return extensions[i].extension;
    return FR_ASGI_EXTENSION_NONE;
}

/* Early hints may only come before the answer. What helps to debug may come at any time until it is complete, since it
 * changes nothing. */
bool fr_asgi_extension_may_come(enum fr_asgi_extension extension, enum fr_asgi_stage stage)
{
    switch (extension) {
    case FR_ASGI_EXTENSION_PATHSEND:
    case FR_ASGI_EXTENSION_ZEROCOPYSEND:
        return stage == FR_ASGI_STARTED || stage == FR_ASGI_STREAMING;
    case FR_ASGI_EXTENSION_EARLY_HINT:
        return stage == FR_ASGI_UNANSWERED;
    case FR_ASGI_EXTENSION_TRAILERS:
        return stage == FR_ASGI_TRAILING;
    case FR_ASGI_EXTENSION_DEBUG:
        return stage != FR_ASGI_COMPLETE;
    case FR_ASGI_EXTENSION_NONE:
        break;
    }
    return false;
}

PyObject *fr_asgi_extension_send(struct fr_asgi_request *request, enum fr_asgi_extension extension, PyObject *message,
                                 PyObject *type)
{
    switch (extension) {
    case FR_ASGI_EXTENSION_PATHSEND:
        return fr_asgi_files_send_path(request, message, type);
    case FR_ASGI_EXTENSION_ZEROCOPYSEND:
        return fr_asgi_files_send_open(request, message, type);
    case FR_ASGI_EXTENSION_EARLY_HINT:
        return send_early_hint(request, message);
    case FR_ASGI_EXTENSION_TRAILERS:
        return send_trailers(request, message);
    case FR_ASGI_EXTENSION_DEBUG:
        return send_debug(request, message);
    case FR_ASGI_EXTENSION_NONE:
        break;
    }
    Py_UNREACHABLE();
}
