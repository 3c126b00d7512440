/* python/wsgi_file.c - The type of wsgi.file_wrapper.
 *
 * Iterating reads blocks. A regular file on a descriptor can be sent by the kernel instead, but only
 * when what read() would give is what the descriptor holds: a GzipFile has a fileno() too. So of the
 * standard library's streams only the plain ones are trusted; of other objects with fileno() and tell() PEP
 * 3333 says that they may be. */
#include "python/wsgi_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 8192

struct wsgi_file {
    PyObject_HEAD
    PyObject *filelike;
    PyObject *block_size; /* int */
};

#define WRAPPER(object) ((struct wsgi_file *)(object))

static PyObject *file_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = {"filelike", "blksize", NULL};
    PyObject *filelike;
    Py_ssize_t block_size = BLOCK_BYTES;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:FileWrapper", (char **)keywords, &filelike, &block_size))
        return NULL;
    if (block_size <= 0)
        return PyErr_Format(PyExc_ValueError, "FileWrapper() needs a block size above 0, not %zd", block_size);
    PyObject *size = PyLong_FromSsize_t(block_size);
    if (size == NULL)
        return NULL;
    struct wsgi_file *wrapper = PyObject_GC_New(struct wsgi_file, type);
    if (wrapper == NULL) {
        Py_DECREF(size);
        return NULL;
    }
    wrapper->filelike = Py_NewRef(filelike);
    wrapper->block_size = size;
    PyObject_GC_Track(wrapper);
    return (PyObject *)wrapper;
}

static int file_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(WRAPPER(self)->filelike);
    return 0;
}

static int file_clear(PyObject *self)
{
    Py_CLEAR(WRAPPER(self)->filelike);
    return 0;
}

static void file_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)file_clear(self);
    Py_DECREF(WRAPPER(self)->block_size);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

/* The next block; b"" ends the iteration. What is not bytes is given on, for the server to complain of. */
static PyObject *file_next(PyObject *self)
{
    struct core_state *state = core_state_of(self);
    if (WRAPPER(self)->filelike == NULL)
        return NULL;
    PyObject *args[] = {WRAPPER(self)->filelike, WRAPPER(self)->block_size};
    PyObject *block = PyObject_VectorcallMethod(state->names.read, args, 2, NULL);
    if (block != NULL && PyBytes_Check(block) && PyBytes_GET_SIZE(block) == 0)
        Py_CLEAR(block);
    return block;
}

static PyObject *file_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *method;
    PyObject *filelike = WRAPPER(self)->filelike;
    if (filelike == NULL)
        Py_RETURN_NONE;
    int found = PyObject_GetOptionalAttr(filelike, core_state_of(self)->names.close, &method);
    if (found < 0)
        return NULL;
    if (found == 0)
        Py_RETURN_NONE;
    PyObject *result = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return result;
}

/* Reading from the stream gives what its descriptor holds, without anything in between. */
static int is_plain(struct core_state *state, PyObject *filelike)
{
    int is_stream = PyObject_IsInstance(filelike, state->io_base);
    if (is_stream <= 0)
        return is_stream < 0 ? -1 : 1;
    int is_buffered = PyObject_IsInstance(filelike, state->plain_file_types);
    if (is_buffered <= 0)
        return is_buffered < 0 ? -1 : PyObject_IsInstance(filelike, state->raw_file_type);
    PyObject *raw = PyObject_GetAttr(filelike, state->names.raw);
    if (raw == NULL)
        return -1;
    int plain = PyObject_IsInstance(raw, state->raw_file_type);
    Py_DECREF(raw);
    return plain;
}

/* filelike.<method>() as a number that is not negative; -1, perhaps with an exception. */
static int64_t ask(PyObject *filelike, PyObject *method)
{
    PyObject *answer = PyObject_CallMethodNoArgs(filelike, method);
    if (answer == NULL)
        return -1;
    int64_t number = PyLong_Check(answer) ? PyLong_AsLongLong(answer) : -1;
    Py_DECREF(answer);
    return number < 0 ? -1 : number;
}

static int open_rest(int descriptor, int64_t offset, int *file, int64_t *len)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    *file = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (*file < 0)
        return 0;
    *len = offset < (int64_t)status.st_size ? (int64_t)status.st_size - offset : 0;
    return 1;
}

int fr_wsgi_file_open(struct core_state *state, PyObject *wrapper, int *file, int64_t *offset, int64_t *len)
{
    PyObject *filelike = WRAPPER(wrapper)->filelike;
    int opened = 0;
    if (filelike != NULL && is_plain(state, filelike) == 1) {
        int64_t descriptor = ask(filelike, state->names.fileno);
        *offset = descriptor >= 0 && descriptor <= INT_MAX ? ask(filelike, state->names.tell) : -1;
        opened = *offset >= 0 ? open_rest((int)descriptor, *offset, file, len) : 0;
    }
    if (!PyErr_Occurred())
        return opened;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear(); /* no fileno(), no tell(), not seekable: iterating will do */
    return 0;
}

PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\nClose the file, if it can be closed.");

static const PyMethodDef file_methods[] = {
    {"close", file_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static const PyMemberDef file_members[] = {
    {"filelike", Py_T_OBJECT_EX, offsetof(struct wsgi_file, filelike), Py_READONLY, NULL},
    {"blksize", Py_T_OBJECT_EX, offsetof(struct wsgi_file, block_size), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static const PyType_Slot file_slots[] = {
    {Py_tp_new, file_new},
    {Py_tp_dealloc, file_dealloc},
    {Py_tp_traverse, file_traverse},
    {Py_tp_clear, file_clear},
    {Py_tp_doc, (void *)"FileWrapper(filelike, blksize=8192)\n--\n\nA file as an iterable of blocks."},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, file_next},
    {Py_tp_methods, (void *)file_methods},
    {Py_tp_members, (void *)file_members},
    {0, NULL},
};

const PyType_Spec fr_wsgi_file_spec = {
    .name = "freastal._core.FileWrapper",
    .basicsize = sizeof(struct wsgi_file),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)file_slots,
};
