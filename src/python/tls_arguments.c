/* python/tls_arguments.c - A dict of what TLS is told, checked entry by entry. Opens no file itself.
 *
 * Every text becomes bytes that live as long as the options: paths in the encoding of the file system, all else in
 * UTF-8. */
#include "python/tls_arguments.h"

#include <stdint.h>

#include "base/alloc.h"
#include "python/errors.h"
#include "server/worker.h"

/* (certfile, keyfile, password, ocsp_file, certificate_pem, key_pem) */
#define IDENTITY_ITEMS 6

/* ---- texts ---- */

/* Keeps `bytes`, a new reference or NULL; what it holds, or NULL and an exception. */
static const char *keep(struct fr_tls_arguments *arguments, PyObject *bytes)
{
    const char *text = NULL;
    if (bytes != NULL && strlen(PyBytes_AS_STRING(bytes)) != (size_t)PyBytes_GET_SIZE(bytes))
        PyErr_SetString(PyExc_ValueError, "what TLS is told cannot hold a NUL character");
    else if (bytes != NULL && PyList_Append(arguments->texts, bytes) == 0)
        text = PyBytes_AS_STRING(bytes);
    Py_XDECREF(bytes);
    return text;
}

/* None is NULL, and no failure. */
static int read_path(struct fr_tls_arguments *arguments, const char **to, PyObject *given)
{
    PyObject *bytes;
    if (given == NULL || Py_IsNone(given))
        return 0;
    *to = PyUnicode_FSConverter(given, &bytes) ? keep(arguments, bytes) : NULL;
    return *to != NULL ? 0 : -1;
}

static int read_text(struct fr_tls_arguments *arguments, const char **to, PyObject *given, const char *name)
{
    if (given == NULL || Py_IsNone(given))
        return 0;
    if (PyBytes_Check(given)) {
        *to = keep(arguments, Py_NewRef(given));
    } else if (PyUnicode_Check(given)) {
        *to = keep(arguments, PyUnicode_AsUTF8String(given));
    } else {
        PyErr_Format(PyExc_TypeError, "%s must be text, not %.100s", name, Py_TYPE(given)->tp_name);
        return -1;
    }
    return *to != NULL ? 0 : -1;
}

/* One of `names`, which end with NULL; the first when nothing is given. */
static int read_choice(int *to, PyObject *given, const char *const *names, const char *what)
{
    *to = 0;
    if (given == NULL)
        return 0;
    for (; names[*to] != NULL; ++*to)
        if (PyUnicode_Check(given) && PyUnicode_CompareWithASCIIString(given, names[*to]) == 0)
            return 0;
    PyErr_Format(PyExc_ValueError, "%s of tls cannot be %R", what, given);
    return -1;
}

/* ---- the entries ---- */

static int read_identity(struct fr_tls_arguments *arguments, struct fr_tls_identity *identity, PyObject *given)
{
    if (!PyTuple_Check(given) || PyTuple_GET_SIZE(given) != IDENTITY_ITEMS) {
        PyErr_SetString(PyExc_TypeError, "an identity of tls must be a tuple of six: certfile, keyfile, password, "
                                         "ocsp_file, certificate_pem, key_pem");
        return -1;
    }
    if (read_path(arguments, &identity->certfile, PyTuple_GET_ITEM(given, 0)) < 0 ||
        read_path(arguments, &identity->keyfile, PyTuple_GET_ITEM(given, 1)) < 0 ||
        read_text(arguments, &identity->password, PyTuple_GET_ITEM(given, 2), "a password") < 0 ||
        read_path(arguments, &identity->ocsp_file, PyTuple_GET_ITEM(given, 3)) < 0 ||
        read_text(arguments, &identity->certificate, PyTuple_GET_ITEM(given, 4), "a certificate") < 0 ||
        read_text(arguments, &identity->key, PyTuple_GET_ITEM(given, 5), "a key") < 0)
        return -1;
    if ((identity->certfile != NULL) != (identity->certificate != NULL))
        return 0;
    PyErr_SetString(PyExc_ValueError, "an identity of tls has a certificate either in a file or in memory");
    return -1;
}

static int read_identities(struct fr_tls_arguments *arguments, struct fr_tls_options *options,
                           struct fr_tls_identity **identities, PyObject *given)
{
    if (given == NULL || !PyList_Check(given) || PyList_GET_SIZE(given) == 0) {
        PyErr_SetString(PyExc_TypeError, "tls must have identities, a list of at least one");
        return -1;
    }
    size_t count = (size_t)PyList_GET_SIZE(given);
    *identities = fr_alloc_zero(count * sizeof **identities);
    for (size_t i = 0; i < count; i++)
        if (read_identity(arguments, *identities + i, PyList_GET_ITEM(given, (Py_ssize_t)i)) < 0)
            return -1;
    options->identities = *identities;
    options->identity_count = count;
    return 0;
}

/* After all other entries, which it has in common. */
static int read_kept(struct fr_tls_arguments *arguments, PyObject *given)
{
    if (given == NULL || Py_IsNone(given))
        return 0;
    arguments->kept = arguments->options;
    return read_identities(arguments, &arguments->kept, &arguments->kept_identities, given);
}

static int read_tickets(struct fr_tls_arguments *arguments, PyObject *given)
{
    if (given == NULL || Py_IsNone(given))
        return 0;
    if (PyObject_GetBuffer(given, &arguments->tickets, PyBUF_WRITABLE) < 0)
        return -1;
    size_t size = fr_worker_ticket_ring_bytes();
    if ((size_t)arguments->tickets.len < size || (uintptr_t)arguments->tickets.buf % sizeof(uint64_t) != 0) {
        PyErr_Format(PyExc_ValueError, "tickets must be a buffer of %zu bytes, on a boundary of %zu", size,
                     sizeof(uint64_t));
        return -1;
    }
    arguments->options.tickets = arguments->tickets.buf;
    return 0;
}

/* A key that nobody reads is a mistake of whoever made the dict. */
static int refuse_others(PyObject *given)
{
    static const char *const names[] = {"identities", "verify",  "ca_file",     "crl_file", "version_min",
                                        "ciphers",    "tickets", "watch_files", "kept"};
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(given, &at, &key, &value)) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof *names && !known; i++)
            known = PyUnicode_Check(key) && PyUnicode_CompareWithASCIIString(key, names[i]) == 0;
        if (!known) {
            PyErr_Format(PyExc_ValueError, "tls has no entry %R", key);
            return -1;
        }
    }
    return 0;
}

int fr_tls_arguments_read(struct fr_tls_arguments *arguments, PyObject *given)
{
    static const char *const verdicts[] = {"none", "optional", "required", NULL};
    static const char *const versions[] = {"1.2", "1.3", NULL};
    int verdict, version;
    if (!PyDict_Check(given)) {
        PyErr_Format(PyExc_TypeError, "tls must be a dict or None, not %.100s", Py_TYPE(given)->tp_name);
        return -1;
    }
    arguments->texts = PyList_New(0);
    if (arguments->texts == NULL || refuse_others(given) < 0 ||
        read_identities(arguments, &arguments->options, &arguments->identities,
                        PyDict_GetItemString(given, "identities")) < 0 ||
        read_choice(&verdict, PyDict_GetItemString(given, "verify"), verdicts, "verify") < 0 ||
        read_path(arguments, &arguments->options.ca_file, PyDict_GetItemString(given, "ca_file")) < 0 ||
        read_path(arguments, &arguments->options.crl_file, PyDict_GetItemString(given, "crl_file")) < 0 ||
        read_choice(&version, PyDict_GetItemString(given, "version_min"), versions, "version_min") < 0 ||
        read_text(arguments, &arguments->options.ciphers, PyDict_GetItemString(given, "ciphers"), "ciphers") < 0 ||
        read_tickets(arguments, PyDict_GetItemString(given, "tickets")) < 0)
        return -1;
    PyObject *watch_files = PyDict_GetItemString(given, "watch_files");
    int watch = watch_files != NULL ? PyObject_IsTrue(watch_files) : 0;
    if (watch < 0)
        return -1;
    arguments->watch_files = watch != 0;
    arguments->options.verify = (enum fr_tls_verify)(FR_TLS_VERIFY_NONE + verdict);
    arguments->options.version_min = version == 0 ? 0x0303 : 0x0304;
    return read_kept(arguments, PyDict_GetItemString(given, "kept"));
}

PyObject *fr_tls_arguments_check(PyObject *Py_UNUSED(module), PyObject *given)
{
    struct fr_tls_arguments arguments = {0};
    char complaint[FR_COMPLAINT_BYTES] = "";
    bool valid = false;
    if (fr_tls_arguments_read(&arguments, given) == 0) {
        valid = fr_worker_check_tls(&arguments.options, complaint, sizeof complaint) == 0;
        if (!valid)
            fr_errors_complain(complaint);
    }
    fr_tls_arguments_free(&arguments);
    return valid ? Py_NewRef(Py_None) : NULL;
}

void fr_tls_arguments_free(struct fr_tls_arguments *arguments)
{
    if (arguments->tickets.obj != NULL)
        PyBuffer_Release(&arguments->tickets);
    fr_free(arguments->identities);
    fr_free(arguments->kept_identities);
    arguments->identities = arguments->kept_identities = NULL;
    arguments->options = arguments->kept = (struct fr_tls_options){0};
    Py_CLEAR(arguments->texts);
}
