/* server/worker.c with TLS on real sockets: doors, certificates that are replaced, and the end. */
#include "server/worker.h"

#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>

#include "fakes/tls_maker.h"
#include "house.h"

static struct {
    struct house house;
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    SSL_CTX *settings;
    long serial;
} home;

static void write_certificate(long serial)
{
    struct maker_pair pair = maker_pair(&(struct maker_wish){.common_name = "localhost", .serial = serial});
    char *certificate = maker_certificate_pem(&pair), *key = maker_key_pem(&pair, NULL);
    char *both = maker_join(certificate, key);
    const char *path = maker_text_file("home.pem", both);
    if (!home.identity.certfile)
        home.identity.certfile = strdup(path);
    free(certificate);
    free(key);
    free(both);
    maker_free(&pair);
}

static void prepare_home(void)
{
    prepare_house(&home.house);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes as if nobody ever left */
    write_certificate(1);
    home.options = (struct fr_tls_options){
        .identities = &home.identity,
        .identity_count = 1,
        .version_min = 0x0303,
        .http1 = true,
    };
    home.house.config.tls = &home.options;
    home.settings = SSL_CTX_new(TLS_client_method());
}

static void close_home(void)
{
    close_house(&home.house);
    SSL_CTX_free(home.settings);
    free((char *)home.identity.certfile);
}

/* Turns the worker as long as OpenSSL waits for it; false when it is over. */
static bool go_on(SSL *client, int result)
{
    int error = SSL_get_error(client, result);
    struct pollfd poller = {.fd = SSL_get_fd(client), .events = POLLIN};
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return false;
    fr_worker_turn(home.house.worker, 1);
    (void)poll(&poller, 1, 1);
    return true;
}

static SSL *begin_client(int fd)
{
    SSL *client = SSL_new(home.settings);
    EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    SSL_set_fd(client, fd);
    SSL_set_connect_state(client);
    return client;
}

static bool shake(SSL *client)
{
    int result, turns = 0;
    while ((result = SSL_do_handshake(client)) != 1) {
        IS(++turns < TURNS_MAX);
        if (!go_on(client, result))
            return false;
    }
    return true;
}

static SSL *enter(int fd)
{
    SSL *client = begin_client(fd);
    IS(shake(client));
    return client;
}

static const char *hear_until(SSL *client, const char *end)
{
    static char text[4096];
    size_t len = 0, end_len = strlen(end);
    for (int turns = 0; turns < TURNS_MAX; turns++) {
        int count = SSL_read(client, text + len, (int)(sizeof text - 1 - len));
        len += count > 0 ? (size_t)count : 0;
        text[len] = 0;
        if (count <= 0 && !go_on(client, count))
            return text;
        if (end_len && len >= end_len && strcmp(text + len - end_len, end) == 0)
            return text;
    }
    UNIT_FAIL("no answer that ends in \"%s\"", end);
}

static void expect_hello(SSL *client)
{
    EQUAL(SSL_write(client, REQUEST, (int)strlen(REQUEST)), (int)strlen(REQUEST));
    IS(strncmp(hear_until(client, "hi"), "HTTP/1.1 200 OK\r\n", 17) == 0);
}

static long serial_shown_to(SSL *client)
{
    X509 *certificate = SSL_get1_peer_certificate(client);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
    X509_free(certificate);
    return serial;
}

static void leave(SSL *client)
{
    close(SSL_get_fd(client));
    SSL_free(client);
}

TEST(every_door_speaks_tls_but_the_one_that_redirects)
{
    prepare_home();
    home.house.binds[0].redirect_port = 8443;
    open_house(&home.house);
    SSL *local = enter(connect_unix(&home.house));
    expect_hello(local);
    expect_hello(local);
    int plain = connect_tcp(&home.house);
    send_request(plain);
    IS(strstr(read_answer(&home.house, plain, "https.\r\n"), "\r\nLocation: https://a:8443/\r\n"));
    EQUAL(fr_worker_stats(home.house.worker)->tls_handshakes, 1);
    leave(local);
    close_home();
}

TEST(what_cannot_be_read_is_told_before_anything_is_opened)
{
    int error = 0;
    prepare_home();
    maker_text_file("home.pem", "nonsense");
    IS(!fr_worker_open(&home.house.config, &error));
    EQUAL(error, FR_E_CERTIFICATE);
    EQUAL(home.house.warnings, 1);
    IS(strstr(home.house.said, "home.pem"));
    write_certificate(1);
    open_house(&home.house);
    leave(enter(connect_tcp(&home.house)));
    close_home();
}

TEST(new_certificates_are_for_those_who_come)
{
    char complaint[1024];
    prepare_home();
    open_house(&home.house);
    SSL *early = enter(connect_tcp(&home.house));
    SSL *halfway = begin_client(connect_tcp(&home.house));
    EQUAL(SSL_do_handshake(halfway), -1);
    await_open(&home.house, 2);
    EQUAL(serial_shown_to(early), 1);
    write_certificate(2);
    EQUAL(fr_worker_reload_tls(home.house.worker, complaint, sizeof complaint), 0);
    IS(shake(halfway));
    EQUAL(serial_shown_to(halfway), 1);
    SSL *late = enter(connect_tcp(&home.house));
    EQUAL(serial_shown_to(late), 2);
    maker_text_file("home.pem", "nonsense");
    EQUAL(fr_worker_reload_tls(home.house.worker, complaint, sizeof complaint), FR_E_CERTIFICATE);
    IS(strstr(complaint, "home.pem"));
    SSL *later = enter(connect_tcp(&home.house));
    EQUAL(serial_shown_to(later), 2);
    expect_hello(early);
    expect_hello(halfway);
    expect_hello(late);
    expect_hello(later);
    leave(early);
    leave(halfway);
    leave(late);
    leave(later);
    close_home();
}

TEST(a_worker_without_tls_has_nothing_to_read_again)
{
    char complaint[100];
    struct house house;
    prepare_house(&house);
    open_house(&house);
    EQUAL(fr_worker_reload_tls(house.worker, complaint, sizeof complaint), FR_E_STATE);
    close_house(&house);
}

TEST(files_are_watched_when_told)
{
    prepare_home();
    home.house.config.tls_watch_files = true;
    open_house(&home.house);
    struct fr_loop *loop = fr_worker_loop(home.house.worker);
    write_certificate(2);
    for (int beats = 0; beats < 2; beats++) {
        fr_clock_advance(fr_loop_clock(loop), 1050);
        fr_worker_turn(home.house.worker, 0);
    }
    SSL *client = enter(connect_tcp(&home.house));
    EQUAL(serial_shown_to(client), 2);
    leave(client);
    close_home();
}

TEST(a_full_worker_refuses_behind_the_handshake)
{
    prepare_home();
    home.house.config.limits.connections_max = 1;
    open_house(&home.house);
    SSL *first = enter(connect_tcp(&home.house)), *second = enter(connect_tcp(&home.house));
    IS(strncmp(hear_until(second, ""), "HTTP/1.1 503 ", 13) == 0);
    EQUAL(SSL_get_shutdown(second), SSL_RECEIVED_SHUTDOWN);
    EQUAL(fr_worker_stats(home.house.worker)->connections_refused, 1);
    expect_hello(first);
    leave(first);
    await_open(&home.house, 1);
    SSL *third = enter(connect_tcp(&home.house)); /* though the refused one lingers */
    expect_hello(third);
    leave(second);
    leave(third);
    close_home();
}

TEST(plain_http_is_told_what_the_port_speaks)
{
    prepare_home();
    open_house(&home.house);
    int client = connect_tcp(&home.house);
    send_request(client);
    const char *text = read_answer(&home.house, client, "");
    IS(strncmp(text, "HTTP/1.1 400 ", 13) == 0);
    IS(strstr(text, "\r\n\r\nThis port speaks TLS: https://a/\r\n"));
    close(client);
    close_home();
}

TEST(a_bound_of_handshakes)
{
    SSL *clients[4];
    prepare_home();
    home.house.config.limits.tls_handshakes_max = 2;
    open_house(&home.house);
    for (int i = 0; i < 4; i++) {
        clients[i] = begin_client(connect_tcp(&home.house));
        for (int turns = 0; fr_worker_stats(home.house.worker)->connections_accepted <= (uint64_t)i; turns++) {
            IS(turns < TURNS_MAX);
            fr_worker_turn(home.house.worker, 10);
        }
    }
    await_open(&home.house, 2);
    for (int i = 0; i < 4; i++)
        EQUAL(shake(clients[i]), i >= 2);
    EQUAL(fr_worker_stats(home.house.worker)->tls_handshakes_failed, 2);
    IS(strstr(home.house.said, "2 TLS handshakes are in progress, the limit"));
    for (int i = 0; i < 4; i++)
        leave(clients[i]);
    close_home();
}

TEST(drain_finishes_what_is_open_and_says_goodbye)
{
    prepare_home();
    open_house(&home.house);
    SSL *idle = enter(connect_tcp(&home.house)), *open = enter(connect_tcp(&home.house));
    SSL *halfway = begin_client(connect_tcp(&home.house));
    EQUAL(SSL_do_handshake(halfway), -1);
    expect_hello(idle);
    app.hold = true;
    EQUAL(SSL_write(open, REQUEST, (int)strlen(REQUEST)), (int)strlen(REQUEST));
    for (int turns = 0; !app.held; turns++) {
        IS(turns < TURNS_MAX);
        fr_worker_turn(home.house.worker, 10);
    }
    fr_worker_drain(home.house.worker);
    SAME(fr_span_of_string(hear_until(idle, "")), "");
    EQUAL(SSL_get_shutdown(idle), SSL_RECEIVED_SHUTDOWN);
    answer(app.held);
    IS(strstr(hear_until(open, ""), "\r\nConnection: close\r\n"));
    EQUAL(SSL_get_shutdown(open), SSL_RECEIVED_SHUTDOWN);
    IS(shake(halfway)); /* and is let go of after a moment */
    EQUAL(hear_until(halfway, "")[0], 0);
    leave(idle);
    leave(open);
    leave(halfway);
    turn_until_stopped(&home.house);
    EQUAL(app.aborted, 0);
    close_home();
}

TEST(stop_ends_handshakes_too)
{
    prepare_home();
    open_house(&home.house);
    SSL *halfway = begin_client(connect_tcp(&home.house));
    EQUAL(SSL_do_handshake(halfway), -1);
    await_open(&home.house, 1);
    fr_worker_stop(home.house.worker);
    turn_until_stopped(&home.house);
    EQUAL(fr_worker_stats(home.house.worker)->tls_handshakes_open, 0);
    IS(!shake(halfway));
    leave(halfway);
    close_home();
}
