/* websocket/utf8.h - Whether bytes are UTF-8, piece by piece (RFC 3629; RFC 6455 section 8.1).
 *
 * Strict: no overlong forms, no surrogates, nothing above U+10FFFF. What is wrong is found at the first byte that
 * no valid text could have there, be the character complete or not. */
#ifndef FR_WEBSOCKET_UTF8_H
#define FR_WEBSOCKET_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Where a text stands: 0 at its beginning and after each whole character, else in the middle of one. */
typedef uint32_t fr_utf8_state;

/* Reads on. False: no continuation makes this valid; the state must not be used any more. */
bool fr_utf8_feed(fr_utf8_state *state, fr_span bytes);

/* All of `bytes` is UTF-8, and ends with a whole character. */
static inline bool fr_utf8_is_valid(fr_span bytes);

/* ---- inline definitions ---- */

static inline bool fr_utf8_is_valid(fr_span bytes)
{
    fr_utf8_state state = 0;
    return fr_utf8_feed(&state, bytes) && state == 0;
}

#endif
