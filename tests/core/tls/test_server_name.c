/* tls/server_name.h */
#include "tls/server_name.h"

#include <stdbool.h>

#include "unit.h"

static bool matches(const char *pattern, const char *name)
{
    return fr_tls_server_name_match(fr_span_of_string(pattern), fr_span_of_string(name)) != FR_TLS_MATCH_NONE;
}

TEST(a_name_stands_for_itself)
{
    IS(matches("example.org", "example.org"));
    IS(matches("Example.ORG", "eXample.org"));
    IS(matches("example.org", "example.org."));
    IS(matches("localhost", "localhost"));
    IS(!matches("example.org", "example.com"));
    IS(!matches("example.org", "www.example.org"));
    IS(!matches("example.org", "example.or"));
    IS(!matches("example.org", ""));
    IS(!matches("", ""));
}

TEST(a_star_is_one_whole_label)
{
    IS(matches("*.example.org", "www.example.org"));
    IS(matches("*.example.org", "WWW.Example.org"));
    IS(matches("*.example.org.", "www.example.org"));
    IS(!matches("*.example.org", "example.org"));
    IS(!matches("*.example.org", ".example.org"));
    IS(!matches("*.example.org", "a.b.example.org"));
    IS(!matches("w*.example.org", "www.example.org"));
    IS(!matches("www.*.org", "www.example.org"));
}

TEST(a_star_for_everybody_is_none)
{
    IS(!matches("*", "org"));
    IS(!matches("*.org", "example.org"));
    IS(!matches("*.", "example."));
    IS(!matches("*..org", "a..org"));
}

TEST(the_name_itself_is_better_than_a_star)
{
    EQUAL(fr_tls_server_name_match(FR_SPAN("a.b.example"), FR_SPAN("a.b.example")), FR_TLS_MATCH_EXACT);
    EQUAL(fr_tls_server_name_match(FR_SPAN("*.b.example"), FR_SPAN("a.b.example")), FR_TLS_MATCH_STAR);
    IS(FR_TLS_MATCH_EXACT > FR_TLS_MATCH_STAR && FR_TLS_MATCH_STAR > FR_TLS_MATCH_NONE);
}
