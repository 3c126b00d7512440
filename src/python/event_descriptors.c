/* python/event_descriptors.c - A table by number; what asyncio does with a selector and its keys.
 *
 * Descriptors are somebody else's and come and go without a word: one that was closed is only found to be gone when it
 * is named again. net/watch.h bears that. */
#include "python/event_descriptors.h"

#include <errno.h>
#include <limits.h>

#include "base/alloc.h"
#include "net/watch.h"

struct fr_event_descriptor {
    struct fr_event_descriptors *all;
    struct fr_watch *watch;
    PyObject *file;       /* as it was given */
    PyObject *handles[2]; /* by direction; NULL: not wanted */
    int fd;
};

/* The selector module's bits. */
#define SELECTORS_EVENT_READ 1
#define SELECTORS_EVENT_WRITE 2

static void on_ready(struct fr_watch *watch, bool readable, bool writable)
{
    struct fr_event_descriptor *descriptor = fr_watch_owner(watch);
    struct fr_event_descriptors *all = descriptor->all;
    if (readable && descriptor->handles[FR_EVENT_READ] != NULL)
        all->ready(all, descriptor->handles[FR_EVENT_READ]);
    if (writable && descriptor->handles[FR_EVENT_WRITE] != NULL)
        all->ready(all, descriptor->handles[FR_EVENT_WRITE]);
}

/* ---- which number ---- */

static bool is_watched(const struct fr_event_descriptors *descriptors, int fd)
{
    return fd >= 0 && (size_t)fd < descriptors->capacity && descriptors->by_fd[fd] != NULL;
}

/* The number that `file` was watched under before it was closed; -1 and the exception in flight when it never was. */
static int fd_of_closed(const struct fr_event_descriptors *descriptors, PyObject *file)
{
    for (size_t fd = 0; fd < descriptors->capacity; fd++) {
        if (descriptors->by_fd[fd] == NULL || descriptors->by_fd[fd]->file != file)
            continue;
        PyErr_Clear();
        return (int)fd;
    }
    return -1;
}

/* -1 and a ValueError, worded as in the module selectors. */
static int fd_of(const struct fr_event_descriptors *descriptors, PyObject *file)
{
    long number = -1;
    if (PyLong_Check(file)) {
        number = PyLong_AsLong(file);
    } else {
        struct core_state *state = descriptors->handles->state;
        PyObject *answer = PyObject_CallMethodNoArgs(file, state->names.fileno);
        PyObject *integer = answer != NULL ? PyNumber_Long(answer) : NULL;
        if (integer != NULL)
            number = PyLong_AsLong(integer);
        Py_XDECREF(integer);
        Py_XDECREF(answer);
        if (PyErr_ExceptionMatches(PyExc_AttributeError) || PyErr_ExceptionMatches(PyExc_TypeError) ||
            PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            PyErr_Format(PyExc_ValueError, "Invalid file object: %R", file);
        }
    }
    if (!PyErr_Occurred() && (number < 0 || number > INT_MAX))
        PyErr_Format(PyExc_ValueError, "Invalid file descriptor: %ld", number);
    return PyErr_Occurred() ? fd_of_closed(descriptors, file) : (int)number;
}

/* ---- the table ---- */

static void make_room(struct fr_event_descriptors *descriptors, int fd)
{
    size_t capacity = descriptors->capacity ? descriptors->capacity : 64;
    while (capacity <= (size_t)fd)
        capacity *= 2;
    if (capacity == descriptors->capacity)
        return;
    descriptors->by_fd = fr_realloc(descriptors->by_fd, capacity * sizeof(void *));
    for (size_t i = descriptors->capacity; i < capacity; i++)
        descriptors->by_fd[i] = NULL;
    descriptors->capacity = capacity;
}

static struct fr_watch *open_watch(struct fr_event_descriptors *descriptors, struct fr_event_descriptor *descriptor,
                                   int fd)
{
    int error = 0;
    struct fr_watch *watch = fr_watch_open(descriptors->loop, fd, on_ready, descriptor, &error);
    if (watch == NULL) {
        errno = error;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return watch;
}

static struct fr_event_descriptor *add_descriptor(struct fr_event_descriptors *descriptors, int fd)
{
    struct fr_event_descriptor *descriptor = fr_alloc_zero(sizeof *descriptor);
    descriptor->watch = open_watch(descriptors, descriptor, fd);
    if (descriptor->watch == NULL) {
        fr_free(descriptor);
        return NULL;
    }
    descriptor->all = descriptors;
    descriptor->fd = fd;
    make_room(descriptors, fd);
    descriptors->by_fd[fd] = descriptor;
    return descriptor;
}

static void want(struct fr_event_descriptor *descriptor)
{
    fr_watch_want(descriptor->watch, descriptor->handles[FR_EVENT_READ] != NULL,
                  descriptor->handles[FR_EVENT_WRITE] != NULL);
}

static void free_descriptor(struct fr_event_descriptor *descriptor)
{
    descriptor->all->by_fd[descriptor->fd] = NULL;
    fr_watch_close(descriptor->watch);
    Py_XDECREF(descriptor->handles[FR_EVENT_READ]);
    Py_XDECREF(descriptor->handles[FR_EVENT_WRITE]);
    Py_XDECREF(descriptor->file);
    fr_free(descriptor);
}

/* Somebody who adds a second reader may have closed the file of the first, and got its number again. */
static int watch_anew(struct fr_event_descriptors *descriptors, struct fr_event_descriptor *descriptor)
{
    fr_watch_close(descriptor->watch);
    descriptor->watch = open_watch(descriptors, descriptor, descriptor->fd);
    if (descriptor->watch != NULL)
        return 0;
    PyObject *exception = fr_compat_take_exception();
    descriptors->by_fd[descriptor->fd] = NULL;
    Py_XDECREF(descriptor->handles[FR_EVENT_READ]);
    Py_XDECREF(descriptor->handles[FR_EVENT_WRITE]);
    Py_XDECREF(descriptor->file);
    fr_free(descriptor);
    fr_compat_raise_exception(exception);
    return -1;
}

int fr_event_descriptors_add(struct fr_event_descriptors *descriptors, PyObject *file,
                             enum fr_event_direction direction, PyObject *handle)
{
    int fd = fd_of(descriptors, file);
    if (fd < 0)
        return -1;
    struct fr_event_descriptor *descriptor;
    if (!is_watched(descriptors, fd))
        descriptor = add_descriptor(descriptors, fd);
    else if (watch_anew(descriptors, descriptors->by_fd[fd]) == 0)
        descriptor = descriptors->by_fd[fd];
    else
        return -1;
    if (descriptor == NULL)
        return -1;
    PyObject *replaced = descriptor->handles[direction];
    PyObject *replaced_file = descriptor->file;
    descriptor->handles[direction] = Py_NewRef(handle);
    descriptor->file = Py_NewRef(file);
    want(descriptor);
    if (replaced != NULL)
        fr_event_handle_cancel(descriptors->handles, replaced);
    Py_XDECREF(replaced);
    Py_XDECREF(replaced_file);
    return 0;
}

int fr_event_descriptors_remove(struct fr_event_descriptors *descriptors, PyObject *file,
                                enum fr_event_direction direction)
{
    int fd = fd_of(descriptors, file);
    if (fd < 0)
        return -1;
    if (!is_watched(descriptors, fd))
        return 0;
    struct fr_event_descriptor *descriptor = descriptors->by_fd[fd];
    PyObject *removed = descriptor->handles[direction];
    descriptor->handles[direction] = NULL;
    if (descriptor->handles[!direction] == NULL)
        free_descriptor(descriptor);
    else
        want(descriptor);
    if (removed != NULL)
        fr_event_handle_cancel(descriptors->handles, removed);
    Py_XDECREF(removed);
    return removed != NULL;
}

/* ---- what can be asked ---- */

static PyObject *or_none(PyObject *object)
{
    return object != NULL ? object : Py_None;
}

PyObject *fr_event_descriptors_find(struct fr_event_descriptors *descriptors, PyObject *file)
{
    int fd = fd_of(descriptors, file);
    if (!is_watched(descriptors, fd))
        return NULL;
    struct fr_event_descriptor *descriptor = descriptors->by_fd[fd];
    PyObject *reader = descriptor->handles[FR_EVENT_READ], *writer = descriptor->handles[FR_EVENT_WRITE];
    int events = (reader != NULL ? SELECTORS_EVENT_READ : 0) | (writer != NULL ? SELECTORS_EVENT_WRITE : 0);
    return Py_BuildValue("Oii(OO)", descriptor->file, fd, events, or_none(reader), or_none(writer));
}

PyObject *fr_event_descriptors_list(struct fr_event_descriptors *descriptors)
{
    PyObject *list = PyList_New(0);
    for (size_t fd = 0; list != NULL && fd < descriptors->capacity; fd++) {
        if (descriptors->by_fd[fd] == NULL)
            continue;
        PyObject *number = PyLong_FromSize_t(fd);
        if (number == NULL || PyList_Append(list, number) < 0)
            Py_CLEAR(list);
        Py_XDECREF(number);
    }
    return list;
}

int fr_event_descriptors_traverse(struct fr_event_descriptors *descriptors, visitproc visit, void *arg)
{
    for (size_t fd = 0; fd < descriptors->capacity; fd++) {
        if (descriptors->by_fd[fd] == NULL)
            continue;
        Py_VISIT(descriptors->by_fd[fd]->file);
        Py_VISIT(descriptors->by_fd[fd]->handles[FR_EVENT_READ]);
        Py_VISIT(descriptors->by_fd[fd]->handles[FR_EVENT_WRITE]);
    }
    return 0;
}

void fr_event_descriptors_clear(struct fr_event_descriptors *descriptors)
{
    for (size_t fd = 0; fd < descriptors->capacity; fd++)
        if (descriptors->by_fd[fd] != NULL)
            free_descriptor(descriptors->by_fd[fd]);
    fr_free(descriptors->by_fd);
    descriptors->by_fd = NULL;
    descriptors->capacity = 0;
}
