/* python/asgi_message.c - Values out of messages, whatever kind of mapping they are. */
#include "python/asgi_message.h"

#include "python/convert.h"

#define STATUS_MIN 200
#define STATUS_MAX 999

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

int fr_asgi_message_status(PyObject *message, PyObject *key)
{
    PyObject *value;
    if (fr_asgi_message_get(message, key, &value) < 0)
        return -1;
    int overflow = 0;
    long status = PyLong_Check(value) ? PyLong_AsLongAndOverflow(value, &overflow) : -1;
    if (!PyLong_Check(value))
        PyErr_Format(PyExc_TypeError, "'status' must be an int, not %.100s", Py_TYPE(value)->tp_name);
    else if (overflow != 0 || status < STATUS_MIN || status > STATUS_MAX)
        PyErr_Format(PyExc_ValueError, "'status' must be a number from 200 to 999, not %R", value);
    Py_DECREF(value);
    return PyErr_Occurred() ? -1 : (int)status;
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
