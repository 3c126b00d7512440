/* http/status.c - The status codes of the IANA registry, and the one that an error earns.
 *
 * One of the two converters of errors; the other is python/errors.c. */
#include "http/status.h"

#include "base/error.h"

#define STATUS_LIST(X)                        \
    X(100, "Continue")                        \
    X(101, "Switching Protocols")             \
    X(102, "Processing")                      \
    X(103, "Early Hints")                     \
    X(200, "OK")                              \
    X(201, "Created")                         \
    X(202, "Accepted")                        \
    X(203, "Non-Authoritative Information")   \
    X(204, "No Content")                      \
    X(205, "Reset Content")                   \
    X(206, "Partial Content")                 \
    X(207, "Multi-Status")                    \
    X(208, "Already Reported")                \
    X(226, "IM Used")                         \
    X(300, "Multiple Choices")                \
    X(301, "Moved Permanently")               \
    X(302, "Found")                           \
    X(303, "See Other")                       \
    X(304, "Not Modified")                    \
    X(305, "Use Proxy")                       \
    X(307, "Temporary Redirect")              \
    X(308, "Permanent Redirect")              \
    X(400, "Bad Request")                     \
    X(401, "Unauthorized")                    \
    X(402, "Payment Required")                \
    X(403, "Forbidden")                       \
    X(404, "Not Found")                       \
    X(405, "Method Not Allowed")              \
    X(406, "Not Acceptable")                  \
    X(407, "Proxy Authentication Required")   \
    X(408, "Request Timeout")                 \
    X(409, "Conflict")                        \
    X(410, "Gone")                            \
    X(411, "Length Required")                 \
    X(412, "Precondition Failed")             \
    X(413, "Content Too Large")               \
    X(414, "URI Too Long")                    \
    X(415, "Unsupported Media Type")          \
    X(416, "Range Not Satisfiable")           \
    X(417, "Expectation Failed")              \
    X(418, "I'm a Teapot")                    \
    X(421, "Misdirected Request")             \
    X(422, "Unprocessable Content")           \
    X(423, "Locked")                          \
    X(424, "Failed Dependency")               \
    X(425, "Too Early")                       \
    X(426, "Upgrade Required")                \
    X(428, "Precondition Required")           \
    X(429, "Too Many Requests")               \
    X(431, "Request Header Fields Too Large") \
    X(451, "Unavailable For Legal Reasons")   \
    X(500, "Internal Server Error")           \
    X(501, "Not Implemented")                 \
    X(502, "Bad Gateway")                     \
    X(503, "Service Unavailable")             \
    X(504, "Gateway Timeout")                 \
    X(505, "HTTP Version Not Supported")      \
    X(506, "Variant Also Negotiates")         \
    X(507, "Insufficient Storage")            \
    X(508, "Loop Detected")                   \
    X(510, "Not Extended")                    \
    X(511, "Network Authentication Required")

fr_span fr_status_reason(int status)
{
    switch (status) {
#define X(code, phrase) \
    case code:          \
        return FR_SPAN(phrase);
        STATUS_LIST(X)
#undef X
    default:
        return (fr_span){NULL, 0};
    }
}

bool fr_status_is_bodiless(int status)
{
    return (status >= 100 && status < 200) || status == 204 || status == 304;
}

int fr_status_of_error(int error)
{
    switch (error) {
    case FR_E_REQUEST_LINE_TOO_LONG:
        return 414;
    case FR_E_HEAD_TOO_LARGE:
    case FR_E_TOO_MANY_FIELDS:
        return 431;
    case FR_E_BODY_TOO_LARGE:
    case FR_E_LIMIT:
        return 413;
    case FR_E_METHOD_REFUSED:
    case FR_E_TRANSFER_CODING:
        return 501;
    case FR_E_VERSION:
        return 505;
    case FR_E_EXPECTATION:
        return 417;
    case FR_E_HEAD_TIMEOUT:
    case FR_E_BODY_TIMEOUT:
        return 408;
    case FR_E_OVERLOAD:
        return 503;
    case FR_E_REQUEST_LINE:
    case FR_E_METHOD:
    case FR_E_TARGET:
    case FR_E_HEADER_NAME:
    case FR_E_HEADER_VALUE:
    case FR_E_LINE_ENDING:
    case FR_E_LINE_FOLDING:
    case FR_E_HOST:
    case FR_E_CONTENT_LENGTH:
    case FR_E_TRANSFER_ENCODING:
    case FR_E_CHUNK_SIZE:
    case FR_E_CHUNK_EXTENSION:
    case FR_E_CHUNK_END:
    case FR_E_TRAILER:
    case FR_E_BODY_CUT:
        return 400;
    default: /* ours, not the peer's */
        return 500;
    }
}
