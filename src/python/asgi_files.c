/* python/asgi_files.c - Files as bodies: found, measured, and handed to the exchange as descriptors of our own.
 *
 * Whatever is wrong with a file is raised into the application before anything of it is sent, so that a missing one
 * can still become another answer. */
#include "python/asgi_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "python/asgi_message.h"
#include "python/asgi_send.h"

/* A stretch of a file. */
struct stretch {
    int file; /* ours to close */
    int64_t offset, len;
};

static void release_file(void *owner)
{
    (void)close((int)(intptr_t)owner);
}

/* Sends the stretch, unless the call that described it has changed what may be sent. */
static PyObject *send_stretch(struct fr_asgi_request *request, const struct stretch *stretch, bool last, PyObject *type)
{
    struct fr_chunk chunk = {
        .bytes = {NULL, (size_t)stretch->len},
        .file = stretch->file,
        .offset = stretch->offset,
        .release = release_file,
        .owner = (void *)(intptr_t)stretch->file,
    };
    bool is_open = request->exchange != NULL;
    if (!is_open || fr_asgi_send_expect_body(request, type) < 0 || stretch->len == 0) {
        release_file(chunk.owner);
        if (PyErr_Occurred())
            return NULL;
        return is_open ? fr_asgi_send_chunk(request, NULL, 0, last) : fr_asgi_send_raise_gone((PyObject *)request);
    }
    return fr_asgi_send_chunk(request, &chunk, (uint64_t)stretch->len, last);
}

/* ---- http.response.pathsend ---- */

/* Not to be blocked by a pipe that nobody writes to; a file does not mind. */
static int open_path(const char *path)
{
    int file;
    do
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (file < 0 && errno == EINTR);
    return file;
}

/* 0, or errno. */
static int measure(int file, int64_t *size)
{
    struct stat status;
    if (fstat(file, &status) < 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    *size = (int64_t)status.st_size;
    return 0;
}

static int find_file(PyObject *path, struct stretch *stretch)
{
    char *text;
    PyObject *bytes = PyUnicode_EncodeFSDefault(path);
    if (bytes == NULL || PyBytes_AsStringAndSize(bytes, &text, NULL) < 0) {
        Py_XDECREF(bytes);
        return -1;
    }
    if (text[0] != '/') {
        Py_DECREF(bytes);
        PyErr_Format(PyExc_ValueError, "'path' must be absolute, not %R", path);
        return -1;
    }
    stretch->file = open_path(text);
    stretch->offset = 0;
    int error = stretch->file < 0 ? errno : measure(stretch->file, &stretch->len);
    Py_DECREF(bytes);
    if (error == 0)
        return 0;
    if (stretch->file >= 0)
        (void)close(stretch->file);
    errno = error;
    (void)PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    return -1;
}

PyObject *fr_asgi_files_send_path(struct fr_asgi_request *request, PyObject *message, PyObject *type)
{
    PyObject *path;
    if (fr_asgi_message_get(message, core_state_of((PyObject *)request)->names.path, &path) < 0)
        return NULL;
    struct stretch stretch;
    int status = -1;
    if (!PyUnicode_Check(path))
        PyErr_Format(PyExc_TypeError, "'path' must be a str, not %.100s", Py_TYPE(path)->tp_name);
    else
        status = find_file(path, &stretch);
    Py_DECREF(path);
    return status < 0 ? NULL : send_stretch(request, &stretch, true, type);
}

/* ---- http.response.zerocopysend ---- */

/* A number that is not negative, or `missing` when there is none. */
static int read_number(PyObject *message, PyObject *key, int64_t missing, int64_t *number)
{
    PyObject *value;
    if (fr_asgi_message_find(message, key, &value) < 0)
        return -1;
    if (value == NULL || Py_IsNone(value)) {
        Py_XDECREF(value);
        *number = missing;
        return 0;
    }
    *number = PyLong_Check(value) ? PyLong_AsLongLong(value) : -1;
    if (*number < 0 && !PyErr_Occurred())
        PyErr_Format(PyLong_Check(value) ? PyExc_ValueError : PyExc_TypeError, "%R cannot be %R", key, value);
    Py_DECREF(value);
    return PyErr_Occurred() ? -1 : 0;
}

static int64_t number_of(PyObject *answer)
{
    int64_t number = answer != NULL ? PyLong_AsLongLong(answer) : -1;
    Py_XDECREF(answer);
    return number;
}

/* Where reading would go on: by the file object, which may have read ahead of its descriptor; or else by that. */
static int64_t position_of(struct core_state *state, PyObject *file, int descriptor)
{
    PyObject *tell;
    int found = PyObject_GetOptionalAttr(file, state->names.tell, &tell);
    if (found < 0)
        return -1;
    if (found > 0) {
        int64_t position = number_of(PyObject_CallNoArgs(tell));
        Py_DECREF(tell);
        return position;
    }
    int64_t position = (int64_t)lseek(descriptor, 0, SEEK_CUR);
    if (position < 0)
        (void)PyErr_SetFromErrno(PyExc_OSError);
    return position;
}

static int move_to(struct core_state *state, PyObject *file, int descriptor, int64_t position)
{
    PyObject *seek;
    int found = PyObject_GetOptionalAttr(file, state->names.seek, &seek);
    if (found <= 0) {
        if (found == 0 && lseek(descriptor, (off_t)position, SEEK_SET) < 0)
            (void)PyErr_SetFromErrno(PyExc_OSError);
        return PyErr_Occurred() ? -1 : 0;
    }
    PyObject *moved = PyObject_CallFunction(seek, "L", (long long)position);
    Py_DECREF(seek);
    Py_XDECREF(moved);
    return moved != NULL ? 0 : -1;
}

/* Finds the stretch of `file` that the message means; its descriptor is not duplicated yet. */
static int find_stretch(struct core_state *state, PyObject *message, PyObject *file, struct stretch *stretch)
{
    int64_t size, offset, count;
    stretch->file = PyObject_AsFileDescriptor(file);
    if (stretch->file < 0 || read_number(message, state->names.offset, -1, &offset) < 0 ||
        read_number(message, state->names.count, INT64_MAX, &count) < 0)
        return -1;
    int error = measure(stretch->file, &size);
    if (error != 0) {
        errno = error;
        (void)PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    bool moves = offset < 0;
    if (moves && (offset = position_of(state, file, stretch->file)) < 0)
        return -1;
    int64_t left = offset < size ? size - offset : 0;
    stretch->offset = offset;
    stretch->len = count < left ? count : left;
    return moves ? move_to(state, file, stretch->file, offset + stretch->len) : 0;
}

static int open_stretch(struct core_state *state, PyObject *message, struct stretch *stretch)
{
    PyObject *file;
    if (fr_asgi_message_get(message, state->names.file, &file) < 0)
        return -1;
    int status = find_stretch(state, message, file, stretch);
    if (status == 0) {
        stretch->file = fcntl(stretch->file, F_DUPFD_CLOEXEC, 0);
        if (stretch->file < 0) {
            (void)PyErr_SetFromErrno(PyExc_OSError);
            status = -1;
        }
    }
    Py_DECREF(file);
    return status;
}

PyObject *fr_asgi_files_send_open(struct fr_asgi_request *request, PyObject *message, PyObject *type)
{
    struct core_state *state = core_state_of((PyObject *)request);
    struct stretch stretch;
    int more = fr_asgi_message_is(message, state->names.more_body);
    if (more < 0 || open_stretch(state, message, &stretch) < 0)
        return NULL;
    return send_stretch(request, &stretch, more == 0, type);
}
