/* http2/session.h - HTTP/2 as a protocol: many exchanges on one connection. RFC 9113.
 *
 * Opened when ALPN has chosen "h2" or the client's preface has been seen; receive() is given the preface too. */
#ifndef FR_HTTP2_SESSION_H
#define FR_HTTP2_SESSION_H

#include "http/protocol.h"

extern const struct fr_protocol_ops fr_http2;

/* What every client says first (RFC 9113 section 3.4), 24 bytes. */
#define FR_HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#endif
