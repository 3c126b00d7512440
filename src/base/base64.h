/* base/base64.h - Bytes as text of 64 letters and back (RFC 4648 section 4). */
#ifndef FR_BASE_BASE64_H
#define FR_BASE_BASE64_H

#include <stdbool.h>

#include "base/span.h"

/* How many characters `len` bytes become, padding included. */
#define FR_BASE64_TEXT_BYTES(len) (((size_t)(len) + 2) / 3 * 4)

/* How many bytes `len` characters become at most. */
#define FR_BASE64_DATA_BYTES_MAX(len) ((size_t)(len) / 4 * 3)

/* Writes FR_BASE64_TEXT_BYTES(bytes.len) characters to `text`, without a NUL; returns how many. */
size_t fr_base64_encode(fr_span bytes, char *text);

/* Writes what `text` stands for to `bytes`, which has room for FR_BASE64_DATA_BYTES_MAX(text.len), and its length to
 * *len. False, with `bytes` in any condition, for a length that is no multiple of four, a character outside the
 * alphabet (white space too), and padding that is not one or two '=' at the very end. Bits of the last character that
 * stand for no byte are passed over, as by most decoders. */
bool fr_base64_decode(fr_span text, char *bytes, size_t *len);

#endif
