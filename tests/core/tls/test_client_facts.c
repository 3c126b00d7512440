/* tls/client_facts.h */
#include "tls/client_facts.h"

#include <openssl/err.h>

#include "fakes/tls_maker.h"
#include "unit.h"

#define DAY_S 86400L

struct rig {
    struct maker_pair authority, pair;
    struct fr_tls_client_facts facts;
};

static void open_rig(struct rig *rig, const char *names, long error)
{
    *rig = (struct rig){.authority = maker_pair(&(struct maker_wish){.common_name = "Authority", .authority = true})};
    rig->pair = maker_pair(&(struct maker_wish){.common_name = "J\xc3\xbcrgen",
                                                .names = names,
                                                .issuer = &rig->authority,
                                                .serial = 0xabc,
                                                .from_s = -DAY_S,
                                                .until_s = 10 * DAY_S + DAY_S / 2});
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, rig->authority.certificate);
    fr_tls_client_facts_open(&rig->facts, rig->pair.certificate, chain, error);
    sk_X509_free(chain);
    EQUAL(ERR_peek_error(), 0);
}

static void close_rig(struct rig *rig)
{
    fr_tls_client_facts_close(&rig->facts);
    maker_free(&rig->authority);
    maker_free(&rig->pair);
}

static fr_span find(const struct rig *rig, const char *name)
{
    const struct fr_tls_client *client = &rig->facts.client;
    for (size_t i = 0; i < client->variable_count; i++)
        if (fr_span_equal(client->variables[i].name, fr_span_of_string(name)))
            return client->variables[i].value;
    return FR_SPAN("(absent)");
}

TEST(everything_that_mod_ssl_says)
{
    struct rig rig;
    open_rig(&rig, "DNS:a.example,email:j@a.example,DNS:b.example,otherName:msUPN;UTF8:j@corp", X509_V_OK);
    SAME(find(&rig, "SSL_CLIENT_M_VERSION"), "3");
    SAME(find(&rig, "SSL_CLIENT_M_SERIAL"), "0ABC");
    SAME(find(&rig, "SSL_CLIENT_S_DN"), "CN=J\xc3\xbcrgen,O=Freastal\\, Ltd,C=DE");
    SAME(find(&rig, "SSL_CLIENT_S_DN_CN"), "J\xc3\xbcrgen");
    SAME(find(&rig, "SSL_CLIENT_S_DN_O"), "Freastal, Ltd");
    SAME(find(&rig, "SSL_CLIENT_S_DN_C"), "DE");
    SAME(find(&rig, "SSL_CLIENT_I_DN"), "CN=Authority,O=Freastal\\, Ltd,C=DE");
    SAME(find(&rig, "SSL_CLIENT_I_DN_CN"), "Authority");
    SAME(find(&rig, "SSL_CLIENT_A_SIG"), "ecdsa-with-SHA256");
    SAME(find(&rig, "SSL_CLIENT_A_KEY"), "id-ecPublicKey");
    SAME(find(&rig, "SSL_CLIENT_SAN_DNS_0"), "a.example");
    SAME(find(&rig, "SSL_CLIENT_SAN_DNS_1"), "b.example");
    SAME(find(&rig, "SSL_CLIENT_SAN_Email_0"), "j@a.example");
    SAME(find(&rig, "SSL_CLIENT_SAN_OTHER_msUPN_0"), "j@corp");
    SAME(find(&rig, "SSL_CLIENT_V_REMAIN"), "10");
    SAME(find(&rig, "SSL_CLIENT_CERT_RFC4523_CEA"),
         "{ serialNumber 2748, issuer rdnSequence:\"CN=Authority,O=Freastal\\, Ltd,C=DE\" }");
    IS(find(&rig, "SSL_CLIENT_V_START").len == strlen("Jan  1 00:00:00 2025 GMT"));
    IS(find(&rig, "SSL_CLIENT_V_END").len == strlen("Jan  1 00:00:00 2025 GMT"));
    SAME(find(&rig, "SSL_CLIENT_S_DN_OU"), "(absent)");
    SAME(find(&rig, "SSL_CLIENT_VERIFY"), "(absent)");
    close_rig(&rig);
}

TEST(the_chain_is_pem_and_begins_with_the_client)
{
    struct rig rig;
    open_rig(&rig, NULL, X509_V_OK);
    char *leaf = maker_certificate_pem(&rig.pair), *authority = maker_certificate_pem(&rig.authority);
    const struct fr_tls_client *client = &rig.facts.client;
    EQUAL(client->chain_count, 2);
    SAME(client->chain[0], leaf);
    SAME(client->chain[1], authority);
    SAME(find(&rig, "SSL_CLIENT_CERT"), leaf);
    SAME(find(&rig, "SSL_CLIENT_CERT_CHAIN_0"), authority);
    SAME(client->name, "CN=J\xc3\xbcrgen,O=Freastal\\, Ltd,C=DE");
    EQUAL(client->error.len, 0);
    free(leaf);
    free(authority);
    close_rig(&rig);
}

TEST(doubts_are_told)
{
    struct rig rig;
    open_rig(&rig, NULL, X509_V_ERR_CERT_HAS_EXPIRED);
    SAME(rig.facts.client.error, "certificate has expired");
    close_rig(&rig);
}

TEST(many_of_a_kind_are_numbered)
{
    struct fr_tls_client_facts facts;
    struct maker_pair pair = maker_pair(&(struct maker_wish){.common_name = "a"});
    X509_NAME *name = X509_get_subject_name(pair.certificate);
    for (int i = 0; i < 40; i++)
        X509_NAME_add_entry_by_NID(name, NID_organizationalUnitName, MBSTRING_UTF8, (const unsigned char *)"unit", -1,
                                   -1, 0);
    fr_tls_client_facts_open(&facts, pair.certificate, NULL, X509_V_OK);
    struct rig rig = {.facts = facts};
    SAME(find(&rig, "SSL_CLIENT_S_DN_OU"), "unit");
    SAME(find(&rig, "SSL_CLIENT_S_DN_OU_1"), "unit");
    SAME(find(&rig, "SSL_CLIENT_S_DN_OU_39"), "unit");
    SAME(find(&rig, "SSL_CLIENT_S_DN_OU_40"), "(absent)");
    EQUAL(facts.client.chain_count, 1);
    fr_tls_client_facts_close(&facts);
    maker_free(&pair);
}

TEST(a_certificate_without_any_name)
{
    struct fr_tls_client_facts facts;
    struct maker_pair pair = maker_pair(&(struct maker_wish){.names = "DNS:a.example"});
    fr_tls_client_facts_open(&facts, pair.certificate, NULL, X509_V_OK);
    SAME(facts.client.name, "");
    fr_tls_client_facts_close(&facts);
    maker_free(&pair);
}
