/* python/asgi_scope.c - Request heads to scopes (ASGI 3.0, HTTP and WebSocket spec 2.5).
 *
 * A scope begins as a copy of a template, a dict that holds what is the same for every request of a kind over one
 * listener. Requests repeat themselves, so fields, paths and clients that were made before are found again by their
 * bytes; all of these are immutable. What is mutable belongs to one scope alone, so that an application may do with
 * it what it likes. */
#include "python/asgi_scope.h"

#include "base/alloc.h"
#include "http/target.h"
#include "python/asgi_tls.h"
#include "websocket/handshake.h"

/* Powers of two. */
#define FIELD_SLOTS 512
#define PATH_SLOTS 256
#define CLIENT_SLOTS 256

/* Longer fields and paths are not kept. */
#define KEPT_BYTES_MAX 512

/* Longer paths are decoded in memory of their own. */
#define SMALL_BYTES 256

#define EXTENSIONS_MAX 6

/* What the scopes of one kind begin with. */
struct template {
    const struct fr_endpoint *local;
    enum fr_http_version version;
    bool encrypted, websocket;
    unsigned char extension_count;
    PyObject *extension_names[EXTENSIONS_MAX]; /* borrowed from the state of the module */
    PyObject *scope;
    PyObject *asgi, *extensions; /* the dicts in `scope`; lent to one scope at a time */
    PyObject *tls;               /* the values of the extension in them, see asgi_tls.h; NULL: plain */
};

struct path {
    PyObject *text, *raw; /* both with the root path in front */
};

/* Direct-mapped, each. */
struct fr_asgi_scopes {
    struct template *templates;
    size_t template_count;
    PyObject *root_path;       /* of raw_path: bytes */
    struct fr_tls_memory *tls; /* values of the extension; NULL before the first request over TLS */
    PyObject *fields[FIELD_SLOTS];
    struct path paths[PATH_SLOTS];
    PyObject *clients[CLIENT_SLOTS];
};

/* Stores and lets go of `value`; NULL fails. */
static int put(PyObject *scope, PyObject *key, PyObject *value)
{
    int status = value != NULL ? PyDict_SetItem(scope, key, value) : -1;
    Py_XDECREF(value);
    return status;
}

/* ---- the template ---- */

/* scope["asgi"]. */
static PyObject *new_versions(struct core_state *state)
{
    PyObject *versions = PyDict_New();
    if (versions == NULL || PyDict_SetItem(versions, state->names.version, state->names.asgi_version) < 0 ||
        PyDict_SetItem(versions, state->names.spec_version, state->names.asgi_spec_version) < 0)
        Py_CLEAR(versions);
    return versions;
}

/* What the server can do beyond the specification, and the version of HTTP too. What is not listed an application does
 * not ask for: "http.response.push". */
static void list_extensions(struct core_state *state, struct template *template)
{
    PyObject **names = template->extension_names;
    size_t count = 0;
    if (template->websocket) {
        names[count++] = state->names.websocket_http_response;
    } else {
        names[count++] = state->names.http_response_pathsend;
        names[count++] = state->names.http_response_zerocopysend;
        names[count++] = state->names.http_response_debug;
        if (template->version != FR_HTTP_1_0) {
            names[count++] = state->names.http_response_early_hint;
            names[count++] = state->names.http_response_trailers;
        }
    }
    if (template->encrypted)
        names[count++] = state->names.tls;
    template->extension_count = (unsigned char)count;
}

static PyObject *new_extensions(const struct core_state *state, const struct template *template)
{
    PyObject *extensions = PyDict_New();
    for (size_t i = 0; extensions != NULL && i < template->extension_count; i++) {
        PyObject *name = template->extension_names[i];
        PyObject *value = name == state->names.tls ? fr_asgi_tls_new(state, template->tls) : PyDict_New();
        if (put(extensions, name, value) < 0)
            Py_CLEAR(extensions);
    }
    return extensions;
}

static PyObject *new_server(const struct fr_peer *peer)
{
    if (peer->unix_socket)
        return Py_BuildValue("(sO)", peer->local->host, Py_None);
    return Py_BuildValue("(si)", peer->local->host, (int)peer->local->port);
}

static PyObject *new_scheme(const struct fr_asgi *asgi, bool encrypted, bool websocket)
{
    if (!encrypted && !websocket)
        return Py_NewRef(asgi->options.url_scheme);
    bool secure = encrypted || PyUnicode_CompareWithASCIIString(asgi->options.url_scheme, "https") == 0;
    return PyUnicode_FromString(websocket ? secure ? "wss" : "ws" : "https");
}

/* Also entries for what each request sets, so that no key is new in the copy. */
static int fill_template(const struct fr_asgi *asgi, struct template *template, const struct fr_peer *peer)
{
    struct core_state *state = asgi->state;
    PyObject *scope = template->scope;
    PyObject *type = template->websocket ? state->names.websocket : state->names.http;
    if (PyDict_SetItem(scope, state->names.type, type) < 0 ||
        PyDict_SetItem(scope, state->names.asgi, template->asgi) < 0 ||
        PyDict_SetItem(scope, state->names.http_version, state->http_versions[template->version]) < 0 ||
        put(scope, state->names.server, new_server(peer)) < 0 ||
        PyDict_SetItem(scope, state->names.client, Py_None) < 0 ||
        put(scope, state->names.scheme, new_scheme(asgi, template->encrypted, template->websocket)) < 0 ||
        PyDict_SetItem(scope, state->names.root_path, asgi->options.root_path) < 0)
        return -1;
    if (!template->websocket && PyDict_SetItem(scope, state->names.method, state->methods[FR_METHOD_GET]) < 0)
        return -1;
    if (PyDict_SetItem(scope, state->names.path, Py_None) < 0 ||
        PyDict_SetItem(scope, state->names.raw_path, Py_None) < 0 ||
        PyDict_SetItem(scope, state->names.scope_query_string, state->empty_bytes) < 0 ||
        PyDict_SetItem(scope, state->names.headers, Py_None) < 0)
        return -1;
    if (template->websocket && PyDict_SetItem(scope, state->names.subprotocols, Py_None) < 0)
        return -1;
    if (asgi->options.lifespan_state != NULL && PyDict_SetItem(scope, state->names.state, Py_None) < 0)
        return -1;
    return PyDict_SetItem(scope, state->names.extensions, template->extensions);
}

static void close_template(struct template *template)
{
    Py_CLEAR(template->scope);
    Py_CLEAR(template->asgi);
    Py_CLEAR(template->extensions);
    Py_CLEAR(template->tls);
}

static PyObject *find_tls_values(struct fr_asgi_scopes *scopes, const struct fr_peer *peer)
{
    if (scopes->tls == NULL)
        scopes->tls = fr_tls_memory_open();
    return fr_asgi_tls_values(scopes->tls, peer);
}

static struct template *add_template(const struct fr_asgi *asgi, const struct fr_peer *peer,
                                     enum fr_http_version version, bool websocket)
{
    struct fr_asgi_scopes *scopes = asgi->scopes;
    struct template template = {
        .local = peer->local, .version = version, .encrypted = peer->tls != NULL, .websocket = websocket};
    list_extensions(asgi->state, &template);
    if (template.encrypted && (template.tls = find_tls_values(scopes, peer)) == NULL)
        return NULL;
    template.scope = PyDict_New();
    template.asgi = new_versions(asgi->state);
    template.extensions = new_extensions(asgi->state, &template);
    if (template.scope == NULL || template.asgi == NULL || template.extensions == NULL ||
        fill_template(asgi, &template, peer) < 0) {
        close_template(&template);
        return NULL;
    }
    scopes->templates = fr_realloc(scopes->templates, (scopes->template_count + 1) * sizeof template);
    scopes->templates[scopes->template_count] = template;
    return &scopes->templates[scopes->template_count++];
}

static struct template *find_template(const struct fr_asgi *asgi, const struct fr_peer *peer,
                                      enum fr_http_version version, bool websocket)
{
    struct fr_asgi_scopes *scopes = asgi->scopes;
    for (size_t i = 0; i < scopes->template_count; i++) {
        struct template *template = &scopes->templates[i];
        if (template->local == peer->local && template->version == version && template->websocket == websocket &&
            template->encrypted == (peer->tls != NULL))
            return template;
    }
    return add_template(asgi, peer, version, websocket);
}

/* ---- the dicts in the template ---- */

/* The template and its scope refer to them; another scope that still lives would too. */
#define REFERENCES_AT_REST 2

static bool are_versions_untouched(const struct template *template, struct core_state *state)
{
    PyObject *key, *value, *versions = template->asgi;
    Py_ssize_t at = 0;
    return Py_REFCNT(versions) == REFERENCES_AT_REST && PyDict_GET_SIZE(versions) == 2 &&
           PyDict_Next(versions, &at, &key, &value) && key == state->names.version &&
           value == state->names.asgi_version && PyDict_Next(versions, &at, &key, &value) &&
           key == state->names.spec_version && value == state->names.asgi_spec_version;
}

static bool are_extensions_untouched(const struct template *template, const struct core_state *state)
{
    PyObject *key, *value, *extensions = template->extensions;
    if (Py_REFCNT(extensions) != REFERENCES_AT_REST || PyDict_GET_SIZE(extensions) != template->extension_count)
        return false;
    Py_ssize_t at = 0;
    for (size_t i = 0; PyDict_Next(extensions, &at, &key, &value); i++) {
        if (key != template->extension_names[i])
            return false;
        if (key == state->names.tls ? !fr_asgi_tls_is_untouched(state, value, template->tls)
                                    : !PyDict_CheckExact(value) || Py_REFCNT(value) != 1 || PyDict_GET_SIZE(value) != 0)
            return false;
    }
    return true;
}

/* Puts `fresh` in the place of a dict of the template. */
static int replace(struct template *template, PyObject **dict, PyObject *key, PyObject *fresh)
{
    if (fresh == NULL || PyDict_SetItem(template->scope, key, fresh) < 0) {
        Py_XDECREF(fresh);
        return -1;
    }
    Py_SETREF(*dict, fresh);
    return 0;
}

/* Whether the template says what was settled with this peer; otherwise it does from now on, and its extensions are to
 * be made again. -1 and an exception. */
static int follow_tls(struct fr_asgi_scopes *scopes, struct template *template, const struct fr_peer *peer)
{
    PyObject *values = find_tls_values(scopes, peer);
    if (values == NULL)
        return -1;
    bool same = values == template->tls;
    Py_SETREF(template->tls, values);
    return same;
}

/* Replaces what some scope still has, or an application has changed, or is another peer's. */
static int renew(const struct fr_asgi *asgi, struct template *template, const struct fr_peer *peer)
{
    struct core_state *state = asgi->state;
    int same = template->encrypted ? follow_tls(asgi->scopes, template, peer) : true;
    if (same < 0)
        return -1;
    if (!are_versions_untouched(template, state) &&
        replace(template, &template->asgi, state->names.asgi, new_versions(state)) < 0)
        return -1;
    if (same && are_extensions_untouched(template, state))
        return 0;
    return replace(template, &template->extensions, state->names.extensions, new_extensions(state, template));
}

/* ---- the fields ---- */

static bool is_bytes(PyObject *bytes, fr_span span)
{
    return (size_t)PyBytes_GET_SIZE(bytes) == span.len &&
           (span.len == 0 || memcmp(PyBytes_AS_STRING(bytes), span.data, span.len) == 0);
}

static PyObject *new_bytes(fr_span span)
{
    return PyBytes_FromStringAndSize(span.data, (Py_ssize_t)span.len);
}

static PyObject *new_name(struct core_state *state, const struct fr_header *header)
{
    if (header->known != FR_HEADER_OTHER)
        return Py_NewRef(state->header_names[header->known]);
    PyObject *name = new_bytes(header->name);
    for (size_t i = 0; name != NULL && i < header->name.len; i++)
        PyBytes_AS_STRING(name)[i] = (char)fr_ascii_lower((unsigned char)header->name.data[i]);
    return name;
}

static bool is_name(struct core_state *state, PyObject *name, const struct fr_header *header)
{
    if (header->known != FR_HEADER_OTHER)
        return name == state->header_names[header->known];
    return fr_span_equal_nocase(fr_span_of(PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name)), header->name);
}

static PyObject *new_field(struct core_state *state, const struct fr_header *header)
{
    PyObject *name = new_name(state, header), *value = new_bytes(header->value);
    PyObject *field = name != NULL && value != NULL ? PyTuple_Pack(2, name, value) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(value);
    return field;
}

/* The tuple (name, value). */
static PyObject *field_of(const struct fr_asgi *asgi, const struct fr_header *header)
{
    if (header->name.len + header->value.len > KEPT_BYTES_MAX)
        return new_field(asgi->state, header);
    uint64_t hash = fr_convert_hash(header->value) + (uint64_t)header->known * UINT64_C(0x9E3779B97F4A7C15);
    if (header->known == FR_HEADER_OTHER)
        hash ^= fr_convert_hash(header->name);
    PyObject **slot = &asgi->scopes->fields[(hash >> 40) & (FIELD_SLOTS - 1)];
    if (*slot != NULL && is_bytes(PyTuple_GET_ITEM(*slot, 1), header->value) &&
        is_name(asgi->state, PyTuple_GET_ITEM(*slot, 0), header))
        return Py_NewRef(*slot);
    PyObject *field = new_field(asgi->state, header);
    if (field != NULL)
        Py_XSETREF(*slot, Py_NewRef(field));
    return field;
}

/* An authority in the target, or :authority of HTTP/2, goes before what Host says (RFC 9112 section 3.2.2), as a proxy
 * in front has read it too. */
static bool has_authority(const struct fr_request_head *head)
{
    return head->authority.len > 0 && (head->form == FR_TARGET_ABSOLUTE || head->version == FR_HTTP_2);
}

/* It comes first, as HTTP/1.1 clients send it, unless there is a Host, whose place it takes. */
static PyObject *new_headers(const struct fr_asgi *asgi, const struct fr_request_head *head)
{
    const struct fr_header host = {FR_SPAN("host"), head->authority, FR_HEADER_HOST};
    bool replaces_host = has_authority(head), leads = replaces_host;
    for (size_t i = 0; leads && i < head->header_count; i++)
        leads = head->headers[i].known != FR_HEADER_HOST;
    PyObject *headers = PyList_New((Py_ssize_t)head->header_count + leads);
    for (Py_ssize_t i = 0; headers != NULL && i < PyList_GET_SIZE(headers); i++) {
        const struct fr_header *header = leads && i == 0 ? &host : &head->headers[i - leads];
        PyObject *field = field_of(asgi, replaces_host && header->known == FR_HEADER_HOST ? &host : header);
        if (field == NULL)
            Py_CLEAR(headers);
        else
            PyList_SET_ITEM(headers, i, field);
    }
    return headers;
}

/* ---- the request line ---- */

/* The path with percent-encoding undone, as UTF-8; what is none becomes U+FFFD, as in urllib.parse.unquote. */
static PyObject *decode_path(fr_span path)
{
    char small[SMALL_BYTES];
    char *decoded = path.len <= sizeof small ? small : fr_alloc(path.len);
    size_t len = fr_percent_decode(path, decoded);
    PyObject *text = PyUnicode_DecodeUTF8(decoded, (Py_ssize_t)len, "replace");
    if (decoded != small)
        fr_free(decoded);
    return text;
}

static int fill_path(const struct fr_asgi *asgi, const struct fr_request_head *head, struct path *path)
{
    path->text = decode_path(head->path);
    path->raw = new_bytes(head->path);
    bool rooted = PyBytes_GET_SIZE(asgi->scopes->root_path) > 0 && head->form != FR_TARGET_ASTERISK;
    if (path->text != NULL && rooted)
        Py_SETREF(path->text, PyUnicode_Concat(asgi->options.root_path, path->text));
    if (path->raw != NULL && rooted) {
        PyObject *raw = Py_NewRef(asgi->scopes->root_path);
        PyBytes_ConcatAndDel(&raw, path->raw);
        path->raw = raw;
    }
    if (path->text != NULL && path->raw != NULL)
        return 0;
    Py_CLEAR(path->text);
    Py_CLEAR(path->raw);
    return -1;
}

static bool is_path(const struct fr_asgi *asgi, PyObject *raw, fr_span path)
{
    size_t root_len = (size_t)PyBytes_GET_SIZE(asgi->scopes->root_path);
    return (size_t)PyBytes_GET_SIZE(raw) == root_len + path.len &&
           memcmp(PyBytes_AS_STRING(raw) + root_len, path.data, path.len) == 0;
}

static int put_path(const struct fr_asgi *asgi, PyObject *scope, const struct fr_request_head *head)
{
    struct core_state *state = asgi->state;
    struct path unkept = {NULL, NULL}, *path = &unkept;
    if (head->path.len <= KEPT_BYTES_MAX && head->form != FR_TARGET_ASTERISK)
        path = &asgi->scopes->paths[(fr_convert_hash(head->path) >> 40) & (PATH_SLOTS - 1)];
    if (path->raw == NULL || !is_path(asgi, path->raw, head->path)) {
        Py_CLEAR(path->text);
        Py_CLEAR(path->raw);
        if (fill_path(asgi, head, path) < 0)
            return -1;
    }
    int status = PyDict_SetItem(scope, state->names.path, path->text);
    if (status == 0)
        status = PyDict_SetItem(scope, state->names.raw_path, path->raw);
    Py_XDECREF(unkept.text);
    Py_XDECREF(unkept.raw);
    return status;
}

/* "Uppercased", says the specification: an unknown method in lower case is not the same, but nobody asks for it. */
static PyObject *new_method(fr_span text)
{
    PyObject *method = PyUnicode_New((Py_ssize_t)text.len, 0x7f);
    for (size_t i = 0; method != NULL && i < text.len; i++) {
        char byte = text.data[i];
        PyUnicode_1BYTE_DATA(method)[i] = (Py_UCS1)(byte >= 'a' && byte <= 'z' ? byte - 0x20 : byte);
    }
    return method;
}

static int put_request_line(const struct fr_asgi *asgi, PyObject *scope, const struct fr_request_head *head,
                            bool websocket)
{
    struct core_state *state = asgi->state;
    if (!websocket && head->method != FR_METHOD_GET) {
        PyObject *method = state->methods[head->method];
        method = method != NULL ? Py_NewRef(method) : new_method(head->method_text);
        if (put(scope, state->names.method, method) < 0)
            return -1;
    }
    if (head->query.len > 0 && put(scope, state->names.scope_query_string, new_bytes(head->query)) < 0)
        return -1;
    return put_path(asgi, scope, head);
}

/* ---- the rest ---- */

static bool is_client(PyObject *client, const struct fr_remote *remote)
{
    return PyLong_AsLong(PyTuple_GET_ITEM(client, 1)) == remote->port &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(client, 0), remote->host) == 0;
}

static int put_client(const struct fr_asgi *asgi, PyObject *scope, const struct fr_peer *peer)
{
    if (peer->unix_socket)
        return 0;
    PyObject **slot = &asgi->scopes->clients[peer->remote.port & (CLIENT_SLOTS - 1)];
    if (*slot == NULL || !is_client(*slot, &peer->remote)) {
        Py_XSETREF(*slot, Py_BuildValue("(si)", peer->remote.host, (int)peer->remote.port));
        if (*slot == NULL)
            return -1;
    }
    return PyDict_SetItem(scope, asgi->state->names.client, *slot);
}

/* False with an exception. */
static bool add_subprotocol(void *owner, fr_span name)
{
    PyObject *text = PyUnicode_DecodeLatin1(name.data, (Py_ssize_t)name.len, NULL);
    bool added = text != NULL && PyList_Append(owner, text) == 0;
    Py_XDECREF(text);
    return added;
}

static PyObject *new_subprotocols(const struct fr_request_head *head)
{
    PyObject *subprotocols = PyList_New(0);
    if (subprotocols == NULL)
        return NULL;
    (void)fr_websocket_subprotocols(head, add_subprotocol, subprotocols); /* the handshake has checked them */
    if (PyErr_Occurred())
        Py_CLEAR(subprotocols);
    return subprotocols;
}

static struct fr_asgi_scopes *new_scopes(const struct fr_asgi *asgi)
{
    PyObject *root_path = PyUnicode_AsUTF8String(asgi->options.root_path);
    if (root_path == NULL)
        return NULL;
    struct fr_asgi_scopes *scopes = fr_alloc_zero(sizeof *scopes);
    scopes->root_path = root_path;
    return scopes;
}

PyObject *fr_asgi_scope_new(struct fr_asgi *asgi, const struct fr_exchange *exchange, bool websocket)
{
    struct core_state *state = asgi->state;
    const struct fr_request_head *head = exchange->head;
    if (asgi->scopes == NULL && (asgi->scopes = new_scopes(asgi)) == NULL)
        return NULL;
    const struct fr_peer *peer = fr_exchange_peer(exchange);
    struct template *template = find_template(asgi, peer, head->version, websocket);
    if (template == NULL || renew(asgi, template, peer) < 0)
        return NULL;
    PyObject *scope = PyDict_Copy(template->scope);
    if (scope == NULL)
        return NULL;
    PyObject *lifespan_state = asgi->options.lifespan_state;
    if (put_request_line(asgi, scope, head, websocket) < 0 ||
        put(scope, state->names.headers, new_headers(asgi, head)) < 0 || put_client(asgi, scope, peer) < 0 ||
        (websocket && put(scope, state->names.subprotocols, new_subprotocols(head)) < 0) ||
        (lifespan_state != NULL && put(scope, state->names.state, PyDict_Copy(lifespan_state)) < 0))
        Py_CLEAR(scope);
    return scope;
}

int fr_asgi_scope_traverse(struct fr_asgi *asgi, visitproc visit, void *arg)
{
    struct fr_asgi_scopes *scopes = asgi->scopes;
    for (size_t i = 0; scopes != NULL && i < scopes->template_count; i++) {
        Py_VISIT(scopes->templates[i].scope);
        Py_VISIT(scopes->templates[i].asgi);
        Py_VISIT(scopes->templates[i].extensions);
        Py_VISIT(scopes->templates[i].tls);
    }
    return scopes != NULL ? fr_tls_memory_traverse(scopes->tls, visit, arg) : 0;
}

void fr_asgi_scope_close(struct fr_asgi *asgi)
{
    struct fr_asgi_scopes *scopes = asgi->scopes;
    if (scopes == NULL)
        return;
    asgi->scopes = NULL;
    for (size_t i = 0; i < scopes->template_count; i++)
        close_template(&scopes->templates[i]);
    fr_free(scopes->templates);
    for (size_t i = 0; i < FIELD_SLOTS; i++)
        Py_CLEAR(scopes->fields[i]);
    for (size_t i = 0; i < PATH_SLOTS; i++) {
        Py_CLEAR(scopes->paths[i].text);
        Py_CLEAR(scopes->paths[i].raw);
    }
    for (size_t i = 0; i < CLIENT_SLOTS; i++)
        Py_CLEAR(scopes->clients[i]);
    fr_tls_memory_close(scopes->tls);
    Py_CLEAR(scopes->root_path);
    fr_free(scopes);
}
