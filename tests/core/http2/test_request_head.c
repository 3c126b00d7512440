/* http2/request_head.c: what an application is told, and what is refused with which status. */
#include "http2/request_head.h"

#include "unit.h"

struct desk {
    struct fr_limits limits;
    struct fr_pool *pool;
    struct fr_head_draft *draft;
};

static void open_desk(struct desk *desk)
{
    fr_limits_init(&desk->limits);
    desk->pool = fr_pool_open(1u << 20);
    desk->draft = fr_head_draft_open(desk->pool, &desk->limits);
}

static void close_desk(struct desk *desk)
{
    fr_head_draft_close(desk->draft);
    EQUAL(fr_pool_taken(desk->pool), 0);
    fr_pool_close(desk->pool);
}

/* Names and values in turn, up to NULL; each in memory that is gone afterwards. */
static void add(struct desk *desk, const char *const *texts)
{
    for (; *texts; texts += 2) {
        char *name = strdup(texts[0]), *value = strdup(texts[1]);
        fr_head_draft_add(desk->draft, fr_span_of_string(name), fr_span_of_string(value));
        free(name);
        free(value);
    }
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static int judge(bool ended, const char *const *texts)
{
    struct desk desk;
    open_desk(&desk);
    add(&desk, texts);
    int error = fr_head_draft_finish(desk.draft, ended);
    close_desk(&desk);
    return error;
}

#define GET(path) ":method", "GET", ":scheme", "https", ":path", path, ":authority", "example.org"
#define CONNECT(protocol) \
    ":method", "CONNECT", ":protocol", protocol, ":scheme", "https", ":path", "/chat?a", ":authority", "example.org"

TEST(a_head_is_what_http_1_would_say)
{
    struct desk desk;
    open_desk(&desk);
    add(&desk, FIELDS(GET("/a%20b?c=d&e"), "user-agent", "x", "x-other", "\xe4"));
    EQUAL(fr_head_draft_finish(desk.draft, true), 0);
    const struct fr_request_head *head = &desk.draft->head;
    EQUAL(head->method, FR_METHOD_GET);
    EQUAL(head->version, FR_HTTP_2);
    EQUAL(head->form, FR_TARGET_ORIGIN);
    SAME(head->method_text, "GET");
    SAME(head->target, "/a%20b?c=d&e");
    SAME(head->path, "/a%20b");
    SAME(head->query, "c=d&e");
    SAME(head->authority, "example.org");
    SAME(head->scheme, "https");
    SAME(head->protocol, "");
    EQUAL(head->body_length, FR_BODY_NONE);
    IS(head->keep_alive && !head->expect_continue && !head->upgrade);
    EQUAL(head->header_count, 2);
    EQUAL(head->headers[0].known, FR_HEADER_USER_AGENT);
    SAME(head->headers[0].value, "x");
    EQUAL(head->headers[1].known, FR_HEADER_OTHER);
    SAME(head->headers[1].name, "x-other");
    close_desk(&desk);
}

TEST(the_other_forms_of_a_target)
{
    EQUAL(judge(true, FIELDS(":method", "OPTIONS", ":scheme", "http", ":path", "*", ":authority", "a")), 0);
    EQUAL(judge(true, FIELDS(GET("*"))), FR_E_TARGET);
    EQUAL(judge(true, FIELDS(GET("http://b/"))), FR_E_TARGET);
    EQUAL(judge(true, FIELDS(GET("/a#b"))), FR_E_TARGET);
    EQUAL(judge(true, FIELDS(GET("/a b"))), FR_E_TARGET);
    EQUAL(judge(true, FIELDS(GET(""))), FR_E_TARGET);
    EQUAL(judge(true, FIELDS(":method", "GET", ":scheme", "ftp", ":path", "/", ":authority", "a")), FR_E_TARGET);
}

TEST(connect_is_for_websockets)
{
    struct desk desk;
    open_desk(&desk);
    add(&desk, FIELDS(CONNECT("websocket"), "sec-websocket-version", "13"));
    EQUAL(fr_head_draft_finish(desk.draft, false), 0);
    const struct fr_request_head *head = &desk.draft->head;
    EQUAL(head->method, FR_METHOD_CONNECT);
    SAME(head->protocol, "websocket");
    SAME(head->path, "/chat");
    SAME(head->query, "a");
    EQUAL(head->body_length, FR_BODY_NONE);
    close_desk(&desk);
    EQUAL(judge(false, FIELDS(CONNECT("connect-udp"))), FR_E_METHOD_REFUSED);
    EQUAL(judge(false, FIELDS(":method", "CONNECT", ":authority", "a:443")), FR_E_METHOD_REFUSED);
    EQUAL(judge(true, FIELDS(GET("/"), ":protocol", "websocket")), FR_E_METHOD);
}

TEST(methods_are_tokens_of_some_length)
{
    EQUAL(judge(true, FIELDS(":method", "PURGE", ":scheme", "http", ":path", "/", ":authority", "a")), 0);
    EQUAL(judge(true, FIELDS(":method", "G T", ":scheme", "http", ":path", "/", ":authority", "a")), FR_E_METHOD);
    EQUAL(
        judge(true, FIELDS(":method", "ABCDEFGHIJKLMNOPQRSTUVWXY", ":scheme", "http", ":path", "/", ":authority", "a")),
        FR_E_METHOD_REFUSED);
}

TEST(host_and_authority_agree)
{
    struct desk desk;
    EQUAL(judge(true, FIELDS(GET("/"), "host", "EXAMPLE.org")), 0);
    EQUAL(judge(true, FIELDS(GET("/"), "host", "example.com")), FR_E_HOST);
    EQUAL(judge(true, FIELDS(GET("/"), "host", "example.org:443")), FR_E_HOST);
    EQUAL(judge(true, FIELDS(GET("/"), "host", "example.org", "host", "example.org")), FR_E_HOST);
    EQUAL(judge(true, FIELDS(":method", "GET", ":scheme", "http", ":path", "/")), FR_E_HOST);
    EQUAL(judge(true, FIELDS(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u@a")), FR_E_HOST);
    EQUAL(judge(true, FIELDS(":method", "GET", ":scheme", "http", ":path", "/", "host", "a/b")), FR_E_HOST);
    open_desk(&desk);
    add(&desk, FIELDS(":method", "GET", ":scheme", "http", ":path", "/", "host", "[::1]:80"));
    EQUAL(fr_head_draft_finish(desk.draft, true), 0);
    SAME(desk.draft->head.authority, "[::1]:80");
    close_desk(&desk);
}

static int64_t length_of(bool ended, const char *const *texts)
{
    struct desk desk;
    open_desk(&desk);
    add(&desk, texts);
    EQUAL(fr_head_draft_finish(desk.draft, ended), 0);
    int64_t length = desk.draft->head.body_length;
    bool expects = desk.draft->head.expect_continue;
    IS(!expects || length != FR_BODY_NONE);
    close_desk(&desk);
    return expects ? length + 1000 : length;
}

TEST(the_length_of_the_body)
{
    EQUAL(length_of(false, FIELDS(GET("/"))), FR_BODY_CHUNKED);
    EQUAL(length_of(true, FIELDS(GET("/"))), FR_BODY_NONE);
    EQUAL(length_of(false, FIELDS(GET("/"), "content-length", "5")), 5);
    EQUAL(length_of(false, FIELDS(GET("/"), "content-length", "0")), FR_BODY_NONE);
    EQUAL(length_of(true, FIELDS(GET("/"), "content-length", "0")), FR_BODY_NONE);
    EQUAL(length_of(false, FIELDS(GET("/"), "content-length", "5", "expect", "100-Continue")), 1005);
    EQUAL(length_of(true, FIELDS(GET("/"), "expect", "100-continue")), FR_BODY_NONE);
    EQUAL(judge(true, FIELDS(GET("/"), "content-length", "5")), FR_E_CONTENT_LENGTH);
    EQUAL(judge(false, FIELDS(GET("/"), "content-length", "5,5")), FR_E_CONTENT_LENGTH);
    EQUAL(judge(false, FIELDS(GET("/"), "content-length", "5", "content-length", "5")), FR_E_CONTENT_LENGTH);
    EQUAL(judge(false, FIELDS(GET("/"), "content-length", "1073741825")), FR_E_BODY_TOO_LARGE);
    EQUAL(judge(false, FIELDS(GET("/"), "expect", "tea")), FR_E_EXPECTATION);
}

TEST(crumbs_become_one_cookie)
{
    struct desk desk;
    open_desk(&desk);
    add(&desk, FIELDS(GET("/"), "cookie", "a=1", "cookie", "b=2", "x", "y", "cookie", "", "cookie", "c=3"));
    EQUAL(fr_head_draft_finish(desk.draft, true), 0);
    EQUAL(desk.draft->head.header_count, 2);
    EQUAL(desk.draft->head.headers[0].known, FR_HEADER_COOKIE);
    SAME(desk.draft->head.headers[0].value, "a=1; b=2; ; c=3");
    SAME(desk.draft->head.headers[1].value, "y");
    close_desk(&desk);
}

TEST(crumbs_count_as_one_field_and_one_line)
{
    struct desk desk;
    open_desk(&desk);
    add(&desk, FIELDS(GET("/")));
    for (int i = 0; i < 300; i++)
        add(&desk, FIELDS("cookie", "aaaaaaaa=bbbbbbbbb"));
    EQUAL(fr_head_draft_finish(desk.draft, true), 0);
    EQUAL(desk.draft->head.header_count, 1);
    EQUAL(desk.draft->head.headers[0].value.len, 300 * 20 - 2);
    for (int i = 0; i < 110; i++)
        add(&desk, FIELDS("cookie", "aaaaaaaa=bbbbbbbbb"));
    EQUAL(fr_head_draft_finish(desk.draft, true), FR_E_HEAD_TOO_LARGE);
    close_desk(&desk);
}

TEST(spans_follow_when_the_bytes_move)
{
    struct desk desk;
    char value[1000];
    open_desk(&desk);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    add(&desk, FIELDS(GET("/path"), "cookie", "a=1", "x-empty", ""));
    for (int i = 0; i < 30; i++)
        add(&desk, FIELDS("x-long", value, "cookie", "b"));
    EQUAL(fr_head_draft_finish(desk.draft, true), 0);
    SAME(desk.draft->head.method_text, "GET");
    SAME(desk.draft->head.path, "/path");
    SAME(desk.draft->head.authority, "example.org");
    SAME(desk.draft->head.headers[1].name, "x-empty");
    EQUAL(desk.draft->head.headers[0].value.len, 3 + 30 * 3);
    for (int i = 2; i < 32; i++)
        SAME(desk.draft->head.headers[i].value, value);
    close_desk(&desk);
}

TEST(limits_are_those_of_http_1)
{
    char line[9000];
    memset(line, 'a', sizeof line);
    line[0] = '/';
    line[8190 - 13] = '\0'; /* "GET /aaa HTTP/1.1" has 8190 bytes */
    EQUAL(judge(true, FIELDS(GET(line))), 0);
    line[8190 - 13] = 'a';
    line[8190 - 12] = '\0';
    EQUAL(judge(true, FIELDS(GET(line))), FR_E_REQUEST_LINE_TOO_LONG);
    memset(line, 'a', sizeof line);
    line[8190 - 3] = '\0'; /* "x: aaa" */
    EQUAL(judge(true, FIELDS(GET("/"), "x", line)), 0);
    line[8190 - 3] = 'a';
    line[8190 - 2] = '\0';
    EQUAL(judge(true, FIELDS(GET("/"), "x", line)), FR_E_HEAD_TOO_LARGE);
}

TEST(fields_are_counted_and_weighed)
{
    struct desk desk;
    char value[1000];
    open_desk(&desk);
    add(&desk, FIELDS(GET("/")));
    for (int i = 0; i < 100; i++)
        add(&desk, FIELDS("x", "y"));
    EQUAL(fr_head_draft_finish(desk.draft, true), 0);
    add(&desk, FIELDS("x", "y"));
    EQUAL(fr_head_draft_finish(desk.draft, true), FR_E_TOO_MANY_FIELDS);
    close_desk(&desk);
    open_desk(&desk);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    add(&desk, FIELDS(GET("/")));
    for (int i = 0; i < 5000; i++)
        add(&desk, FIELDS("x", value));
    EQUAL(fr_head_draft_finish(desk.draft, true), FR_E_HEAD_TOO_LARGE);
    IS(desk.draft->capacity <= 2 * desk.limits.head_bytes_max);
    close_desk(&desk);
}
