/* tls/stream.h */
#include "tls/stream.h"

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
