/* http1/connection.h - HTTP/1.0 and HTTP/1.1 as a protocol: keep-alive, pipelining, 100 Continue, tunnels. */
#ifndef FR_HTTP1_CONNECTION_H
#define FR_HTTP1_CONNECTION_H

#include "http/protocol.h"

extern const struct fr_protocol_ops fr_http1;

#endif
