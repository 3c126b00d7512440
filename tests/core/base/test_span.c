/* base/span.h */
#include "base/span.h"

#include "unit.h"

TEST(literal_and_string_leave_the_nul_out)
{
    EQUAL(FR_SPAN("abc").len, 3);
    EQUAL(FR_SPAN("").len, 0);
    EQUAL(FR_SPAN("a\0b").len, 3);
    SAME(fr_span_of_string("abc"), "abc");
    SAME(fr_span_of("abcdef", 2), "ab");
}

TEST(slice_is_half_open)
{
    fr_span span = FR_SPAN("abcdef");
    SAME(fr_span_slice(span, 1, 3), "bc");
    SAME(fr_span_slice(span, 0, 6), "abcdef");
    EQUAL(fr_span_slice(span, 6, 6).len, 0);
}

TEST(skip_drops_from_the_front)
{
    SAME(fr_span_skip(FR_SPAN("abc"), 0), "abc");
    SAME(fr_span_skip(FR_SPAN("abc"), 2), "c");
    EQUAL(fr_span_skip(FR_SPAN("abc"), 3).len, 0);
}

TEST(equal_compares_every_byte)
{
    IS(fr_span_equal(FR_SPAN("abc"), FR_SPAN("abc")));
    IS(!fr_span_equal(FR_SPAN("abc"), FR_SPAN("abd")));
    IS(!fr_span_equal(FR_SPAN("abc"), FR_SPAN("ab")));
    IS(!fr_span_equal(FR_SPAN("abc"), FR_SPAN("ABC")));
    IS(fr_span_equal(FR_SPAN("a\0b"), FR_SPAN("a\0b")));
    IS(!fr_span_equal(FR_SPAN("a\0b"), FR_SPAN("a\0c")));
}

TEST(empty_spans_are_equal_whatever_their_pointer)
{
    IS(fr_span_equal((fr_span){NULL, 0}, FR_SPAN("")));
    IS(fr_span_equal((fr_span){NULL, 0}, (fr_span){NULL, 0}));
    IS(fr_span_equal_nocase((fr_span){NULL, 0}, FR_SPAN("")));
}

TEST(lower_folds_letters_and_nothing_else)
{
    for (int byte = 0; byte < 256; byte++) {
        int expected = byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte;
        EQUAL(fr_ascii_lower((unsigned char)byte), expected);
    }
}

TEST(equal_nocase_folds_letters_only)
{
    IS(fr_span_equal_nocase(FR_SPAN("Content-Length"), FR_SPAN("cONTENT-lENGTH")));
    IS(!fr_span_equal_nocase(FR_SPAN("a"), FR_SPAN("ab")));
    IS(!fr_span_equal_nocase(FR_SPAN("@"), FR_SPAN("`")));  /* 0x40 and 0x60 */
    IS(!fr_span_equal_nocase(FR_SPAN("["), FR_SPAN("{")));  /* 0x5b and 0x7b */
    IS(!fr_span_equal_nocase(FR_SPAN("\r"), FR_SPAN("-"))); /* 0x0d and 0x2d */
    IS(!fr_span_equal_nocase(FR_SPAN("\xc0"), FR_SPAN("\xe0")));
}

TEST(find_tells_the_first)
{
    EQUAL(fr_span_find(FR_SPAN("a:b:c"), ':'), 1);
    EQUAL(fr_span_find(FR_SPAN("abc"), ':'), 3);
    EQUAL(fr_span_find(FR_SPAN(""), ':'), 0);
    EQUAL(fr_span_find((fr_span){NULL, 0}, ':'), 0);
    EQUAL(fr_span_find(FR_SPAN("ab\xff"), '\xff'), 2);
}

TEST(trim_takes_spaces_and_tabs_off_both_ends)
{
    SAME(fr_span_trim(FR_SPAN(" \t a b\t ")), "a b");
    SAME(fr_span_trim(FR_SPAN("a")), "a");
    SAME(fr_span_trim(FR_SPAN("\ra\n")), "\ra\n");
    EQUAL(fr_span_trim(FR_SPAN(" \t ")).len, 0);
    EQUAL(fr_span_trim((fr_span){NULL, 0}).len, 0);
}
