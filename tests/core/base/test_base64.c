/* base/base64.h: the vectors of RFC 4648 section 10, every byte, and what is not base64. */
#include "base/base64.h"

#include "unit.h"

static void expect(fr_span bytes, const char *text)
{
    char encoded[64], decoded[64];
    size_t len = fr_base64_encode(bytes, encoded), decoded_len = 99;
    SAME(fr_span_of(encoded, len), text);
    EQUAL(len, FR_BASE64_TEXT_BYTES(bytes.len));
    IS(fr_base64_decode(fr_span_of(encoded, len), decoded, &decoded_len));
    IS(fr_span_equal(fr_span_of(decoded, decoded_len), bytes));
    IS(decoded_len <= FR_BASE64_DATA_BYTES_MAX(len));
}

TEST(known_texts)
{
    expect(fr_span_of(NULL, 0), "");
    expect(FR_SPAN("f"), "Zg==");
    expect(FR_SPAN("fo"), "Zm8=");
    expect(FR_SPAN("foo"), "Zm9v");
    expect(FR_SPAN("foob"), "Zm9vYg==");
    expect(FR_SPAN("fooba"), "Zm9vYmE=");
    expect(FR_SPAN("foobar"), "Zm9vYmFy");
    expect(FR_SPAN("\xff\xfe\xfd\xfb\xef\xbe"), "//79++++");
}

TEST(there_and_back)
{
    char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 167);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        char *text = malloc(FR_BASE64_TEXT_BYTES(len) + 1); /* of exactly this size, for the sanitizer */
        size_t text_len = fr_base64_encode(fr_span_of(bytes, len), text), back_len = 0;
        char *back = malloc(FR_BASE64_DATA_BYTES_MAX(text_len) + 1);
        IS(fr_base64_decode(fr_span_of(text, text_len), back, &back_len));
        IS(fr_span_equal(fr_span_of(back, back_len), fr_span_of(bytes, len)));
        free(text);
        free(back);
    }
}

static bool decodes(fr_span text)
{
    char bytes[64];
    size_t len = 0;
    return fr_base64_decode(text, bytes, &len);
}

TEST(padding_is_one_or_two_at_the_very_end)
{
    static const char *const bad[] = {"=",    "==",   "===",  "====",     "A===",    "Zg=",      "Zg",
                                      "Z",    "Zm8",  "Z=8=", "Zg==Zg==", "Zm9vYg=", "Zm9vY===", "Zm9=Yg==",
                                      "=Zg=", "Zg=A", "A=AA", "Zm9v====", "Zm9v Zg="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (decodes(fr_span_of_string(bad[i])))
            UNIT_FAIL("decodes: %s", bad[i]);
    IS(decodes(FR_SPAN("Zm9vYg==")));
    IS(decodes(FR_SPAN("Zm9vYmE=")));
}

TEST(only_the_alphabet)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned at = 0; at < 4; at++)
        for (int byte = 0; byte < 256; byte++) {
            char text[] = "AAAA";
            text[at] = (char)byte;
            bool letter = byte && strchr(alphabet, byte);
            EQUAL(decodes(fr_span_of(text, 4)), letter || (at == 3 && byte == '='));
        }
}

TEST(bits_without_a_byte_are_passed_over)
{
    char bytes[3];
    size_t len = 0;
    IS(fr_base64_decode(FR_SPAN("Zn=="), bytes, &len));
    SAME(fr_span_of(bytes, len), "f");
    IS(fr_base64_decode(FR_SPAN("Zm9="), bytes, &len));
    SAME(fr_span_of(bytes, len), "fo");
}
