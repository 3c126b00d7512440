/* python/module.c - The module freastal._core: its state, its constants and its public types.
 *
 * Multi-phase initialisation (PEP 489), so that every interpreter has a module of its own; nothing is kept
 * outside the module's state. */
#include "base/cpu.h"
#include "python/asgi_call.h"
#include "python/asgi_spare.h"
#include "python/asgi_wait.h"
#include "python/state.h"
#include "python/worker_options.h"
#include "server/stats.h"
#include "server/worker.h"

/* ---- the state ---- */

static int intern_names(struct core_state *state)
{
#define X(symbol, text)                                                   \
    if ((state->names.symbol = PyUnicode_InternFromString(text)) == NULL) \
        return -1;
    FR_NAME_LIST(X)
#undef X
    static const char *const versions[][2] = {
        [FR_HTTP_1_0] = {"HTTP/1.0", "1.0"},
        [FR_HTTP_1_1] = {"HTTP/1.1", "1.1"},
        [FR_HTTP_2] = {"HTTP/2.0", "2"}, /* CGI asks for a minor version, ASGI for none */
    };
    for (int i = FR_HTTP_1_0; i <= FR_HTTP_2; i++)
        if ((state->versions[i] = PyUnicode_InternFromString(versions[i][0])) == NULL ||
            (state->http_versions[i] = PyUnicode_InternFromString(versions[i][1])) == NULL)
            return -1;
    for (int i = FR_METHOD_OTHER + 1; i < FR_METHOD_COUNT; i++)
        if ((state->methods[i] = PyUnicode_InternFromString(fr_method_text((enum fr_method_name)i).data)) == NULL)
            return -1;
    state->empty_text = PyUnicode_FromString("");
    state->empty_bytes = PyBytes_FromString("");
    return state->empty_text != NULL && state->empty_bytes != NULL ? 0 : -1;
}

/* The key of a field in an environ: RFC 3875 section 4.1.18, with the two that have no prefix. */
static PyObject *new_header_key(struct core_state *state, enum fr_header_name name)
{
    if (name == FR_HEADER_CONTENT_TYPE)
        return Py_NewRef(state->names.content_type);
    if (name == FR_HEADER_CONTENT_LENGTH)
        return Py_NewRef(state->names.content_length);
    char key[64] = "HTTP_";
    size_t at = strlen(key);
    fr_span text = fr_header_text(name);
    for (size_t i = 0; i < text.len && at < sizeof key - 1; i++) {
        char byte = text.data[i];
        key[at++] = byte == '-' ? '_' : (char)(byte >= 'a' && byte <= 'z' ? byte - 0x20 : byte);
    }
    return PyUnicode_InternFromString(key);
}

/* The name of a field in a scope: lower case. */
static PyObject *new_header_name(enum fr_header_name name)
{
    fr_span text = fr_header_text(name);
    PyObject *bytes = PyBytes_FromStringAndSize(text.data, (Py_ssize_t)text.len);
    for (size_t i = 0; bytes != NULL && i < text.len; i++)
        PyBytes_AS_STRING(bytes)[i] = (char)fr_ascii_lower((unsigned char)text.data[i]);
    return bytes;
}

static int make_headers(struct core_state *state)
{
    for (int i = FR_HEADER_OTHER + 1; i < FR_HEADER_COUNT; i++)
        if ((state->header_keys[i] = new_header_key(state, (enum fr_header_name)i)) == NULL ||
            (state->header_names[i] = new_header_name((enum fr_header_name)i)) == NULL)
            return -1;
    return 0;
}

static int make_types(PyObject *module, struct core_state *state)
{
    const struct {
        const PyType_Spec *spec;
        PyTypeObject **type;
    } types[] = {
        {&fr_worker_spec, &state->worker_type},
        {&fr_wsgi_input_spec, &state->input_type},
        {&fr_wsgi_start_response_spec, &state->response_function_type},
        {&fr_wsgi_file_spec, &state->file_wrapper_type},
        {&fr_asgi_call_spec, &state->asgi_call_type},
        {&fr_asgi_spare_spec, &state->asgi_spare_type},
        {&fr_asgi_done_spec, &state->asgi_done_type},
        {&fr_asgi_wait_spec, &state->asgi_wait_type},
        {&fr_event_loop_spec, &state->event_loop_type},
        {&fr_event_handle_spec, &state->handle_type},
        {&fr_event_timer_handle_spec, &state->timer_handle_type},
        {&fr_asgi_request_spec, &state->asgi_request_type},
        {&fr_asgi_send_spec, &state->asgi_send_type},
        {&fr_asgi_websocket_spec, &state->asgi_websocket_type},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        *types[i].type = (PyTypeObject *)PyType_FromModuleAndSpec(module, (PyType_Spec *)types[i].spec, NULL);
        if (*types[i].type == NULL)
            return -1;
    }
    if (PyModule_AddType(module, state->event_loop_type) < 0)
        return -1;
    return PyModule_AddType(module, state->worker_type);
}

static int make_constants(struct core_state *state)
{
    state->asgi_done = fr_asgi_done_new(state);
    state->context_names = PyTuple_Pack(1, state->names.context);
    return state->asgi_done != NULL && state->context_names != NULL ? 0 : -1;
}

/* What send() raises when nobody is there any more: an OSError, as the specification of ASGI has it. */
static int make_exception(PyObject *module, struct core_state *state)
{
    state->client_disconnected = PyErr_NewExceptionWithDoc(
        "freastal.errors.ClientDisconnected", "The client has gone; what an application still sends does not reach it.",
        PyExc_ConnectionResetError, NULL);
    if (state->client_disconnected == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "ClientDisconnected", state->client_disconnected);
}

static int borrow_from_library(struct core_state *state)
{
    PyObject *sys = PyImport_ImportModule("sys");
    PyObject *io = PyImport_ImportModule("io");
    PyObject *reader = NULL, *random = NULL;
    if (sys != NULL && io != NULL) {
        state->sys_dict = Py_NewRef(PyModule_GetDict(sys));
        state->io_base = PyObject_GetAttrString(io, "IOBase");
        state->raw_file_type = PyObject_GetAttrString(io, "FileIO");
        reader = PyObject_GetAttrString(io, "BufferedReader");
        random = PyObject_GetAttrString(io, "BufferedRandom");
        if (reader != NULL && random != NULL)
            state->plain_file_types = PyTuple_Pack(2, reader, random);
    }
    Py_XDECREF(reader);
    Py_XDECREF(random);
    Py_XDECREF(sys);
    Py_XDECREF(io);
    return state->plain_file_types != NULL && state->io_base != NULL && state->raw_file_type != NULL ? 0 : -1;
}

/* ---- the constants ---- */

/* Adds and lets go of `value`; NULL fails. */
static int add(PyObject *module, const char *name, PyObject *value)
{
    int status = value != NULL ? PyModule_AddObjectRef(module, name, value) : -1;
    Py_XDECREF(value);
    return status;
}

static PyObject *new_stats_fields(void)
{
    static const char *const names[] = {
#define X(name) #name,
        FR_STATS_LIST(X)
#undef X
    };
    Py_ssize_t count = (Py_ssize_t)(sizeof names / sizeof *names);
    PyObject *fields = PyTuple_New(count);
    for (Py_ssize_t i = 0; fields != NULL && i < count; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (name == NULL)
            Py_CLEAR(fields);
        else
            PyTuple_SET_ITEM(fields, i, name);
    }
    return fields;
}

static int add_constants(PyObject *module)
{
    if (add(module, "STATS_FIELDS", new_stats_fields()) < 0 ||
        add(module, "STATS_BYTES", PyLong_FromSize_t(sizeof(struct fr_stats))) < 0 ||
        add(module, "SIMD", PyUnicode_FromString(fr_cpu_name(fr_cpu_best()))) < 0 ||
        add(module, "LIMITS", fr_worker_options_limits()) < 0)
        return -1;
    return add(module, "LIBRARIES", Py_BuildValue("{ss}", fr_loop_library(), fr_loop_library_version()));
}

/* ---- the module ---- */

static PyObject *ticket_ring_bytes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(fr_worker_ticket_ring_bytes());
}

PyDoc_STRVAR(check_tls_doc,
             "check_tls($module, tls, /)\n--\n\nRead what a worker would; ValueError for what it cannot use.");
PyDoc_STRVAR(ticket_ring_bytes_doc, "ticket_ring_bytes($module, /)\n--\n\nHow long the memory for tickets has to be.");

static const PyMethodDef module_methods[] = {
    {"check_tls", fr_tls_arguments_check, METH_O, check_tls_doc},
    {"ticket_ring_bytes", ticket_ring_bytes, METH_NOARGS, ticket_ring_bytes_doc},
    {NULL, NULL, 0, NULL},
};

static int module_exec(PyObject *module)
{
    struct core_state *state = PyModule_GetState(module);
    if (intern_names(state) < 0 || make_headers(state) < 0 || make_types(module, state) < 0 ||
        make_constants(state) < 0 || make_exception(module, state) < 0 || borrow_from_library(state) < 0)
        return -1;
    return add_constants(module);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct core_state *state = PyModule_GetState(module);
    Py_VISIT(state->worker_type);
    Py_VISIT(state->input_type);
    Py_VISIT(state->response_function_type);
    Py_VISIT(state->file_wrapper_type);
    Py_VISIT(state->event_loop_type);
    Py_VISIT(state->handle_type);
    Py_VISIT(state->timer_handle_type);
    Py_VISIT(state->asgi_call_type);
    Py_VISIT(state->asgi_spare_type);
    Py_VISIT(state->asgi_done_type);
    Py_VISIT(state->asgi_wait_type);
    Py_VISIT(state->asgi_done);
    Py_VISIT(state->context_names);
    Py_VISIT(state->asgi_request_type);
    Py_VISIT(state->asgi_send_type);
    Py_VISIT(state->client_disconnected);
    Py_VISIT(state->asgi_websocket_type);
    Py_VISIT(state->io_base);
    Py_VISIT(state->plain_file_types);
    Py_VISIT(state->raw_file_type);
    Py_VISIT(state->sys_dict);
    return 0;
}

static int module_clear(PyObject *module)
{
    struct core_state *state = PyModule_GetState(module);
    Py_CLEAR(state->worker_type);
    Py_CLEAR(state->input_type);
    Py_CLEAR(state->response_function_type);
    Py_CLEAR(state->file_wrapper_type);
    Py_CLEAR(state->event_loop_type);
    Py_CLEAR(state->handle_type);
    Py_CLEAR(state->timer_handle_type);
    Py_CLEAR(state->asgi_call_type);
    Py_CLEAR(state->asgi_spare_type);
    Py_CLEAR(state->asgi_done_type);
    Py_CLEAR(state->asgi_wait_type);
    Py_CLEAR(state->asgi_done);
    Py_CLEAR(state->context_names);
    Py_CLEAR(state->asgi_request_type);
    Py_CLEAR(state->asgi_send_type);
    Py_CLEAR(state->client_disconnected);
    Py_CLEAR(state->asgi_websocket_type);
    Py_CLEAR(state->io_base);
    Py_CLEAR(state->plain_file_types);
    Py_CLEAR(state->raw_file_type);
    Py_CLEAR(state->sys_dict);
    Py_CLEAR(state->empty_text);
    Py_CLEAR(state->empty_bytes);
#define X(symbol, text) Py_CLEAR(state->names.symbol);
    FR_NAME_LIST(X)
#undef X
    for (int i = 0; i <= FR_HTTP_2; i++) {
        Py_CLEAR(state->versions[i]);
        Py_CLEAR(state->http_versions[i]);
    }
    for (int i = 0; i < FR_METHOD_COUNT; i++)
        Py_CLEAR(state->methods[i]);
    for (int i = 0; i < FR_HEADER_COUNT; i++) {
        Py_CLEAR(state->header_keys[i]);
        Py_CLEAR(state->header_names[i]);
    }
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

static const PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

/* Not const: the interpreter keeps its own notes in a definition. */
static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "freastal._core",
    .m_doc = "The server: a C core on libuv. See _core.pyi for the contract.",
    .m_size = sizeof(struct core_state),
    .m_methods = (PyMethodDef *)module_methods,
    .m_slots = (PyModuleDef_Slot *)module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&module_def);
}
