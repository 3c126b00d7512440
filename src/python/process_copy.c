/* python/process_copy.c - What is left to do for a copy of the process: its status, its streams, _exit(). */
#include "python/process_copy.h"

#include <stdlib.h>
#include <unistd.h>

#include "python/errors.h"

static int status_of(PyObject *exit)
{
    int status = EXIT_FAILURE;
    PyObject *code = PyObject_GetAttrString(exit, "code");
    if (code != NULL && (Py_IsNone(code) || PyLong_Check(code)))
        status = Py_IsNone(code) ? EXIT_SUCCESS : (int)PyLong_AsUnsignedLongMask(code);
    Py_XDECREF(code);
    PyErr_Clear();
    return status;
}

static void tell(PyObject *exception, PyObject *log_exception)
{
    PyObject *sentence = PyUnicode_FromString("a process that the application has forked failed");
    if (log_exception == NULL || sentence == NULL) {
        PyErr_Clear();
        fr_compat_raise_exception(Py_NewRef(exception));
    } else {
        PyObject *args[] = {sentence, exception};
        Py_XDECREF(PyObject_Vectorcall(log_exception, args, 2, NULL));
    }
    fr_errors_drop(log_exception);
    Py_XDECREF(sentence);
}

static void flush(const char *name)
{
    PyObject *stream = PySys_GetObject(name);
    PyObject *flushed = stream != NULL ? PyObject_CallMethod(stream, "flush", NULL) : NULL;
    PyErr_Clear();
    Py_XDECREF(flushed);
}

void fr_process_copy_end(PyObject *exception, PyObject *log_exception)
{
    int status = EXIT_FAILURE;
    if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
        status = status_of(exception);
    else
        tell(exception, log_exception);
    flush("stdout");
    flush("stderr");
    _exit(status);
}
