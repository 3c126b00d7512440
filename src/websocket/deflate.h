/* websocket/deflate.h - The extension permessage-deflate (RFC 7692) with bounded memory.
 *
 * Owns zlib. Negotiates from the text of Sec-WebSocket-Extensions, then turns messages into compressed ones and back.
 * Memory for a direction is taken when the first message goes that way, and without context takeover given back after
 * each message. */
#ifndef FR_WEBSOCKET_DEFLATE_H
#define FR_WEBSOCKET_DEFLATE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"

/* An offer that was found acceptable. Window bits are 9 to 15: zlib cannot do 8. */
struct fr_deflate_offer {
    bool present;
    bool server_no_context_takeover, client_no_context_takeover;
    unsigned char server_max_window_bits; /* of the offer: an upper bound; 0: none given */
    unsigned char client_max_window_bits; /* 0: the client cannot be told; 15: it can, without a bound of its own */
};

/* Messages shorter than this are sent as they are. */
#define FR_DEFLATE_BYTES_MIN 64

struct fr_deflate;

/* Reads one value of Sec-WebSocket-Extensions into `offer`, unless that holds one already: the first acceptable
 * offer counts, unknown extensions and unacceptable offers are passed over. False when the value is malformed. */
bool fr_deflate_offer_read(struct fr_deflate_offer *offer, fr_span value);

/* Room for the answer below, in bytes. */
#define FR_DEFLATE_ANSWER_BYTES 128

/* The value with which the offer is accepted, when we use windows of at most `window_bits` each way; its length. */
size_t fr_deflate_answer(const struct fr_deflate_offer *offer, unsigned window_bits, char *answer);

/* Compressor and decompressor as agreed with that answer. */
struct fr_deflate *fr_deflate_open(const struct fr_deflate_offer *offer, unsigned window_bits);
void fr_deflate_close(struct fr_deflate *deflate);

/* Appends `message`, compressed, to `out`. 0 or FR_E_LIMIT of the buffer. */
FR_CHECKED int fr_deflate_compress(struct fr_deflate *deflate, fr_span message, struct fr_buffer *out);

/* Appends what the next piece of a compressed message comes to, to `out`, whose limit is that of the message; `last`
 * with the final piece. 0, FR_E_LIMIT (the message is too big, found out before more is decompressed than
 * the limit) or FR_E_DEFLATE. */
FR_CHECKED int fr_deflate_decompress(struct fr_deflate *deflate, fr_span piece, bool last, struct fr_buffer *out);

#endif
