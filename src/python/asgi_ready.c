/* python/asgi_ready.c - Awaitables that are over before they are awaited.
 *
 * Neither is tracked by the garbage collector: None refers to nothing, and a value cannot refer to the awaitable that
 * brings it. */
#include "python/asgi_ready.h"

#include "python/coroutine.h"

struct ready {
    PyObject_HEAD
    PyObject *value; /* NULL once it was given; in the one for None always */
};

#define READY(object) ((struct ready *)(object))

/* ---- the one for None ---- */

PyObject *fr_asgi_done_new(struct core_state *state)
{
    return (PyObject *)PyObject_New(PyObject, state->asgi_done_type);
}

static void done_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PySendResult done_am_send(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(sent), PyObject **result)
{
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

/* The interpreter takes NULL without an exception for a return of None. */
static PyObject *done_iternext(PyObject *Py_UNUSED(self))
{
    return NULL;
}

static PyObject *done_send(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(sent))
{
    PyErr_SetNone(PyExc_StopIteration);
    return NULL;
}

/* ---- the one with a value ---- */

PyObject *fr_asgi_ready(struct core_state *state, PyObject *value)
{
    if (value == NULL)
        return NULL;
    struct ready *ready = PyObject_New(struct ready, state->asgi_ready_type);
    if (ready == NULL) {
        Py_DECREF(value);
        return NULL;
    }
    ready->value = value;
    return (PyObject *)ready;
}

static void ready_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(READY(self)->value);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PySendResult ready_am_send(PyObject *self, PyObject *Py_UNUSED(sent), PyObject **result)
{
    *result = READY(self)->value;
    READY(self)->value = NULL;
    if (*result != NULL)
        return PYGEN_RETURN;
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
}

static PyObject *ready_iternext(PyObject *self)
{
    PyObject *value;
    PySendResult sent = ready_am_send(self, Py_None, &value);
    return fr_coroutine_tell_next(sent, value);
}

static PyObject *ready_send(PyObject *self, PyObject *Py_UNUSED(sent))
{
    PyObject *value;
    PySendResult result = ready_am_send(self, Py_None, &value);
    return fr_coroutine_tell(result, value);
}

static PyObject *ready_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    Py_CLEAR(READY(self)->value);
    Py_RETURN_NONE;
}

static PyObject *ready_throw(PyObject *self, PyObject *const *args, Py_ssize_t count)
{
    Py_CLEAR(READY(self)->value);
    (void)fr_coroutine_raise(args, count);
    return NULL;
}

/* ---- what both have ---- */

static PyObject *done_close(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Py_RETURN_NONE;
}

static PyObject *done_throw(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    (void)fr_coroutine_raise(args, count);
    return NULL;
}

static const PyGetSetDef ready_getset[] = {
    {"cr_await", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_code", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_frame", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_origin", fr_coroutine_get_none, NULL, NULL, NULL},
    {"cr_running", fr_coroutine_get_false, NULL, NULL, NULL},
    {"cr_suspended", fr_coroutine_get_false, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyMethodDef done_methods[] = {
    {"send", done_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))done_throw, METH_FASTCALL, NULL},
    {"close", done_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const PyMethodDef ready_methods[] = {
    {"send", ready_send, METH_O, NULL},
    {"throw", (PyCFunction)(void (*)(void))ready_throw, METH_FASTCALL, NULL},
    {"close", ready_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static const PyType_Slot done_slots[] = {
    {Py_tp_dealloc, done_dealloc},
    {Py_tp_doc, (void *)"What send() returns when there is nothing to wait for."},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, done_am_send},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, done_iternext},
    {Py_tp_methods, (void *)done_methods},
    {Py_tp_getset, (void *)ready_getset},
    {0, NULL},
};

const PyType_Spec fr_asgi_done_spec = {
    .name = "freastal._core.Done",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)done_slots,
};

static const PyType_Slot ready_slots[] = {
    {Py_tp_dealloc, ready_dealloc},
    {Py_tp_doc, (void *)"What receive() returns when a message is there."},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, ready_am_send},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, ready_iternext},
    {Py_tp_methods, (void *)ready_methods},
    {Py_tp_getset, (void *)ready_getset},
    {0, NULL},
};

const PyType_Spec fr_asgi_ready_spec = {
    .name = "freastal._core.Ready",
    .basicsize = sizeof(struct ready),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)ready_slots,
};
