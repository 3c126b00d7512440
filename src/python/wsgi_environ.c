/* python/wsgi_environ.c - Request heads to environ dicts.
 *
 * An environ begins as a copy of a template: a dict that holds what is the same for every request of a
 * listener, has room for the usual fields, and has entries for what every request sets, so that the copy
 * is one run of memory and few keys are new in it. Only what differs from the template is stored. */
#include "python/wsgi_environ.h"

#include "base/alloc.h"
#include "http/headers.h"
#include "http/target.h"
#include "python/tls_memory.h"
#include "python/wsgi_tls.h"

/* A dict of CPython has room for 21 keys, then for 42. One more than the first, and the template's copies
 * take the fields of a browser without growing. */
#define TEMPLATE_KEYS_MIN 22

#define KEY_PREFIX "HTTP_"
#define KEY_PREFIX_LEN (sizeof KEY_PREFIX - 1)

/* Longer names and paths are converted in memory of their own. */
#define SMALL_BYTES 256

/* ---- the template ---- */

/* Grows the dict beyond the keys it keeps: what was added is taken away again, the room stays. */
static int make_room(PyObject *environment)
{
    Py_ssize_t kept = PyDict_GET_SIZE(environment);
    for (Py_ssize_t extra = kept; extra < TEMPLATE_KEYS_MIN; extra++) {
        PyObject *key = PyUnicode_FromFormat("room.%zd", extra);
        if (key == NULL || PyDict_SetItem(environment, key, Py_None) < 0) {
            Py_XDECREF(key);
            return -1;
        }
        Py_DECREF(key);
    }
    for (Py_ssize_t extra = kept; extra < TEMPLATE_KEYS_MIN; extra++) {
        PyObject *key = PyUnicode_FromFormat("room.%zd", extra);
        if (key == NULL || PyDict_DelItem(environment, key) < 0) {
            Py_XDECREF(key);
            return -1;
        }
        Py_DECREF(key);
    }
    return 0;
}

/* Stores and lets go of `value`; NULL fails. */
static int put(PyObject *environment, PyObject *key, PyObject *value)
{
    int status = value != NULL ? PyDict_SetItem(environment, key, value) : -1;
    Py_XDECREF(value);
    return status;
}

static int put_text(PyObject *environment, PyObject *key, const char *text)
{
    return put(environment, key, PyUnicode_FromString(text));
}

static int put_server(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_peer *peer, PyObject *scheme)
{
    struct core_state *state = wsgi->state;
    if (peer->unix_socket) {
        bool secure = PyUnicode_CompareWithASCIIString(scheme, "https") == 0;
        if (put_text(environment, state->names.server_name, "localhost") < 0)
            return -1;
        return put_text(environment, state->names.server_port, secure ? "443" : "80");
    }
    fr_span host = fr_span_of_string(peer->local->host);
    if (put(environment, state->names.server_name, fr_convert_text(&wsgi->texts, host)) < 0)
        return -1;
    if (put(environment, state->names.remote_port, Py_NewRef(state->empty_text)) < 0)
        return -1;
    return put(environment, state->names.server_port, PyUnicode_FromFormat("%d", (int)peer->local->port));
}

static int put_constants(struct fr_wsgi *wsgi, PyObject *environment, PyObject *scheme)
{
    struct core_state *state = wsgi->state;
    const struct fr_wsgi_options *options = &wsgi->options;
    PyObject *text = state->empty_text;
    if (put(environment, state->names.wsgi_version, Py_BuildValue("(ii)", 1, 0)) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_url_scheme, scheme) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_input, wsgi->empty_input) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_input_terminated, Py_True) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_errors, wsgi->errors) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_multithread, options->multithread ? Py_True : Py_False) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_multiprocess, options->multiprocess ? Py_True : Py_False) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_run_once, Py_False) < 0 ||
        PyDict_SetItem(environment, state->names.wsgi_file_wrapper, (PyObject *)state->file_wrapper_type) < 0 ||
        put_text(environment, state->names.server_software, "freastal") < 0 ||
        PyDict_SetItem(environment, state->names.script_name, options->root_path) < 0)
        return -1;
    PyObject *const each_request[] = {
        state->names.path_info,   state->names.query_string, state->names.raw_uri,
        state->names.request_uri, state->names.remote_addr,
    };
    for (size_t i = 0; i < sizeof each_request / sizeof *each_request; i++)
        if (PyDict_SetItem(environment, each_request[i], text) < 0)
            return -1;
    if (PyDict_SetItem(environment, state->names.request_method, state->methods[FR_METHOD_GET]) < 0)
        return -1;
    return PyDict_SetItem(environment, state->names.server_protocol, state->versions[FR_HTTP_1_1]);
}

static PyObject *new_template(struct fr_wsgi *wsgi, const struct fr_peer *peer)
{
    PyObject *scheme = peer->tls ? PyUnicode_FromString("https") : Py_NewRef(wsgi->options.url_scheme);
    PyObject *environment = PyDict_New();
    if (scheme == NULL || environment == NULL || put_constants(wsgi, environment, scheme) < 0 ||
        put_server(wsgi, environment, peer, scheme) < 0 || make_room(environment) < 0)
        Py_CLEAR(environment);
    Py_XDECREF(scheme);
    return environment;
}

static PyObject *find_template(struct fr_wsgi *wsgi, const struct fr_peer *peer)
{
    for (size_t i = 0; i < wsgi->template_count; i++)
        if (wsgi->templates[i].local == peer->local && wsgi->templates[i].encrypted == (peer->tls != NULL))
            return wsgi->templates[i].environ;
    PyObject *environment = new_template(wsgi, peer);
    if (environment == NULL)
        return NULL;
    wsgi->templates = fr_realloc(wsgi->templates, (wsgi->template_count + 1) * sizeof *wsgi->templates);
    wsgi->templates[wsgi->template_count++] = (struct fr_wsgi_template){peer->local, peer->tls != NULL, environment};
    return environment;
}

static PyObject *stream_to_nowhere(struct fr_wsgi *wsgi)
{
    if (wsgi->null_errors == NULL) {
        PyObject *io = PyImport_ImportModule("io");
        wsgi->null_errors = io ? PyObject_CallMethod(io, "open", "ss", "/dev/null", "w") : NULL;
        Py_XDECREF(io);
    }
    return Py_XNewRef(wsgi->null_errors);
}

/* wsgi.errors is what sys.stderr is at the time of the request; it changes so rarely that the templates
 * are changed instead of each environ. */
static int follow_stderr(struct fr_wsgi *wsgi)
{
    PyObject *errors;
    int found = PyDict_GetItemRef(wsgi->state->sys_dict, wsgi->state->names.stderr_, &errors);
    if (found < 0)
        return -1;
    if (errors == NULL || Py_IsNone(errors)) {
        Py_XDECREF(errors);
        errors = stream_to_nowhere(wsgi);
        if (errors == NULL)
            return -1;
    }
    if (errors == wsgi->errors) {
        Py_DECREF(errors);
        return 0;
    }
    Py_XSETREF(wsgi->errors, errors);
    if (wsgi->tls != NULL)
        fr_tls_memory_clear(wsgi->tls); /* made of those below */
    for (size_t i = 0; i < wsgi->template_count; i++)
        if (PyDict_SetItem(wsgi->templates[i].environ, wsgi->state->names.wsgi_errors, errors) < 0)
            return -1;
    return 0;
}

/* ---- the fields ---- */

/* "X-Some-Thing" becomes "HTTP_X_SOME_THING". */
static void write_key(char *key, fr_span name)
{
    memcpy(key, KEY_PREFIX, KEY_PREFIX_LEN);
    key += KEY_PREFIX_LEN;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.data[i];
        key[i] = byte == '-' ? '_' : (char)(byte >= 'a' && byte <= 'z' ? byte - 0x20 : byte);
    }
}

static PyObject *new_key(struct fr_wsgi *wsgi, fr_span name)
{
    size_t len = KEY_PREFIX_LEN + name.len;
    if (len <= SMALL_BYTES) {
        char key[SMALL_BYTES];
        write_key(key, name);
        return fr_convert_text(&wsgi->texts, fr_span_of(key, len));
    }
    PyObject *text = PyUnicode_New((Py_ssize_t)len, 0x7f);
    if (text != NULL)
        write_key((char *)PyUnicode_1BYTE_DATA(text), name);
    return text;
}

/* The field is repeated: what came before and what comes now, in one. */
static PyObject *join(PyObject *environment, PyObject *key, PyObject *value, enum fr_header_name known)
{
    PyObject *earlier, *joined = NULL;
    if (PyDict_GetItemRef(environment, key, &earlier) == 1)
        joined = PyUnicode_FromFormat(known == FR_HEADER_COOKIE ? "%U; %U" : "%U,%U", earlier, value);
    Py_XDECREF(earlier);
    Py_DECREF(value);
    return joined;
}

static int put_known(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_header *header, bool repeated)
{
    if (repeated && header->known == FR_HEADER_CONTENT_LENGTH)
        return 0; /* the same number again, or the parser would have refused it */
    PyObject *key = wsgi->state->header_keys[header->known];
    PyObject *value = fr_convert_text(&wsgi->texts, header->value);
    if (repeated && value != NULL)
        value = join(environment, key, value, header->known);
    return put(environment, key, value);
}

static int put_other(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_header *header)
{
    if (fr_span_find(header->name, '_') < header->name.len)
        return 0;
    PyObject *key = new_key(wsgi, header->name);
    if (key == NULL)
        return -1;
    PyObject *value = fr_convert_text(&wsgi->texts, header->value);
    int repeated = value != NULL ? PyDict_Contains(environment, key) : -1;
    if (repeated < 0)
        Py_CLEAR(value);
    else if (repeated)
        value = join(environment, key, value, FR_HEADER_OTHER);
    int status = put(environment, key, value);
    Py_DECREF(key);
    return status;
}

static int put_headers(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_request_head *head)
{
    bool seen[FR_HEADER_COUNT] = {false};
    for (size_t i = 0; i < head->header_count; i++) {
        const struct fr_header *header = &head->headers[i];
        int status;
        if (header->known == FR_HEADER_OTHER)
            status = put_other(wsgi, environment, header);
        else if (header->known == FR_HEADER_TRANSFER_ENCODING)
            continue;
        else
            status = put_known(wsgi, environment, header, seen[header->known]);
        if (status < 0)
            return -1;
        seen[header->known] = true;
    }
    return 0;
}

/* ---- the request line ---- */

/* The path without the root path, where it begins with it as whole segments. */
static fr_span without_root(const struct fr_wsgi *wsgi, fr_span path)
{
    fr_span root = fr_convert_span_again(wsgi->options.root_path);
    if (root.len == 0 || path.len < root.len)
        return path;
    bool whole = path.len == root.len || path.data[root.len] == '/';
    return whole && memcmp(path.data, root.data, root.len) == 0 ? fr_span_skip(path, root.len) : path;
}

static PyObject *new_path_info(struct fr_wsgi *wsgi, fr_span path)
{
    if (fr_span_find(path, '%') == path.len)
        return fr_convert_text(&wsgi->texts, without_root(wsgi, path));
    char small[SMALL_BYTES];
    char *decoded = path.len <= sizeof small ? small : fr_alloc(path.len);
    fr_span text = fr_span_of(decoded, fr_percent_decode(path, decoded));
    PyObject *info = fr_convert_text(&wsgi->texts, without_root(wsgi, text));
    if (decoded != small)
        fr_free(decoded);
    return info;
}

/* What an absolute target or :authority names goes before what Host says (RFC 9112 section 3.2.2), as a proxy in front
 * has read it too. */
static int put_authority(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_request_head *head)
{
    if (head->form != FR_TARGET_ABSOLUTE && (head->version != FR_HTTP_2 || head->authority.len == 0))
        return 0;
    return put(environment, wsgi->state->header_keys[FR_HEADER_HOST], fr_convert_text(&wsgi->texts, head->authority));
}

static int put_target(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_request_head *head)
{
    struct core_state *state = wsgi->state;
    PyObject *target = fr_convert_text(&wsgi->texts, head->target);
    if (target == NULL)
        return -1;
    if (PyDict_SetItem(environment, state->names.raw_uri, target) < 0 ||
        put(environment, state->names.request_uri, target) < 0)
        return -1;
    if (head->query.len > 0 &&
        put(environment, state->names.query_string, fr_convert_text(&wsgi->texts, head->query)) < 0)
        return -1;
    return put(environment, state->names.path_info, new_path_info(wsgi, head->path));
}

static int put_request_line(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_request_head *head)
{
    struct core_state *state = wsgi->state;
    if (head->method == FR_METHOD_OTHER) {
        if (put(environment, state->names.request_method, fr_convert_text(&wsgi->texts, head->method_text)) < 0)
            return -1;
    } else if (head->method != FR_METHOD_GET) {
        if (PyDict_SetItem(environment, state->names.request_method, state->methods[head->method]) < 0)
            return -1;
    }
    if (head->version != FR_HTTP_1_1 &&
        PyDict_SetItem(environment, state->names.server_protocol, state->versions[head->version]) < 0)
        return -1;
    return put_target(wsgi, environment, head);
}

static int put_remote(struct fr_wsgi *wsgi, PyObject *environment, const struct fr_peer *peer)
{
    if (peer->unix_socket)
        return 0;
    fr_span host = fr_span_of_string(peer->remote.host);
    if (put(environment, wsgi->state->names.remote_addr, fr_convert_text(&wsgi->texts, host)) < 0)
        return -1;
    char port[8];
    size_t at = sizeof port;
    unsigned rest = peer->remote.port;
    do {
        port[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    fr_span digits = fr_span_of(port + at, sizeof port - at);
    return put(environment, wsgi->state->names.remote_port, fr_convert_text(&wsgi->texts, digits));
}

PyObject *fr_wsgi_environ_new(struct fr_wsgi *wsgi, const struct fr_exchange *exchange)
{
    if (follow_stderr(wsgi) < 0)
        return NULL;
    const struct fr_peer *peer = fr_exchange_peer(exchange);
    PyObject *template = find_template(wsgi, peer);
    if (template != NULL && peer->tls != NULL)
        template = fr_wsgi_tls_template(wsgi, peer, template);
    PyObject *environment = template != NULL ? PyDict_Copy(template) : NULL;
    if (environment == NULL)
        return NULL;
    if (put_request_line(wsgi, environment, exchange->head) < 0 || put_remote(wsgi, environment, peer) < 0 ||
        put_headers(wsgi, environment, exchange->head) < 0 || put_authority(wsgi, environment, exchange->head) < 0) {
        Py_DECREF(environment);
        return NULL;
    }
    return environment;
}

int fr_wsgi_environ_set_body(struct fr_wsgi *wsgi, PyObject *environment, PyObject *input, uint64_t len, bool chunked)
{
    if (put(environment, wsgi->state->names.wsgi_input, input) < 0)
        return -1;
    if (!chunked)
        return 0;
    return put(environment, wsgi->state->names.content_length, PyUnicode_FromFormat("%llu", (unsigned long long)len));
}
