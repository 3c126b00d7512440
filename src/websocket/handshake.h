/* websocket/handshake.h - The opening handshake of a WebSocket, seen from the server (RFC 6455 section 4.2; over
 * HTTP/2 an extended CONNECT, RFC 8441).
 *
 * Reads a request head and says whether it opens a WebSocket; writes the response that accepts it. */
#ifndef FR_WEBSOCKET_HANDSHAKE_H
#define FR_WEBSOCKET_HANDSHAKE_H

#include <stdbool.h>

#include "base/error.h"
#include "http/exchange.h"
#include "http/message.h"
#include "websocket/deflate.h"

#define FR_WEBSOCKET_KEY_BYTES 24    /* of Sec-WebSocket-Key, base64 */
#define FR_WEBSOCKET_ACCEPT_BYTES 28 /* of Sec-WebSocket-Accept, base64 */

/* What there is to know of a request that wants to open a WebSocket; owns no memory and borrows none. */
struct fr_websocket_handshake {
    char accept[FR_WEBSOCKET_ACCEPT_BYTES]; /* the value of Sec-WebSocket-Accept; unused over HTTP/2 */
    bool connect;                           /* by extended CONNECT: answered by 200 without the fields of HTTP/1.1 */
    struct fr_deflate_offer deflate;        /* the first offer of permessage-deflate that can be taken */
};

/* The request asks for a WebSocket, be it well or badly: GET with Upgrade naming websocket, or CONNECT with
 * :protocol websocket. Also one of HTTP/1.0, which cannot be upgraded: it is what a proxy sends that was not told to
 * speak HTTP/1.1, and is better told so than answered by some page. */
bool fr_is_websocket_request(const struct fr_request_head *head);

/* Fills `handshake` from a request for which fr_is_websocket_request holds. 0; or the status to refuse it with: 400
 * (HTTP/1.0, Connection without Upgrade, a key or a version missing, listed twice or malformed, malformed extensions or
 * subprotocols, a body), 426 (a version other than 13: say Sec-WebSocket-Version: 13; over HTTP/2, where nothing is
 * upgraded, 400), and *why, a sentence that ends with a newline. */
FR_CHECKED int fr_websocket_handshake_read(struct fr_websocket_handshake *handshake, const struct fr_request_head *head,
                                           const char **why);

/* Calls `each` for every subprotocol that the client offers, in its order, until `each` returns false. False when a
 * name is no token. The spans are borrowed from the head. */
bool fr_websocket_subprotocols(const struct fr_request_head *head, bool (*each)(void *owner, fr_span name),
                               void *owner);

/* Answers the request that `handshake` was read from: 101 (over HTTP/2 200) with its accept value, `subprotocol` unless
 * that is empty, permessage-deflate when it was offered and `window_bits` is not 0, and `headers`, which must name none
 * of these. 0, or what fr_exchange_respond says; then nothing was sent. */
FR_CHECKED int fr_websocket_handshake_respond(const struct fr_websocket_handshake *handshake,
                                              struct fr_exchange *exchange, fr_span subprotocol,
                                              const struct fr_response_header *headers, size_t header_count,
                                              unsigned window_bits);

#endif
