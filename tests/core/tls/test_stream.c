/* tls/stream.h */
#include "tls/stream.h"

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
