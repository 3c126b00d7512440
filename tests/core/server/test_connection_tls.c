/* server/connection.c with TLS: the handshake and its time, what ALPN chooses, and who is turned away. */
#include "server/connection.h"

#include "fakes/echo_application.h"
#include "http1/connection.h"
#include "scripted_protocol.h"
#include "server/refusal.h"
#include "tls_guest.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static struct tls_stage tls;
static struct tls_guest guest, second, third;
static struct echo_application echo;
static struct fr_protocol_ops h2;

static void open_scene(void)
{
    echo_open(&echo, ECHO_FIXED);
    echo.text = FR_SPAN("hi");
    tls_stage_open(&tls, &echo.base);
    h2 = scripted;
    h2.name = "h2";
    tls.stage.shared.http2 = &h2;
    tls.stage.choice = true;
}

static void close_scene(void)
{
    while (tls.stage.shared.count > 0) {
        fr_connection_close(stage_connection(&tls.stage), FR_CLOSE_STOP);
        stage_turn(&tls.stage);
    }
    EQUAL(tls.stage.stats.tls_handshakes_open, 0);
    struct tls_guest *guests[] = {&guest, &second, &third};
    for (int i = 0; i < 3; i++)
        if (guests[i]->ssl)
            guest_leave(guests[i]);
    tls_stage_close(&tls);
    echo_close(&echo);
}

/* ---- which protocol ---- */

static void shake_offering(const char *protocols, const struct fr_protocol_ops *first)
{
    guest_enter(&guest, &tls, first);
    SSL_set_alpn_protos(guest.ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
    IS(guest_shake(&guest, 0));
}

TEST(alpn_chooses_http2)
{
    open_scene();
    shake_offering("\x02h2\x08http/1.1", &fr_http1);
    guest_say(&guest, PREFACE, 5);
    SAME(fr_span_of(script.received, script.received_len), PREFACE);
    EQUAL(echo.requests, 0);
    close_scene();
}

TEST(alpn_chooses_http1_for_good)
{
    open_scene();
    shake_offering("\x08http/1.1", &fr_http1);
    guest_say(&guest, GET, 0);
    EQUAL(echo.requests, 1);
    close_scene();
    open_scene();
    shake_offering("\x08http/1.1", &fr_http1);
    guest_say(&guest, PREFACE, 0);
    IS(strncmp(guest.heard, "HTTP/1.1 505 ", 13) == 0);
    EQUAL(script.receives, 0);
    close_scene();
}

TEST(without_alpn_the_first_bytes_choose)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    EQUAL(echo.requests, 1);
    guest_leave(&guest);
    guest_enter(&guest, &tls, &fr_http1);
    IS(guest_shake(&guest, 0));
    guest_say(&guest, PREFACE, 0);
    SAME(fr_span_of(script.received, script.received_len), PREFACE);
    close_scene();
}

TEST(where_only_http2_is_spoken_alpn_opens_the_door)
{
    open_scene();
    shake_offering("\x02h2", &fr_refusal_of_version);
    guest_say(&guest, PREFACE, 0);
    SAME(fr_span_of(script.received, script.received_len), PREFACE);
    guest_leave(&guest);
    guest_enter(&guest, &tls, &fr_refusal_of_version);
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    IS(strncmp(guest.heard, "HTTP/1.1 505 ", 13) == 0);
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    close_scene();
}

static const struct fr_tls_facts *seen;

static void note_facts(struct fr_application *application, struct fr_exchange *exchange)
{
    (void)application;
    seen = fr_exchange_peer(exchange)->tls;
    IS(seen);
    EQUAL(seen->version, 0x0304);
    SAME(seen->server_name, "somewhere");
    EQUAL(fr_exchange_answer_text(exchange, 200, FR_SPAN("")), 0);
    fr_exchange_let_go(exchange);
}

TEST(the_first_request_knows_what_tls_has_found_out)
{
    open_scene();
    struct fr_application_ops noting = *echo.base.ops;
    struct fr_application application = {.ops = &noting};
    noting.request = note_facts;
    tls.stage.application = &application;
    guest_enter(&guest, &tls, &fr_http1);
    SSL_set_tlsext_host_name(guest.ssl, "somewhere");
    SSL_do_handshake(guest.ssl);
    guest_send(&guest, 0);
    guest_listen(&guest);
    SSL_do_handshake(guest.ssl);
    SSL_write(guest.ssl, GET, (int)strlen(GET)); /* with the last flight of the handshake */
    guest_talk(&guest, 0);
    IS(seen);
    IS(strncmp(guest.heard, "HTTP/1.1 200 OK\r\n", 17) == 0);
    close_scene();
}

/* ---- the time of a handshake ---- */

TEST(a_handshake_has_its_time_and_the_head_another)
{
    open_scene();
    tls.stage.limits.tls_handshake_timeout_ms = 3000;
    guest_enter(&guest, &tls, &fr_http1);
    EQUAL(tls.stage.stats.tls_handshakes_open, 1);
    stage_wait(&tls.stage, 2900);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    IS(guest_shake(&guest, 0));
    EQUAL(tls.stage.stats.tls_handshakes_open, 0);
    EQUAL(tls.stage.stats.tls_handshakes, 1);
    stage_wait(&tls.stage, 9900);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    stage_wait(&tls.stage, 200);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(strstr(tls.stage.said, "the request head did not arrive in time"));
    close_scene();
}

TEST(a_handshake_that_takes_too_long_is_closed)
{
    open_scene();
    tls.stage.limits.tls_handshake_timeout_ms = 3000;
    guest_enter(&guest, &tls, &fr_http1);
    SSL_do_handshake(guest.ssl);
    guest_send(&guest, 0);
    memory_take(tls.stage.loop, guest.end, 65536); /* and says no more */
    stage_wait(&tls.stage, 2900);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    stage_wait(&tls.stage, 200);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(strstr(tls.stage.said, "the TLS handshake took too long"));
    EQUAL(tls.stage.stats.tls_handshakes_failed, 1);
    EQUAL(tls.stage.stats.tls_handshakes, 0);
    close_scene();
}

TEST(one_too_many_is_the_end_of_the_oldest)
{
    open_scene();
    tls.stage.limits.tls_handshakes_max = 2;
    guest_enter(&guest, &tls, &fr_http1);
    guest_enter(&second, &tls, &fr_http1);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    guest_enter(&third, &tls, &fr_http1);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(!memory_has_closed(tls.stage.loop, second.end));
    EQUAL(tls.stage.stats.tls_handshakes_failed, 1);
    EQUAL(tls.stage.stats.tls_handshakes_open, 2);
    IS(guest_shake(&second, 0));
    guest_leave(&guest);
    guest_enter(&guest, &tls, &fr_http1); /* there is room again */
    IS(!memory_has_closed(tls.stage.loop, third.end));
    IS(guest_shake(&guest, 0) && guest_shake(&third, 0));
    guest_say(&third, GET, 0);
    EQUAL(echo.requests, 1);
    close_scene();
}

TEST(what_is_no_handshake_gets_an_alert)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    memory_send(tls.stage.loop, guest.end, FR_SPAN("\x16\x03\x01\x00\x05zzzzz"));
    stage_turn(&tls.stage);
    fr_span alert = memory_take(tls.stage.loop, guest.end, 100);
    EQUAL(alert.data[0], 21);
    IS(memory_has_ended(tls.stage.loop, guest.end));
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    EQUAL(tls.stage.stats.tls_handshakes_failed, 1);
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    close_scene();
}

TEST(whoever_comes_and_goes_is_not_worth_a_line)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    EQUAL(tls.stage.stats.tls_handshakes_failed, 1);
    IS(strstr(tls.stage.said, "closed after 0 requests: the peer closed"));
    guest_leave(&guest);
    guest_enter(&guest, &tls, &fr_http1);
    memory_reset(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    EQUAL(tls.stage.stats.tls_handshakes_failed, 2);
    EQUAL(tls.stage.shared.count, 0);
    close_scene();
}

/* Also where there is something to say as soon as the handshake is over. */
TEST(whoever_leaves_in_the_middle_has_not_completed_it)
{
    static const struct fr_protocol_ops *const first[] = {&fr_http1, &fr_refusal};
    for (size_t i = 0; i < 2; i++) {
        open_scene();
        tls.stage.choice = i == 0;
        guest_enter(&guest, &tls, first[i]);
        SSL_set_alpn_protos(guest.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
        SSL_do_handshake(guest.ssl);
        guest_send(&guest, 0);
        memory_send(tls.stage.loop, guest.end, FR_SPAN("\x15\x03\x03\0\x02\x01\0"));
        stage_turn(&tls.stage);
        IS(memory_has_closed(tls.stage.loop, guest.end));
        EQUAL(tls.stage.stats.tls_handshakes, 0);
        EQUAL(tls.stage.stats.tls_handshakes_failed, 1);
        IS(strstr(tls.stage.said, "the peer closed"));
        close_scene();
    }
}

/* ---- draining and stopping ---- */

TEST(a_handshake_of_a_draining_worker_may_be_completed_and_used)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    fr_connection_drain(stage_connection(&tls.stage));
    stage_wait(&tls.stage, 800);
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    IS(strstr(guest.heard, "\r\nConnection: close\r\n"));
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    close_scene();
}

TEST(a_handshake_of_a_draining_worker_has_a_second)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    stage_wait(&tls.stage, 500);
    fr_connection_drain(stage_connection(&tls.stage));
    stage_wait(&tls.stage, 900);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    stage_wait(&tls.stage, 200);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    close_scene();
}

TEST(whoever_says_nothing_after_it_is_let_go_of_soon)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    fr_connection_drain(stage_connection(&tls.stage));
    IS(guest_shake(&guest, 0));
    stage_wait(&tls.stage, 300);
    guest_listen(&guest);
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    close_scene();
}

TEST(a_stop_ends_a_handshake)
{
    open_scene();
    guest_enter(&guest, &tls, &fr_http1);
    fr_connection_close(stage_connection(&tls.stage), FR_CLOSE_STOP);
    stage_turn(&tls.stage);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    EQUAL(tls.stage.stats.tls_handshakes_open, 0);
    EQUAL(tls.stage.stats.tls_handshakes_failed, 0);
    close_scene();
}

/* ---- who is turned away ---- */

TEST(a_full_worker_says_so_over_tls)
{
    open_scene();
    tls.stage.choice = false;
    shake_offering("\x02h2\x08http/1.1", &fr_refusal);
    guest_talk(&guest, 0);
    const unsigned char *agreed;
    unsigned len;
    SSL_get0_alpn_selected(guest.ssl, &agreed, &len);
    SAME(fr_span_of((const char *)agreed, len), "http/1.1");
    IS(strncmp(guest.heard, "HTTP/1.1 503 ", 13) == 0);
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    EQUAL(tls.stage.refused, 1);
    close_scene();
}

TEST(a_full_worker_counts_a_handshake_that_fails_as_a_refusal_too)
{
    open_scene();
    tls.stage.choice = false;
    guest_enter(&guest, &tls, &fr_refusal);
    memory_send(tls.stage.loop, guest.end, FR_SPAN("\x16\x03\x01\x00\x05zzzzz"));
    stage_wait(&tls.stage, 2100);
    EQUAL(tls.stage.refused, 1);
    EQUAL(tls.stage.closed, 1);
    close_scene();
}

static fr_span speak_plainly(const char *request, const struct fr_protocol_ops *first)
{
    guest_enter(&guest, &tls, first);
    memory_send(tls.stage.loop, guest.end, fr_span_of_string(request));
    stage_turn(&tls.stage);
    return memory_take(tls.stage.loop, guest.end, 65536);
}

TEST(plain_http_is_told_where_to_go)
{
    open_scene();
    fr_span text = speak_plainly("GET /x?y HTTP/1.1\r\nUser-Agent: b\r\nhost: a.example:8443\r\n\r\n", &fr_http1);
    SAME(text, "HTTP/1.1 400 Bad Request\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 50\r\n"
               "Connection: close\r\n"
               "\r\n"
               "This port speaks TLS: https://a.example:8443/x?y\r\n");
    close_scene();
}

TEST(plain_http_lingers_and_is_counted)
{
    open_scene();
    IS(speak_plainly("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", &fr_http1).len);
    IS(memory_has_ended(tls.stage.loop, guest.end));
    memory_send(tls.stage.loop, guest.end, FR_SPAN("0123456789"));
    stage_turn(&tls.stage);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    EQUAL(tls.stage.stats.requests_refused, 1);
    EQUAL(tls.stage.stats.responses_4xx, 1);
    EQUAL(tls.stage.stats.tls_handshakes_failed, 1);
    EQUAL(tls.stage.stats.tls_handshakes_open, 0);
    IS(!stage_connection(&tls.stage)->channel.tls);
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(strstr(tls.stage.said, "the peer broke the protocol"));
    close_scene();
}

TEST(plain_http_to_a_full_worker_is_told_that_it_is_full)
{
    open_scene();
    tls.stage.choice = false;
    IS(strncmp(speak_plainly(GET, &fr_refusal).data, "HTTP/1.1 503 ", 13) == 0);
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    EQUAL(tls.stage.refused, 1);
    close_scene();
}

TEST(a_plain_preface_is_plain_http)
{
    open_scene();
    IS(strncmp(speak_plainly(PREFACE, &fr_http1).data, "HTTP/1.1 400 ", 13) == 0);
    EQUAL(script.receives, 0);
    close_scene();
}
