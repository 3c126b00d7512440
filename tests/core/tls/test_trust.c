/* tls/trust.h */
#include "tls/trust.h"

#include <openssl/err.h>

#include "fakes/tls_client.h"
#include "unit.h"

#define HOUR_S 3600L
#define SERIAL 42

struct rig {
    struct maker_pair server, authority, middle, good, stranger, expired;
    char *texts[8];
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    struct fr_tls_context *context;
    struct tls_client client;
    char complaint[256];
};

/* authority -> middle -> good and expired; stranger has signed itself. */
static void open_rig(struct rig *rig, enum fr_tls_verify verify)
{
    *rig = (struct rig){.server = maker_pair(&(struct maker_wish){.common_name = "localhost"})};
    rig->authority = maker_pair(&(struct maker_wish){.common_name = "Authority", .authority = true});
    rig->middle =
        maker_pair(&(struct maker_wish){.common_name = "Middle", .authority = true, .issuer = &rig->authority});
    rig->good = maker_pair(&(struct maker_wish){.common_name = "Client", .issuer = &rig->middle, .serial = SERIAL});
    rig->expired = maker_pair(
        &(struct maker_wish){.common_name = "Late", .issuer = &rig->middle, .from_s = -2 * HOUR_S, .until_s = -HOUR_S});
    rig->stranger = maker_pair(&(struct maker_wish){.common_name = "Stranger"});
    rig->identity.certificate = rig->texts[0] = maker_certificate_pem(&rig->server);
    rig->identity.key = rig->texts[1] = maker_key_pem(&rig->server, NULL);
    rig->texts[2] = maker_certificate_pem(&rig->authority);
    rig->options = (struct fr_tls_options){
        .identities = &rig->identity,
        .identity_count = 1,
        .version_min = 0x0303,
        .http1 = true,
        .verify = verify,
        .ca_file = maker_text_file("authorities.pem", rig->texts[2]),
    };
    tls_client_open(&rig->client);
}

static void close_rig(struct rig *rig)
{
    fr_tls_context_close(rig->context);
    tls_client_close(&rig->client);
    struct maker_pair *pairs[] = {&rig->server, &rig->authority, &rig->middle,
                                  &rig->good,   &rig->stranger,  &rig->expired};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        maker_free(pairs[i]);
    for (size_t i = 0; i < sizeof rig->texts / sizeof *rig->texts; i++)
        free(rig->texts[i]);
}

static void open_context(struct rig *rig)
{
    rig->context = fr_tls_context_open(&rig->options, rig->complaint, sizeof rig->complaint);
    SAME(fr_span_of_string(rig->complaint), "");
}

/* A client that shows `pair` with `middle` behind it, or nothing. */
static bool connect(struct rig *rig, const struct maker_pair *pair, bool with_middle)
{
    tls_client_begin(&rig->client, rig->context, "localhost", NULL);
    if (pair) {
        EQUAL(SSL_use_certificate(rig->client.ssl, pair->certificate), 1);
        EQUAL(SSL_use_PrivateKey(rig->client.ssl, pair->key), 1);
        if (with_middle)
            SSL_add1_chain_cert(rig->client.ssl, rig->middle.certificate);
    }
    tls_client_shake(&rig->client);
    return fr_tls_stream_state(rig->client.stream) == FR_TLS_OPEN;
}

static const struct fr_tls_client *shown(const struct rig *rig)
{
    return fr_tls_stream_facts(rig->client.stream)->client;
}

static void expect_refusal(struct rig *rig, const struct maker_pair *pair, const char *complaint, int alert)
{
    IS(!connect(rig, pair, true));
    SAME(fr_span_of_string(fr_tls_stream_complaint(rig->client.stream)), complaint);
    EQUAL(ERR_GET_REASON(ERR_peek_error()), alert);
    ERR_clear_error();
    tls_client_end(&rig->client);
}

static void expect_doubt(struct rig *rig, const struct maker_pair *pair, bool with_middle, const char *error)
{
    IS(connect(rig, pair, with_middle));
    IS(shown(rig) != NULL);
    SAME(shown(rig)->error, error);
    tls_client_end(&rig->client);
}

TEST(none_asks_for_nothing)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_NONE);
    open_context(&rig);
    IS(connect(&rig, &rig.good, true));
    IS(!shown(&rig));
    close_rig(&rig);
}

TEST(required_is_required)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED);
    open_context(&rig);
    expect_doubt(&rig, &rig.good, true, "");
    expect_refusal(&rig, NULL, "peer did not return a certificate", SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED);
    expect_refusal(&rig, &rig.stranger, "certificate verify failed: self-signed certificate",
                   SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    expect_refusal(&rig, &rig.expired, "certificate verify failed: certificate has expired",
                   SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
    SSL_CTX_set_max_proto_version(rig.client.settings, TLS1_2_VERSION);
    expect_refusal(&rig, NULL, "peer did not return a certificate", SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE);
    expect_doubt(&rig, &rig.good, true, "");
    close_rig(&rig);
}

TEST(optional_tells_and_does_not_refuse)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_OPTIONAL);
    open_context(&rig);
    IS(connect(&rig, NULL, false));
    IS(!shown(&rig));
    tls_client_end(&rig.client);
    expect_doubt(&rig, &rig.good, true, "");
    expect_doubt(&rig, &rig.good, false, "unable to get local issuer certificate");
    expect_doubt(&rig, &rig.stranger, true, "self-signed certificate");
    expect_doubt(&rig, &rig.expired, true, "certificate has expired");
    close_rig(&rig);
}

TEST(clients_hear_whom_we_trust)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_OPTIONAL);
    char *twice = maker_join(rig.texts[2], rig.texts[2]);
    rig.options.ca_file = maker_text_file("twice.pem", twice);
    open_context(&rig);
    IS(connect(&rig, &rig.good, true));
    const STACK_OF(X509_NAME) *names = SSL_get_client_CA_list(rig.client.ssl);
    EQUAL(sk_X509_NAME_num(names), 1);
    EQUAL(X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(rig.authority.certificate)), 0);
    free(twice);
    close_rig(&rig);
}

/* Whoever is in the file is trusted, also when somebody else is above. */
TEST(an_authority_need_not_be_a_root)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED);
    rig.texts[3] = maker_certificate_pem(&rig.middle);
    rig.options.ca_file = maker_text_file("middle.pem", rig.texts[3]);
    open_context(&rig);
    expect_doubt(&rig, &rig.good, false, "");
    close_rig(&rig);
}

TEST(what_is_revoked_is_refused)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED);
    rig.texts[3] = maker_crl_pem(&rig.authority, 0);
    rig.texts[4] = maker_crl_pem(&rig.middle, SERIAL);
    rig.texts[5] = maker_crl_pem(&rig.middle, SERIAL + 1);
    rig.texts[6] = maker_join(rig.texts[3], rig.texts[4]);
    rig.texts[7] = maker_join(rig.texts[3], rig.texts[5]);
    rig.options.crl_file = maker_text_file("revoked.pem", rig.texts[6]);
    open_context(&rig);
    expect_refusal(&rig, &rig.good, "certificate verify failed: certificate revoked",
                   SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED);
    fr_tls_context_close(rig.context);
    rig.options.crl_file = maker_text_file("others.pem", rig.texts[7]);
    open_context(&rig);
    expect_doubt(&rig, &rig.good, true, "");
    fr_tls_context_close(rig.context);
    rig.options.crl_file = maker_text_file("half.pem", rig.texts[4 + 1]); /* says nothing about middle itself */
    open_context(&rig);
    expect_refusal(&rig, &rig.good, "certificate verify failed: unable to get certificate CRL",
                   SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    close_rig(&rig);
}

/* The name chooses the certificate that is shown, not whom is believed. */
TEST(every_identity_asks_the_same)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED);
    struct maker_pair other = maker_pair(&(struct maker_wish){.common_name = "other.example"});
    rig.texts[3] = maker_certificate_pem(&other);
    rig.texts[4] = maker_key_pem(&other, NULL);
    struct fr_tls_identity identities[] = {{.certificate = rig.texts[3], .key = rig.texts[4]}, rig.identity};
    rig.options.identities = identities;
    rig.options.identity_count = 2;
    open_context(&rig);
    expect_doubt(&rig, &rig.good, true, "");
    expect_refusal(&rig, NULL, "peer did not return a certificate", SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED);
    expect_refusal(&rig, &rig.stranger, "certificate verify failed: self-signed certificate",
                   SSL_R_TLSV1_ALERT_UNKNOWN_CA);
    maker_free(&other);
    close_rig(&rig);
}

static void expect_complaint(struct rig *rig, const char *complaint)
{
    IS(!fr_tls_context_open(&rig->options, rig->complaint, sizeof rig->complaint));
    char expected[256];
    snprintf(expected, sizeof expected, complaint,
             rig->options.crl_file ? rig->options.crl_file : rig->options.ca_file);
    SAME(fr_span_of(rig->complaint, strnlen(rig->complaint, strlen(expected))), expected);
    EQUAL(ERR_peek_error(), 0);
}

TEST(complaints_name_the_file)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED);
    rig.options.crl_file = rig.options.ca_file;
    expect_complaint(&rig, "%s contains no revocation list");
    rig.options.crl_file = NULL;
    rig.options.ca_file = maker_text_file("key.pem", rig.texts[1]);
    expect_complaint(&rig, "%s contains no certificate");
    rig.texts[2][300] = '!';
    rig.options.ca_file = maker_text_file("broken.pem", rig.texts[2]);
    expect_complaint(&rig, "%s cannot be read to its end: ");
    rig.options.ca_file = NULL;
    expect_complaint(&rig, "client certificates are asked for, and there is no file of authorities");
    rig.options.verify = FR_TLS_VERIFY_NONE;
    open_context(&rig);
    close_rig(&rig);
}

TEST(other_trust_is_another_id)
{
    struct rig rig;
    struct fr_tls_trust a, b, c;
    struct fr_tls_complaint complaint = {rig.complaint, sizeof rig.complaint};
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED);
    open_context(&rig);
    EQUAL(fr_tls_trust_load(&a, &rig.options, NULL, &complaint), 0);
    EQUAL(fr_tls_trust_load(&b, &rig.options, NULL, &complaint), 0);
    rig.texts[3] = maker_crl_pem(&rig.authority, 0);
    rig.options.crl_file = maker_text_file("revoked.pem", rig.texts[3]);
    EQUAL(fr_tls_trust_load(&c, &rig.options, NULL, &complaint), 0);
    IS(memcmp(a.id, b.id, sizeof a.id) == 0);
    IS(memcmp(a.id, c.id, sizeof a.id) != 0);
    fr_tls_trust_close(&a);
    fr_tls_trust_close(&b);
    fr_tls_trust_close(&c);
    close_rig(&rig);
}
