/* tls/server_name.h - Which names a certificate is for. RFC 6125 section 6.4.3, RFC 9525. */
#ifndef FR_TLS_SERVER_NAME_H
#define FR_TLS_SERVER_NAME_H

#include "base/span.h"

/* How well a name of a certificate stands for one that a client asks for. */
enum fr_tls_match { FR_TLS_MATCH_NONE, FR_TLS_MATCH_STAR, FR_TLS_MATCH_EXACT };

/* Of `pattern`, "example.org" or "*.example.org", for `name`, which has the shape of a DNS name, in either case. The
 * star is one whole label, the leftmost, and has two more behind it. */
enum fr_tls_match fr_tls_server_name_match(fr_span pattern, fr_span name);

#endif
