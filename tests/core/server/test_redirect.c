/* server/redirect.c: the same host, path and query on https, whatever the request looks like. */
#include "server/redirect.h"

#include "http1/connection.h"
#include "stage.h"

/* What the first line, Location and the rest of the answer to `request` are. */
static const char *ask(uint16_t port, const char *request)
{
    static char answer[65536];
    struct fr_redirect redirect;
    struct stage stage;
    fr_redirect_init(&redirect, port);
    stage_open(&stage, &redirect.application);
    int end = stage_connect(&stage, &fr_http1);
    memory_send(stage.loop, end, fr_span_of_string(request));
    stage_turn(&stage);
    fr_span text = memory_take(stage.loop, end, sizeof answer - 1);
    memcpy(answer, text.data, text.len);
    answer[text.len] = 0;
    memory_end(stage.loop, end);
    stage_turn(&stage);
    stage_close(&stage);
    return answer;
}

static void expect_place(uint16_t port, const char *request, const char *place)
{
    char field[1000];
    const char *answer = ask(port, request);
    snprintf(field, sizeof field, "\r\nLocation: %s\r\n", place);
    if (strncmp(answer, "HTTP/1.1 308 Permanent Redirect\r\n", 33) != 0 || !strstr(answer, field))
        UNIT_FAIL("not to %s:\n%s", place, answer);
}

static void expect_host(uint16_t port, const char *host, const char *place)
{
    char request[1000];
    snprintf(request, sizeof request, "GET /a HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    expect_place(port, request, place);
}

TEST(the_host_stays_and_the_port_is_ours)
{
    expect_host(443, "example.org", "https://example.org/a");
    expect_host(443, "example.org:80", "https://example.org/a");
    expect_host(8443, "example.org", "https://example.org:8443/a");
    expect_host(8443, "example.org:8000", "https://example.org:8443/a");
    expect_host(8443, "example.org:", "https://example.org:8443/a");
    expect_host(443, "192.0.2.1:80", "https://192.0.2.1/a");
    expect_host(443, "[2001:db8::1]", "https://[2001:db8::1]/a");
    expect_host(8443, "[2001:db8::1]:8000", "https://[2001:db8::1]:8443/a");
}

TEST(path_and_query_stay)
{
    expect_place(443, "GET /a%20b/?c=%2F&d HTTP/1.1\r\nHost: h\r\n\r\n", "https://h/a%20b/?c=%2F&d");
    expect_place(443, "GET //evil.example/ HTTP/1.1\r\nHost: h\r\n\r\n", "https://h//evil.example/");
    expect_place(443, "GET /\xc3\xa4?\"<> HTTP/1.1\r\nHost: h\r\n\r\n", "https://h/%C3%A4?%22%3C%3E");
    expect_place(443, "GET http://other:81/x?y HTTP/1.1\r\nHost: h\r\n\r\n", "https://other/x?y");
    expect_place(443, "GET http://other HTTP/1.1\r\nHost: h\r\n\r\n", "https://other/");
    expect_place(443, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "https://h");
}

TEST(every_method_is_sent_there)
{
    expect_place(443, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "https://h/p");
    expect_place(443, "HEAD /p HTTP/1.1\r\nHost: h\r\n\r\n", "https://h/p");
    IS(strstr(ask(443, "HEAD /p HTTP/1.1\r\nHost: h\r\n\r\n"), "\r\nContent-Length: 27\r\n"));
}

TEST(without_a_host_there_is_no_place)
{
    IS(strncmp(ask(443, "GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    IS(strncmp(ask(443, "GET / HTTP/1.1\r\nHost:\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    IS(strncmp(ask(443, "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    IS(strncmp(ask(443, "GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    IS(strncmp(ask(443, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    IS(strncmp(ask(443, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), "HTTP/1.1 400 ", 13) == 0);
    IS(!strstr(ask(443, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "Location"));
}

TEST(a_long_target_is_not_cut)
{
    enum { PATH_BYTES = 8000 };
    static char request[PATH_BYTES + 100];
    size_t len = (size_t)snprintf(request, sizeof request, "GET /");
    memset(request + len, 0xe4, PATH_BYTES);
    snprintf(request + len + PATH_BYTES, 90, " HTTP/1.1\r\nHost: h\r\n\r\n");
    const char *place = strstr(ask(443, request), "https://h/");
    IS(place);
    for (int i = 0; i < PATH_BYTES; i++)
        IS(strncmp(place + 10 + 3 * i, "%E4", 3) == 0);
    IS(strncmp(place + 10 + 3 * PATH_BYTES, "\r\n", 2) == 0);
}

TEST(requests_follow_one_another)
{
    const char *answer = ask(443, "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                  "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    IS(strstr(answer, "Location: https://h/1\r\n"));
    IS(strstr(answer, "Location: https://h/2\r\n"));
}
