/* python/wsgi_start_response.c - What an application says about its answer, checked when it says it.
 *
 * A head is kept, not sent: it goes out with the first bytes of the body, so that it can still be replaced.
 * The checks are those of PEP 3333; each failure names the culprit and is raised into the application. */
#include "python/wsgi_start_response.h"

#include <assert.h>

#include "http/headers.h"
#include "python/wsgi_response.h"

#define STATUS_MIN 200
#define STATUS_DIGITS 3

struct response_function {
    PyObject_HEAD
    vectorcallfunc call;
    struct fr_wsgi_request *request; /* NULL once it is over */
};

#define FUNCTION(object) ((struct response_function *)(object))

/* ---- checks ---- */

static int span_of(PyObject *text, fr_span *span, const char *what)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "start_response() needs a str as %s, not %.100s", what, Py_TYPE(text)->tp_name);
        return -1;
    }
    if (!fr_convert_span(text, span)) {
        PyErr_Format(PyExc_ValueError, "start_response() needs a %s in latin-1, not %R", what, text);
        return -1;
    }
    return 0;
}

/* "200 OK": three digits, a space, any phrase. The number, or -1 and an exception. */
static int check_status(PyObject *line)
{
    fr_span span;
    if (span_of(line, &span, "status") < 0)
        return -1;
    int status = 0;
    bool valid = span.len > STATUS_DIGITS && span.data[STATUS_DIGITS] == ' ' && fr_is_field_value(span);
    for (size_t i = 0; valid && i < STATUS_DIGITS; i++) {
        valid = span.data[i] >= '0' && span.data[i] <= '9';
        status = status * 10 + (span.data[i] - '0');
    }
    if (valid && status >= STATUS_MIN)
        return status;
    PyErr_Format(PyExc_ValueError, "start_response() needs a status like '200 OK', not %R", line);
    return -1;
}

static int check_content_length(PyObject *value, fr_span text, int64_t *declared)
{
    int64_t length = fr_parse_content_length(text);
    if (length < 0) {
        PyErr_Format(PyExc_ValueError, "start_response() got Content-Length %R, which is no number", value);
        return -1;
    }
    if (*declared >= 0) {
        PyErr_SetString(PyExc_ValueError, "start_response() got two fields Content-Length");
        return -1;
    }
    *declared = length;
    return 0;
}

static int check_header(PyObject *header, int64_t *declared)
{
    if (!PyTuple_Check(header) || PyTuple_GET_SIZE(header) != 2) {
        PyErr_Format(PyExc_TypeError, "start_response() needs headers as tuples (name, value), not %R", header);
        return -1;
    }
    PyObject *name = PyTuple_GET_ITEM(header, 0), *value = PyTuple_GET_ITEM(header, 1);
    fr_span name_span, value_span;
    if (span_of(name, &name_span, "header name") < 0 || span_of(value, &value_span, "header value") < 0)
        return -1;
    if (!fr_is_token(name_span)) {
        PyErr_Format(PyExc_ValueError, "start_response() got %R, which cannot be the name of a header", name);
        return -1;
    }
    if (!fr_is_field_value(value_span)) {
        PyErr_Format(PyExc_ValueError, "start_response() got header %R with a control character in %R", name, value);
        return -1;
    }
    enum fr_header_name known = fr_header_lookup(name_span);
    bool is_wish = known == FR_HEADER_CONNECTION || known == FR_HEADER_KEEP_ALIVE;
    if (fr_is_hop_by_hop(known) && !is_wish) {
        PyErr_Format(PyExc_ValueError, "start_response() got header %R, which only the server may send", name);
        return -1;
    }
    return known == FR_HEADER_CONTENT_LENGTH ? check_content_length(value, value_span, declared) : 0;
}

/* A tuple of the headers, which cannot change any more; NULL and an exception. */
static PyObject *check_headers(PyObject *list, int64_t *declared)
{
    if (!PyList_Check(list))
        return PyErr_Format(PyExc_TypeError, "start_response() needs a list of headers, not %.100s",
                            Py_TYPE(list)->tp_name);
    PyObject *headers = PyList_AsTuple(list);
    if (headers == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(headers); i++) {
        if (check_header(PyTuple_GET_ITEM(headers, i), declared) < 0) {
            Py_DECREF(headers);
            return NULL;
        }
    }
    return headers;
}

/* Another thread may act on the request while the application waits for it, for the loop does not move then and
 * the GIL keeps them apart. Without one nothing would. */
static bool may_act(const struct fr_wsgi_request *request)
{
#ifdef Py_GIL_DISABLED
    if (PyThread_get_thread_ident() != request->wsgi->thread)
        return false;
#endif
    return request->running;
}

/* The request that the function may act on now. */
static struct fr_wsgi_request *open_request(PyObject *self, const char *name)
{
    struct fr_wsgi_request *request = FUNCTION(self)->request;
    if (request == NULL)
        PyErr_Format(PyExc_RuntimeError, "%s() was called after its request was over", name);
    else if (!may_act(request))
        PyErr_Format(PyExc_RuntimeError, "%s() was called from outside the application's code", name);
    else
        return request;
    return NULL;
}

/* ---- start_response ---- */

/* Raises what exc_info tells of: it came too late to change the head. */
static PyObject *raise_again(PyObject *exc_info)
{
    PyObject *exception = PyTuple_GET_ITEM(exc_info, 1), *traceback = PyTuple_GET_ITEM(exc_info, 2);
    if (!PyExceptionInstance_Check(exception)) {
        PyErr_SetString(PyExc_AssertionError, "start_response() was called after the head was sent");
        return NULL;
    }
    if (PyTraceBack_Check(traceback) && PyException_SetTraceback(exception, traceback) < 0)
        return NULL;
    fr_compat_raise_exception(Py_NewRef(exception));
    return NULL;
}

/* The third argument, by place or by name, when it is not None. */
static int parse_exc_info(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *names, PyObject **exc_info)
{
    Py_ssize_t named = names != NULL ? PyTuple_GET_SIZE(names) : 0;
    if (count < 2 || count + named > 3) {
        PyErr_Format(PyExc_TypeError, "start_response() takes a status, headers and perhaps exc_info (%zd given)",
                     count + named);
        return -1;
    }
    if (named > 0 && PyUnicode_Compare(PyTuple_GET_ITEM(names, 0), core_state_of(self)->names.exc_info) != 0) {
        PyErr_Format(PyExc_TypeError, "start_response() has no argument %R", PyTuple_GET_ITEM(names, 0));
        return -1;
    }
    *exc_info = count + named == 3 && !Py_IsNone(args[2]) ? args[2] : NULL;
    if (*exc_info != NULL && (!PyTuple_Check(*exc_info) || PyTuple_GET_SIZE(*exc_info) != 3)) {
        PyErr_Format(PyExc_TypeError, "start_response() needs sys.exc_info() as exc_info, not %R", *exc_info);
        return -1;
    }
    return 0;
}

static PyObject *call_start_response(PyObject *self, PyObject *const *args, size_t countf, PyObject *names)
{
    PyObject *exc_info;
    if (parse_exc_info(self, args, PyVectorcall_NARGS(countf), names, &exc_info) < 0)
        return NULL;
    struct fr_wsgi_request *request = open_request(self, "start_response");
    if (request == NULL)
        return NULL;
    if (exc_info != NULL && request->head_sent)
        return raise_again(exc_info);
    if (exc_info == NULL && request->headers != NULL) {
        PyErr_SetString(PyExc_AssertionError, "start_response() was called a second time, without exc_info");
        return NULL;
    }
    int64_t declared = -1;
    int status = check_status(args[0]);
    PyObject *headers = status >= 0 ? check_headers(args[1], &declared) : NULL;
    if (headers == NULL)
        return NULL;
    request->status = status;
    request->declared_length = declared;
    Py_XSETREF(request->status_line, Py_NewRef(args[0]));
    Py_XSETREF(request->headers, headers);
    return Py_NewRef(request->write);
}

/* ---- write ---- */

static PyObject *call_write(PyObject *self, PyObject *const *args, size_t countf, PyObject *names)
{
    Py_ssize_t count = PyVectorcall_NARGS(countf);
    if (count != 1 || (names != NULL && PyTuple_GET_SIZE(names) > 0))
        return PyErr_Format(PyExc_TypeError, "write() takes one argument (%zd given)", count);
    if (!PyBytes_Check(args[0]))
        return PyErr_Format(PyExc_TypeError, "write() needs bytes, not %.100s", Py_TYPE(args[0])->tp_name);
    struct fr_wsgi_request *request = open_request(self, "write");
    if (request == NULL || fr_wsgi_response_write(request, args[0]) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* ---- lending ---- */

static PyObject *lend(struct fr_wsgi_request *request, PyObject **kept, vectorcallfunc call)
{
    PyObject *function = *kept;
    *kept = NULL;
    if (function == NULL) {
        function = (PyObject *)PyObject_New(struct response_function, request->wsgi->state->response_function_type);
        if (function == NULL)
            return NULL;
    }
    FUNCTION(function)->call = call;
    FUNCTION(function)->request = request;
    return function;
}

static void take_back(PyObject **lent, PyObject **kept)
{
    PyObject *function = *lent;
    *lent = NULL;
    if (function == NULL)
        return;
    FUNCTION(function)->request = NULL;
    if (*kept == NULL && Py_REFCNT(function) == 1)
        *kept = function;
    else
        Py_DECREF(function);
}

int fr_wsgi_start_response_lend(struct fr_wsgi_request *request)
{
    assert(request->start_response == NULL);
    request->start_response = lend(request, &request->wsgi->start_response, call_start_response);
    if (request->start_response == NULL)
        return -1;
    request->write = lend(request, &request->wsgi->write, call_write);
    return request->write != NULL ? 0 : -1;
}

void fr_wsgi_start_response_revoke(struct fr_wsgi_request *request)
{
    take_back(&request->start_response, &request->wsgi->start_response);
    take_back(&request->write, &request->wsgi->write);
}

/* ---- the type ---- */

static void function_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *function_repr(PyObject *self)
{
    bool starts = FUNCTION(self)->call == call_start_response;
    return PyUnicode_FromFormat("<freastal %s function>", starts ? "start_response" : "write");
}

static const PyMemberDef function_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(struct response_function, call), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static const PyType_Slot function_slots[] = {
    {Py_tp_dealloc, function_dealloc},
    {Py_tp_doc, (void *)"start_response(), or the write() it returns."},
    {Py_tp_repr, function_repr},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, (void *)function_members},
    {0, NULL},
};

const PyType_Spec fr_wsgi_start_response_spec = {
    .name = "freastal._core.ResponseFunction",
    .basicsize = sizeof(struct response_function),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)function_slots,
};
