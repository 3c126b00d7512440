/* server/worker.c with real sockets: many doors, the limit, running out of descriptors, draining, stopping. */
#include "server/worker.h"

#include "house.h"

/* ---- serving ---- */

TEST(serves_tcp_and_unix_and_keeps_alive)
{
    struct house house;
    prepare_house(&house);
    house.config.server_header = "test";
    house.config.date_header = true;
    open_house(&house);
    int tcp = connect_tcp(&house), local = connect_unix(&house);
    send_request(tcp);
    const char *text = read_answer(&house, tcp, "hi");
    IS(strstr(text, "\r\nServer: test\r\n"));
    IS(strstr(text, "\r\nDate: "));
    expect_hi(&house, local);
    expect_hi(&house, tcp);
    const struct fr_stats *stats = fr_worker_stats(house.worker);
    EQUAL(stats->connections_accepted, 2);
    EQUAL(stats->connections_open, 2);
    EQUAL(stats->requests_begun, 3);
    EQUAL(stats->responses_2xx, 3);
    EQUAL(stats->bytes_received, 3 * strlen(REQUEST));
    IS(stats->turns > 0 && stats->beat_ms > 0);
    close_house(&house);
}

static void answer_in_a_burst(struct fr_application *application, struct fr_exchange *exchange)
{
    struct fr_response_head head = {.status = 200, .content_length = 4};
    (void)application;
    EQUAL(fr_exchange_respond(exchange, &head), 0);
    exchange->in_burst = true;
    EQUAL(fr_exchange_send(exchange, &FR_CHUNK_COPY(FR_SPAN("burs")), false), 0);
    fr_exchange_flush(exchange); /* more was promised, and nothing comes */
    EQUAL(fr_exchange_send(exchange, NULL, true), 0);
    fr_exchange_let_go(exchange);
}

TEST(what_a_burst_held_back_leaves_with_the_turn)
{
    struct house house;
    char text[500] = "";
    struct fr_application_ops bursting = ops;
    bursting.request = answer_in_a_burst;
    prepare_house(&house);
    house.application.ops = &bursting;
    open_house(&house);
    int client = connect_tcp(&house);
    send_request(client);
    for (int turns = 0; fr_worker_stats(house.worker)->requests_begun == 0; turns++) {
        IS(turns < TURNS_MAX);
        fr_worker_turn(house.worker, 10);
    }
    IS(recv(client, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    IS(strstr(text, "\r\n\r\nburs"));
    close_house(&house);
}

TEST(counts_in_the_given_slot)
{
    struct house house;
    struct fr_stats slot = {.requests_begun = 6, .connections_open = 3, .requests_open = 1}; /* of one that died */
    prepare_house(&house);
    house.config.stats = &slot;
    open_house(&house);
    IS(fr_worker_stats(house.worker) == &slot);
    int client = connect_unix(&house);
    expect_hi(&house, client);
    EQUAL(slot.requests_begun, 7);
    EQUAL(slot.requests_open, 0);
    EQUAL(slot.connections_open, 1);
    close_house(&house);
    EQUAL(slot.connections_open, 0);
}

TEST(beats_when_at_rest_as_long_as_somebody_may_look)
{
    struct house house;
    struct fr_stats slot = {0};
    prepare_house(&house);
    house.config.stats = &slot;
    open_house(&house);
    struct fr_loop *loop = fr_worker_loop(house.worker);
    fr_worker_turn(house.worker, 0);
    for (int beats = 0; beats < 3; beats++) {
        IS(fr_loop_timeout_ms(loop) > 0 && fr_loop_timeout_ms(loop) <= 1050);
        fr_clock_advance(fr_loop_clock(loop), 1050);
        fr_worker_turn(house.worker, -1); /* would sleep for ever */
        EQUAL(slot.beat_ms, fr_loop_clock(loop)->now_ms);
    }
    close_house(&house);
    prepare_house(&house);
    open_house(&house);
    fr_worker_turn(house.worker, 0);
    EQUAL(fr_loop_timeout_ms(fr_worker_loop(house.worker)), -1);
    close_house(&house);
}

TEST(access_lines_are_out_when_it_stops)
{
    struct house house;
    int ends[2];
    EQUAL(pipe(ends), 0);
    prepare_house(&house);
    house.config.access_format = FR_ACCESS_COMMON;
    house.config.access_fd = ends[1];
    open_house(&house);
    expect_hi(&house, connect_tcp(&house));
    fr_worker_stop(house.worker);
    turn_until_stopped(&house);
    char text[500] = {0};
    IS(read(ends[0], text, sizeof text - 1) > 0);
    IS(strncmp(text, "127.0.0.1 - - [", 15) == 0);
    IS(strstr(text, "] \"GET / HTTP/1.1\" 200 2\n"));
    close_house(&house);
}

/* ---- the limit ---- */

TEST(beyond_the_limit_is_503)
{
    struct house house;
    prepare_house(&house);
    house.config.limits.connections_max = 1;
    open_house(&house);
    int first = connect_tcp(&house);
    expect_hi(&house, first);
    int second = connect_tcp(&house);
    send_request(second);
    const char *text = read_answer(&house, second, "");
    IS(strncmp(text, "HTTP/1.1 503 ", 13) == 0);
    IS(strstr(text, "\r\nRetry-After: 1\r\n"));
    EQUAL(house.warnings, 1);
    IS(strstr(house.said, "1 connections are open, the limit"));
    expect_hi(&house, first);
    close(first);
    await_open(&house, 1);
    expect_hi(&house, connect_tcp(&house)); /* though the refused one is still there, lingering */
    EQUAL(fr_worker_stats(house.worker)->connections_refused, 1);
    EQUAL(fr_worker_stats(house.worker)->connections_open, 2);
    close(second);
    close_house(&house);
}

TEST(refusals_have_a_limit_too_and_the_others_wait)
{
    struct house house;
    int clients[300];
    prepare_house(&house);
    house.config.limits.connections_max = 1;
    open_house(&house);
    for (int i = 0; i < 300; i++)
        clients[i] = connect_tcp(&house);
    await_open(&house, 257);
    for (int turns = 0; turns < 50; turns++)
        fr_worker_turn(house.worker, 0);
    EQUAL(fr_worker_stats(house.worker)->connections_accepted, 257);
    EQUAL(house.warnings, 1);
    for (int i = 0; i < 257; i++)
        close(clients[i]);
    send_request(clients[299]); /* first served, or refused: but heard */
    IS(strncmp(read_answer(&house, clients[299], "\n"), "HTTP/1.1 ", 9) == 0);
    EQUAL(fr_worker_stats(house.worker)->connections_accepted, 300);
    close_house(&house);
}

TEST(running_out_of_descriptors_is_survived)
{
    struct house house;
    struct rlimit before, tight;
    prepare_house(&house);
    open_house(&house);
    int client = connect_tcp(&house);
    int next = dup(0);
    close(next);
    EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)next;
    EQUAL(setrlimit(RLIMIT_NOFILE, &tight), 0);
    SAME(fr_span_of_string(read_answer(&house, client, "")), ""); /* closed, rather than left hanging */
    EQUAL(house.warnings, 1);
    EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_hi(&house, connect_tcp(&house));
    close_house(&house);
}

/* ---- draining and stopping ---- */

TEST(drain_closes_the_idle_and_finishes_the_open)
{
    struct house house;
    prepare_house(&house);
    open_house(&house);
    int idle = connect_tcp(&house), open = connect_tcp(&house);
    expect_hi(&house, idle);
    app.hold = true;
    await_held(&house, open);
    fr_worker_drain(house.worker);
    fr_worker_drain(house.worker);
    SAME(fr_span_of_string(read_answer(&house, idle, "")), "");
    EQUAL(app.draining, 1);
    EQUAL(fr_worker_state(house.worker), FR_WORKER_DRAINING);
    answer(app.held);
    IS(strstr(read_answer(&house, open, "hi"), "\r\nConnection: close\r\n"));
    close(open);
    turn_until_stopped(&house);
    EQUAL(app.aborted, 0);
    close_house(&house);
}

TEST(a_drained_worker_leaves_newcomers_to_the_next)
{
    struct house house;
    prepare_house(&house);
    open_house(&house);
    fr_worker_drain(house.worker);
    EQUAL(fr_worker_state(house.worker), FR_WORKER_STOPPED); /* nobody was there */
    int client = connect_tcp(&house);
    fr_worker_turn(house.worker, 0);
    fr_worker_close(house.worker);
    open_house(&house); /* the descriptors are the caller's, and as good as new */
    expect_hi(&house, client);
    close_house(&house);
}

TEST(stop_closes_everything_now)
{
    struct house house;
    prepare_house(&house);
    open_house(&house);
    int idle = connect_tcp(&house), open = connect_unix(&house);
    expect_hi(&house, idle);
    app.hold = true;
    await_held(&house, open);
    fr_worker_drain(house.worker);
    fr_worker_stop(house.worker);
    fr_worker_stop(house.worker);
    turn_until_stopped(&house);
    EQUAL(app.aborted, 1);
    EQUAL(app.reason, FR_CLOSE_STOP);
    EQUAL(fr_worker_stats(house.worker)->responses_cut, 1);
    EQUAL(recv(open, (char[1]){0}, 1, MSG_DONTWAIT), 0);
    fr_worker_close(house.worker);
    unlink(house.path);
}

TEST(somebody_elses_loop_goes_on_when_the_worker_is_closed)
{
    struct house house;
    int error = 0;
    struct fr_loop *loop = fr_loop_open(&fr_transport_uv, &error);
    IS(loop);
    for (int times = 0; times < 2; times++) {
        prepare_house(&house);
        house.config.loop = loop;
        open_house(&house);
        IS(fr_worker_loop(house.worker) == loop);
        expect_hi(&house, connect_tcp(&house));
        app.hold = true;
        await_held(&house, connect_unix(&house));
        close_house(&house);
        app.held = NULL;
        app.hold = false;
        fr_loop_turn(loop, 0);
    }
    fr_loop_close(loop);
}

static void stop_from_inside(struct fr_application *application, struct fr_exchange *exchange)
{
    struct house *house = FR_LIST_OWNER(application, struct house, application);
    fr_worker_stop(house->worker);
    answer(exchange);
}

TEST(stop_may_come_from_inside_a_request)
{
    struct house house;
    static struct fr_application_ops stopping;
    prepare_house(&house);
    stopping = ops;
    stopping.request = stop_from_inside;
    house.application.ops = &stopping;
    open_house(&house);
    int client = connect_tcp(&house);
    send_request(client);
    turn_until_stopped(&house);
    close_house(&house);
}

TEST(a_worker_that_never_started_can_be_closed)
{
    struct house house;
    int error = 0;
    prepare_house(&house);
    house.worker = fr_worker_open(&house.config, &error);
    fr_worker_close(house.worker);
    house.worker = fr_worker_open(&house.config, &error);
    fr_worker_drain(house.worker);
    EQUAL(fr_worker_state(house.worker), FR_WORKER_STOPPED);
    close_house(&house);
}

/* ---- what cannot be opened ---- */

static void expect_refused(struct house *house, int expected, const char *sentence)
{
    int error = 0;
    IS(!fr_worker_open(&house->config, &error));
    EQUAL(error, expected);
    EQUAL(house->warnings, 1);
    IS(strstr(house->said, sentence));
    unlink(house->path);
}

TEST(uring_is_refused_politely)
{
    struct house house;
    prepare_house(&house);
    house.config.transport = "uring";
    expect_refused(&house, FR_E_UNSUPPORTED, "not available");
}

TEST(an_unknown_transport_is_refused)
{
    struct house house;
    prepare_house(&house);
    house.config.transport = "pigeon";
    expect_refused(&house, FR_E_UNSUPPORTED, "there is no transport \"pigeon\"");
}

TEST(a_descriptor_that_is_no_socket_is_refused)
{
    struct house house;
    prepare_house(&house);
    close(house.binds[1].fd);
    expect_refused(&house, FR_E_SYSTEM, "cannot be listened to");
}
