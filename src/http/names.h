/* http/names.h - The methods and field names that the server knows by number.
 *
 * One table each: the enum, the look-up in names.c and python/'s ready-made keys are generated from it.
 * Spelled in the canonical case of the IANA registry; look-up of fields ignores case. */
#ifndef FR_HTTP_NAMES_H
#define FR_HTTP_NAMES_H

#include "base/span.h"

/* X(symbol, text) */
#define FR_METHOD_LIST(X) \
    X(GET, "GET")         \
    X(HEAD, "HEAD")       \
    X(POST, "POST")       \
    X(PUT, "PUT")         \
    X(DELETE, "DELETE")   \
    X(PATCH, "PATCH")     \
    X(OPTIONS, "OPTIONS") \
    X(TRACE, "TRACE")     \
    X(CONNECT, "CONNECT")

enum fr_method_name {
    FR_METHOD_OTHER = 0,
#define X(symbol, text) FR_METHOD_##symbol,
    FR_METHOD_LIST(X) FR_METHOD_COUNT
#undef X
};

/* X(symbol, text) */
#define FR_HEADER_LIST(X)                                               \
    X(ACCEPT, "Accept")                                                 \
    X(ACCEPT_CHARSET, "Accept-Charset")                                 \
    X(ACCEPT_ENCODING, "Accept-Encoding")                               \
    X(ACCEPT_LANGUAGE, "Accept-Language")                               \
    X(ACCESS_CONTROL_REQUEST_HEADERS, "Access-Control-Request-Headers") \
    X(ACCESS_CONTROL_REQUEST_METHOD, "Access-Control-Request-Method")   \
    X(AUTHORIZATION, "Authorization")                                   \
    X(CACHE_CONTROL, "Cache-Control")                                   \
    X(CONNECTION, "Connection")                                         \
    X(CONTENT_DISPOSITION, "Content-Disposition")                       \
    X(CONTENT_ENCODING, "Content-Encoding")                             \
    X(CONTENT_LANGUAGE, "Content-Language")                             \
    X(CONTENT_LENGTH, "Content-Length")                                 \
    X(CONTENT_RANGE, "Content-Range")                                   \
    X(CONTENT_TYPE, "Content-Type")                                     \
    X(COOKIE, "Cookie")                                                 \
    X(DATE, "Date")                                                     \
    X(DNT, "DNT")                                                       \
    X(ETAG, "ETag")                                                     \
    X(EXPECT, "Expect")                                                 \
    X(FORWARDED, "Forwarded")                                           \
    X(FROM, "From")                                                     \
    X(HOST, "Host")                                                     \
    X(IF_MATCH, "If-Match")                                             \
    X(IF_MODIFIED_SINCE, "If-Modified-Since")                           \
    X(IF_NONE_MATCH, "If-None-Match")                                   \
    X(IF_RANGE, "If-Range")                                             \
    X(IF_UNMODIFIED_SINCE, "If-Unmodified-Since")                       \
    X(KEEP_ALIVE, "Keep-Alive")                                         \
    X(LAST_MODIFIED, "Last-Modified")                                   \
    X(LOCATION, "Location")                                             \
    X(MAX_FORWARDS, "Max-Forwards")                                     \
    X(ORIGIN, "Origin")                                                 \
    X(PRAGMA, "Pragma")                                                 \
    X(PRIORITY, "Priority")                                             \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization")                       \
    X(PROXY_CONNECTION, "Proxy-Connection")                             \
    X(RANGE, "Range")                                                   \
    X(REFERER, "Referer")                                               \
    X(SEC_CH_UA, "Sec-CH-UA")                                           \
    X(SEC_CH_UA_MOBILE, "Sec-CH-UA-Mobile")                             \
    X(SEC_CH_UA_PLATFORM, "Sec-CH-UA-Platform")                         \
    X(SEC_FETCH_DEST, "Sec-Fetch-Dest")                                 \
    X(SEC_FETCH_MODE, "Sec-Fetch-Mode")                                 \
    X(SEC_FETCH_SITE, "Sec-Fetch-Site")                                 \
    X(SEC_FETCH_USER, "Sec-Fetch-User")                                 \
    X(SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions")             \
    X(SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")                           \
    X(SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol")                 \
    X(SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version")                   \
    X(SERVER, "Server")                                                 \
    X(SET_COOKIE, "Set-Cookie")                                         \
    X(TE, "TE")                                                         \
    X(TRACEPARENT, "Traceparent")                                       \
    X(TRACESTATE, "Tracestate")                                         \
    X(TRAILER, "Trailer")                                               \
    X(TRANSFER_ENCODING, "Transfer-Encoding")                           \
    X(UPGRADE, "Upgrade")                                               \
    X(UPGRADE_INSECURE_REQUESTS, "Upgrade-Insecure-Requests")           \
    X(USER_AGENT, "User-Agent")                                         \
    X(VARY, "Vary")                                                     \
    X(VIA, "Via")                                                       \
    X(X_FORWARDED_FOR, "X-Forwarded-For")                               \
    X(X_FORWARDED_HOST, "X-Forwarded-Host")                             \
    X(X_FORWARDED_PORT, "X-Forwarded-Port")                             \
    X(X_FORWARDED_PREFIX, "X-Forwarded-Prefix")                         \
    X(X_FORWARDED_PROTO, "X-Forwarded-Proto")                           \
    X(X_REAL_IP, "X-Real-IP")                                           \
    X(X_REQUESTED_WITH, "X-Requested-With")                             \
    X(X_REQUEST_ID, "X-Request-ID")

enum fr_header_name {
    FR_HEADER_OTHER = 0,
#define X(symbol, text) FR_HEADER_##symbol,
    FR_HEADER_LIST(X) FR_HEADER_COUNT
#undef X
};

/* The number of a method; case matters (RFC 9110 section 9.1). */
enum fr_method_name fr_method_lookup(fr_span text);

/* The number of a field name, whatever its case. */
enum fr_header_name fr_header_lookup(fr_span text);

/* The canonical text of a known method or field; empty for OTHER. */
fr_span fr_method_text(enum fr_method_name method);
fr_span fr_header_text(enum fr_header_name name);

#endif
