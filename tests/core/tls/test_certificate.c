/* tls/certificate.h */
#include "tls/certificate.h"

#include <openssl/err.h>
#include <time.h>

#include "fakes/tls_maker.h"
#include "unit.h"

#define HOUR_S 3600L

struct rig {
    struct maker_pair authority, pair;
    char *authority_pem, *certificate, *key;
    struct fr_tls_identity identity;
    struct fr_tls_certificate loaded;
    char complaint[256], warning[256];
};

static void open_rig(struct rig *rig, const struct maker_wish *wish)
{
    struct maker_wish signed_wish = *wish;
    *rig = (struct rig){.authority = maker_pair(&(struct maker_wish){.common_name = "Authority", .authority = true})};
    signed_wish.issuer = &rig->authority;
    rig->pair = maker_pair(&signed_wish);
    rig->authority_pem = maker_certificate_pem(&rig->authority);
    rig->certificate = maker_certificate_pem(&rig->pair);
    rig->key = maker_key_pem(&rig->pair, NULL);
    rig->identity = (struct fr_tls_identity){.certificate = rig->certificate, .key = rig->key};
}

static void close_rig(struct rig *rig)
{
    maker_free(&rig->authority);
    maker_free(&rig->pair);
    free(rig->authority_pem);
    free(rig->certificate);
    free(rig->key);
}

/* Loads it and lets go of it; whatever happens, OpenSSL's queue is empty afterwards. */
static int load(struct rig *rig)
{
    struct fr_tls_complaint complaint = {rig->complaint, sizeof rig->complaint};
    struct fr_tls_complaint warning = {rig->warning, sizeof rig->warning};
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    rig->complaint[0] = rig->warning[0] = '\0';
    int error = fr_tls_certificate_load(&rig->loaded, &rig->identity, library, &complaint, &warning);
    SSL_CTX *ssl = SSL_CTX_new_ex(library, NULL, TLS_server_method());
    if (!error)
        error = fr_tls_certificate_use(&rig->loaded, ssl, &complaint);
    SSL_CTX_free(ssl);
    EQUAL(ERR_peek_error(), 0);
    EQUAL(error, rig->complaint[0] ? FR_E_CERTIFICATE : 0);
    fr_tls_certificate_close(&rig->loaded);
    OSSL_LIB_CTX_free(library);
    return error;
}

static void expect_complaint(struct rig *rig, const char *complaint)
{
    EQUAL(load(rig), FR_E_CERTIFICATE);
    SAME(fr_span_of_string(rig->complaint), complaint);
}

static void expect_complaint_begins(struct rig *rig, const char *complaint)
{
    EQUAL(load(rig), FR_E_CERTIFICATE);
    SAME(fr_span_of(rig->complaint, strnlen(rig->complaint, strlen(complaint))), complaint);
}

static void expect_good(struct rig *rig, const char *warning)
{
    int error = load(rig);
    SAME(fr_span_of_string(rig->complaint), "");
    SAME(fr_span_of_string(rig->warning), warning);
    EQUAL(error, 0);
}

TEST(out_of_memory_or_files_it_is_the_same)
{
    struct rig rig;
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example"});
    expect_good(&rig, "");
    char *both = maker_join(rig.certificate, rig.key), *other = maker_join(rig.key, rig.certificate);
    rig.identity = (struct fr_tls_identity){.certfile = maker_text_file("both.pem", both)};
    expect_good(&rig, "");
    rig.identity = (struct fr_tls_identity){.certfile = maker_text_file("other.pem", other)};
    expect_good(&rig, "");
    rig.identity = (struct fr_tls_identity){
        .certfile = maker_text_file("certificate.pem", rig.certificate),
        .keyfile = maker_text_file("key.pem", rig.key),
    };
    expect_good(&rig, "");
    rig.identity = (struct fr_tls_identity){.certificate = both};
    expect_good(&rig, "");
    free(both);
    free(other);
    close_rig(&rig);
}

TEST(names_are_those_of_the_certificate)
{
    struct rig rig;
    open_rig(&rig,
             &(struct maker_wish){.common_name = "c.example", .names = "DNS:a.example,DNS:*.b.example,IP:10.1.1.1"});
    struct fr_tls_complaint complaint = {rig.complaint, sizeof rig.complaint};
    struct fr_tls_certificate loaded;
    EQUAL(fr_tls_certificate_load(&loaded, &rig.identity, NULL, &complaint, &complaint), 0);
    EQUAL(fr_tls_certificate_match(&loaded, FR_SPAN("A.example")), FR_TLS_MATCH_EXACT);
    EQUAL(fr_tls_certificate_match(&loaded, FR_SPAN("www.b.example")), FR_TLS_MATCH_STAR);
    EQUAL(fr_tls_certificate_match(&loaded, FR_SPAN("c.example")), FR_TLS_MATCH_NONE);
    EQUAL(fr_tls_certificate_match(&loaded, FR_SPAN("10.1.1.1")), FR_TLS_MATCH_NONE);
    SAME(loaded.pem, rig.certificate);
    fr_tls_certificate_close(&loaded);
    close_rig(&rig);
    open_rig(&rig, &(struct maker_wish){.common_name = "c.example"});
    EQUAL(fr_tls_certificate_load(&loaded, &rig.identity, NULL, &complaint, &complaint), 0);
    EQUAL(fr_tls_certificate_match(&loaded, FR_SPAN("c.example")), FR_TLS_MATCH_EXACT);
    fr_tls_certificate_close(&loaded);
    close_rig(&rig);
}

/* By PBES1 with MD5 and DES, as keys were encrypted twenty years ago; "sesame". */
static const char old_key[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                              "MIGwMBsGCSqGSIb3DQEFAzAOBAgrKvWBjuKUvwICCAAEgZCp0Diw7KsPq295PVnD\n"
                              "L7m2xHXF+jCN7C4mgyrbhk0+0PEHY7c1uxpIQCfsTj8o9b854Shsp6Nvvz/1topK\n"
                              "jWrQVVsi0xqgdY05MDac3TaL/h/lJo6fES9YbSaR7NH0p32LhLI2Q2pjSD9vijjc\n"
                              "AkFSEiZvtWR1uP/iURT7ZQazl7dYUhQaaARYa4Y8xGgO8V8=\n"
                              "-----END ENCRYPTED PRIVATE KEY-----\n";

TEST(passwords)
{
    struct rig rig;
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example"});
    char *locked = maker_key_pem(&rig.pair, "sesame");
    rig.identity.key = locked;
    expect_complaint(&rig, "the key is encrypted, and no password was given");
    rig.identity.password = "open";
    expect_complaint(&rig, "the key cannot be opened with this password");
    rig.identity.password = "sesame";
    expect_good(&rig, "");
    rig.identity.key = old_key;
    expect_complaint(&rig, "the key is encrypted with what OpenSSL has given up");
    rig.identity.key = rig.key; /* not needed, and no harm */
    expect_good(&rig, "");
    free(locked);
    close_rig(&rig);
}

TEST(what_cannot_be_used)
{
    struct rig rig;
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example"});
    struct maker_pair stranger = maker_pair(&(struct maker_wish){.common_name = "b.example"});
    char *key = maker_key_pem(&stranger, NULL), *cut = strdup(rig.certificate), *broken = strdup(rig.certificate);
    rig.identity.key = key;
    expect_complaint(&rig, "the key is not the key of the certificate");
    rig.identity.key = NULL;
    expect_complaint_begins(&rig, "the certificate contains no key that can be read");
    rig.identity.key = "";
    expect_complaint_begins(&rig, "the key contains no key that can be read");
    rig.identity.key = rig.key;
    rig.identity.certificate = "not PEM at all\n";
    expect_complaint(&rig, "the certificate contains no certificate");
    cut[strlen(cut) / 2] = '\0';
    rig.identity.certificate = cut;
    expect_complaint_begins(&rig, "the certificate contains a certificate that cannot be read: ");
    broken[200] = '!';
    char *chain = maker_join(rig.certificate, broken);
    rig.identity.certificate = chain;
    expect_complaint_begins(&rig, "the certificate contains a certificate that cannot be read: ");
    rig.identity = (struct fr_tls_identity){.certfile = "/nowhere/a.pem"};
    expect_complaint(&rig, "/nowhere/a.pem cannot be read: No such file or directory");
    rig.identity =
        (struct fr_tls_identity){.certfile = maker_text_file("a.pem", rig.certificate), .keyfile = "/nowhere/k"};
    expect_complaint(&rig, "/nowhere/k cannot be read: No such file or directory");
    free(key);
    free(cut);
    free(broken);
    free(chain);
    maker_free(&stranger);
    close_rig(&rig);
}

TEST(what_is_too_weak_cannot_be_used)
{
    struct rig rig;
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example"});
    struct fr_tls_complaint complaint = {rig.complaint, sizeof rig.complaint};
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(ssl, 5); /* 256 bits, which P-256 has not */
    EQUAL(fr_tls_certificate_load(&rig.loaded, &rig.identity, NULL, &complaint, &complaint), 0);
    EQUAL(fr_tls_certificate_use(&rig.loaded, ssl, &complaint), FR_E_CERTIFICATE);
    SAME(fr_span_of_string(rig.complaint), "the certificate cannot be used: ee key too small");
    EQUAL(ERR_peek_error(), 0);
    fr_tls_certificate_close(&rig.loaded);
    SSL_CTX_free(ssl);
    close_rig(&rig);
}

TEST(what_will_disappoint_is_a_warning)
{
    struct rig rig;
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example", .from_s = -2 * HOUR_S, .until_s = -HOUR_S});
    expect_good(&rig, "the certificate has expired");
    char *chain = maker_join(rig.certificate, rig.certificate);
    rig.identity.certificate = chain;
    rig.warning[0] = '\0';
    expect_good(&rig, "the certificate has expired");
    free(chain);
    close_rig(&rig);
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example", .from_s = HOUR_S, .until_s = 2 * HOUR_S});
    expect_good(&rig, "the certificate is not valid yet");
    close_rig(&rig);
    open_rig(&rig, &(struct maker_wish){.common_name = "a.example"});
    char *good = maker_join(rig.certificate, rig.authority_pem), *bad = maker_join(rig.certificate, rig.certificate);
    rig.identity.certificate = good;
    expect_good(&rig, "");
    rig.identity.certificate = bad;
    expect_good(&rig, "certificate 2 of the certificate has not issued the one before it");
    free(good);
    free(bad);
    close_rig(&rig);
}
