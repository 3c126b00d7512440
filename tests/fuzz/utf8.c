/* tests/fuzz/utf8.c - Any bytes as text: valid when the definition says so, whole and in pieces, and what is wrong is
 * known at the first byte that cannot be mended.
 *
 * The first byte says how long the pieces are. The rest is the text. */
#include <stdlib.h>

#include "../core/websocket/utf8_definition.h"
#include "websocket/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

/* How many bytes were taken when the feeding of pieces failed; the length when it did not. */
static size_t feed_in_pieces(fr_span text, size_t piece, fr_utf8_state *state)
{
    *state = 0;
    for (size_t at = 0; at < text.len; at += piece) {
        size_t end = text.len - at < piece ? text.len : at + piece;
        if (!fr_utf8_feed(state, fr_span_slice(text, at, end)))
            return at;
    }
    return text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    fr_span text = fr_span_of((const char *)data + 1, len - 1);
    bool valid = utf8_by_definition(text.data, text.len);
    require(fr_utf8_is_valid(text) == valid);

    fr_utf8_state one = 0, many = 0;
    size_t good = feed_in_pieces(text, 1, &one), piece = 1 + data[0] % 97;
    size_t taken = feed_in_pieces(text, piece, &many);
    require(taken == (good < text.len ? good / piece * piece : text.len));
    require(good < text.len || one == many);
    require(valid == (good == text.len && one == 0));
    if (good < text.len)
        return 0;
    /* Not complete is not wrong: some bytes complete it. */
    static const char *const ends[] = {"", "\x80", "\x80\x80", "\x80\x80\x80", "\xa0\x80", "\x90\x80\x80"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        many = one;
        if (fr_utf8_feed(&many, fr_span_of_string(ends[i])) && many == 0)
            return 0;
    }
    abort();
}
