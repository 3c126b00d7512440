/* Tokens, values, lists, lengths and hop-by-hop fields. */
#include "unit.h"

#include "base/error.h"
#include "http/headers.h"

TEST(the_first_field_of_a_name_is_found)
{
    struct fr_header fields[] = {
        {FR_SPAN("Host"), FR_SPAN("a"), FR_HEADER_HOST},
        {FR_SPAN("Cookie"), FR_SPAN("b"), FR_HEADER_COOKIE},
        {FR_SPAN("cookie"), FR_SPAN("c"), FR_HEADER_COOKIE},
    };
    struct fr_request_head head = {.headers = fields, .header_count = 3};
    IS(fr_headers_find(&head, FR_HEADER_COOKIE) == &fields[1]);
    IS(fr_headers_find(&head, FR_HEADER_ACCEPT) == NULL);
    head.header_count = 0;
    IS(fr_headers_find(&head, FR_HEADER_HOST) == NULL);
}

TEST(tokens)
{
    IS(fr_is_token(FR_SPAN("a")));
    IS(fr_is_token(FR_SPAN("!#$%&'*+-.^_`|~09AZaz")));
    IS(!fr_is_token(FR_SPAN("")));
    IS(!fr_is_token(FR_SPAN("a b")));
    for (int byte = 0; byte < 256; byte++) {
        char text[3] = {'a', (char)byte, 'b'};
        bool wanted = byte && (strchr("!#$%&'*+-.^_`|~", byte) || (byte >= '0' && byte <= '9') ||
                               (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'));
        EQUAL(fr_is_token(fr_span_of(text, 3)), wanted);
    }
}

/* Each byte at each place of values of every length around the eight bytes that are looked at together. */
TEST(field_values)
{
    for (size_t len = 1; len < 20; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[20];
                memset(text, byte & 1 ? 'a' : 0xff, len);
                text[at] = (char)byte;
                bool wanted = byte == '\t' || (byte >= 0x20 && byte != 0x7f);
                EQUAL(fr_is_field_value(fr_span_of(text, len)), wanted);
            }
        }
    }
    IS(fr_is_field_value(FR_SPAN("")));
    IS(fr_is_field_value(FR_SPAN("\t\t\t\t\t\t\t\t\t")));
    IS(!fr_is_field_value(FR_SPAN("\t\t\t\t\t\t\t\r\n")));
}

TEST(lists_give_their_elements_trimmed_and_never_empty)
{
    fr_span list = FR_SPAN(" , a,b ,\t, c d ,,"), element;
    IS(fr_list_next(&list, &element));
    SAME(element, "a");
    IS(fr_list_next(&list, &element));
    SAME(element, "b");
    IS(fr_list_next(&list, &element));
    SAME(element, "c d");
    IS(!fr_list_next(&list, &element));
    IS(!fr_list_next(&list, &element));
}

TEST(a_list_has_a_token)
{
    IS(fr_list_has_token(FR_SPAN("Keep-Alive, UPGRADE"), FR_SPAN("upgrade")));
    IS(fr_list_has_token(FR_SPAN("close"), FR_SPAN("close")));
    IS(!fr_list_has_token(FR_SPAN("closed, not-close"), FR_SPAN("close")));
    IS(!fr_list_has_token(FR_SPAN(""), FR_SPAN("close")));
}

TEST(hop_by_hop_fields)
{
    unsigned count = 0;
    for (int name = 0; name < FR_HEADER_COUNT; name++)
        count += fr_is_hop_by_hop((enum fr_header_name)name);
    EQUAL(count, 6);
    IS(fr_is_hop_by_hop(FR_HEADER_CONNECTION));
    IS(fr_is_hop_by_hop(FR_HEADER_TRANSFER_ENCODING));
    IS(!fr_is_hop_by_hop(FR_HEADER_CONTENT_LENGTH));
    IS(!fr_is_hop_by_hop(FR_HEADER_OTHER));
}

TEST(content_lengths)
{
    EQUAL(fr_parse_content_length(FR_SPAN("0")), 0);
    EQUAL(fr_parse_content_length(FR_SPAN("0010")), 10);
    EQUAL(fr_parse_content_length(FR_SPAN("9223372036854775807")), INT64_MAX);
    EQUAL(fr_parse_content_length(FR_SPAN("9223372036854775808")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("18446744073709551617")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("99999999999999999999999999")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("+1")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("-1")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("1, 1")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("1 ")), FR_E_CONTENT_LENGTH);
    EQUAL(fr_parse_content_length(FR_SPAN("0x1")), FR_E_CONTENT_LENGTH);
}
