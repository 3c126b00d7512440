/* python/names.h - Every str that is looked up or stored under by name, interned once per interpreter.
 *
 * X(symbol, text); symbol is the member of core_state.names. */
#ifndef FR_PYTHON_NAMES_H
#define FR_PYTHON_NAMES_H

#define FR_NAME_LIST(X)                                         \
    X(content_length, "CONTENT_LENGTH")                         \
    X(content_type, "CONTENT_TYPE")                             \
    X(path_info, "PATH_INFO")                                   \
    X(query_string, "QUERY_STRING")                             \
    X(raw_uri, "RAW_URI")                                       \
    X(remote_addr, "REMOTE_ADDR")                               \
    X(remote_port, "REMOTE_PORT")                               \
    X(request_method, "REQUEST_METHOD")                         \
    X(request_uri, "REQUEST_URI")                               \
    X(script_name, "SCRIPT_NAME")                               \
    X(server_name, "SERVER_NAME")                               \
    X(server_port, "SERVER_PORT")                               \
    X(server_protocol, "SERVER_PROTOCOL")                       \
    X(server_software, "SERVER_SOFTWARE")                       \
    X(wsgi_errors, "wsgi.errors")                               \
    X(wsgi_file_wrapper, "wsgi.file_wrapper")                   \
    X(wsgi_input, "wsgi.input")                                 \
    X(wsgi_input_terminated, "wsgi.input_terminated")           \
    X(wsgi_multiprocess, "wsgi.multiprocess")                   \
    X(wsgi_multithread, "wsgi.multithread")                     \
    X(wsgi_run_once, "wsgi.run_once")                           \
    X(wsgi_url_scheme, "wsgi.url_scheme")                       \
    X(wsgi_version, "wsgi.version")                             \
    X(close, "close")                                           \
    X(event_callback_failed, "_callback_failed")                \
    X(event_cancel, "cancel")                                   \
    X(event_cancelled, "_cancelled")                            \
    X(event_run, "_run")                                        \
    X(event_run_watched, "_run_watched")                        \
    X(event_scheduled, "_scheduled")                            \
    X(exc_info, "exc_info")                                     \
    X(fileno, "fileno")                                         \
    X(gettempdir, "gettempdir")                                 \
    X(raw, "raw")                                               \
    X(read, "read")                                             \
    X(seek, "seek")                                             \
    X(stderr_, "stderr")                                        \
    X(tell, "tell")                                             \
    X(type, "type")                                             \
    X(asgi, "asgi")                                             \
    X(asgi_spec_version, "2.5")                                 \
    X(asgi_version, "3.0")                                      \
    X(client, "client")                                         \
    X(extensions, "extensions")                                 \
    X(headers, "headers")                                       \
    X(http, "http")                                             \
    X(http_version, "http_version")                             \
    X(method, "method")                                         \
    X(path, "path")                                             \
    X(raw_path, "raw_path")                                     \
    X(root_path, "root_path")                                   \
    X(scheme, "scheme")                                         \
    X(scope_query_string, "query_string")                       \
    X(server, "server")                                         \
    X(spec_version, "spec_version")                             \
    X(state, "state")                                           \
    X(subprotocols, "subprotocols")                             \
    X(version, "version")                                       \
    X(websocket, "websocket")                                   \
    X(http_response_debug, "http.response.debug")               \
    X(http_response_early_hint, "http.response.early_hint")     \
    X(http_response_pathsend, "http.response.pathsend")         \
    X(http_response_trailers, "http.response.trailers")         \
    X(http_response_zerocopysend, "http.response.zerocopysend") \
    X(websocket_http_response, "websocket.http.response")       \
    X(call_exception_handler, "call_exception_handler")         \
    X(call_soon, "call_soon")                                   \
    X(callbacks_, "_callbacks")                                 \
    X(cancel, "cancel")                                         \
    X(context, "context")                                       \
    X(create_task, "create_task")                               \
    X(get_name, "get_name")                                     \
    X(get_task_factory, "get_task_factory")                     \
    X(log_destroy_pending_, "_log_destroy_pending")             \
    X(msg, "msg")                                               \
    X(throw, "throw")                                           \
    X(uncancel, "uncancel")

#endif
