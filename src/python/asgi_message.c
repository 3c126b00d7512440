/* python/asgi_message.c - Values out of messages, whatever kind of mapping they are. */
#include "python/asgi_message.h"

#include "python/convert.h"

int fr_asgi_message_find(PyObject *message, PyObject *key, PyObject **value)
{
    if (PyDict_CheckExact(message))
        return PyDict_GetItemRef(message, key, value);
    *value = PyObject_GetItem(message, key);
    if (*value != NULL)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_KeyError))
        return -1;
    PyErr_Clear();
    return 0;
}

int fr_asgi_message_get(PyObject *message, PyObject *key, PyObject **value)
{
    int found = fr_asgi_message_find(message, key, value);
    if (found != 0)
        return found;
    PyErr_Format(PyExc_RuntimeError, "ASGI message %R has no key %R", message, key);
    return -1;
}

int fr_asgi_message_is(PyObject *message, PyObject *key)
{
    PyObject *value;
    int found = fr_asgi_message_find(message, key, &value);
    if (found <= 0)
        return found;
    int truth = value == Py_False ? 0 : value == Py_True ? 1 : PyObject_IsTrue(value);
    Py_DECREF(value);
    return truth;
}

PyObject *fr_asgi_message_type(PyObject *message, PyObject *key, fr_span *text)
{
    PyObject *type;
    if (!PyDict_CheckExact(message) && !PyMapping_Check(message))
        return PyErr_Format(PyExc_TypeError, "an ASGI message must be a dict, not %.100s", Py_TYPE(message)->tp_name);
    if (fr_asgi_message_get(message, key, &type) < 0)
        return NULL;
    if (PyUnicode_Check(type) && fr_convert_span(type, text))
        return type;
    PyErr_Format(PyExc_TypeError, "the type of an ASGI message must be a str, not %R", type);
    Py_DECREF(type);
    return NULL;
}
