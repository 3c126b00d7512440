/* server/channel.c with TLS: what passes through records in both directions, and how both ends end. */
#include "server/channel.h"

#include "fakes/echo_application.h"
#include "http1/connection.h"
#include "tls_guest.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct tls_stage tls;
static struct tls_guest guest;
static struct echo_application echo;

static void open_scene(enum echo_mode mode)
{
    echo_open(&echo, mode);
    echo.text = FR_SPAN("hi");
    tls_stage_open(&tls, &echo.base);
}

static void enter(void)
{
    guest_enter(&guest, &tls, &fr_http1);
}

static void close_scene(void)
{
    while (tls.stage.shared.count > 0) {
        fr_connection_close(stage_connection(&tls.stage), FR_CLOSE_STOP);
        stage_turn(&tls.stage);
    }
    guest_leave(&guest);
    tls_stage_close(&tls);
    echo_close(&echo);
}

TEST(requests_are_answered_however_the_records_are_cut)
{
    static const size_t steps[] = {0, 1, 2, 7, 100, 1000};
    open_scene(ECHO_FIXED);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enter();
        IS(guest_shake(&guest, steps[i]));
        guest_say(&guest, GET, steps[i]);
        IS(strncmp(guest.heard, "HTTP/1.1 200 OK\r\n", 17) == 0);
        guest_say(&guest, GET GET, steps[i]);
        EQUAL(echo.requests, 3 * (i + 1));
        if (i + 1 < sizeof steps / sizeof steps[0])
            guest_leave(&guest);
    }
    EQUAL(tls.stage.stats.tls_handshakes, 6);
    EQUAL(tls.stage.stats.tls_handshakes_open, 0);
    close_scene();
}

TEST(several_records_are_received_together)
{
    open_scene(ECHO_BODY);
    enter();
    IS(guest_shake(&guest, 0));
    uint64_t before = tls.stage.stats.bytes_received;
    static const char *const pieces[] = {"POST / HTTP/1.1\r\nHost: a\r\n", "Content-Length: 4\r\n\r\n", "ab", "cd"};
    for (size_t i = 0; i < 4; i++)
        EQUAL(SSL_write(guest.ssl, pieces[i], (int)strlen(pieces[i])), (int)strlen(pieces[i]));
    guest_talk(&guest, 0);
    EQUAL(echo.bodies, 1);
    IS(strstr(guest.heard, "\r\n\r\nabcd"));
    EQUAL(tls.stage.stats.bytes_received - before, 51); /* without what TLS adds */
    close_scene();
}

TEST(tickets_answer_and_goodbye_leave_in_one_write)
{
    open_scene(ECHO_FIXED);
    enter();
    SSL_do_handshake(guest.ssl);
    guest_send(&guest, 0);
    guest_listen(&guest);
    IS(SSL_is_init_finished(guest.ssl));
    unsigned before = memory_flushes(tls.stage.loop, guest.end);
    static const char last[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    EQUAL(SSL_write(guest.ssl, last, sizeof last - 1), sizeof last - 1);
    guest_send(&guest, 0); /* behind the last of the handshake */
    EQUAL(memory_flushes(tls.stage.loop, guest.end) - before, 1);
    guest_listen(&guest);
    IS(strncmp(guest.heard, "HTTP/1.1 200 OK\r\n", 17) == 0);
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    close_scene();
}

TEST(tickets_do_not_wait_for_a_request)
{
    open_scene(ECHO_FIXED);
    enter();
    SSL_do_handshake(guest.ssl);
    guest_send(&guest, 0);
    guest_listen(&guest);
    unsigned before = memory_flushes(tls.stage.loop, guest.end);
    guest_send(&guest, 0);
    EQUAL(memory_flushes(tls.stage.loop, guest.end) - before, 1);
    close_scene();
}

/* ---- large and slow ---- */

TEST(a_large_answer_comes_whole_to_a_slow_peer_and_waits_as_plaintext)
{
    open_scene(ECHO_STREAM);
    echo.stream_bytes = 600000;
    enter();
    IS(guest_shake(&guest, 0));
    memory_set_capacity(tls.stage.loop, guest.end, 5000);
    const struct fr_channel *channel = &stage_connection(&tls.stage)->channel;
    SSL_write(guest.ssl, GET, (int)strlen(GET));
    guest_send(&guest, 0);
    IS(channel->tls->records.bytes <= 65536 + 20000);
    IS(channel->outbox.bytes <= tls.stage.limits.write_high_bytes + 2000);
    while (!strstr(guest.heard + (guest.heard_len > 5 ? guest.heard_len - 5 : 0), "0\r\n\r\n")) {
        IS(guest_listen(&guest));
        IS(channel->tls->records.bytes <= 65536 + 20000);
    }
    IS(guest.heard_len > 600000);
    IS(echo.writables > 0);
    EQUAL(fr_channel_is_empty(channel), true);
    close_scene();
}

TEST(a_peer_that_reads_no_records_is_closed)
{
    open_scene(ECHO_STREAM);
    echo.stream_bytes = 600000;
    enter();
    IS(guest_shake(&guest, 0));
    memory_set_capacity(tls.stage.loop, guest.end, 5000);
    SSL_write(guest.ssl, GET, (int)strlen(GET));
    guest_send(&guest, 0);
    stage_wait(&tls.stage, 29000);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    stage_wait(&tls.stage, 10000);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(strstr(tls.stage.said, "the peer did not read the answer in time"));
    EQUAL(echo.reason, FR_CLOSE_WRITE_TIMEOUT);
    close_scene();
}

static struct fr_exchange *file_exchange;

static void answer_with_file(const char *path, size_t bytes)
{
    struct fr_response_head head = {.status = 200, .content_length = (int64_t)bytes};
    FILE *file = fopen(path, "rb");
    IS(file);
    struct fr_chunk chunk = {.bytes = {NULL, bytes}, .file = fileno(file), .offset = 0};
    file_exchange = echo.exchange;
    EQUAL(fr_exchange_respond(file_exchange, &head), 0);
    EQUAL(fr_exchange_send(file_exchange, &chunk, true), 0);
    echo_let_go(file_exchange);
    stage_turn(&tls.stage);
    guest_talk(&guest, 0);
    fclose(file);
}

TEST(files_are_sealed_too)
{
    enum { FILE_BYTES = 300000 };
    static char bytes[FILE_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i % 23);
    const char *path = maker_file("body", bytes, sizeof bytes);
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    answer_with_file(path, sizeof bytes);
    IS(guest.heard_len > sizeof bytes);
    EQUAL(memcmp(guest.heard + guest.heard_len - sizeof bytes, bytes, sizeof bytes), 0);
    close_scene();
}

TEST(a_file_that_is_too_short_closes_without_a_goodbye)
{
    const char *path = maker_file("short", "abc", 3);
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    answer_with_file(path, 100);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(guest.error != SSL_ERROR_ZERO_RETURN);
    IS(strstr(tls.stage.said, "the operating system refused"));
    close_scene();
}

TEST(a_fast_peer_leaves_turns_to_others)
{
    enum { FILE_BYTES = 4000000 };
    static char bytes[FILE_BYTES];
    const char *path = maker_file("large", bytes, sizeof bytes);
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    memory_set_capacity(tls.stage.loop, guest.end, SIZE_MAX / 4);
    struct fr_response_head head = {.status = 200, .content_length = FILE_BYTES};
    FILE *file = fopen(path, "rb");
    struct fr_chunk chunk = {.bytes = {NULL, FILE_BYTES}, .file = fileno(file), .offset = 0};
    EQUAL(fr_exchange_respond(echo.exchange, &head), 0);
    EQUAL(fr_exchange_send(echo.exchange, &chunk, true), 0);
    echo_let_go(echo.exchange);
    const struct fr_channel *channel = &stage_connection(&tls.stage)->channel;
    EQUAL(fr_channel_flush((struct fr_channel *)channel, false), 0);
    IS(channel->yielded);
    IS(channel->outbox.bytes > FILE_BYTES / 2);
    stage_turn(&tls.stage);
    IS(fr_channel_is_empty(channel)); /* it goes on by itself */
    IS(!channel->yielded);
    fclose(file);
    close_scene();
}

/* ---- ends ---- */

TEST(an_end_of_ours_is_told)
{
    open_scene(ECHO_FIXED);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    stage_wait(&tls.stage, 5100);
    guest_listen(&guest);
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    close_scene();
}

TEST(an_end_of_the_peers_is_heard_and_answered)
{
    open_scene(ECHO_FIXED);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    SSL_shutdown(guest.ssl);
    guest_talk(&guest, 0);
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    close_scene();
}

TEST(whoever_has_said_everything_still_gets_the_answer)
{
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    SSL_write(guest.ssl, GET, (int)strlen(GET));
    SSL_shutdown(guest.ssl);
    guest_talk(&guest, 0);
    EQUAL(echo.peer_ends, 1);
    memory_end(tls.stage.loop, guest.end); /* no second end for the connection */
    stage_turn(&tls.stage);
    EQUAL(echo.peer_ends, 1);
    EQUAL(fr_exchange_answer_text(echo.exchange, 200, FR_SPAN("late")), 0);
    echo_let_go(echo.exchange);
    stage_turn(&tls.stage);
    guest_listen(&guest);
    IS(strstr(guest.heard, "late"));
    EQUAL(guest.error, SSL_ERROR_ZERO_RETURN);
    close_scene();
}

TEST(a_body_that_is_cut_is_not_a_whole_one)
{
    open_scene(ECHO_BODY);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0);
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    EQUAL(echo.lasts, 0);
    EQUAL(echo.reason, FR_CLOSE_PEER_CLOSED);
    close_scene();
}

TEST(an_answer_that_is_cut_has_no_goodbye)
{
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, "GET / HTTP/1.0\r\n\r\n", 0);
    struct fr_response_head head = {.status = 200, .content_length = -1};
    EQUAL(fr_exchange_respond(echo.exchange, &head), 0); /* its end is that of the connection */
    EQUAL(fr_exchange_send(echo.exchange, &FR_CHUNK_COPY(FR_SPAN("half")), false), 0);
    fr_exchange_reset(echo.exchange);
    echo_let_go(echo.exchange);
    stage_turn(&tls.stage);
    guest_listen(&guest);
    IS(strstr(guest.heard, "half"));
    IS(memory_has_ended(tls.stage.loop, guest.end));
    IS(guest.error != SSL_ERROR_ZERO_RETURN);
    close_scene();
}

/* Whatever it is that cuts it: here the request's body, which never comes to its end. */
TEST(an_answer_to_half_a_request_has_no_goodbye)
{
    for (int ends = 0; ends < 2; ends++) {
        open_scene(ECHO_CHUNKS);
        enter();
        IS(guest_shake(&guest, 0));
        guest_say(&guest, "POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\nhalf", 0);
        IS(strstr(guest.heard, "half") && !strstr(guest.heard, "chunked"));
        if (ends)
            SSL_shutdown(guest.ssl);
        else
            stage_wait(&tls.stage, 31000);
        guest_talk(&guest, 0);
        EQUAL(echo.aborts, 1);
        IS(memory_has_ended(tls.stage.loop, guest.end) || memory_has_closed(tls.stage.loop, guest.end));
        IS(guest.error != SSL_ERROR_ZERO_RETURN);
        close_scene();
    }
}

TEST(a_stop_amidst_an_answer_has_no_goodbye)
{
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    fr_connection_close(stage_connection(&tls.stage), FR_CLOSE_STOP);
    stage_turn(&tls.stage);
    guest_listen(&guest);
    IS(guest.error != SSL_ERROR_ZERO_RETURN);
    echo_let_go(echo.exchange);
    close_scene();
}

TEST(the_last_record_comes_before_the_end_however_slowly)
{
    open_scene(ECHO_FIXED);
    enter();
    IS(guest_shake(&guest, 0));
    memory_set_capacity(tls.stage.loop, guest.end, 10);
    SSL_write(guest.ssl, "bad\r\n\r\n", 7);
    guest_send(&guest, 0);
    for (int pieces = 0; guest.error != SSL_ERROR_ZERO_RETURN; pieces++) {
        IS(pieces < 1000);
        IS(!memory_has_ended(tls.stage.loop, guest.end));
        guest_listen(&guest);
    }
    IS(strncmp(guest.heard, "HTTP/1.1 400 ", 13) == 0);
    stage_turn(&tls.stage);
    IS(memory_has_ended(tls.stage.loop, guest.end));
    IS(!memory_has_closed(tls.stage.loop, guest.end)); /* it lingers */
    memory_end(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    close_scene();
}

/* ---- what is no TLS ---- */

TEST(a_broken_record_is_answered_with_an_alert)
{
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    memory_send(tls.stage.loop, guest.end,
                FR_SPAN("\x17\x03\x03\x00\x20"
                        "0123456789012345678901234567890123456789"));
    stage_turn(&tls.stage);
    EQUAL(echo.aborts, 1);
    EQUAL(echo.reason, FR_CLOSE_TLS);
    echo_let_go(echo.exchange);
    guest_listen(&guest);
    EQUAL(guest.error, SSL_ERROR_SSL); /* the alert */
    IS(memory_has_ended(tls.stage.loop, guest.end));
    memory_send(tls.stage.loop, guest.end, FR_SPAN("more of it"));
    stage_turn(&tls.stage);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    stage_wait(&tls.stage, 2100);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    IS(strstr(tls.stage.said, "the TLS handshake or a record failed"));
    EQUAL(tls.stage.stats.tls_handshakes_failed, 0);
    close_scene();
}

TEST(what_came_before_the_broken_record_is_received)
{
    open_scene(ECHO_FIXED);
    enter();
    IS(guest_shake(&guest, 0));
    SSL_write(guest.ssl, GET, (int)strlen(GET));
    char *records;
    long len = BIO_get_mem_data(guest.to_server, &records);
    char both[1000];
    static const char broken[] = "\x17\x03\x03\x00\x20"
                                 "01234567890123456789012345678901";
    memcpy(both, records, (size_t)len);
    memcpy(both + len, broken, sizeof broken - 1);
    memory_send(tls.stage.loop, guest.end, fr_span_of(both, (size_t)len + sizeof broken - 1));
    stage_turn(&tls.stage);
    EQUAL(echo.requests, 1);
    guest_listen(&guest);
    IS(memory_has_ended(tls.stage.loop, guest.end));
    stage_wait(&tls.stage, 2100);
    IS(strstr(tls.stage.said, "the TLS handshake or a record failed"));
    close_scene();
}

TEST(a_reset_ends_everything)
{
    open_scene(ECHO_LATE);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, GET, 0);
    memory_reset(tls.stage.loop, guest.end);
    stage_turn(&tls.stage);
    EQUAL(echo.reason, FR_CLOSE_PEER_RESET);
    echo_let_go(echo.exchange);
    EQUAL(tls.stage.shared.count, 0);
    close_scene();
}

/* As OpenSSL would queue for a peer of TLS 1.2 that asks for another handshake, again and again. */
static void provoke_answers(size_t bytes)
{
    static const char alert[31];
    struct fr_outbox *records = &stage_connection(&tls.stage)->channel.tls->records;
    while (records->bytes < bytes)
        fr_outbox_copy(records, fr_span_of(alert, sizeof alert));
}

TEST(a_peer_that_provokes_answers_and_reads_none_is_closed)
{
    open_scene(ECHO_BODY);
    enter();
    IS(guest_shake(&guest, 0));
    guest_say(&guest, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n", 0);
    memory_set_capacity(tls.stage.loop, guest.end, 0);
    provoke_answers(100000);
    EQUAL(SSL_write(guest.ssl, "x", 1), 1);
    guest_send(&guest, 0);
    IS(!memory_has_closed(tls.stage.loop, guest.end));
    provoke_answers(132000);
    EQUAL(SSL_write(guest.ssl, "x", 1), 1);
    guest_send(&guest, 0);
    IS(memory_has_closed(tls.stage.loop, guest.end));
    EQUAL(echo.reason, FR_CLOSE_FLOOD);
    IS(strstr(tls.stage.said, "too many frames that cost more than they carry"));
    close_scene();
}
