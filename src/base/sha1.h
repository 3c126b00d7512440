/* base/sha1.h - The digest SHA-1 (RFC 3174), for the opening handshake of a WebSocket and nothing that needs a
 * secret kept. */
#ifndef FR_BASE_SHA1_H
#define FR_BASE_SHA1_H

#include "base/span.h"

#define FR_SHA1_BYTES 20

/* The digest of `bytes`. */
void fr_sha1_digest(fr_span bytes, unsigned char digest[FR_SHA1_BYTES]);

#endif
