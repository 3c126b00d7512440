/* http/message.h - What an HTTP message is: heads as spans.
 *
 * Spans only; nothing here owns. A request head is shown to the application borrowed: it lives in the
 * worker's scratch memory and in the read buffer, and both are reused when the call returns. */
#ifndef FR_HTTP_MESSAGE_H
#define FR_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "base/tls_facts.h"
#include "http/names.h"

#define FR_BODY_NONE 0
#define FR_BODY_CHUNKED (-1) /* a body whose length only its end tells */

/* Eight groups of four digits and a NUL; addresses that end as IPv4 does are shorter. */
#define FR_REMOTE_HOST_BYTES 40

struct fr_header {
    fr_span name;              /* as received on HTTP/1.1, lower case on HTTP/2 */
    fr_span value;             /* without surrounding white space */
    enum fr_header_name known; /* FR_HEADER_OTHER when not in the table */
};

enum fr_http_version { FR_HTTP_1_0, FR_HTTP_1_1, FR_HTTP_2 };

/* The four forms of RFC 9112 section 3.2. */
enum fr_target_form { FR_TARGET_ORIGIN, FR_TARGET_ABSOLUTE, FR_TARGET_AUTHORITY, FR_TARGET_ASTERISK };

struct fr_request_head {
    enum fr_method_name method; /* FR_METHOD_OTHER: look at method_text */
    enum fr_http_version version;
    enum fr_target_form form;
    fr_span method_text;
    fr_span target;       /* as received */
    fr_span path;         /* of the target, still percent-encoded; "*" for asterisk form, "/" when absent */
    fr_span query;        /* after the '?', without it; empty when absent */
    fr_span authority;    /* Host or :authority, or the target's when absolute */
    fr_span scheme;       /* of an absolute target or :scheme; else empty */
    fr_span protocol;     /* :protocol of an extended CONNECT (RFC 8441); else empty */
    int64_t body_length;  /* Content-Length, FR_BODY_NONE or FR_BODY_CHUNKED */
    bool keep_alive;      /* the peer would like to go on (HTTP/1) */
    bool expect_continue; /* the peer waits for 100 before the body */
    bool upgrade;         /* Connection names Upgrade, and Upgrade is present (HTTP/1.1) */
    size_t header_count;
    size_t header_capacity;    /* the size of the array below, set by whoever owns it */
    struct fr_header *headers; /* in order of arrival; pseudo-headers are not in it */
};

/* One response field, borrowed. Names are sent as given on HTTP/1.1, lowered on HTTP/2. */
struct fr_response_header {
    fr_span name;
    fr_span value;
};

/* A response head; 1xx heads are informational and may precede the final one. 101 opens a tunnel. */
struct fr_response_head {
    int status;     /* 100 to 999 */
    fr_span reason; /* empty: the standard phrase */
    const struct fr_response_header *headers;
    size_t header_count;
    int64_t content_length; /* >= 0 when known though `headers` may not say so; -1 unknown */
    bool trailers;          /* fr_exchange_trailers will follow the body */
};

/* Where a listener listens. */
struct fr_endpoint {
    char host[64]; /* numeric address; the path for a unix socket (cut); "" when unknown */
    uint16_t port; /* 0 for a unix socket */
};

/* Where a client comes from. */
struct fr_remote {
    char host[FR_REMOTE_HOST_BYTES]; /* numeric; "" when unknown, as most unix sockets' (else its path, cut) */
    uint16_t port;                   /* 0 for a unix socket */
};

/* Who is on the other side, for the life of a connection. */
struct fr_peer {
    struct fr_remote remote;
    bool unix_socket;
    const struct fr_endpoint *local; /* the listener's */
    const struct fr_tls_facts *tls;  /* NULL: plain, the scheme is http */
};

#endif
