/* websocket/utf8.h: every character there is, every sequence of up to four bytes at its edges against the definition,
 * every cut, and long texts in which one byte is spoilt. */
#include "websocket/utf8.h"

#include "unit.h"
#include "utf8_definition.h"

static uint64_t random_state = 3629;

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static size_t encode(uint32_t character, char *to)
{
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, character >>= 6)
        to[i] = (char)(0x80 | (character & 0x3f));
    to[0] = (char)(character | (0xf00u >> size & 0xff));
    return size;
}

TEST(every_character)
{
    for (uint32_t character = 0; character <= 0x110100; character++) {
        char bytes[4];
        bool right = character <= 0x10ffff && (character < 0xd800 || character > 0xdfff);
        if (fr_utf8_is_valid(fr_span_of(bytes, encode(character, bytes))) != right)
            UNIT_FAIL("U+%04X", character);
    }
}

/* Every byte, then every edge of every range, up to four bytes of them. */
TEST(every_sequence_at_its_edges)
{
    static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                          0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    const size_t count = sizeof edges;
    for (unsigned first = 0; first < 256; first++)
        for (size_t rest = 0; rest < count * count * count; rest++) {
            char bytes[] = {(char)first, (char)edges[rest % count], (char)edges[rest / count % count],
                            (char)edges[rest / count / count]};
            for (size_t len = 1; len <= sizeof bytes; len++)
                if (fr_utf8_is_valid(fr_span_of(bytes, len)) != utf8_by_definition(bytes, len))
                    UNIT_FAIL("%02x %02x %02x %02x, %zu bytes", first, bytes[1] & 255, bytes[2] & 255, bytes[3] & 255,
                              len);
        }
}

TEST(what_is_wrong_is_known_at_its_byte)
{
    static const char *const cases[] = {/* the last byte of each is the first that cannot be */
                                        "\x80",
                                        "\xbf",
                                        "\xc0",
                                        "\xc1",
                                        "\xc2\x7f",
                                        "\xc2\xc0",
                                        "\xe0\x9f",
                                        "\xe1\x80\x7f",
                                        "\xed\xa0",
                                        "\xed\xbf",
                                        "\xef\xbf\xc0",
                                        "\xf0\x8f",
                                        "\xf0\x90\x7f",
                                        "\xf4\x90",
                                        "\xf4\x8f\xbf\xc0",
                                        "\xf5",
                                        "\xf8",
                                        "\xfc",
                                        "\xfe",
                                        "\xff",
                                        "a\xe2\x82x",
                                        "\xe2\x82\xac\x80"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fr_span bytes = fr_span_of_string(cases[i]);
        fr_utf8_state state = 0;
        IS(fr_utf8_feed(&state, fr_span_slice(bytes, 0, bytes.len - 1)));
        IS(!fr_utf8_feed(&state, fr_span_skip(bytes, bytes.len - 1)));
    }
}

TEST(a_character_that_is_cut_is_not_complete)
{
    for (uint32_t character = 0x80; character <= 0x10ffff; character += 61) {
        if (character >= 0xd800 && character <= 0xdfff)
            continue;
        char bytes[4];
        size_t len = encode(character, bytes);
        fr_utf8_state state = 0;
        for (size_t i = 0; i < len; i++) {
            IS(fr_utf8_feed(&state, fr_span_of(bytes + i, 1)));
            EQUAL(state == 0, i == len - 1);
            IS(fr_utf8_feed(&state, fr_span_of(NULL, 0)));
        }
    }
}

/* Runs of characters of all sizes, so that every one of them meets every place in a vector. */
static size_t make_text(char *to, size_t len_max)
{
    static const uint32_t bounds[] = {0x80, 0x800, 0xd800, 0x10000, 0x110000};
    size_t len = 0;
    while (len + 4 <= len_max) {
        uint32_t bound = bounds[pick(5)];
        for (unsigned run = pick(3) ? 1 + pick(3) : 1 + pick(60); run > 0 && len + 4 <= len_max; run--) {
            uint32_t character = pick(bound);
            len += encode(character >= 0xd800 && character <= 0xdfff ? 0xe000 : character, to + len);
        }
    }
    return len;
}

/* The same answer whole and in two pieces; and the whole is not read beyond its end. */
static void compare(const char *text, size_t len, bool right)
{
    char *bytes = malloc(len ? len : 1);
    memcpy(bytes, text, len);
    EQUAL(fr_utf8_is_valid(fr_span_of(bytes, len)), right);
    size_t cut = pick((unsigned)len + 1);
    fr_utf8_state state = 0;
    bool valid = fr_utf8_feed(&state, fr_span_of(bytes, cut)) &&
                 fr_utf8_feed(&state, fr_span_of(bytes + cut, len - cut)) && state == 0;
    EQUAL(valid, right);
    free(bytes);
}

TEST(long_texts_whole_and_spoilt)
{
    char text[400];
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = make_text(text, pick(sizeof text));
        compare(text, len, true);
        if (len == 0)
            continue;
        size_t cut = pick((unsigned)len);
        compare(text, cut, utf8_by_definition(text, cut));
        text[pick((unsigned)len)] = (char)pick(256);
        compare(text, len, utf8_by_definition(text, len));
    }
}

TEST(every_split_point)
{
    char text[200];
    size_t len = make_text(text, sizeof text);
    for (size_t cut = 0; cut <= len; cut++)
        for (size_t second = cut; second <= len; second++) {
            fr_utf8_state state = 0;
            IS(fr_utf8_feed(&state, fr_span_of(text, cut)));
            EQUAL(state == 0, utf8_by_definition(text, cut));
            IS(fr_utf8_feed(&state, fr_span_of(text + cut, second - cut)));
            IS(fr_utf8_feed(&state, fr_span_of(text + second, len - second)));
            EQUAL(state, 0);
        }
}
