/* python/event_descriptors.h - The readers and writers of an event loop: two handles and one watch per descriptor.
 *
 * For the loop's own thread, outside of a poll. A file object may be given for a number; it is then kept, and found
 * again after it has been closed. */
#ifndef FR_PYTHON_EVENT_DESCRIPTORS_H
#define FR_PYTHON_EVENT_DESCRIPTORS_H

#include <stdbool.h>

#include "net/loop.h"
#include "python/event_handle.h"

struct fr_event_descriptor;

enum fr_event_direction { FR_EVENT_READ, FR_EVENT_WRITE };

/* Zero before open. */
struct fr_event_descriptors {
    struct fr_loop *loop;
    struct fr_event_handles *handles;
    void (*ready)(struct fr_event_descriptors *descriptors, PyObject *handle); /* borrowed; called from inside a turn */
    struct fr_event_descriptor **by_fd;                                        /* NULL where nothing is watched */
    size_t capacity;
};

/* `handle` is run whenever `file`, an object with fileno() or a number, is ready; it replaces, and cancels, another. 0,
 * or -1 and an exception: ValueError for what is no descriptor, OSError for what cannot be watched. */
int fr_event_descriptors_add(struct fr_event_descriptors *descriptors, PyObject *file,
                             enum fr_event_direction direction, PyObject *handle);

/* 1 when there was a handle, now cancelled; 0 when not; -1 and an exception. */
int fr_event_descriptors_remove(struct fr_event_descriptors *descriptors, PyObject *file,
                                enum fr_event_direction direction);

/* (file, fd, events, (reader, writer)), as a selector's key; NULL without an exception when it is not watched. */
PyObject *fr_event_descriptors_find(struct fr_event_descriptors *descriptors, PyObject *file);

/* The numbers of all, as a list. */
PyObject *fr_event_descriptors_list(struct fr_event_descriptors *descriptors);

int fr_event_descriptors_traverse(struct fr_event_descriptors *descriptors, visitproc visit, void *arg);

/* Watches nothing any more. */
void fr_event_descriptors_clear(struct fr_event_descriptors *descriptors);

#endif
