/* The four forms of a target, what may stand in Host, and percent-decoding. */
#include "unit.h"

#include "http/target.h"

static struct fr_request_head head;

static int parse_for(enum fr_method_name method, const char *target)
{
    memset(&head, 0, sizeof head);
    head.method = method;
    head.target = fr_span_of_string(target);
    return fr_target_parse(&head);
}

static int parse(const char *target)
{
    return parse_for(FR_METHOD_GET, target);
}

TEST(origin_form)
{
    EQUAL(parse("/"), 0);
    EQUAL(head.form, FR_TARGET_ORIGIN);
    SAME(head.path, "/");
    SAME(head.query, "");
    EQUAL(parse("/a/%2F//b;c?d=/e?f"), 0);
    SAME(head.path, "/a/%2F//b;c");
    SAME(head.query, "d=/e?f");
    EQUAL(parse("/?"), 0);
    SAME(head.path, "/");
    EQUAL(head.query.len, 0);
    EQUAL(parse("//host/a"), 0);
    SAME(head.path, "//host/a");
}

/* Each byte at each place of paths around the bytes that are looked at together; and the same in a query. */
TEST(bytes_of_path_and_query)
{
    for (size_t len = 2; len < 40; len++) {
        for (size_t at = 1; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[40];
                memset(text, 'a', len);
                text[0] = '/';
                text[at] = (char)byte;
                memset(&head, 0, sizeof head);
                head.target = fr_span_of(text, len);
                bool wanted = byte > 0x20 && byte != 0x7f && byte != '#';
                EQUAL(fr_target_parse(&head), wanted ? 0 : FR_E_TARGET);
                if (wanted)
                    EQUAL(head.path.len, byte == '?' ? at : len);
                if (wanted && byte == '?')
                    EQUAL(head.query.len, len - at - 1);
                if (len > 2 && at > 1) {
                    text[1] = '?';
                    EQUAL(fr_target_parse(&head), wanted ? 0 : FR_E_TARGET);
                    if (wanted)
                        EQUAL(head.path.len, 1);
                }
            }
        }
    }
}

TEST(absolute_form)
{
    EQUAL(parse("http://example.com:8000/a?b"), 0);
    EQUAL(head.form, FR_TARGET_ABSOLUTE);
    SAME(head.scheme, "http");
    SAME(head.authority, "example.com:8000");
    SAME(head.path, "/a");
    SAME(head.query, "b");
    EQUAL(parse("HTTPS://[::1]"), 0);
    SAME(head.scheme, "HTTPS");
    SAME(head.authority, "[::1]");
    SAME(head.path, "/");
    EQUAL(parse("http://a?b"), 0);
    SAME(head.authority, "a");
    SAME(head.path, "/");
    SAME(head.query, "b");
}

TEST(absolute_forms_that_are_refused)
{
    EQUAL(parse("http:///a"), FR_E_TARGET);
    EQUAL(parse("http://"), FR_E_TARGET);
    EQUAL(parse("http:/a"), FR_E_TARGET);
    EQUAL(parse("http:"), FR_E_TARGET);
    EQUAL(parse("http"), FR_E_TARGET);
    EQUAL(parse("://a/"), FR_E_TARGET);
    EQUAL(parse("ftp://a/"), FR_E_TARGET);
    EQUAL(parse("http://user@a/"), FR_E_TARGET);
    EQUAL(parse("http://user:secret@a/"), FR_E_TARGET);
    EQUAL(parse("http://a:b/"), FR_E_TARGET);
    EQUAL(parse("http://a#b"), FR_E_TARGET);
    EQUAL(parse("http://a/#b"), FR_E_TARGET);
    EQUAL(parse("http://a?b#c"), FR_E_TARGET);
    EQUAL(parse("http://a\\b/"), FR_E_TARGET);
}

TEST(asterisk_form)
{
    EQUAL(parse_for(FR_METHOD_OPTIONS, "*"), 0);
    EQUAL(head.form, FR_TARGET_ASTERISK);
    SAME(head.path, "*");
    EQUAL(parse("*"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_OPTIONS, "**"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_OPTIONS, "*?a"), FR_E_TARGET);
}

TEST(authority_form)
{
    EQUAL(parse_for(FR_METHOD_CONNECT, "example.com:443"), 0);
    EQUAL(head.form, FR_TARGET_AUTHORITY);
    SAME(head.authority, "example.com:443");
    EQUAL(parse_for(FR_METHOD_CONNECT, "[::1]:443"), 0);
    EQUAL(parse_for(FR_METHOD_CONNECT, "example.com"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_CONNECT, "example.com:"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_CONNECT, "443"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_CONNECT, ":443"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_CONNECT, "/"), FR_E_TARGET);
    EQUAL(parse_for(FR_METHOD_CONNECT, ""), FR_E_TARGET);
    EQUAL(parse("example.com:443"), FR_E_TARGET);
}

TEST(targets_of_no_form)
{
    EQUAL(parse(""), FR_E_TARGET);
    EQUAL(parse("a"), FR_E_TARGET);
    EQUAL(parse("?a"), FR_E_TARGET);
    EQUAL(parse("\\a"), FR_E_TARGET);
}

static bool is_host(const char *text)
{
    return fr_is_host(fr_span_of_string(text));
}

TEST(hosts_that_are_names)
{
    IS(is_host(""));
    IS(is_host("a"));
    IS(is_host("example.com:80"));
    IS(is_host("example.com:"));
    IS(is_host("example.com:65535"));
    IS(is_host("a_b-c.d~e!$&'()*+,;=f"));
    IS(is_host("ex%41mple"));
    IS(is_host("192.0.2.1:80"));
    IS(!is_host(":80"));
    IS(!is_host("a:65536"));
    IS(!is_host("a:99999999999"));
    IS(!is_host("a:8a"));
    IS(!is_host("a:-1"));
    IS(!is_host("a:80:80"));
    IS(!is_host("::1"));
    IS(!is_host("a%4"));
    IS(!is_host("a%4g"));
    IS(!is_host("a%"));
    IS(!is_host("u@a"));
    IS(!is_host("a/b"));
    IS(!is_host("a?b"));
    IS(!is_host("a#b"));
    IS(!is_host("a b"));
    IS(!is_host("a\tb"));
    IS(!is_host("a\\b"));
    IS(!is_host("a\"b"));
    IS(!is_host("\xc3\xa9"));
    IS(!fr_is_host(FR_SPAN("a\0b")));
}

TEST(hosts_that_are_addresses_in_brackets)
{
    IS(is_host("[::]"));
    IS(is_host("[::1]:80"));
    IS(is_host("[1::]"));
    IS(is_host("[1:2:3:4:5:6:7:8]"));
    IS(is_host("[1:2:3:4:5:6:7::]"));
    IS(is_host("[::2:3:4:5:6:7:8]"));
    IS(is_host("[2001:DB8::ff00:42:8329]"));
    IS(is_host("[::ffff:192.0.2.1]"));
    IS(is_host("[1:2:3:4:5:6:192.0.2.1]"));
    IS(is_host("[v1.fe80::a+en1]"));
    IS(!is_host("[]"));
    IS(!is_host("[:]"));
    IS(!is_host("[:::]"));
    IS(!is_host("[1]"));
    IS(!is_host("[1:2:3:4:5:6:7]"));
    IS(!is_host("[1:2:3:4:5:6:7:8:9]"));
    IS(!is_host("[1:2:3:4:5:6:7:8::]"));
    IS(!is_host("[1:2:3:4::5:6:7:8]"));
    IS(!is_host("[1::2::3]"));
    IS(!is_host("[12345::]"));
    IS(!is_host("[1:2:3:4:5:6:7:192.0.2.1]"));
    IS(!is_host("[::192.0.2.1:1]"));
    IS(!is_host("[::192.0.2]"));
    IS(!is_host("[::192.0.2.256]"));
    IS(!is_host("[::192.0.02.1]"));
    IS(!is_host("[::192.0.2.1.1]"));
    IS(!is_host("[1:]"));
    IS(!is_host("[:1]"));
    IS(!is_host("[fe80::1%25en1]"));
    IS(!is_host("[::1"));
    IS(!is_host("[::1]a"));
    IS(!is_host("[::1]:a"));
    IS(!is_host("[v.a]"));
    IS(!is_host("[v1.]"));
    IS(!is_host("[v1]"));
    IS(!is_host("[va/.b]"));
}

static void decodes(fr_span text, fr_span wanted)
{
    char out[64];
    size_t len = fr_percent_decode(text, out);
    IS(fr_span_equal(fr_span_of(out, len), wanted));
}

TEST(percent_decoding)
{
    decodes(FR_SPAN(""), FR_SPAN(""));
    decodes(FR_SPAN("/plain+text"), FR_SPAN("/plain+text"));
    decodes(FR_SPAN("%41%62%63"), FR_SPAN("Abc"));
    decodes(FR_SPAN("a%2fb%2Fc"), FR_SPAN("a/b/c"));
    decodes(FR_SPAN("%00%ff%C3%a9"), FR_SPAN("\0\xff\xc3\xa9"));
    decodes(FR_SPAN("%"), FR_SPAN("%"));
    decodes(FR_SPAN("%4"), FR_SPAN("%4"));
    decodes(FR_SPAN("%4g"), FR_SPAN("%4g"));
    decodes(FR_SPAN("%g4"), FR_SPAN("%g4"));
    decodes(FR_SPAN("%%41"), FR_SPAN("%A"));
    decodes(FR_SPAN("%2541"), FR_SPAN("%41"));
}
