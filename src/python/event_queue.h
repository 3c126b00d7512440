/* python/event_queue.h - The handles that are ready to run, first in, first out. The owner of the queue locks it. */
#ifndef FR_PYTHON_EVENT_QUEUE_H
#define FR_PYTHON_EVENT_QUEUE_H

#include "base/alloc.h"
#include "python/compat.h"

/* A ring; zero is an empty one. */
struct fr_event_queue {
    PyObject **slots;
    size_t head, count, capacity; /* capacity is a power of two */
};

/* Takes over the reference. */
static inline void fr_event_queue_push(struct fr_event_queue *queue, PyObject *handle);

/* The first, with its reference; NULL when there is none. */
static inline PyObject *fr_event_queue_pop(struct fr_event_queue *queue);

static inline int fr_event_queue_traverse(struct fr_event_queue *queue, visitproc visit, void *arg);

/* Lets go of everything; the queue may be used again. */
static inline void fr_event_queue_clear(struct fr_event_queue *queue);

/* ---- inline definitions ---- */

static inline void fr_event_queue_grow(struct fr_event_queue *queue)
{
    size_t capacity = queue->capacity ? queue->capacity * 2 : 64;
    PyObject **slots = fr_alloc(capacity * sizeof *slots);
    for (size_t i = 0; i < queue->count; i++)
        slots[i] = queue->slots[(queue->head + i) & (queue->capacity - 1)];
    fr_free(queue->slots);
    queue->slots = slots;
    queue->head = 0;
    queue->capacity = capacity;
}

static inline void fr_event_queue_push(struct fr_event_queue *queue, PyObject *handle)
{
    if (queue->count == queue->capacity)
        fr_event_queue_grow(queue);
    queue->slots[(queue->head + queue->count++) & (queue->capacity - 1)] = handle;
}

static inline PyObject *fr_event_queue_pop(struct fr_event_queue *queue)
{
    if (queue->count == 0)
        return NULL;
    PyObject *handle = queue->slots[queue->head];
    queue->head = (queue->head + 1) & (queue->capacity - 1);
    queue->count--;
    return handle;
}

static inline int fr_event_queue_traverse(struct fr_event_queue *queue, visitproc visit, void *arg)
{
    for (size_t i = 0; i < queue->count; i++)
        Py_VISIT(queue->slots[(queue->head + i) & (queue->capacity - 1)]);
    return 0;
}

static inline void fr_event_queue_clear(struct fr_event_queue *queue)
{
    struct fr_event_queue taken = *queue;
    *queue = (struct fr_event_queue){0};
    PyObject *handle;
    while ((handle = fr_event_queue_pop(&taken)) != NULL)
        Py_DECREF(handle);
    fr_free(taken.slots);
}

#endif
