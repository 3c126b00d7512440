/* tls/stream.h */
#include "tls/stream.h"

#include <fcntl.h>
#include <openssl/err.h>

#include "fakes/tls_client.h"
#include "unit.h"

struct rig {
    struct maker_pair pair;
    char *certificate, *key;
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    struct fr_tls_context *context;
    struct tls_client client;
    char complaint[256];
};

static void open_rig(struct rig *rig)
{
    *rig = (struct rig){.pair = maker_pair(&(struct maker_wish){.common_name = "localhost", .names = "DNS:localhost"})};
    rig->certificate = maker_certificate_pem(&rig->pair);
    rig->key = maker_key_pem(&rig->pair, NULL);
    rig->identity = (struct fr_tls_identity){.certificate = rig->certificate, .key = rig->key};
    rig->options = (struct fr_tls_options){
        .identities = &rig->identity,
        .identity_count = 1,
        .version_min = 0x0303,
        .http1 = true,
        .http2 = true,
    };
    rig->context = fr_tls_context_open(&rig->options, rig->complaint, sizeof rig->complaint);
    SAME(fr_span_of_string(rig->complaint), "");
    tls_client_open(&rig->client);
}

static void close_rig(struct rig *rig)
{
    fr_tls_context_close(rig->context); /* streams keep it */
    tls_client_close(&rig->client);
    maker_free(&rig->pair);
    free(rig->certificate);
    free(rig->key);
}

static void begin(struct rig *rig)
{
    tls_client_begin(&rig->client, rig->context, "LocalHost", NULL);
}

static void talk(struct rig *rig)
{
    char answer[64];
    tls_client_say(&rig->client, "hello", 5);
    SAME(fr_span_of(rig->client.heard, rig->client.heard_len), "hello");
    EQUAL(tls_client_answer(&rig->client, "well met", 8, answer, sizeof answer, 1), 8);
    SAME(fr_span_of(answer, 8), "well met");
}

static void offer(struct rig *rig, const char *protocols)
{
    SSL_set_alpn_protos(rig->client.ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
}

TEST(both_sides_understand_each_other)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_HANDSHAKE);
    IS(tls_client_shake(&rig.client));
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_OPEN);
    talk(&rig);
    close_rig(&rig);
}

TEST(the_server_prefers_and_the_client_may_do_without)
{
    static const char *const cases[][2] = {
        {"\x08http/1.1\x02h2", "h2"},
        {"\x08http/1.1", "http/1.1"},
        {"\x03h20\x08http/1.1", "http/1.1"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig rig;
        open_rig(&rig);
        begin(&rig);
        offer(&rig, cases[i][0]);
        IS(tls_client_shake(&rig.client));
        SAME(fr_tls_stream_alpn(rig.client.stream), cases[i][1]);
        close_rig(&rig);
    }
}

TEST(nothing_in_common_is_an_alert)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    offer(&rig, "\x06spdy/1");
    IS(!tls_client_shake(&rig.client));
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_FAILED);
    EQUAL(rig.client.unsealed, FR_E_TLS);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "no application protocol");
    EQUAL(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    close_rig(&rig);
}

TEST(each_side_ends_on_its_own)
{
    struct rig rig;
    char into[8];
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    SSL_shutdown(rig.client.ssl);
    tls_client_to_server(&rig.client);
    EQUAL(rig.client.unsealed, 0);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_ENDED);
    EQUAL(tls_client_answer(&rig.client, "late", 4, into, sizeof into, 1), 4);
    fr_tls_stream_end(rig.client.stream);
    size_t queued = rig.client.records.bytes;
    IS(queued > 0);
    fr_tls_stream_end(rig.client.stream);
    EQUAL(rig.client.records.bytes, queued);
    tls_client_to_client(&rig.client);
    EQUAL(SSL_read(rig.client.ssl, into, sizeof into), 0);
    EQUAL(SSL_get_shutdown(rig.client.ssl), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    close_rig(&rig);
}

/* Whoever says that there is no more before anything was agreed on has agreed on nothing. */
TEST(an_end_in_the_middle_of_the_handshake_is_no_end_of_it)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig;
        char plain[FR_TLS_PLAIN_BYTES];
        fr_span bytes = FR_SPAN("\x15\x03\x03\0\x02\x01\0");
        open_rig(&rig);
        SSL_CTX_set_max_proto_version(rig.client.settings, versions[i]);
        begin(&rig);
        SSL_do_handshake(rig.client.ssl);
        tls_client_to_server(&rig.client);
        EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), 0);
        EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_LEFT);
        EQUAL(bytes.len, 0);
        bytes = FR_SPAN("\x17\x03\x03\0\x01z");
        EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), 0);
        size_t queued = rig.client.records.bytes;
        fr_tls_stream_end(rig.client.stream);
        EQUAL(rig.client.records.bytes, queued);
        EQUAL(ERR_peek_error(), 0);
        close_rig(&rig);
    }
}

TEST(it_does_not_matter_how_bytes_arrive)
{
    for (size_t step = 1; step < 40; step += step < 8 ? 1 : 7) {
        struct rig rig;
        open_rig(&rig);
        begin(&rig);
        rig.client.step = step;
        IS(tls_client_shake(&rig.client));
        talk(&rig);
        close_rig(&rig);
    }
}

TEST(what_comes_with_the_last_message_of_the_handshake_is_not_lost)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    SSL_do_handshake(rig.client.ssl);
    tls_client_to_server(&rig.client);
    tls_client_to_client(&rig.client);
    EQUAL(SSL_do_handshake(rig.client.ssl), 1);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_HANDSHAKE);
    tls_client_say(&rig.client, "at once", 7);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_OPEN);
    SAME(fr_span_of(rig.client.heard, rig.client.heard_len), "at once");
    close_rig(&rig);
}

TEST(several_records_at_once_when_there_is_room)
{
    struct rig rig;
    static char plain[3 * FR_TLS_PLAIN_BYTES];
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    for (int i = 0; i < 5; i++)
        SSL_write(rig.client.ssl, "0123456789", 10);
    char *data = NULL;
    fr_span bytes = fr_span_of(NULL, (size_t)BIO_get_mem_data(rig.client.to_server, &data));
    bytes.data = data;
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), 50);
    EQUAL(bytes.len, 0);
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), 0);
    close_rig(&rig);
}

/* ---- what is agreed on ---- */

TEST(facts_are_those_of_the_connection)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    const struct fr_tls_facts *facts = fr_tls_stream_facts(rig.client.stream);
    EQUAL(facts->version, 0x0304);
    SAME(facts->version_name, "TLSv1.3");
    EQUAL(facts->cipher_suite, 0x1301);
    SAME(facts->cipher, "TLS_AES_128_GCM_SHA256");
    SAME(facts->server_name, "localhost");
    SAME(facts->server_certificate, rig.certificate);
    IS(!facts->resumed && !facts->client);
    tls_client_end(&rig.client);
    SSL_CTX_set_max_proto_version(rig.client.settings, TLS1_2_VERSION);
    tls_client_begin(&rig.client, rig.context, NULL, NULL);
    IS(tls_client_shake(&rig.client));
    facts = fr_tls_stream_facts(rig.client.stream);
    EQUAL(facts->version, 0x0303);
    SAME(facts->version_name, "TLSv1.2");
    EQUAL(facts->cipher_suite, 0xc02b);
    SAME(facts->cipher, "ECDHE-ECDSA-AES128-GCM-SHA256");
    SAME(facts->server_name, "");
    close_rig(&rig);
}

/* Who has no instructions for AES puts the other one first. */
TEST(a_client_that_would_rather_not_use_aes_need_not)
{
    struct rig rig;
    open_rig(&rig);
    SSL_CTX_set_ciphersuites(rig.client.settings, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    SAME(fr_tls_stream_facts(rig.client.stream)->cipher, "TLS_CHACHA20_POLY1305_SHA256");
    close_rig(&rig);
}

static void expect_refused(struct rig *rig, int version, const char *ciphers, const char *complaint)
{
    SSL_CTX_set_min_proto_version(rig->client.settings, 0);
    SSL_CTX_set_max_proto_version(rig->client.settings, version);
    SSL_CTX_set_cipher_list(rig->client.settings, ciphers);
    begin(rig);
    IS(!tls_client_shake(&rig->client));
    EQUAL(fr_tls_stream_state(rig->client.stream), FR_TLS_FAILED);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig->client.stream)), complaint);
    ERR_clear_error();
    tls_client_end(&rig->client);
}

TEST(what_is_old_is_refused)
{
    struct rig rig;
    open_rig(&rig);
    expect_refused(&rig, TLS1_1_VERSION, "ALL:@SECLEVEL=0", "unsupported protocol");
    expect_refused(&rig, TLS1_VERSION, "ALL:@SECLEVEL=0", "unsupported protocol");
    expect_refused(&rig, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256", "no shared cipher");
    fr_tls_context_close(rig.context);
    rig.options.version_min = 0x0304;
    rig.context = fr_tls_context_open(&rig.options, rig.complaint, sizeof rig.complaint);
    expect_refused(&rig, TLS1_2_VERSION, "ALL", "unsupported protocol");
    close_rig(&rig);
}

/* ---- what goes wrong ---- */

TEST(plain_http_is_told_by_its_first_letter)
{
    static const char *const requests[] = {"GET / HTTP/1.1\r\n", "P", "options * HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct rig rig;
        char plain[FR_TLS_PLAIN_BYTES];
        fr_span bytes = fr_span_of_string(requests[i]), nothing = {NULL, 0};
        open_rig(&rig);
        begin(&rig);
        EQUAL(fr_tls_stream_unseal(rig.client.stream, &nothing, plain, sizeof plain), 0);
        EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), FR_E_TLS_PLAIN_HTTP);
        SAME(bytes, requests[i]);
        EQUAL(rig.client.records.bytes, 0);
        fr_tls_stream_end(rig.client.stream);
        EQUAL(rig.client.records.bytes, 0);
        close_rig(&rig);
    }
}

TEST(garbage_is_an_alert_and_the_end)
{
    struct rig rig;
    char plain[FR_TLS_PLAIN_BYTES];
    fr_span bytes = FR_SPAN("\x16\x03\x01\0\x04zzzz and more of it");
    open_rig(&rig);
    begin(&rig);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH); /* left over by somebody else */
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), FR_E_TLS);
    EQUAL(ERR_peek_error(), 0);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_FAILED);
    EQUAL(rig.client.records.bytes, 7);
    IS(*fr_tls_stream_complaint(rig.client.stream));
    bytes = FR_SPAN("\x16\x03\x01\0\x04zzzz");
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), FR_E_TLS);
    fr_tls_stream_end(rig.client.stream);
    EQUAL(rig.client.records.bytes, 7);
    close_rig(&rig);
}

/* Nine bytes must not make us set aside 128 KiB. */
TEST(a_hello_that_is_going_to_be_huge_is_refused)
{
    struct rig rig;
    char plain[FR_TLS_PLAIN_BYTES];
    fr_span bytes = FR_SPAN("\x16\x03\x01\x40\0\x01\x01\xff\0");
    open_rig(&rig);
    begin(&rig);
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), FR_E_TLS);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "a hello of more than 32 KiB");
    close_rig(&rig);
}

/* It has other frames, which nobody here would see pass. */
TEST(a_hello_of_ssl_2_is_refused)
{
    struct rig rig;
    char plain[FR_TLS_PLAIN_BYTES];
    static const char hello[] = "\x80\x2f\x01\x03\x03\0\x06\0\0\0\x20\0\xc0\x2b\0\0\xff"
                                "0123456789abcdef0123456789abcdef";
    fr_span bytes = fr_span_of(hello, sizeof hello - 1);
    open_rig(&rig);
    begin(&rig);
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), FR_E_TLS);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "a hello of SSL 2.0");
    close_rig(&rig);
}

/* What comes later may be encrypted, and look like anything. */
TEST(with_12_only_the_first_message_is_looked_at)
{
    struct rig rig;
    char plain[FR_TLS_PLAIN_BYTES];
    fr_span bytes = FR_SPAN("\x16\x03\x03\0\x04\x01\xff\xff\xff");
    open_rig(&rig);
    SSL_CTX_set_max_proto_version(rig.client.settings, TLS1_2_VERSION);
    begin(&rig);
    SSL_do_handshake(rig.client.ssl);
    tls_client_to_server(&rig.client);
    EQUAL(rig.client.unsealed, 0);
    EQUAL(fr_tls_stream_unseal(rig.client.stream, &bytes, plain, sizeof plain), FR_E_TLS);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "unexpected message");
    close_rig(&rig);
}

TEST(a_record_that_was_touched_is_refused)
{
    struct rig rig;
    char *data = NULL;
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "");
    SSL_write(rig.client.ssl, "good", 4);
    SSL_write(rig.client.ssl, "bad", 3);
    size_t len = (size_t)BIO_get_mem_data(rig.client.to_server, &data);
    data[len - 1] ^= 1;
    tls_client_to_server(&rig.client);
    SAME(fr_span_of(rig.client.heard, rig.client.heard_len), "good");
    EQUAL(rig.client.unsealed, FR_E_TLS);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_FAILED);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "decryption failed or bad record mac");
    close_rig(&rig);
}

/* Each asks for an answer; a peer that does not read must not fill our memory. */
TEST(a_flood_of_key_updates_ends_early)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    for (int i = 0; i < 500 && fr_tls_stream_state(rig.client.stream) == FR_TLS_OPEN; i++) {
        SSL_key_update(rig.client.ssl, SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(rig.client.ssl);
        tls_client_to_server(&rig.client);
    }
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_FAILED);
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig.client.stream)), "too many records that carry nothing");
    IS(rig.client.records.bytes < 4096);
    EQUAL(ERR_peek_error(), 0);
    close_rig(&rig);
}

TEST(a_key_update_now_and_then_is_fine)
{
    struct rig rig;
    char into[8];
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    for (int i = 0; i < 3000; i++) {
        if (i % 50 == 0)
            SSL_key_update(rig.client.ssl, SSL_KEY_UPDATE_REQUESTED);
        tls_client_say(&rig.client, "x", 1);
        EQUAL(tls_client_answer(&rig.client, "y", 1, into, sizeof into, 1), 1);
    }
    EQUAL(rig.client.heard_len, 3000);
    close_rig(&rig);
}

TEST(nobody_renegotiates)
{
    struct rig rig;
    open_rig(&rig);
    SSL_CTX_set_max_proto_version(rig.client.settings, TLS1_2_VERSION);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    size_t queued = rig.client.records.bytes;
    EQUAL(SSL_renegotiate(rig.client.ssl), 1);
    SSL_do_handshake(rig.client.ssl);
    tls_client_to_server(&rig.client);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_OPEN);
    IS(rig.client.records.bytes > queued && rig.client.records.bytes < queued + 64); /* a warning, no handshake */
    tls_client_to_client(&rig.client);
    EQUAL(SSL_do_handshake(rig.client.ssl), -1);
    EQUAL(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    close_rig(&rig);
}
/* Who has said all there is to say may still listen. */
TEST(what_comes_after_our_end_is_heard)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    fr_tls_stream_end(rig.client.stream);
    tls_client_say(&rig.client, "more", 4);
    SAME(fr_span_of(rig.client.heard, rig.client.heard_len), "more");
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_OPEN);
    SSL_shutdown(rig.client.ssl);
    tls_client_to_server(&rig.client);
    EQUAL(fr_tls_stream_state(rig.client.stream), FR_TLS_ENDED);
    close_rig(&rig);
}

TEST(what_is_not_data_ends_it_after_our_end)
{
    struct rig rig;
    open_rig(&rig);
    begin(&rig);
    IS(tls_client_shake(&rig.client));
    fr_tls_stream_end(rig.client.stream);
    SSL_key_update(rig.client.ssl, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(rig.client.ssl);
    tls_client_to_server(&rig.client);
    IS(rig.client.unsealed >= 0);
    IS(fr_tls_stream_state(rig.client.stream) != FR_TLS_FAILED);
    EQUAL(ERR_peek_error(), 0);
    close_rig(&rig);
}
