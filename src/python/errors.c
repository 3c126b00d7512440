/* python/errors.c - Which exception each error of the core becomes. */
#include "python/errors.h"

static PyObject *exception_of(int error)
{
    switch (error) {
    case FR_E_LIMIT:
        return PyExc_OverflowError;
    case FR_E_SYSTEM:
    case FR_E_UNSUPPORTED:
        return PyExc_OSError;
    case FR_E_GONE:
        return PyExc_ConnectionResetError;
    case FR_E_STATE:
        return PyExc_RuntimeError;
    default:
        return PyExc_ValueError;
    }
}

void fr_errors_raise(int error, const char *doing)
{
    PyErr_Format(exception_of(error), "%s: %s", doing, fr_error_text(error));
}

void fr_errors_complain(const char *complaint)
{
    PyObject *sentence = PyUnicode_DecodeUTF8(complaint, (Py_ssize_t)strlen(complaint), "replace");
    if (sentence != NULL)
        PyErr_SetObject(PyExc_ValueError, sentence);
    Py_XDECREF(sentence);
}

void fr_errors_drop(PyObject *culprit)
{
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(culprit);
}
