/* python/asgi_fields.c - Reads the headers of ASGI messages. RFC 9110 sections 5.1 and 5.5.
 *
 * Nearly always they are a list or tuple of tuples of bytes, which are looked at where they are; anything else is made
 * one first, since iterating may run any code. What a header means is the protocol's to say, but for those that no
 * application may send and the length, by which send() measures the body. */
#include "python/asgi_fields.h"

#include <string.h>

#include "base/alloc.h"
#include "http/headers.h"

/* More fields take memory of their own while they are read. */
#define FIELDS_ON_STACK 48

/* ---- an iterable as a sequence ---- */

static PyObject *item_of(PyObject *sequence, Py_ssize_t index)
{
    return PyTuple_CheckExact(sequence) ? PyTuple_GET_ITEM(sequence, index) : PyList_GET_ITEM(sequence, index);
}

/* Nothing can change it while it is read, and no code of the application's runs. Without a GIL another thread may
 * change a list. */
static bool is_plain_sequence(PyObject *object)
{
#ifdef Py_GIL_DISABLED
    return PyTuple_CheckExact(object);
#else
    return PyTuple_CheckExact(object) || PyList_CheckExact(object);
#endif
}

static bool is_plain(PyObject *headers)
{
    if (!is_plain_sequence(headers))
        return false;
    for (Py_ssize_t i = 0; i < Py_SIZE(headers); i++)
        if (!is_plain_sequence(item_of(headers, i)) || Py_SIZE(item_of(headers, i)) != 2)
            return false;
    return true;
}

/* A tuple of the two; NULL and an exception. */
static PyObject *new_pair(PyObject *header)
{
    PyObject *pair = PyBytes_Check(header) || PyUnicode_Check(header) ? NULL : PySequence_Tuple(header);
    if (pair != NULL && PyTuple_GET_SIZE(pair) == 2)
        return pair;
    if (pair == NULL && PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError))
        return NULL;
    PyErr_Format(PyExc_TypeError, "a header must be a pair of name and value, not %R", header);
    Py_XDECREF(pair);
    return NULL;
}

/* A tuple of tuples; NULL and an exception. */
static PyObject *new_plain(PyObject *headers)
{
    PyObject *list = PySequence_List(headers);
    if (list == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "'headers' must be an iterable of pairs, not %.100s",
                         Py_TYPE(headers)->tp_name);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *pair = new_pair(PyList_GET_ITEM(list, i));
        if (pair == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        (void)PyList_SetItem(list, i, pair);
    }
    PyObject *plain = PyList_AsTuple(list);
    Py_DECREF(list);
    return plain;
}

/* ---- one field ---- */

static int span_of(PyObject *bytes, fr_span *span, const char *what)
{
    if (PyBytes_Check(bytes)) {
        *span = fr_span_of(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "the %s of a header must be bytes, not %.100s: %R", what, Py_TYPE(bytes)->tp_name,
                 bytes);
    return -1;
}

static int check_content_length(struct fr_asgi_fields *fields, PyObject *value, fr_span text)
{
    int64_t length = fr_parse_content_length(text);
    if (length < 0) {
        PyErr_Format(PyExc_ValueError, "Content-Length cannot be %R", value);
        return -1;
    }
    if (fields->content_length >= 0) {
        PyErr_SetString(PyExc_ValueError, "there are two headers Content-Length");
        return -1;
    }
    fields->content_length = length;
    return 0;
}

/* Those whose meaning is more than their text are told by their length first. */
static int check_meaning(struct fr_asgi_fields *fields, PyObject *value, const struct fr_response_header *header)
{
    if (header->name.len == 14 && fr_span_equal_nocase(header->name, FR_SPAN("content-length")))
        return check_content_length(fields, value, header->value);
    if (header->name.len == 17 && fr_span_equal_nocase(header->name, FR_SPAN("transfer-encoding")) &&
        !fr_span_equal_nocase(header->value, FR_SPAN("chunked"))) {
        PyErr_Format(PyExc_ValueError, "Transfer-Encoding is the server's to choose, and cannot be %R", value);
        return -1;
    }
    return 0;
}

static int read_field(struct fr_asgi_fields *fields, PyObject *pair, struct fr_response_header *header)
{
    PyObject *name = item_of(pair, 0), *value = item_of(pair, 1);
    if (span_of(name, &header->name, "name") < 0 || span_of(value, &header->value, "value") < 0)
        return -1;
    if (!fr_is_token(header->name)) {
        PyErr_Format(PyExc_ValueError, "Invalid HTTP header name: %R", name);
        return -1;
    }
    if (!fr_is_field_value(header->value)) {
        PyErr_Format(PyExc_ValueError, "Invalid HTTP header value: %R in the header %R", value, name);
        return -1;
    }
    return check_meaning(fields, value, header);
}

/* ---- all of them ---- */

static char *keep(char *to, fr_span *span)
{
    if (span->len > 0)
        memcpy(to, span->data, span->len);
    span->data = to;
    return to + span->len;
}

static void copy(struct fr_asgi_fields *fields, struct fr_pool *pool, const struct fr_response_header *headers,
                 size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += headers[i].name.len + headers[i].value.len;
    fields->count = count;
    fields->block_bytes = count * sizeof *headers + bytes;
    fields->list = fr_pool_take(pool, fields->block_bytes);
    char *to = (char *)(fields->list + count);
    for (size_t i = 0; i < count; i++) {
        fields->list[i] = headers[i];
        to = keep(to, &fields->list[i].name);
        to = keep(to, &fields->list[i].value);
    }
}

static int read_plain(struct fr_asgi_fields *fields, struct fr_pool *pool, PyObject *headers)
{
    struct fr_response_header small[FIELDS_ON_STACK], *read = small;
    size_t count = (size_t)Py_SIZE(headers);
    if (count > FIELDS_ON_STACK)
        read = fr_alloc(count * sizeof *read);
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++)
        status = read_field(fields, item_of(headers, (Py_ssize_t)i), &read[i]);
    if (status == 0 && count > 0)
        copy(fields, pool, read, count);
    if (read != small)
        fr_free(read);
    return status;
}

int fr_asgi_fields_read(struct fr_asgi_fields *fields, struct fr_pool *pool, PyObject *headers)
{
    *fields = (struct fr_asgi_fields){.content_length = -1};
    PyObject *plain = is_plain(headers) ? Py_NewRef(headers) : new_plain(headers);
    if (plain == NULL)
        return -1;
    int status = read_plain(fields, pool, plain);
    Py_DECREF(plain);
    return status;
}

void fr_asgi_fields_free(struct fr_asgi_fields *fields, struct fr_pool *pool)
{
    if (fields->list != NULL)
        fr_pool_give(pool, fields->list, fields->block_bytes);
    fields->list = NULL;
    fields->count = 0;
}
