/* server/refusal.c: what a full worker says, and that the peer can read it. */
#include "server/refusal.h"

#include "stage.h"

TEST(the_answer_is_complete_and_the_connection_lingers)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &fr_refusal);
    SAME(memory_take(stage.loop, end, 1000), "HTTP/1.1 503 Service Unavailable\r\n"
                                             "Content-Type: text/plain; charset=utf-8\r\n"
                                             "Content-Length: 40\r\n"
                                             "Retry-After: 1\r\n"
                                             "Connection: close\r\n"
                                             "\r\n"
                                             "The server is busy. Try again, please.\r\n");
    IS(memory_has_ended(stage.loop, end));
    IS(!memory_has_closed(stage.loop, end));
    memory_send(stage.loop, end, FR_SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    stage_turn(&stage);
    memory_end(stage.loop, end);
    stage_turn(&stage);
    IS(memory_has_closed(stage.loop, end));
    EQUAL(memory_take(stage.loop, end, 1000).len, 0);
    EQUAL(stage.stats.requests_begun, 0);
    IS(strstr(stage.said, "the worker is at its limit of connections"));
    stage_close(&stage);
}

TEST(date_and_server_follow_the_policy)
{
    struct stage stage;
    stage_open(&stage, NULL);
    fr_loop_clock(stage.loop)->wall_s = 784111777;
    stage.policy = (struct fr_response_policy){.server = FR_SPAN("freastal"), .date = true};
    int end = stage_connect(&stage, &fr_refusal);
    SAME(memory_take(stage.loop, end, 1000), "HTTP/1.1 503 Service Unavailable\r\n"
                                             "Content-Type: text/plain; charset=utf-8\r\n"
                                             "Content-Length: 40\r\n"
                                             "Retry-After: 1\r\n"
                                             "Connection: close\r\n"
                                             "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                             "Server: freastal\r\n"
                                             "\r\n"
                                             "The server is busy. Try again, please.\r\n");
    stage_wait(&stage, stage.limits.linger_timeout_ms + 100);
    IS(memory_has_closed(stage.loop, end));
    stage_close(&stage);
}

TEST(one_who_reads_nothing_is_closed_all_the_same)
{
    struct stage stage;
    int ends[2];
    stage_open(&stage, NULL);
    memory_pair(stage.loop, ends);
    memory_set_capacity(stage.loop, ends[1], 10);
    stage_enter(&stage, &fr_refusal, ends[0]);
    stage_wait(&stage, stage.limits.write_timeout_ms + 100);
    IS(memory_has_closed(stage.loop, ends[1]));
    stage_close(&stage);
}

TEST(they_fit_into_the_place_of_any_protocol)
{
    EQUAL(fr_refusal.size, sizeof(struct fr_protocol));
    EQUAL(fr_refusal_of_version.size, sizeof(struct fr_protocol));
    EQUAL(fr_refusal_of_plain_http.size, sizeof(struct fr_protocol));
    EQUAL(fr_refusal_by_alert.size, sizeof(struct fr_protocol));
}

TEST(where_only_http2_is_spoken_others_are_told)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &fr_refusal_of_version);
    EQUAL(memory_take(stage.loop, end, 1000).len, 0); /* it may yet be HTTP/2 that comes */
    memory_send(stage.loop, end, FR_SPAN("GET / HTTP/1.1\r\n"));
    stage_turn(&stage);
    SAME(memory_take(stage.loop, end, 1000), "HTTP/1.1 505 HTTP Version Not Supported\r\n"
                                             "Content-Type: text/plain; charset=utf-8\r\n"
                                             "Content-Length: 33\r\n"
                                             "Connection: close\r\n"
                                             "\r\n"
                                             "This server speaks HTTP/2 only.\r\n");
    IS(memory_has_ended(stage.loop, end));
    EQUAL(stage.stats.requests_refused, 1);
    EQUAL(stage.stats.responses_5xx, 1);
    memory_end(stage.loop, end);
    stage_turn(&stage);
    IS(memory_has_closed(stage.loop, end));
    stage_close(&stage);
}

TEST(whoever_says_nothing_is_told_nothing)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &fr_refusal_of_version);
    stage_wait(&stage, stage.limits.head_timeout_ms - 100);
    IS(!memory_has_closed(stage.loop, end));
    stage_wait(&stage, 200);
    IS(memory_has_closed(stage.loop, end));
    EQUAL(memory_take(stage.loop, end, 1000).len, 0);
    IS(strstr(stage.said, "the request head did not arrive in time"));
    end = stage_connect(&stage, &fr_refusal_of_version);
    memory_end(stage.loop, end);
    stage_turn(&stage);
    IS(memory_has_closed(stage.loop, end));
    stage_close(&stage);
}

/* What is said to plain HTTP that begins with `bytes`. */
static const char *place_said_to(fr_span bytes)
{
    static char text[8192];
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &fr_refusal_of_plain_http);
    memory_send(stage.loop, end, bytes);
    stage_turn(&stage);
    fr_span answer = memory_take(stage.loop, end, sizeof text - 1);
    memcpy(text, answer.data, answer.len);
    text[answer.len] = 0;
    memory_end(stage.loop, end);
    stage_turn(&stage);
    stage_close(&stage);
    IS(strncmp(text, "HTTP/1.1 400 Bad Request\r\n", 26) == 0);
    const char *body = strstr(text, "\r\n\r\n");
    IS(body);
    return body + 4;
}

static void expect_place(const char *request, const char *place)
{
    char body[200];
    snprintf(body, sizeof body, "This port speaks TLS%s%s\r\n", place ? ": https://" : ".", place ? place : "");
    SAME(fr_span_of_string(place_said_to(fr_span_of_string(request))), body);
}

TEST(plain_http_hears_where_it_wanted_to_go)
{
    expect_place("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a/");
    expect_place("GET /b?c HTTP/1.1\nX: y\nHOST:  a:1  \n", "a:1/b?c");
    expect_place("GET /b?c HTTP/1.1\r\nHost: [::1]:8443\r\n", "[::1]:8443/b?c");
    expect_place("GET /b", NULL);
    expect_place("GET /b HTTP/1.1\r\nHost: a", NULL); /* the line is not whole */
    expect_place("GET /b HTTP/1.1\r\n\r\nHost: a\r\n", NULL);
    expect_place("GET /b HTTP/1.1\r\nXHost: a\r\n\r\n", NULL);
    expect_place("GET /b HTTP/1.1\r\nHost: a@b\r\n\r\n", NULL);
    expect_place("GET /b HTTP/1.1\r\nHost: a\x1b[2J\r\n\r\n", NULL);
    expect_place("GET /\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    expect_place("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    expect_place("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    expect_place("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    expect_place("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    expect_place("x", NULL);
    expect_place("\r\n", NULL);
    expect_place("   ", NULL);
}

TEST(a_glance_has_an_end)
{
    static char request[20000];
    size_t len = (size_t)snprintf(request, sizeof request, "GET /");
    memset(request + len, 'a', 3900);
    len += 3900;
    len += (size_t)snprintf(request + len, 200, " HTTP/1.1\r\nHost: a\r\n\r\n");
    IS(strstr(place_said_to(fr_span_of(request, len)), "https://a/aaa"));
    memset(request + 5, 'a', sizeof request - 5);
    SAME(fr_span_of_string(place_said_to(fr_span_of(request, sizeof request))), "This port speaks TLS.\r\n");
}

TEST(an_alert_needs_no_words)
{
    struct stage stage;
    stage_open(&stage, NULL);
    int end = stage_connect(&stage, &fr_refusal_by_alert);
    IS(memory_has_ended(stage.loop, end));
    IS(!memory_has_closed(stage.loop, end));
    stage_wait(&stage, stage.limits.linger_timeout_ms + 100);
    IS(memory_has_closed(stage.loop, end));
    IS(strstr(stage.said, "the TLS handshake or a record failed"));
    stage_close(&stage);
}
