/* python/asgi_tls.c - TLS facts as the values of the extension "tls". Knows nothing of the scope around them. */
#include "python/asgi_tls.h"

#define VALUES 6

/* The keys, in the order of the values. */
static void list_keys(const struct core_state *state, PyObject *keys[VALUES])
{
    keys[0] = state->names.server_cert;
    keys[1] = state->names.client_cert_chain;
    keys[2] = state->names.client_cert_name;
    keys[3] = state->names.client_cert_error;
    keys[4] = state->names.tls_version;
    keys[5] = state->names.cipher_suite;
}

/* ---- the values ---- */

static PyObject *new_text(fr_span text)
{
    return PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, "replace");
}

static PyObject *new_text_or_none(fr_span text)
{
    return text.len > 0 ? new_text(text) : Py_NewRef(Py_None);
}

static PyObject *new_chain(const struct fr_tls_client *client)
{
    size_t count = client != NULL ? client->chain_count : 0;
    PyObject *chain = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; chain != NULL && i < count; i++) {
        PyObject *certificate = new_text(client->chain[i]);
        if (certificate == NULL)
            Py_CLEAR(chain);
        else
            PyTuple_SET_ITEM(chain, (Py_ssize_t)i, certificate);
    }
    return chain;
}

/* The name of a certificate may be empty, and is one nevertheless. */
static PyObject *new_values(const struct fr_tls_facts *facts)
{
    const struct fr_tls_client *client = facts->client;
    PyObject *const values[VALUES] = {
        new_text_or_none(facts->server_certificate),
        new_chain(client),
        client != NULL ? new_text(client->name) : Py_NewRef(Py_None),
        client != NULL ? new_text_or_none(client->error) : Py_NewRef(Py_None),
        PyLong_FromLong(facts->version),
        PyLong_FromLong(facts->cipher_suite),
    };
    bool complete = true;
    for (size_t i = 0; i < VALUES; i++)
        complete = complete && values[i] != NULL;
    PyObject *tuple = complete ? PyTuple_New(VALUES) : NULL;
    for (size_t i = 0; i < VALUES; i++) {
        if (tuple != NULL)
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, values[i]);
        else
            Py_XDECREF(values[i]);
    }
    return tuple;
}

PyObject *fr_asgi_tls_values(struct fr_tls_memory *memory, const struct fr_peer *peer)
{
    PyObject *values = fr_tls_memory_find(memory, peer);
    if (values != NULL)
        return Py_NewRef(values);
    values = new_values(peer->tls);
    if (values != NULL)
        fr_tls_memory_keep(memory, peer, values);
    return values;
}

/* ---- the dict ---- */

PyObject *fr_asgi_tls_new(const struct core_state *state, PyObject *values)
{
    PyObject *keys[VALUES];
    list_keys(state, keys);
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < VALUES; i++)
        if (PyDict_SetItem(dict, keys[i], PyTuple_GET_ITEM(values, i)) < 0)
            Py_CLEAR(dict);
    return dict;
}

bool fr_asgi_tls_is_untouched(const struct core_state *state, PyObject *dict, PyObject *values)
{
    PyObject *keys[VALUES], *key, *value;
    list_keys(state, keys);
    if (!PyDict_CheckExact(dict) || Py_REFCNT(dict) != 1 || PyDict_GET_SIZE(dict) != VALUES)
        return false;
    Py_ssize_t at = 0;
    for (Py_ssize_t i = 0; i < VALUES && PyDict_Next(dict, &at, &key, &value); i++)
        if (key != keys[i] || value != PyTuple_GET_ITEM(values, i))
            return false;
    return true;
}
