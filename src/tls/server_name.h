/* tls/server_name.h - Which names a certificate is for. RFC 6125 section 6.4.3, RFC 9525. */
#ifndef FR_TLS_SERVER_NAME_H
#define FR_TLS_SERVER_NAME_H

#include <stdbool.h>

#include "base/span.h"

/* The name that a client asks for (of the shape of a DNS name, in either case) is one that `pattern`, "example.org"
 * or "*.example.org", stands for. The star is one whole label, the leftmost, and has two more behind it. */
bool fr_tls_server_name_matches(fr_span pattern, fr_span name);

#endif
