/* HTTP/1.1 on connections of server/connection.c: what a peer sees when time passes, or somebody is slow or leaves. */
#include "fakes/echo_application.h"
#include "http1/connection.h"
#include "stage.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"

struct scene {
    struct stage stage;
    struct echo_application echo;
    int end; /* the peer's */
};

static void open_scene(struct scene *scene, enum echo_mode mode)
{
    echo_open(&scene->echo, mode);
    scene->echo.text = FR_SPAN("hi");
    stage_open(&scene->stage, &scene->echo.base);
    scene->end = stage_connect(&scene->stage, &fr_http1);
}

static void close_scene(struct scene *scene)
{
    while (scene->stage.shared.count > 0) {
        fr_connection_close(stage_connection(&scene->stage), FR_CLOSE_STOP);
        stage_turn(&scene->stage);
    }
    echo_close(&scene->echo);
    stage_close(&scene->stage);
}

static void send_text(struct scene *scene, const char *text)
{
    memory_send(scene->stage.loop, scene->end, fr_span_of_string(text));
    stage_turn(&scene->stage);
}

/* All that has arrived, as a string. */
static const char *take_text(struct scene *scene)
{
    static char text[65536];
    fr_span bytes = memory_take(scene->stage.loop, scene->end, sizeof text - 1);
    if (bytes.len)
        memcpy(text, bytes.data, bytes.len);
    text[bytes.len] = 0;
    stage_turn(&scene->stage);
    return text;
}

static unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        count++;
    }
    return count;
}

static void wait_ms(struct scene *scene, uint64_t ms)
{
    stage_wait(&scene->stage, ms);
}

static bool is_open(struct scene *scene)
{
    return !memory_has_closed(scene->stage.loop, scene->end);
}

static void expect_silence_and_close(struct scene *scene)
{
    SAME(fr_span_of_string(take_text(scene)), "");
    IS(!is_open(scene));
}

/* The answer is there, our direction is ended, and what the peer still sends is dropped until it ends. */
static void expect_last_answer(struct scene *scene, const char *start)
{
    const char *text = take_text(scene);
    IS(strncmp(text, start, strlen(start)) == 0);
    IS(strstr(text, "\r\nConnection: close\r\n"));
    IS(memory_has_ended(scene->stage.loop, scene->end));
    IS(is_open(scene));
    send_text(scene, "more");
    memory_end(scene->stage.loop, scene->end);
    stage_turn(&scene->stage);
    expect_silence_and_close(scene);
}

/* ---- time ---- */

TEST(a_silent_peer_is_left_without_a_word)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    wait_ms(&scene, 9900);
    IS(is_open(&scene));
    wait_ms(&scene, 200);
    expect_silence_and_close(&scene);
    close_scene(&scene);
}

TEST(half_a_head_gets_408)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    wait_ms(&scene, 5000);
    send_text(&scene, "GET / HTTP/1.1\r\nHo");
    wait_ms(&scene, 5100);
    expect_last_answer(&scene, "HTTP/1.1 408 Request Timeout\r\n");
    EQUAL(scene.stage.stats.requests_refused, 1);
    close_scene(&scene);
}

TEST(keep_alive_ends_without_a_word)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    for (int i = 0; i < 5; i++) {
        send_text(&scene, GET);
        IS(strstr(take_text(&scene), "\r\n\r\nhi"));
        wait_ms(&scene, 4900);
        IS(is_open(&scene));
    }
    wait_ms(&scene, 200);
    expect_silence_and_close(&scene);
    close_scene(&scene);
}

TEST(half_a_body_gets_408_and_the_application_hears_of_it)
{
    struct scene scene;
    open_scene(&scene, ECHO_ASK);
    send_text(&scene, POST "12345");
    wait_ms(&scene, 29000);
    send_text(&scene, "6");
    wait_ms(&scene, 29900);
    EQUAL(scene.echo.aborts, 0);
    wait_ms(&scene, 200);
    EQUAL(scene.echo.aborts, 1);
    EQUAL(scene.echo.reason, FR_CLOSE_BODY_TIMEOUT);
    echo_let_go(scene.echo.exchange);
    expect_last_answer(&scene, "HTTP/1.1 408 Request Timeout\r\n");
    close_scene(&scene);
}

TEST(an_application_has_all_the_time_it_wants)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    send_text(&scene, GET);
    wait_ms(&scene, 200000);
    EQUAL(fr_exchange_answer_text(scene.echo.exchange, 200, FR_SPAN("late")), 0);
    echo_let_go(scene.echo.exchange);
    stage_turn(&scene.stage);
    IS(strstr(take_text(&scene), "late"));
    wait_ms(&scene, 4900);
    IS(is_open(&scene));
    wait_ms(&scene, 200);
    expect_silence_and_close(&scene);
    close_scene(&scene);
}

TEST(a_peer_that_stops_reading_is_given_up)
{
    struct scene scene;
    open_scene(&scene, ECHO_STREAM);
    scene.echo.stream_bytes = 1000000;
    memory_set_capacity(scene.stage.loop, scene.end, 5000);
    send_text(&scene, GET);
    wait_ms(&scene, 29900);
    EQUAL(scene.echo.aborts, 0);
    wait_ms(&scene, 200);
    EQUAL(scene.echo.aborts, 1);
    EQUAL(scene.echo.reason, FR_CLOSE_WRITE_TIMEOUT);
    IS(!is_open(&scene));
    close_scene(&scene);
}

/* ---- slow and fast ---- */

TEST(pipelined_requests_are_answered_in_one_write)
{
    struct scene scene;
    char requests[50 * sizeof GET] = "";
    open_scene(&scene, ECHO_FIXED);
    for (int i = 0; i < 50; i++)
        strcat(requests, GET);
    send_text(&scene, requests);
    EQUAL(memory_flushes(scene.stage.loop, scene.end), 1);
    EQUAL(count_of(take_text(&scene), "HTTP/1.1 200 OK\r\n"), 50);
    EQUAL(scene.stage.stats.responses_2xx, 50);
    close_scene(&scene);
}

TEST(requests_behind_a_late_answer_follow_it)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    send_text(&scene, GET GET GET);
    EQUAL(scene.echo.requests, 1);
    scene.echo.mode = ECHO_FIXED;
    EQUAL(fr_exchange_answer_text(scene.echo.exchange, 200, FR_SPAN("late")), 0);
    EQUAL(scene.echo.requests, 1); /* not from inside the application's own call */
    echo_let_go(scene.echo.exchange);
    stage_turn(&scene.stage);
    EQUAL(scene.echo.requests, 3);
    const char *text = take_text(&scene);
    EQUAL(count_of(text, "HTTP/1.1 200 OK\r\n"), 3);
    IS(strstr(text, "late") < strstr(text, "hi"));
    close_scene(&scene);
}

TEST(what_nobody_asks_for_is_not_read_for_ever)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    send_text(&scene, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    send_text(&scene, "some of the body");
    IS(!memory_is_read(scene.stage.loop, scene.end));
    wait_ms(&scene, 100000);
    IS(is_open(&scene));
    fr_exchange_credit(scene.echo.exchange, UINT64_MAX);
    stage_turn(&scene.stage);
    IS(memory_is_read(scene.stage.loop, scene.end));
    EQUAL(scene.echo.body.len, 16);
    fr_connection_close(stage_connection(&scene.stage), FR_CLOSE_STOP);
    stage_turn(&scene.stage);
    echo_let_go(scene.echo.exchange);
    close_scene(&scene);
}

static void expect_stream(size_t capacity, bool flushes)
{
    struct scene scene;
    size_t received = 0;
    open_scene(&scene, ECHO_STREAM);
    scene.echo.stream_bytes = 500000;
    scene.echo.flushes = flushes;
    memory_set_capacity(scene.stage.loop, scene.end, capacity);
    send_text(&scene, GET);
    while (scene.stage.stats.responses_2xx == 0 || stage_connection(&scene.stage)->channel.outbox.bytes > 0) {
        IS(stage_connection(&scene.stage)->channel.outbox.bytes < 65536 + 2000);
        size_t len = memory_take(scene.stage.loop, scene.end, SIZE_MAX / 4).len;
        IS(len > 0);
        received += len;
        stage_turn(&scene.stage);
    }
    received += memory_take(scene.stage.loop, scene.end, SIZE_MAX / 4).len;
    IS(received > 500000 && received < 505000); /* 500 chunks, each framed */
    IS(flushes || scene.echo.writables > 0);
    EQUAL(scene.stage.stats.bytes_sent, received);
    close_scene(&scene);
}

TEST(a_stream_goes_at_the_speed_of_the_peer)
{
    expect_stream(3000, false);
}

TEST(a_stream_to_a_fast_peer_is_not_held_up)
{
    expect_stream(100000000, false);
}

TEST(a_stream_that_flushes_arrives_too)
{
    expect_stream(3000, true);
    expect_stream(100000000, true);
}

/* ---- leaving ---- */

TEST(a_peer_that_has_said_everything_still_gets_its_answer)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    send_text(&scene, GET);
    memory_end(scene.stage.loop, scene.end);
    wait_ms(&scene, 20000);
    EQUAL(fr_exchange_answer_text(scene.echo.exchange, 200, FR_SPAN("late")), 0);
    echo_let_go(scene.echo.exchange);
    stage_turn(&scene.stage);
    IS(strstr(take_text(&scene), "late"));
    IS(!is_open(&scene));
    close_scene(&scene);
}

TEST(a_reset_aborts_and_the_exchange_outlives_the_connection)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    send_text(&scene, GET);
    memory_reset(scene.stage.loop, scene.end);
    stage_turn(&scene.stage);
    EQUAL(scene.echo.reason, FR_CLOSE_PEER_RESET);
    EQUAL(scene.stage.shared.count, 0);
    EQUAL(fr_exchange_answer_text(scene.echo.exchange, 200, FR_SPAN("late")), FR_E_GONE);
    echo_let_go(scene.echo.exchange);
    EQUAL(scene.stage.stats.responses_cut, 1);
    close_scene(&scene);
}

static void drain(struct scene *scene)
{
    fr_connection_drain(stage_connection(&scene->stage));
    stage_turn(&scene->stage);
}

static void expect_short_life_when_drained(const char *before)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    send_text(&scene, before);
    (void)take_text(&scene);
    drain(&scene);
    wait_ms(&scene, 150);
    IS(is_open(&scene));
    wait_ms(&scene, 150);
    expect_silence_and_close(&scene);
    close_scene(&scene);
}

TEST(draining_closes_who_is_idle_after_a_moment)
{
    expect_short_life_when_drained(GET);
    expect_short_life_when_drained("");
}

TEST(draining_answers_what_was_on_its_way)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    send_text(&scene, GET);
    (void)take_text(&scene);
    drain(&scene);
    send_text(&scene, GET);
    expect_last_answer(&scene, "HTTP/1.1 200 OK\r\n");
    close_scene(&scene);
}

TEST(draining_gives_half_a_head_its_time)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    send_text(&scene, "GET / HTTP/1.1\r\n");
    drain(&scene);
    wait_ms(&scene, 5000);
    send_text(&scene, "Host: a\r\n\r\n");
    expect_last_answer(&scene, "HTTP/1.1 200 OK\r\n");
    close_scene(&scene);
}

TEST(draining_closes_the_busy_after_the_answer)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    send_text(&scene, GET GET);
    drain(&scene);
    EQUAL(scene.echo.drains, 1);
    EQUAL(fr_exchange_answer_text(scene.echo.exchange, 200, FR_SPAN("late")), 0);
    echo_let_go(scene.echo.exchange);
    stage_turn(&scene.stage);
    expect_last_answer(&scene, "HTTP/1.1 200 OK\r\n");
    EQUAL(scene.echo.requests, 1); /* the one behind it was not begun */
    close_scene(&scene);
}

TEST(a_bad_request_is_told_before_the_end)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED);
    send_text(&scene, "GET / HTTP/1.1\r\n\r\nand a lot more");
    expect_last_answer(&scene, "HTTP/1.1 400 Bad Request\r\n");
    IS(strstr(scene.stage.said, "broke the protocol"));
    close_scene(&scene);
}

TEST(an_answer_that_is_cut_ends_the_connection)
{
    struct scene scene;
    open_scene(&scene, ECHO_SHORT);
    send_text(&scene, GET GET);
    IS(strstr(take_text(&scene), "Content-Length: 3\r\n"));
    IS(memory_has_ended(scene.stage.loop, scene.end));
    EQUAL(scene.echo.requests, 1);
    EQUAL(scene.stage.stats.responses_cut, 1);
    wait_ms(&scene, 2100);
    IS(!is_open(&scene));
    close_scene(&scene);
}

TEST(a_tunnel_lasts_until_the_peer_ends)
{
    struct scene scene;
    open_scene(&scene, ECHO_TUNNEL);
    send_text(&scene, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    IS(strncmp(take_text(&scene), "HTTP/1.1 101 ", 13) == 0);
    send_text(&scene, "ping");
    SAME(fr_span_of_string(take_text(&scene)), "ping");
    wait_ms(&scene, 100000);
    IS(is_open(&scene));
    memory_end(scene.stage.loop, scene.end);
    stage_turn(&scene.stage);
    IS(!is_open(&scene));
    close_scene(&scene);
}
