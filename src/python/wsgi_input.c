/* python/wsgi_input.c - The type of wsgi.input: read, readline, readlines, readinto and iteration.
 *
 * The body is complete before the application is called, so nothing here waits. A body in memory is one
 * bytes object, given out as it is when it is read whole; a body in a file is read through a window. PEP 3333,
 * "Input and Error Streams". Does not know where the body came from. */
#include "python/wsgi_input.h"

#include <errno.h>
#include <unistd.h>

#define WINDOW_BYTES (64 * 1024)

struct wsgi_input {
    PyObject_HEAD
    PyObject *bytes; /* the body; NULL when it is in the file */
    int file;        /* -1: none */
    uint64_t len;
    uint64_t at;           /* how much has been read */
    char *window;          /* WINDOW_BYTES of the file; NULL before the first line is asked for */
    uint64_t window_begin; /* its place in the file */
    size_t window_len;     /* how much of it is filled */
};

#define INPUT(object) ((struct wsgi_input *)(object))

PyObject *fr_wsgi_input_new(struct core_state *state, PyObject *bytes, int file, uint64_t len)
{
    struct wsgi_input *input = PyObject_New(struct wsgi_input, state->input_type);
    if (input == NULL) {
        Py_XDECREF(bytes);
        if (file >= 0)
            (void)close(file);
        return NULL;
    }
    input->bytes = bytes;
    input->file = file;
    input->len = len;
    input->at = input->window_begin = 0;
    input->window = NULL;
    input->window_len = 0;
    return (PyObject *)input;
}

static void input_dealloc(PyObject *self)
{
    struct wsgi_input *input = INPUT(self);
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(input->bytes);
    if (input->file >= 0)
        (void)close(input->file);
    PyMem_Free(input->window);
    PyObject_Free(self);
    Py_DECREF(type);
}

int fr_wsgi_input_detach(PyObject *self, uint64_t *len)
{
    struct wsgi_input *input = INPUT(self);
    int file = input->file;
    *len = input->len;
    input->file = -1;
    input->len = input->at = 0;
    return file;
}

/* Exactly `len` bytes of the file, which has them: we wrote them. */
static int read_file(const struct wsgi_input *input, char *to, size_t len, uint64_t from)
{
    while (len > 0) {
        ssize_t count = pread(input->file, to, len, (off_t)from);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            errno = count < 0 ? errno : EIO;
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        to += count;
        from += (uint64_t)count;
        len -= (size_t)count;
    }
    return 0;
}

static int copy_out(struct wsgi_input *input, char *to, size_t len)
{
    if (input->bytes != NULL)
        memcpy(to, PyBytes_AS_STRING(input->bytes) + input->at, len);
    else if (len > 0 && read_file(input, to, len, input->at) < 0)
        return -1;
    input->at += len;
    return 0;
}

static size_t limit_to_what_is_left(const struct wsgi_input *input, Py_ssize_t size)
{
    uint64_t left = input->len - input->at;
    return size < 0 || (uint64_t)size > left ? (size_t)left : (size_t)size;
}

/* Some of the bytes that come next, at least one when any are left, without reading past them. */
static int peek(struct wsgi_input *input, fr_span *next)
{
    uint64_t left = input->len - input->at;
    if (input->bytes != NULL || left == 0) {
        *next = fr_span_of(left ? PyBytes_AS_STRING(input->bytes) + input->at : "", (size_t)left);
        return 0;
    }
    if (input->window == NULL && (input->window = PyMem_Malloc(WINDOW_BYTES)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (input->at < input->window_begin || input->at >= input->window_begin + input->window_len) {
        size_t len = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        input->window_len = 0;
        if (read_file(input, input->window, len, input->at) < 0)
            return -1;
        input->window_begin = input->at;
        input->window_len = len;
    }
    size_t skipped = (size_t)(input->at - input->window_begin);
    *next = fr_span_of(input->window + skipped, input->window_len - skipped);
    return 0;
}

static PyObject *read_lock_held(struct wsgi_input *input, Py_ssize_t size)
{
    size_t len = limit_to_what_is_left(input, size);
    if (input->bytes != NULL && input->at == 0 && len == input->len) {
        input->at = len;
        return Py_NewRef(input->bytes);
    }
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);
    if (bytes != NULL && copy_out(input, PyBytes_AS_STRING(bytes), len) < 0)
        Py_CLEAR(bytes);
    return bytes;
}

static int append(PyObject **line, fr_span piece)
{
    if (*line == NULL) {
        *line = PyBytes_FromStringAndSize(piece.data, (Py_ssize_t)piece.len);
        return *line != NULL ? 0 : -1;
    }
    Py_ssize_t len = PyBytes_GET_SIZE(*line);
    if (_PyBytes_Resize(line, len + (Py_ssize_t)piece.len) < 0)
        return -1;
    memcpy(PyBytes_AS_STRING(*line) + len, piece.data, piece.len);
    return 0;
}

/* Up to and including a newline, or `size` bytes, or the end; empty at the end. */
static PyObject *readline_lock_held(struct wsgi_input *input, Py_ssize_t size)
{
    PyObject *line = NULL;
    size_t left = limit_to_what_is_left(input, size);
    while (left > 0) {
        fr_span next;
        if (peek(input, &next) < 0)
            goto fail;
        if (next.len > left)
            next.len = left;
        size_t newline = fr_span_find(next, '\n');
        bool found = newline < next.len;
        if (found)
            next.len = newline + 1;
        if (append(&line, next) < 0)
            goto fail;
        input->at += next.len;
        left -= next.len;
        if (found)
            break;
    }
    return line != NULL ? line : PyBytes_FromStringAndSize(NULL, 0);
fail:
    Py_XDECREF(line);
    return NULL;
}

static PyObject *readlines_lock_held(struct wsgi_input *input, Py_ssize_t hint)
{
    uint64_t begin = input->at;
    PyObject *lines = PyList_New(0);
    if (lines == NULL)
        return NULL;
    while (input->at < input->len && (hint <= 0 || input->at - begin < (uint64_t)hint)) {
        PyObject *line = readline_lock_held(input, -1);
        if (line == NULL || PyList_Append(lines, line) < 0) {
            Py_XDECREF(line);
            Py_DECREF(lines);
            return NULL;
        }
        Py_DECREF(line);
    }
    return lines;
}

/* The one optional argument: a number, or None for "all". */
static int parse_size(PyObject *const *args, Py_ssize_t count, Py_ssize_t *size)
{
    *size = -1;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "expected at most 1 argument, got %zd", count);
        return -1;
    }
    if (count == 0 || Py_IsNone(args[0]))
        return 0;
    *size = PyNumber_AsSsize_t(args[0], PyExc_OverflowError);
    return *size == -1 && PyErr_Occurred() ? -1 : 0;
}

typedef PyObject *(*read_function)(struct wsgi_input *input, Py_ssize_t size);

static PyObject *call_locked(PyObject *self, PyObject *const *args, Py_ssize_t count, read_function function)
{
    Py_ssize_t size;
    if (parse_size(args, count, &size) < 0)
        return NULL;
    PyObject *result;
    Py_BEGIN_CRITICAL_SECTION(self);
    result = function(INPUT(self), size);
    Py_END_CRITICAL_SECTION();
    return result;
}

static PyObject *input_read(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return call_locked(self, args, count, read_lock_held);
}

static PyObject *input_readline(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return call_locked(self, args, count, readline_lock_held);
}

static PyObject *input_readlines(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    return call_locked(self, args, count, readlines_lock_held);
}

static PyObject *input_readinto(PyObject *self, PyObject *target)
{
    Py_buffer view;
    if (PyObject_GetBuffer(target, &view, PyBUF_WRITABLE) < 0) {
        PyErr_Clear();
        return PyErr_Format(PyExc_TypeError, "readinto() needs a writable buffer, not %.100s",
                            Py_TYPE(target)->tp_name);
    }
    size_t len;
    int status;
    Py_BEGIN_CRITICAL_SECTION(self);
    len = limit_to_what_is_left(INPUT(self), view.len);
    status = copy_out(INPUT(self), view.buf, len);
    Py_END_CRITICAL_SECTION();
    PyBuffer_Release(&view);
    return status == 0 ? PyLong_FromSize_t(len) : NULL;
}

static PyObject *input_next(PyObject *self)
{
    PyObject *line = call_locked(self, NULL, 0, readline_lock_held);
    if (line != NULL && PyBytes_GET_SIZE(line) == 0)
        Py_CLEAR(line);
    return line;
}

PyDoc_STRVAR(read_doc, "read($self, size=-1, /)\n--\n\nRead at most size bytes, or all that are left.");
PyDoc_STRVAR(readline_doc,
             "readline($self, size=-1, /)\n--\n\nRead one line, or its first size bytes; b'' at the end.");
PyDoc_STRVAR(readlines_doc, "readlines($self, hint=-1, /)\n--\n\nRead lines, until hint bytes have been read.");
PyDoc_STRVAR(readinto_doc, "readinto($self, buffer, /)\n--\n\nRead into a writable buffer; returns how many bytes.");

static const PyMethodDef input_methods[] = {
    {"read", (PyCFunction)(void (*)(void))input_read, METH_FASTCALL, read_doc},
    {"readline", (PyCFunction)(void (*)(void))input_readline, METH_FASTCALL, readline_doc},
    {"readlines", (PyCFunction)(void (*)(void))input_readlines, METH_FASTCALL, readlines_doc},
    {"readinto", input_readinto, METH_O, readinto_doc},
    {NULL, NULL, 0, NULL},
};

static const PyType_Slot input_slots[] = {
    {Py_tp_dealloc, input_dealloc},
    {Py_tp_doc, (void *)"wsgi.input: a complete request body, read like a file."},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, input_next},
    {Py_tp_methods, (void *)input_methods},
    {0, NULL},
};

const PyType_Spec fr_wsgi_input_spec = {
    .name = "freastal._core.Input",
    .basicsize = sizeof(struct wsgi_input),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)input_slots,
};
