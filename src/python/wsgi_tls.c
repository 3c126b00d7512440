/* python/wsgi_tls.c - Templates of environs with the variables of TLS, one for all connections with the same facts.
 *
 * So a request over TLS costs the copy of a dict that is a few keys longer, whatever its client has shown. */
#include "python/wsgi_tls.h"

#include "python/tls_memory.h"

/* Stores and lets go of `value`; NULL fails. */
static int put(PyObject *environment, PyObject *key, PyObject *value)
{
    int status = value != NULL ? PyDict_SetItem(environment, key, value) : -1;
    Py_XDECREF(value);
    return status;
}

static int put_text(struct fr_wsgi *wsgi, PyObject *environment, PyObject *key, fr_span text)
{
    return put(environment, key, fr_convert_text(&wsgi->texts, text));
}

static PyObject *new_verdict(const struct fr_tls_client *client)
{
    if (client == NULL)
        return PyUnicode_FromString("NONE");
    if (client->error.len == 0)
        return PyUnicode_FromString("SUCCESS");
    PyObject *reason = PyUnicode_DecodeLatin1(client->error.data, (Py_ssize_t)client->error.len, NULL);
    PyObject *verdict = reason != NULL ? PyUnicode_FromFormat("FAILED:%U", reason) : NULL;
    Py_XDECREF(reason);
    return verdict;
}

static int put_connection(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_tls_facts *facts)
{
    struct core_state *state = wsgi->state;
    fr_span resumed = facts->resumed ? FR_SPAN("Resumed") : FR_SPAN("Initial");
    if (put_text(wsgi, environment, state->names.https, FR_SPAN("on")) < 0 ||
        put_text(wsgi, environment, state->names.ssl_protocol, facts->version_name) < 0 ||
        put_text(wsgi, environment, state->names.ssl_cipher, facts->cipher) < 0 ||
        put_text(wsgi, environment, state->names.ssl_session_resumed, resumed) < 0 ||
        put_text(wsgi, environment, state->names.ssl_server_cert, facts->server_certificate) < 0 ||
        put(environment, state->names.ssl_client_verify, new_verdict(facts->client)) < 0)
        return -1;
    if (facts->server_name.len == 0)
        return 0;
    return put_text(wsgi, environment, state->names.ssl_tls_sni, facts->server_name);
}

static int put_client(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_tls_client *client)
{
    for (size_t i = 0; client != NULL && i < client->variable_count; i++) {
        const struct fr_tls_variable *variable = &client->variables[i];
        PyObject *key = fr_convert_text(&wsgi->texts, variable->name);
        int status = key != NULL ? put_text(wsgi, environment, key, variable->value) : -1;
        Py_XDECREF(key);
        if (status < 0)
            return -1;
    }
    return 0;
}

PyObject *fr_wsgi_tls_template(struct fr_wsgi *wsgi, const struct fr_peer *peer, PyObject *base)
{
    if (wsgi->tls == NULL)
        wsgi->tls = fr_tls_memory_open();
    PyObject *environment = fr_tls_memory_find(wsgi->tls, peer);
    if (environment != NULL)
        return environment;
    environment = PyDict_Copy(base);
    if (environment == NULL)
        return NULL;
    if (put_connection(wsgi, environment, peer->tls) < 0 || put_client(wsgi, environment, peer->tls->client) < 0) {
        Py_DECREF(environment);
        return NULL;
    }
    fr_tls_memory_keep(wsgi->tls, peer, environment);
    Py_DECREF(environment); /* the memory has it */
    return environment;
}
