/* server/worker.c: what is spoken behind which door. */
#include "server/worker.h"

#include "house.h"
#include "http1/connection.h"
#include "http2/session.h"

#define PREFACE FR_HTTP2_PREFACE

static void ask(int client, const char *text)
{
    EQUAL(send(client, text, strlen(text), 0), (long long)strlen(text));
}

TEST(a_door_that_redirects_knows_no_application)
{
    struct house house;
    prepare_house(&house);
    house.binds[0].redirect_port = 8443;
    open_house(&house);
    int client = connect_tcp(&house);
    ask(client, "GET /x?y HTTP/1.1\r\nHost: example.org:8080\r\n\r\n");
    const char *text = read_answer(&house, client, "https.\r\n");
    IS(strncmp(text, "HTTP/1.1 308 ", 13) == 0);
    IS(strstr(text, "\r\nLocation: https://example.org:8443/x?y\r\n"));
    expect_hi(&house, connect_unix(&house)); /* the other one is as ever */
    EQUAL(fr_worker_stats(house.worker)->responses_3xx, 1);
    close_house(&house);
}

TEST(a_door_that_redirects_speaks_one_language)
{
    struct house house;
    prepare_house(&house);
    house.binds[0].redirect_port = 443;
    house.config.http2 = true;
    open_house(&house);
    int client = connect_tcp(&house);
    ask(client, "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    IS(strstr(read_answer(&house, client, "https.\r\n"), "\r\nLocation: https://example.org/\r\n"));
    client = connect_tcp(&house);
    ask(client, PREFACE);
    IS(strncmp(read_answer(&house, client, ""), "HTTP/1.1 505 ", 13) == 0);
    close_house(&house);
}

TEST(where_only_http2_is_spoken_others_are_told)
{
    struct house house;
    prepare_house(&house);
    house.config.http2 = true;
    open_house(&house);
    int client = connect_tcp(&house);
    send_request(client);
    const char *text = read_answer(&house, client, "only.\r\n");
    IS(strncmp(text, "HTTP/1.1 505 ", 13) == 0);
    IS(strstr(text, "\r\nConnection: close\r\n"));
    EQUAL(fr_worker_stats(house.worker)->requests_refused, 1);
    EQUAL(fr_worker_stats(house.worker)->requests_begun, 0);
    close_house(&house);
}

TEST(who_is_told_of_neither_speaks_http1)
{
    struct house house;
    prepare_house(&house);
    house.config.http1 = house.config.http2 = false;
    open_house(&house);
    expect_hi(&house, connect_tcp(&house));
    int client = connect_tcp(&house);
    ask(client, PREFACE);
    IS(strncmp(read_answer(&house, client, ""), "HTTP/1.1 505 ", 13) == 0);
    close_house(&house);
}

TEST(http2_takes_the_place_of_http1)
{
    IS(fr_http2.size <= fr_http1.size); /* whoever does not choose it pays nothing for it */
}

/* A request by hand (RFC 9113 section 4.1; RFC 7541 appendix A): the preface, SETTINGS, HEADERS of "GET http://a/". */
static const char by_hand[] = PREFACE "\0\0\0\4\0\0\0\0\0"
                                      "\0\0\6\1\5\0\0\0\1"
                                      "\x82\x86\x84\x41\1a";

TEST(whoever_opens_with_http2_is_answered_in_it)
{
    static const char settings[] = "\4\0\0\0\0\0";
    struct house house;
    prepare_house(&house);
    house.config.http1 = house.config.http2 = true;
    open_house(&house);
    int client = connect_tcp(&house);
    EQUAL(send(client, by_hand, sizeof by_hand - 1, 0), (long long)sizeof by_hand - 1);
    char text[2000];
    size_t len = 0;
    for (int turns = 0; len < 2 || memcmp(text + len - 2, "hi", 2) != 0; turns++) {
        IS(turns < TURNS_MAX);
        fr_worker_turn(house.worker, 1);
        ssize_t count = recv(client, text + len, sizeof text - len, MSG_DONTWAIT);
        IS(count > 0 || errno == EAGAIN);
        len += count > 0 ? (size_t)count : 0;
    }
    EQUAL(memcmp(text + 3, settings, sizeof settings - 1), 0);
    expect_hi(&house, connect_tcp(&house)); /* and whoever does not is not */
    EQUAL(fr_worker_stats(house.worker)->responses_2xx, 2);
    close_house(&house);
}
