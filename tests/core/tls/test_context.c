/* tls/context.h */
#include "tls/context.h"

#include <openssl/err.h>

#include "fakes/tls_client.h"
#include "unit.h"

struct rig {
    struct maker_pair pairs[3];
    char *texts[6];
    struct fr_tls_identity identities[3];
    struct fr_tls_options options;
    char complaint[256];
};

/* Three certificates: for a.example, for anything below b.example, and for a.example again with c.b.example. */
static void open_rig(struct rig *rig)
{
    static const char *const names[3] = {"DNS:a.example", "DNS:*.b.example", "DNS:a.example,DNS:c.b.example"};
    *rig = (struct rig){.options = {.identities = rig->identities, .identity_count = 3, .version_min = 0x0303}};
    rig->options.http1 = rig->options.http2 = true;
    for (int i = 0; i < 3; i++) {
        rig->pairs[i] = maker_pair(&(struct maker_wish){.common_name = names[i], .names = names[i]});
        rig->identities[i].certificate = rig->texts[2 * i] = maker_certificate_pem(&rig->pairs[i]);
        rig->identities[i].key = rig->texts[2 * i + 1] = maker_key_pem(&rig->pairs[i], NULL);
    }
}

static void close_rig(struct rig *rig)
{
    for (int i = 0; i < 3; i++) {
        maker_free(&rig->pairs[i]);
        free(rig->texts[2 * i]);
        free(rig->texts[2 * i + 1]);
    }
}

static struct fr_tls_context *open_context(struct rig *rig)
{
    struct fr_tls_context *context = fr_tls_context_open(&rig->options, rig->complaint, sizeof rig->complaint);
    EQUAL(ERR_peek_error(), 0);
    return context;
}

/* Which of the certificates is shown to a client that asks for `name`. */
static int shown_for(struct fr_tls_context *context, const struct rig *rig, const char *name)
{
    struct tls_client client;
    int shown = -1;
    tls_client_open(&client);
    tls_client_begin(&client, context, name, NULL);
    IS(tls_client_shake(&client));
    X509 *certificate = SSL_get1_peer_certificate(client.ssl);
    for (int i = 0; i < 3; i++)
        if (X509_cmp(certificate, rig->pairs[i].certificate) == 0)
            shown = i;
    SAME(fr_tls_stream_facts(client.stream)->server_certificate, rig->texts[2 * shown]);
    X509_free(certificate);
    tls_client_close(&client);
    return shown;
}

TEST(the_name_chooses_the_certificate)
{
    struct rig rig;
    open_rig(&rig);
    struct fr_tls_context *context = open_context(&rig);
    IS(context != NULL);
    EQUAL(shown_for(context, &rig, "a.example"), 0);
    EQUAL(shown_for(context, &rig, "WWW.b.Example"), 1);
    EQUAL(shown_for(context, &rig, "b.example"), 0);
    EQUAL(shown_for(context, &rig, "x.www.b.example"), 0);
    EQUAL(shown_for(context, &rig, "c.b.example"), 2);
    EQUAL(shown_for(context, &rig, "elsewhere.example"), 0);
    EQUAL(shown_for(context, &rig, NULL), 0);
    fr_tls_context_close(context);
    close_rig(&rig);
}

/* What `name` is given when it asks for the state of the certificate; empty: nothing. */
static void expect_staple(struct fr_tls_context *context, const char *name, fr_span expected)
{
    struct tls_client client;
    const unsigned char *staple = NULL;
    tls_client_open(&client);
    SSL_CTX_set_tlsext_status_type(client.settings, TLSEXT_STATUSTYPE_ocsp);
    tls_client_begin(&client, context, name, NULL);
    IS(tls_client_shake(&client));
    long len = SSL_get_tlsext_status_ocsp_resp(client.ssl, &staple);
    EQUAL(len, expected.len ? (long)expected.len : -1);
    IS(len < 0 || memcmp(staple, expected.data, expected.len) == 0);
    tls_client_close(&client);
}

TEST(each_certificate_has_its_own_staple)
{
    struct rig rig;
    char *staple = NULL;
    open_rig(&rig);
    size_t len = maker_staple(&rig.pairs[1], &rig.pairs[1], &staple);
    rig.identities[1].ocsp_file = maker_file("b.ocsp", staple, len);
    struct fr_tls_context *context = open_context(&rig);
    IS(context != NULL);
    expect_staple(context, "a.example", (fr_span){NULL, 0});
    expect_staple(context, "www.b.example", fr_span_of(staple, len));
    IS(!fr_tls_context_is_stale(context));
    maker_file("b.ocsp", staple, len - 1);
    IS(fr_tls_context_is_stale(context));
    fr_tls_context_close(context);
    IS(!open_context(&rig));
    IS(strstr(rig.complaint, "b.ocsp is not an OCSP response in DER") != NULL);
    free(staple);
    close_rig(&rig);
}

/* The kind of key in the certificate that such a client is shown, which is also what the facts say. */
static int kind_shown(struct fr_tls_context *context, const char *algorithms)
{
    struct tls_client client;
    tls_client_open(&client);
    EQUAL(SSL_CTX_set1_sigalgs_list(client.settings, algorithms), 1);
    tls_client_begin(&client, context, "a.example", NULL);
    IS(tls_client_shake(&client));
    X509 *certificate = SSL_get1_peer_certificate(client.ssl);
    int kind = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate));
    struct maker_pair shown = {.certificate = certificate};
    char *pem = maker_certificate_pem(&shown);
    SAME(fr_tls_stream_facts(client.stream)->server_certificate, pem);
    free(pem);
    X509_free(certificate);
    tls_client_close(&client);
    return kind;
}

TEST(of_two_kinds_of_key_the_client_gets_one_that_it_can_read)
{
    struct rig rig;
    open_rig(&rig);
    struct maker_pair rsa =
        maker_pair(&(struct maker_wish){.common_name = "rsa", .names = "DNS:A.example", .rsa = true});
    char *certificate = maker_certificate_pem(&rsa), *key = maker_key_pem(&rsa, NULL);
    rig.identities[1] = rig.identities[2]; /* a.example with another name */
    rig.identities[2] = (struct fr_tls_identity){.certificate = certificate, .key = key};
    struct fr_tls_context *context = open_context(&rig);
    IS(context != NULL);
    EQUAL(kind_shown(context, "ECDSA+SHA256"), EVP_PKEY_EC);
    EQUAL(kind_shown(context, "RSA-PSS+SHA256"), EVP_PKEY_RSA);
    EQUAL(kind_shown(context, "RSA-PSS+SHA256:ECDSA+SHA256"), EVP_PKEY_EC); /* which costs less */
    fr_tls_context_close(context);
    maker_free(&rsa);
    free(certificate);
    free(key);
    close_rig(&rig);
}

/* The second of a kind for the same names is never shown, and does not take the place of the first. */
TEST(the_first_of_a_kind_stays)
{
    struct rig rig;
    open_rig(&rig);
    struct maker_pair rsa =
        maker_pair(&(struct maker_wish){.common_name = "rsa", .names = "DNS:a.example", .rsa = true});
    char *certificate = maker_certificate_pem(&rsa), *key = maker_key_pem(&rsa, NULL);
    struct maker_pair again = maker_pair(&(struct maker_wish){.common_name = "again", .names = "DNS:a.example"});
    char *again_pem = maker_certificate_pem(&again), *again_key = maker_key_pem(&again, NULL);
    rig.identities[1] = (struct fr_tls_identity){.certificate = certificate, .key = key};
    rig.identities[2] = (struct fr_tls_identity){.certificate = again_pem, .key = again_key};
    struct fr_tls_context *context = open_context(&rig);
    IS(context != NULL);
    EQUAL(shown_for(context, &rig, "a.example"), 0);
    EQUAL(shown_for(context, &rig, NULL), 0);
    fr_tls_context_close(context);
    maker_free(&rsa);
    maker_free(&again);
    free(certificate);
    free(key);
    free(again_pem);
    free(again_key);
    close_rig(&rig);
}

TEST(bad_options_are_told)
{
    struct rig rig;
    open_rig(&rig);
    rig.options.ciphers = "NONSENSE";
    IS(!open_context(&rig));
    SAME(fr_span_of_string(rig.complaint), "the ciphers \"NONSENSE\" cannot be used: no cipher match");
    rig.options.ciphers = NULL;
    rig.identities[1].key = rig.identities[0].key;
    IS(!open_context(&rig));
    SAME(fr_span_of_string(rig.complaint), "the key is not the key of the certificate");
    close_rig(&rig);
}

TEST(a_changed_file_makes_it_stale)
{
    struct rig rig;
    open_rig(&rig);
    rig.identities[1].certificate = NULL;
    rig.identities[1].certfile = maker_text_file("b.pem", rig.texts[2]);
    struct fr_tls_context *context = open_context(&rig);
    IS(!fr_tls_context_is_stale(context));
    unlink(rig.identities[1].certfile);
    IS(fr_tls_context_is_stale(context));
    fr_tls_context_close(context);
    close_rig(&rig);
}

TEST(a_warning_is_told_beside_the_context)
{
    struct rig rig;
    open_rig(&rig);
    char *chain = maker_join(rig.texts[0], rig.texts[2]);
    rig.identities[0].certificate = chain;
    struct fr_tls_context *context = open_context(&rig);
    IS(context != NULL);
    SAME(fr_span_of_string(rig.complaint), "certificate 2 of the certificate has not issued the one before it");
    fr_tls_context_close(context);
    free(chain);
    close_rig(&rig);
}
