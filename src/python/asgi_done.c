/* python/asgi_done.c - An awaitable that is over before it is awaited, and gives None.
 *
 * Not tracked by the garbage collector: it refers to nothing. */
#include "python/asgi_done.h"

#include "python/coroutine.h"

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

static PyObject *done_close(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    Py_RETURN_NONE;
}

static PyObject *done_throw(PyObject *Py_UNUSED(self), PyObject *const *args, Py_ssize_t count)
{
    (void)fr_coroutine_raise(args, count);
    return NULL;
}

static const PyGetSetDef done_getset[] = {
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

static const PyType_Slot done_slots[] = {
    {Py_tp_dealloc, done_dealloc},
    {Py_tp_doc, (void *)"What send() returns when there is nothing to wait for."},
    {Py_am_await, PyObject_SelfIter},
    {Py_am_send, done_am_send},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, done_iternext},
    {Py_tp_methods, (void *)done_methods},
    {Py_tp_getset, (void *)done_getset},
    {0, NULL},
};

const PyType_Spec fr_asgi_done_spec = {
    .name = "freastal._core.Done",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = (PyType_Slot *)done_slots,
};
