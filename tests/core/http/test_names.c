/* Methods and field names: every one is found, whatever its case, and nothing else is. */
#include "unit.h"

#include <ctype.h>

#include "http/names.h"

TEST(every_method_is_found)
{
    for (int method = 1; method < FR_METHOD_COUNT; method++)
        EQUAL(fr_method_lookup(fr_method_text((enum fr_method_name)method)), method);
    SAME(fr_method_text(FR_METHOD_PATCH), "PATCH");
    EQUAL(fr_method_text(FR_METHOD_OTHER).len, 0);
}

TEST(methods_that_are_not_known)
{
    EQUAL(fr_method_lookup(FR_SPAN("")), FR_METHOD_OTHER);
    EQUAL(fr_method_lookup(FR_SPAN("get")), FR_METHOD_OTHER);
    EQUAL(fr_method_lookup(FR_SPAN("GE")), FR_METHOD_OTHER);
    EQUAL(fr_method_lookup(FR_SPAN("GETS")), FR_METHOD_OTHER);
    EQUAL(fr_method_lookup(FR_SPAN("BREW")), FR_METHOD_OTHER);
}

/* A failure here after a new name in names.h: run src/http/names_table.py. */
TEST(every_field_name_is_found_whatever_its_case)
{
    for (int name = 1; name < FR_HEADER_COUNT; name++) {
        fr_span text = fr_header_text((enum fr_header_name)name);
        char upper[64], lower[64];
        for (size_t i = 0; i < text.len; i++) {
            upper[i] = (char)toupper((unsigned char)text.data[i]);
            lower[i] = (char)tolower((unsigned char)text.data[i]);
        }
        EQUAL(fr_header_lookup(text), name);
        EQUAL(fr_header_lookup(fr_span_of(upper, text.len)), name);
        EQUAL(fr_header_lookup(fr_span_of(lower, text.len)), name);
    }
    SAME(fr_header_text(FR_HEADER_SEC_CH_UA), "Sec-CH-UA");
    EQUAL(fr_header_text(FR_HEADER_OTHER).len, 0);
}

/* Exhaustive in one byte: a name with any other byte than a letter's other case is another name. */
TEST(one_other_byte_makes_another_name)
{
    for (int name = 1; name < FR_HEADER_COUNT; name++) {
        fr_span text = fr_header_text((enum fr_header_name)name);
        char other[64];
        for (size_t i = 0; i < text.len; i++) {
            for (int byte = 0; byte < 256; byte++) {
                memcpy(other, text.data, text.len);
                other[i] = (char)byte;
                bool same = fr_span_equal_nocase(fr_span_of(other, text.len), text);
                enum fr_header_name found = fr_header_lookup(fr_span_of(other, text.len));
                if (same ? found != (enum fr_header_name)name : found == (enum fr_header_name)name)
                    UNIT_FAIL("%.*s with byte %zu = 0x%02x is %d", (int)text.len, text.data, i, byte, (int)found);
            }
        }
    }
}

TEST(shorter_and_longer_names_are_other_names)
{
    for (int name = 1; name < FR_HEADER_COUNT; name++) {
        fr_span text = fr_header_text((enum fr_header_name)name);
        char longer[64] = {0};
        memcpy(longer, text.data, text.len);
        longer[text.len] = 's';
        IS(fr_header_lookup(fr_span_of(longer, text.len + 1)) != (enum fr_header_name)name);
        IS(fr_header_lookup(fr_span_of(longer, text.len - 1)) != (enum fr_header_name)name);
    }
    EQUAL(fr_header_lookup(FR_SPAN("")), FR_HEADER_OTHER);
    EQUAL(fr_header_lookup(FR_SPAN("X-Custom")), FR_HEADER_OTHER);
    EQUAL(fr_header_lookup(FR_SPAN("A-Name-That-Is-Longer-Than-Every-Known-One")), FR_HEADER_OTHER);
}
