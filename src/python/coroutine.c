/* python/coroutine.c - Returned values as StopIteration, thrown arguments as exceptions. */
#include "python/coroutine.h"

/* A tuple or an exception would be taken for the arguments of StopIteration, or for the exception itself. */
static void raise_stop(PyObject *value)
{
    if (!PyTuple_Check(value) && !PyExceptionInstance_Check(value)) {
        PyErr_SetObject(PyExc_StopIteration, value);
        return;
    }
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, value);
    if (stop != NULL)
        PyErr_SetObject(PyExc_StopIteration, stop);
    Py_XDECREF(stop);
}

PyObject *fr_coroutine_tell(PySendResult sent, PyObject *value)
{
    if (sent == PYGEN_NEXT)
        return value;
    if (sent == PYGEN_RETURN) {
        if (Py_IsNone(value))
            PyErr_SetNone(PyExc_StopIteration);
        else
            raise_stop(value);
        Py_DECREF(value);
    }
    return NULL;
}

int fr_coroutine_raise(PyObject *const *args, Py_ssize_t count)
{
    PyObject *type = count > 0 ? args[0] : NULL;
    PyObject *value = count > 1 && !Py_IsNone(args[1]) ? args[1] : NULL;
    PyObject *traceback = count > 2 && !Py_IsNone(args[2]) ? args[2] : NULL;
    PyObject *exception = NULL;
    if (type == NULL || count > 3) {
        PyErr_Format(PyExc_TypeError, "throw() takes an exception (%zd arguments given)", count);
    } else if (PyExceptionInstance_Check(type)) {
        exception = Py_NewRef(type);
    } else if (!PyExceptionClass_Check(type)) {
        PyErr_Format(PyExc_TypeError, "throw() takes an exception, not %.100s", Py_TYPE(type)->tp_name);
    } else if (value != NULL && PyExceptionInstance_Check(value)) {
        exception = Py_NewRef(value);
    } else {
        exception = value != NULL ? PyObject_CallOneArg(type, value) : PyObject_CallNoArgs(type);
    }
    if (exception != NULL && !PyExceptionInstance_Check(exception)) {
        PyErr_Format(PyExc_TypeError, "calling %R gave no exception", type);
        Py_CLEAR(exception);
    }
    if (exception == NULL)
        return -1;
    if (traceback == NULL || PyException_SetTraceback(exception, traceback) == 0)
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF(exception);
    return -1;
}

void fr_coroutine_raise_asyncio(const char *name, PyObject *message)
{
    PyObject *module = PyImport_ImportModule("asyncio.exceptions");
    PyObject *type = module != NULL ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *exception = NULL;
    if (type != NULL)
        exception = message != NULL ? PyObject_CallOneArg(type, message) : PyObject_CallNoArgs(type);
    if (exception != NULL)
        PyErr_SetObject(type, exception);
    Py_XDECREF(exception);
    Py_XDECREF(type);
    Py_XDECREF(module);
}

static PyObject *raise_self(PyObject *self, PyObject *Py_UNUSED(argument))
{
    PyErr_SetObject((PyObject *)Py_TYPE(self), self);
    return NULL;
}

PyObject *fr_coroutine_raiser(PyObject *exception)
{
    static const PyMethodDef definition = {"raise_interrupt", raise_self, METH_O, NULL};
    return PyCFunction_New((PyMethodDef *)&definition, exception);
}

PyObject *fr_coroutine_get_none(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    Py_RETURN_NONE;
}

PyObject *fr_coroutine_get_false(PyObject *Py_UNUSED(self), void *Py_UNUSED(closure))
{
    Py_RETURN_FALSE;
}
