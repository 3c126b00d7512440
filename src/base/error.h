/* base/error.h - What can go wrong, and why a connection ends.
 *
 * Functions answer 0 or a negative enum fr_error; parsers answer bytes consumed, 0 for "need more",
 * negative for bad. The one table below gives number, name and sentence. http/status.c turns an error
 * into a status, python/errors.c into an exception; nobody else converts. */
#ifndef FR_BASE_ERROR_H
#define FR_BASE_ERROR_H

#if defined(__GNUC__)
#define FR_CHECKED __attribute__((warn_unused_result))
#else
#define FR_CHECKED
#endif

/* X(name, sentence). The order is the number: append only. */
#define FR_ERROR_LIST(X)                                                       \
    X(LIMIT, "a limit was reached")                                            \
    X(SYSTEM, "the operating system refused")                                  \
    X(GONE, "the peer is gone")                                                \
    X(STATE, "not possible in this state")                                     \
    X(LENGTH, "the body does not match its Content-Length")                    \
    X(RESPONSE_HEAD, "the response head has an invalid status, name or value") \
    X(REQUEST_LINE, "malformed request line")                                  \
    X(REQUEST_LINE_TOO_LONG, "request line too long")                          \
    X(METHOD, "malformed method")                                              \
    X(METHOD_REFUSED, "method not implemented")                                \
    X(TARGET, "malformed request target")                                      \
    X(VERSION, "HTTP version not supported")                                   \
    X(HEADER_NAME, "malformed header name")                                    \
    X(HEADER_VALUE, "malformed header value")                                  \
    X(LINE_ENDING, "a line that does not end in CR LF")                        \
    X(LINE_FOLDING, "obsolete line folding")                                   \
    X(HEAD_TOO_LARGE, "request head too large")                                \
    X(TOO_MANY_FIELDS, "too many header fields")                               \
    X(HOST, "missing, repeated or invalid Host")                               \
    X(CONTENT_LENGTH, "invalid or conflicting Content-Length")                 \
    X(TRANSFER_ENCODING, "unsupported or conflicting Transfer-Encoding")       \
    X(TRANSFER_CODING, "transfer coding not implemented")                      \
    X(EXPECTATION, "expectation not supported")                                \
    X(CHUNK_SIZE, "malformed chunk size")                                      \
    X(CHUNK_EXTENSION, "malformed or over-long chunk extension")               \
    X(CHUNK_END, "chunk data without CR LF after it")                          \
    X(TRAILER, "malformed trailer")                                            \
    X(BODY_TOO_LARGE, "request body too large")                                \
    X(BODY_CUT, "the peer stopped before the end of the body")                 \
    X(HEAD_TIMEOUT, "the request head did not arrive in time")                 \
    X(BODY_TIMEOUT, "the request body made no progress in time")               \
    X(OVERLOAD, "the server is at its limit of connections")                   \
    X(APPLICATION, "the application failed")                                   \
    X(UNSUPPORTED, "not available on this machine")                            \
    X(FRAME, "malformed WebSocket frame")                                      \
    X(UTF8, "text that is not UTF-8")                                          \
    X(DEFLATE, "malformed compressed data")                                    \
    X(CLOSE_CODE, "a close code or reason that may not be sent")               \
    X(TLS, "the TLS handshake or a record failed")                             \
    X(TLS_PLAIN_HTTP, "plain HTTP on a port that speaks TLS")                  \
    X(CERTIFICATE, "a certificate or key that cannot be used")                 \
    X(HTTP2, "the peer broke HTTP/2")                                          \
    X(FLOOD, "too many frames that cost more than they carry")                 \
    X(STREAM_TIMEOUT, "the answer was not read in time")

enum fr_error {
    FR_OK = 0,
    FR_E_FIRST_ = -1000, /* so that errors are -999, -998, ... and no errno collides */
#define X(name, sentence) FR_E_##name,
    FR_ERROR_LIST(X) FR_E_END_
#undef X
};

/* Why a connection was closed; it cannot be closed without one. X(name, sentence). */
#define FR_CLOSE_LIST(X)                                             \
    X(FINISHED, "the conversation is over")                          \
    X(PEER_CLOSED, "the peer closed")                                \
    X(PEER_RESET, "the peer reset the connection")                   \
    X(BAD_REQUEST, "the peer broke the protocol")                    \
    X(LIMIT, "a limit was reached")                                  \
    X(HEAD_TIMEOUT, "the request head did not arrive in time")       \
    X(BODY_TIMEOUT, "the request body made no progress in time")     \
    X(KEEP_ALIVE_TIMEOUT, "idle longer than keep-alive allows")      \
    X(WRITE_TIMEOUT, "the peer did not read the answer in time")     \
    X(APPLICATION, "the application failed after the head was sent") \
    X(DRAIN, "the worker is draining")                               \
    X(STOP, "the worker is stopping now")                            \
    X(OVERLOAD, "the worker is at its limit of connections")         \
    X(SYSTEM, "the operating system refused")                        \
    X(TLS, "the TLS handshake or a record failed")                   \
    X(HANDSHAKE_TIMEOUT, "the TLS handshake took too long")          \
    X(FLOOD, "too many frames that cost more than they carry")

enum fr_close_reason {
    FR_CLOSE_NONE = 0,
#define X(name, sentence) FR_CLOSE_##name,
    FR_CLOSE_LIST(X) FR_CLOSE_END_
#undef X
};

/* The sentence for an error (also 0 and errors outside the table), lower case, without full stop. */
const char *fr_error_text(int error);

/* The name of an error without prefix, as in FR_E_<name>; "OK" for 0. */
const char *fr_error_name(int error);

/* The sentence for a reason. */
const char *fr_close_reason_text(enum fr_close_reason reason);

/* The name of a reason without prefix. */
const char *fr_close_reason_name(enum fr_close_reason reason);

#endif
