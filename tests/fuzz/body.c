/* tests/fuzz/body.c - Any bytes as a request body: neither the cuts nor the credit change what comes out.
 *
 * The first byte chooses: an odd one means a sized body, of the length that the second byte says; bit 1 means small
 * limits. The rest is what arrives. */
#include <stdint.h>
#include <stdlib.h>

#include "../core/http1/decode_in_pieces.h"
#include "http/message.h"

#define PIECES_MAX 512 /* so that a long input does not take quadratic time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void compare(const struct decoded *whole, const struct fr_limits *limits, int64_t length, fr_span input,
                    size_t cut, size_t step, uint64_t credit)
{
    static struct decoded pieces;
    decode_in_pieces(&pieces, limits, length, input, cut, step, credit);
    require(decoded_equal(whole, &pieces));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct decoded whole;
    if (len < 2 || len > DECODED_BYTES_MAX)
        return 0;
    struct fr_limits limits;
    fr_limits_init(&limits);
    if (data[0] & 2) {
        limits.body_bytes_max = 40;
        limits.chunk_extension_bytes_max = 10;
        limits.trailer_bytes_max = 20;
    }
    bool sized = data[0] & 1;
    int64_t length = sized ? 1 + (int64_t)data[1] % 40 : FR_BODY_CHUNKED;
    fr_span input = fr_span_of((const char *)data + 2, len - 2);
    decode_in_pieces(&whole, &limits, length, input, input.len, 1, UINT64_MAX);
    require(!whole.done || !whole.error);
    require(!sized || (!whole.error && whole.done == (input.len >= (size_t)length)));
    compare(&whole, &limits, length, input, 0, 1 + input.len / PIECES_MAX, UINT64_MAX);
    compare(&whole, &limits, length, input, input.len, 1, 1 + input.len / PIECES_MAX);
    for (unsigned cut = 1; cut < 8; cut++)
        compare(&whole, &limits, length, input, input.len * cut / 8, input.len + 1, cut);
    return 0;
}
