/* tests/core/http1/decode_in_pieces.h - Feeds a body decoder in pieces and with bounded credit; for its unit and its
 * fuzz harness. */
#ifndef FR_TESTS_DECODE_IN_PIECES_H
#define FR_TESTS_DECODE_IN_PIECES_H

#include <assert.h>
#include <string.h>

#include "http1/body_decoder.h"

#define DECODED_BYTES_MAX 65536

struct decoded {
    char body[DECODED_BYTES_MAX];
    size_t len;  /* of body */
    size_t used; /* bytes of input; 0 after an error, for there is no saying how far it came */
    int error;
    bool done;
};

/* Decodes one piece as far as it goes, at most `credit` bytes at a time, and holds the decoder to its word. */
static inline void decode_piece(struct decoded *decoded, struct fr_body_decoder *decoder,
                                const struct fr_limits *limits, fr_span piece, uint64_t credit)
{
    while (piece.len && !decoded->done && !decoded->error) {
        fr_span body;
        ssize_t taken = fr_body_decode(decoder, limits, piece, credit, &body);
        if (taken < 0) {
            decoded->error = (int)taken;
            decoded->used = 0;
            return;
        }
        assert(taken > 0 && (size_t)taken <= piece.len);
        assert(body.len <= credit && decoded->len + body.len <= DECODED_BYTES_MAX);
        if (body.len) {
            assert(body.data >= piece.data && body.data + body.len <= piece.data + taken);
            memcpy(decoded->body + decoded->len, body.data, body.len);
        }
        decoded->len += body.len;
        decoded->used += (size_t)taken;
        decoded->done = fr_body_decoder_is_done(decoder);
        assert(decoder->total == decoded->len && decoder->total <= limits->body_bytes_max);
        piece = fr_span_skip(piece, (size_t)taken);
    }
}

/* Decodes `input`: first its first `cut` bytes, then the rest in pieces of `step`. */
static inline void decode_in_pieces(struct decoded *decoded, const struct fr_limits *limits, int64_t length,
                                    fr_span input, size_t cut, size_t step, uint64_t credit)
{
    struct fr_body_decoder decoder;
    memset(decoded, 0, sizeof *decoded);
    fr_body_decoder_init(&decoder, length);
    decode_piece(decoded, &decoder, limits, fr_span_slice(input, 0, cut), credit);
    for (size_t at = cut; at < input.len; at += step) {
        size_t end = input.len - at < step ? input.len : at + step;
        decode_piece(decoded, &decoder, limits, fr_span_slice(input, at, end), credit);
    }
}

static inline bool decoded_equal(const struct decoded *a, const struct decoded *b)
{
    return a->len == b->len && a->used == b->used && a->error == b->error && a->done == b->done &&
           memcmp(a->body, b->body, a->len) == 0;
}

#endif
