/* python/compat.h - CPython 3.10 to 3.14 behind the newest spelling.
 *
 * The one place that asks for a version. Functions that newer versions have are defined here, with the
 * newer contract, for the versions that lack them. Includes Python.h for the whole folder. */
#ifndef FR_PYTHON_COMPAT_H
#define FR_PYTHON_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#if PY_VERSION_HEX < 0x030A0000
#error "freastal needs CPython 3.10 or newer"
#endif

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

/* The exception in flight as one object, with its traceback; NULL when there is none. Clears it. */
static inline PyObject *fr_compat_take_exception(void)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL)
        PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/* Raises `exception` as it is, with the traceback it carries. Takes over the reference. */
static inline void fr_compat_raise_exception(PyObject *exception)
{
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyErr_Restore(Py_NewRef(Py_TYPE(exception)), exception, PyException_GetTraceback(exception));
#endif
}

/* asyncio.Task(..., context=..., eager_start=True) makes its first step at once. */
#define FR_COMPAT_EAGER_TASKS (PY_VERSION_HEX >= 0x030C0000)

/* Nobody has given `object` an attribute, or has a weak reference to it but `reference`. False where nobody asks: with
 * eager tasks no task is used twice. */
static inline bool fr_compat_is_unmarked(PyObject *object, PyObject *reference)
{
#if FR_COMPAT_EAGER_TASKS
    (void)object;
    (void)reference;
    return false;
#else
    PyObject **dict = _PyObject_GetDictPtr(object);
    const PyWeakReference *first = *(PyWeakReference **)PyObject_GET_WEAKREFS_LISTPTR(object);
    return (dict == NULL || *dict == NULL || PyDict_GET_SIZE(*dict) == 0) && (PyObject *)first == reference &&
           first->wr_next == NULL;
#endif
}

#if PY_VERSION_HEX < 0x030D0000
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }

/* 1 and a new reference; 0 and NULL when the key is missing; -1 and an exception. */
static inline int PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **value)
{
    *value = Py_XNewRef(PyDict_GetItemWithError(dict, key));
    return *value != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}

static inline PyObject *PyList_GetItemRef(PyObject *list, Py_ssize_t index)
{
    return Py_XNewRef(PyList_GetItem(list, index));
}

/* 1 and a new reference; 0 and NULL when there is no such attribute; -1 and an exception. */
static inline int PyObject_GetOptionalAttr(PyObject *object, PyObject *name, PyObject **value)
{
    *value = PyObject_GetAttr(object, name);
    if (*value != NULL)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}
#endif

#endif
