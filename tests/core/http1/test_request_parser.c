/* Every rule of the request head, each head fed whole, cut at every point, and byte by byte. */
#include "unit.h"

#include "http1/parse_both_ways.h"

static struct parsed parsed;
static struct fr_limits limits; /* the defaults, where a test does not set them */

__attribute__((constructor)) static void use_default_limits(void)
{
    fr_limits_init(&limits);
}

static const char *name_of(ssize_t result)
{
    return result < 0 ? fr_error_name((int)result) : result == 0 ? "more" : "a head";
}

static void expect(fr_span bytes, ssize_t result)
{
    size_t cut = 0;
    if (!parse_both_ways(&parsed, &limits, bytes, &cut))
        UNIT_FAIL("cut at %zu, the answer differs from \"%s\" for: %.*s", cut, name_of(parsed.result), (int)bytes.len,
                  bytes.data);
    if (parsed.result != result)
        UNIT_FAIL("%s (%ld), not %s (%ld), for: %.*s", name_of(parsed.result), (long)parsed.result, name_of(result),
                  (long)result, (int)bytes.len, bytes.data);
}

/* The bytes are refused with `error`; 0: they are not a whole head. */
static void refuses(int error, const char *bytes)
{
    expect(fr_span_of_string(bytes), error);
}

/* The bytes are exactly one head, and `line` is a line of what was found in it. */
static void accepts(const char *bytes, const char *line)
{
    expect(fr_span_of_string(bytes), (ssize_t)strlen(bytes));
    char wanted[256];
    int len = snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!memmem(parsed.text, parsed.text_len, wanted, (size_t)len))
        UNIT_FAIL("no line \"%s\" in\n%.*s", line, (int)parsed.text_len, parsed.text);
}

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST

TEST(a_plain_head)
{
    const char *head = "GET /path?a=b HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n";
    accepts(head, "method=GET");
    accepts(head, "version=1.1");
    accepts(head, "target=/path?a=b");
    accepts(head, "path=/path");
    accepts(head, "query=a=b");
    accepts(head, "authority=example.com");
    accepts(head, "name=Accept");
    accepts(head, "value=*/*");
    accepts(head, "keep-alive=1");
}

TEST(only_the_head_is_taken)
{
    fr_span bytes = FR_SPAN(GET HOST "\r\nGET /next HTTP/1.1\r\n");
    parse_in_pieces(&parsed, fr_scan_best(), &limits, bytes, bytes.len, 1);
    EQUAL(parsed.result, strlen(GET HOST "\r\n"));
}

TEST(methods)
{
    accepts("DELETE / HTTP/1.1\r\n" HOST "\r\n", "method=DELETE");
    accepts("TRACE / HTTP/1.1\r\n" HOST "\r\n", "method=TRACE");
    accepts("UPDATEREDIRECTREF / HTTP/1.1\r\n" HOST "\r\n", "method=UPDATEREDIRECTREF");
    accepts("get / HTTP/1.1\r\n" HOST "\r\n", "method=get");
    accepts("m!#$%&'*+.^_`|~9 / HTTP/1.1\r\n" HOST "\r\n", "method=m!#$%&'*+.^_`|~9");
    refuses(FR_E_METHOD_REFUSED, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n");
    refuses(FR_E_METHOD_REFUSED, "ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n" HOST "\r\n");
    refuses(FR_E_METHOD, "G(T / HTTP/1.1\r\n" HOST "\r\n");
    refuses(FR_E_METHOD, "GET\t/ HTTP/1.1\r\n" HOST "\r\n");
    refuses(FR_E_METHOD, " GET / HTTP/1.1\r\n" HOST "\r\n");
    refuses(FR_E_METHOD, "G\xc3\x89T / HTTP/1.1\r\n" HOST "\r\n");
}

TEST(what_cannot_be_http_is_refused_before_its_line_ends)
{
    refuses(FR_E_METHOD, "\x16\x03\x01\x02");
    refuses(FR_E_METHOD, "{");
    refuses(0, "G\x01");
}

TEST(request_lines)
{
    refuses(FR_E_REQUEST_LINE, "GET\r\n");
    refuses(FR_E_REQUEST_LINE, "GET /\r\n");
    refuses(FR_E_REQUEST_LINE, "GET \r\n");
    refuses(FR_E_REQUEST_LINE, "GET  / HTTP/1.1\r\n");
    refuses(FR_E_REQUEST_LINE, "GET /  HTTP/1.1\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / HTTP/1.1 \r\n");
    refuses(FR_E_REQUEST_LINE, "GET / a HTTP/1.1\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / HTTP/1.1x\r\n");
    refuses(FR_E_TARGET, "GET /\tHTTP/1.1\r\n");
    refuses(FR_E_TARGET, "GET /\x7f HTTP/1.1\r\n");
    refuses(FR_E_TARGET, "GET /\x01 HTTP/1.1\r\n");
    expect(FR_SPAN("GET /\0 HTTP/1.1\r\n"), FR_E_TARGET);
}

TEST(versions)
{
    accepts("GET / HTTP/1.0\r\n\r\n", "version=1.0");
    accepts(GET HOST "\r\n", "version=1.1");
    refuses(FR_E_VERSION, "GET / HTTP/1.2\r\n");
    refuses(FR_E_VERSION, "GET / HTTP/2.0\r\n");
    refuses(FR_E_VERSION, "GET / HTTP/0.9\r\n");
    refuses(FR_E_VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / http/1.1\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / HTTP/1.10\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / HTTP/11\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / HTTP/1\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / HTTP\r\n");
    refuses(FR_E_REQUEST_LINE, "GET / ICY/1.1\r\n");
}

TEST(targets)
{
    accepts("GET /a%20b/\xc3\xa9?x=[1]|2 HTTP/1.1\r\n" HOST "\r\n", "path=/a%20b/\xc3\xa9");
    accepts("GET http://b:81/x?y HTTP/1.1\r\n" HOST "\r\n", "authority=b:81");
    accepts("GET http://b:81/x?y HTTP/1.1\r\n" HOST "\r\n", "path=/x");
    accepts("GET HTTPS://b HTTP/1.1\r\n" HOST "\r\n", "path=/");
    accepts("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "path=*");
    refuses(FR_E_TARGET, "GET * HTTP/1.1\r\n");
    refuses(FR_E_TARGET, "GET a HTTP/1.1\r\n");
    refuses(FR_E_TARGET, "GET /#a HTTP/1.1\r\n");
    refuses(FR_E_TARGET, "GET http://u@b/ HTTP/1.1\r\n");
    refuses(FR_E_TARGET, "GET a:80 HTTP/1.1\r\n");
}

TEST(empty_lines_before_the_request_line)
{
    accepts("\r\n" GET HOST "\r\n", "method=GET");
    accepts("\r\n\r\n\r\n\r\n" GET HOST "\r\n", "method=GET");
    refuses(FR_E_REQUEST_LINE, "\r\n\r\n\r\n\r\n\r\n" GET HOST "\r\n");
    refuses(FR_E_LINE_ENDING, "\n" GET HOST "\r\n");
    refuses(FR_E_LINE_ENDING, "\rGET / HTTP/1.1\r\n");
    refuses(FR_E_LINE_ENDING, "\r\r\n");
    refuses(0, "\r\n\r");
}

TEST(line_endings)
{
    refuses(FR_E_LINE_ENDING, "GET / HTTP/1.1\n" HOST "\r\n");
    refuses(FR_E_LINE_ENDING, "GET / HTTP/1.1\r" HOST "\r\n");
    refuses(FR_E_LINE_ENDING, "GET / HTTP/1.1\r\r\n" HOST "\r\n");
    refuses(FR_E_LINE_ENDING, "GET /\n");
    refuses(FR_E_LINE_ENDING, "GET\n");
    refuses(FR_E_LINE_ENDING, "GET /\rx HTTP/1.1\r\n");
    refuses(FR_E_LINE_ENDING, GET "Host: a\n\r\n");
    refuses(FR_E_LINE_ENDING, GET "Host: a\rb\r\n\r\n");
    refuses(FR_E_LINE_ENDING, GET "Host: a\r\r\n\r\n");
    refuses(FR_E_LINE_ENDING, GET "Host\n\r\n");
    refuses(FR_E_LINE_ENDING, GET "Ho\rst: a\r\n\r\n");
    refuses(FR_E_LINE_ENDING, GET HOST "\n");
    refuses(FR_E_LINE_ENDING, GET HOST "\rX\n");
}

TEST(field_names)
{
    accepts(GET HOST "!#$%&'*+-.^_`|~09azAZ: v\r\n\r\n", "name=!#$%&'*+-.^_`|~09azAZ");
    refuses(FR_E_HEADER_NAME, GET "Host : a\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET "Host\t: a\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET ": a\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET "Host\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET "Ho st: a\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET "H\xc3\xb6st: a\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET "H(st): a\r\n\r\n");
    refuses(FR_E_HEADER_NAME, GET "\"Host\": a\r\n\r\n");
    expect(FR_SPAN(GET "Ho\0st: a\r\n\r\n"), FR_E_HEADER_NAME);
}

TEST(field_values)
{
    accepts(GET HOST "A:\r\n\r\n", "value=");
    accepts(GET HOST "A: \t \r\n\r\n", "value=");
    accepts(GET HOST "A:b\r\n\r\n", "value=b");
    accepts(GET HOST "A: \t b \tc\t \r\n\r\n", "value=b \tc");
    accepts(GET HOST "A: \xc3\xa9\xff\x80\r\n\r\n", "value=\xc3\xa9\xff\x80");
    accepts(GET HOST "A: b: c:\r\n\r\n", "value=b: c:");
    refuses(FR_E_HEADER_VALUE, GET "A: \x01\r\n\r\n");
    refuses(FR_E_HEADER_VALUE, GET "A: \x7f\r\n\r\n");
    refuses(FR_E_HEADER_VALUE, GET "A: abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\x1f\r\n\r\n");
    expect(FR_SPAN(GET "A: \0\r\n\r\n"), FR_E_HEADER_VALUE);
}

TEST(line_folding)
{
    refuses(FR_E_LINE_FOLDING, GET HOST "A: b\r\n c\r\n\r\n");
    refuses(FR_E_LINE_FOLDING, GET HOST "A: b\r\n\tc\r\n\r\n");
    refuses(FR_E_LINE_FOLDING, GET " Host: a\r\n\r\n");
}

TEST(heads_that_are_not_complete)
{
    refuses(0, "");
    refuses(0, "GET");
    refuses(0, GET);
    refuses(0, GET HOST);
    refuses(0, GET HOST "\r");
    refuses(0, GET HOST "A\x01 : ");
}

TEST(host)
{
    accepts(GET "Host:\r\n\r\n", "authority=");
    accepts(GET "Host: [::1]:8000\r\n\r\n", "authority=[::1]:8000");
    refuses(FR_E_HOST, GET "\r\n");
    refuses(FR_E_HOST, GET HOST HOST "\r\n");
    refuses(FR_E_HOST, GET "Host: a, b\r\n\r\n");
    refuses(FR_E_HOST, GET "Host: a/b\r\n\r\n");
    refuses(FR_E_HOST, "GET http://b/ HTTP/1.1\r\n\r\n");
    refuses(FR_E_HOST, "GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n");
    accepts("GET / HTTP/1.0\r\n\r\n", "authority=");
    refuses(FR_E_HOST, "GET / HTTP/1.0\r\n" HOST HOST "\r\n");
}

TEST(the_body_of_a_request)
{
    accepts(GET HOST "\r\n", "body=0");
    accepts(POST "Content-Length: 42\r\n\r\n", "body=42");
    accepts(POST "content-length: 0042\r\n\r\n", "body=42");
    accepts(POST "Transfer-Encoding: chunked\r\n\r\n", "body=-1");
    refuses(FR_E_CONTENT_LENGTH, POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
    refuses(FR_E_CONTENT_LENGTH, POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n");
    refuses(FR_E_TRANSFER_ENCODING, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
}

/* `start`, `count` times `byte`, `end`. */
static void fill(char *out, const char *start, char byte, size_t count, const char *end)
{
    size_t len = strlen(start);
    memcpy(out, start, len);
    memset(out + len, byte, count);
    memcpy(out + len + count, end, strlen(end) + 1);
}

TEST(a_request_line_of_the_limit_and_of_one_byte_more)
{
    char bytes[512];
    limits.request_line_bytes_max = 64;
    size_t around = strlen("GET / HTTP/1.1");
    fill(bytes, "GET /", 'a', 64 - around, " HTTP/1.1\r\n" HOST "\r\n");
    accepts(bytes, "method=GET");
    fill(bytes, "GET /", 'a', 65 - around, " HTTP/1.1\r\n" HOST "\r\n");
    refuses(FR_E_REQUEST_LINE_TOO_LONG, bytes);
    fill(bytes, "GET /", 'a', 200, "");
    refuses(FR_E_REQUEST_LINE_TOO_LONG, bytes);
    fill(bytes, "GET /", '\x01', 200, "\r\n");
    refuses(FR_E_REQUEST_LINE_TOO_LONG, bytes);
    fill(bytes, "GET /", 'a', 64 - 5, "\r");
    refuses(0, bytes);
    fill(bytes, "GET /", 'a', 64 - 5, "\r\r");
    refuses(FR_E_REQUEST_LINE_TOO_LONG, bytes);
}

TEST(a_field_of_the_limit_and_of_one_byte_more)
{
    char bytes[512];
    limits.field_bytes_max = 64;
    fill(bytes, GET HOST "A: ", 'b', 61, "\r\nC: d\r\n\r\n");
    accepts(bytes, "value=d");
    fill(bytes, GET HOST "A: ", 'b', 62, "\r\nC: d\r\n\r\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, GET HOST "A: ", 'b', 62, "\r\nC d\r\n\r\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, GET HOST "A: b", ' ', 62, "\r\n\r\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, GET HOST "A: ", 'b', 62, "");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, GET HOST "", 'b', 65, "");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
}

TEST(a_head_of_the_limit_and_of_one_byte_more)
{
    char bytes[512];
    limits.head_bytes_max = 128;
    size_t around = strlen(GET HOST "A: \r\n\r\n");
    fill(bytes, GET HOST "A: ", 'b', 128 - around, "\r\n\r\n");
    accepts(bytes, "method=GET");
    fill(bytes, GET HOST "A: ", 'b', 129 - around, "\r\n\r\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, "\r\n" GET HOST "A: ", 'b', 128 - around, "\r\n\r\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, GET HOST "A: ", 'b', 200, "\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
    fill(bytes, GET HOST "A: ", 'b', 131 - around, "\r\nb\r\n");
    refuses(FR_E_HEAD_TOO_LARGE, bytes);
}

TEST(as_many_fields_as_the_limit_and_one_more)
{
    limits.fields_max = 3;
    accepts(GET HOST "A: b\r\nC: d\r\n\r\n", "value=d");
    refuses(FR_E_TOO_MANY_FIELDS, GET HOST "A: b\r\nC: d\r\nE: f\r\n\r\n");
    refuses(FR_E_TOO_MANY_FIELDS, GET HOST "A: b\r\nC: d\r\nE");
    refuses(FR_E_LINE_ENDING, GET HOST "A: b\r\nC: d\r\n\n");
}

TEST(the_array_of_fields_is_a_limit_too)
{
    struct fr_header fields[2];
    struct fr_request_head head = {.headers = fields, .header_capacity = 2};
    struct fr_request_parser parser;
    fr_request_parser_reset(&parser);
    EQUAL(fr_request_parse(&parser, &limits, FR_SPAN(GET HOST "A: b\r\nC: d\r\n\r\n"), &head), FR_E_TOO_MANY_FIELDS);
}

TEST(a_head_of_a_browser)
{
    accepts("GET /static/app.js?v=3 HTTP/1.1\r\n"
            "Host: www.example.com\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
            "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
            "Accept-Language: en-US,en;q=0.5\r\n"
            "Accept-Encoding: gzip, deflate, br, zstd\r\n"
            "Referer: https://www.example.com/a/rather/long/path/to/somewhere?with=query\r\n"
            "Connection: keep-alive\r\n"
            "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.1.123456789.1234567890\r\n"
            "Upgrade-Insecure-Requests: 1\r\n"
            "Sec-Fetch-Dest: document\r\n"
            "Sec-Fetch-Mode: navigate\r\n"
            "If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\r\n",
            "value=en-US,en;q=0.5");
}
