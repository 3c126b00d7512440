/* tls/resumption.h */
#include "tls/resumption.h"

#include <openssl/err.h>
#include <sys/mman.h>
#include <time.h>

#include "fakes/tls_client.h"
#include "tls/tickets.h"
#include "unit.h"

#define BULKY_NAMES 700

/* How far this program, OpenSSL included, is ahead of its time. */
static time_t ahead_s;

time_t time(time_t *into)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into)
        *into = now.tv_sec + ahead_s;
    return now.tv_sec + ahead_s;
}

struct rig {
    struct maker_pair server, authority, middle, pair;
    char *certificate, *key, *authority_pem;
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    struct fr_tls_context *context;
    struct tls_client client;
    char complaint[256];
};

static void open_context(struct rig *rig)
{
    rig->context = fr_tls_context_open(&rig->options, rig->complaint, sizeof rig->complaint);
    SAME(fr_span_of_string(rig->complaint), "");
}

/* The ring is in memory that a child shares. */
static void open_rig(struct rig *rig, enum fr_tls_verify verify, int version)
{
    *rig = (struct rig){.server = maker_pair(&(struct maker_wish){.common_name = "localhost"})};
    rig->authority = maker_pair(&(struct maker_wish){.common_name = "Authority", .authority = true});
    rig->middle =
        maker_pair(&(struct maker_wish){.common_name = "Middle", .authority = true, .issuer = &rig->authority});
    rig->pair = maker_pair(&(struct maker_wish){.common_name = "Client", .issuer = &rig->middle});
    rig->identity.certificate = rig->certificate = maker_certificate_pem(&rig->server);
    rig->identity.key = rig->key = maker_key_pem(&rig->server, NULL);
    rig->authority_pem = maker_certificate_pem(&rig->authority);
    rig->options = (struct fr_tls_options){
        .identities = &rig->identity,
        .identity_count = 1,
        .version_min = 0x0303,
        .http1 = true,
        .verify = verify,
        .ca_file = maker_text_file("authorities.pem", rig->authority_pem),
        .tickets = mmap(NULL, fr_tls_ticket_ring_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
    };
    open_context(rig);
    tls_client_open(&rig->client);
    SSL_CTX_set_max_proto_version(rig->client.settings, version);
    SSL_CTX_use_certificate(rig->client.settings, rig->pair.certificate);
    SSL_CTX_use_PrivateKey(rig->client.settings, rig->pair.key);
    SSL_CTX_add1_chain_cert(rig->client.settings, rig->middle.certificate);
}

static void close_rig(struct rig *rig)
{
    fr_tls_context_close(rig->context);
    tls_client_close(&rig->client);
    maker_free(&rig->server);
    maker_free(&rig->authority);
    maker_free(&rig->middle);
    maker_free(&rig->pair);
    free(rig->certificate);
    free(rig->key);
    free(rig->authority_pem);
    munmap(rig->options.tickets, fr_tls_ticket_ring_bytes());
}

/* A connection with the last ticket, if there is one; it was resumed. */
static bool connect(struct rig *rig)
{
    SSL_SESSION *session = rig->client.session;
    rig->client.session = NULL;
    tls_client_begin(&rig->client, rig->context, "localhost", session);
    IS(tls_client_shake(&rig->client));
    EQUAL(fr_tls_stream_state(rig->client.stream), FR_TLS_OPEN);
    bool resumed = fr_tls_stream_facts(rig->client.stream)->resumed;
    EQUAL(resumed, SSL_session_reused(rig->client.ssl));
    if (!rig->client.session)
        rig->client.session = session; /* of TLS 1.2, good for another time */
    else
        SSL_SESSION_free(session);
    return resumed;
}

static void expect_client(const struct rig *rig)
{
    const struct fr_tls_client *client = fr_tls_stream_facts(rig->client.stream)->client;
    char *leaf = maker_certificate_pem(&rig->pair), *middle = maker_certificate_pem(&rig->middle);
    IS(client != NULL);
    SAME(client->name, "CN=Client,O=Freastal\\, Ltd,C=DE");
    EQUAL(client->chain_count, 2);
    SAME(client->chain[0], leaf);
    SAME(client->chain[1], middle);
    SAME(client->error, "");
    free(leaf);
    free(middle);
}

static void resume_thrice(int version)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED, version);
    IS(!connect(&rig));
    expect_client(&rig);
    for (int i = 0; i < 3; i++) {
        tls_client_end(&rig.client);
        IS(connect(&rig));
        expect_client(&rig);
        EQUAL(SSL_version(rig.client.ssl), version);
        SAME(fr_tls_stream_facts(rig.client.stream)->server_name, "localhost");
    }
    close_rig(&rig);
}

TEST(what_was_shown_once_is_known_again_with_13)
{
    resume_thrice(TLS1_3_VERSION);
}

TEST(what_was_shown_once_is_known_again_with_12)
{
    resume_thrice(TLS1_2_VERSION);
}

TEST(another_process_takes_the_ticket)
{
    struct rig rig;
    int status = 0;
    open_rig(&rig, FR_TLS_VERIFY_OPTIONAL, TLS1_3_VERSION);
    IS(!connect(&rig));
    tls_client_end(&rig.client);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fr_tls_context_close(rig.context);
        open_context(&rig);
        IS(connect(&rig));
        expect_client(&rig);
        _exit(0);
    }
    waitpid(child, &status, 0);
    EQUAL(status, 0);
    close_rig(&rig);
}

/* What the next connection says that was asked for, after one that asked for "localhost"; it was resumed. */
static bool ask_for_another(int version, const char *name, const char *expected)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_OPTIONAL, version);
    IS(!connect(&rig));
    tls_client_end(&rig.client);
    tls_client_begin(&rig.client, rig.context, name, rig.client.session);
    IS(tls_client_shake(&rig.client));
    const struct fr_tls_facts *facts = fr_tls_stream_facts(rig.client.stream);
    bool resumed = facts->resumed;
    SAME(facts->server_name, expected);
    expect_client(&rig);
    close_rig(&rig);
    return resumed;
}

TEST(a_session_of_12_is_of_one_name)
{
    IS(ask_for_another(TLS1_2_VERSION, "LocalHost", "localhost"));
    IS(!ask_for_another(TLS1_2_VERSION, "elsewhere.example", "elsewhere.example"));
    IS(!ask_for_another(TLS1_2_VERSION, NULL, ""));
    IS(ask_for_another(TLS1_3_VERSION, "elsewhere.example", "elsewhere.example"));
}

/* Reloaded with another list of revocations: what was believed before has to be shown again. */
TEST(other_trust_voids_all_tickets)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED, TLS1_3_VERSION);
    IS(!connect(&rig));
    tls_client_end(&rig.client);
    fr_tls_context_close(rig.context);
    open_context(&rig);
    IS(connect(&rig)); /* the same again */
    tls_client_end(&rig.client);
    fr_tls_context_close(rig.context);
    char *twice = maker_join(rig.authority_pem, rig.authority_pem);
    rig.options.ca_file = maker_text_file("others.pem", twice);
    open_context(&rig);
    IS(!connect(&rig));
    expect_client(&rig);
    free(twice);
    close_rig(&rig);
}

/* A second before its end a client gets a ticket; a certificate that ends now is as good as expired. */
TEST(who_has_expired_since_shows_another)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_OPTIONAL, TLS1_3_VERSION);
    struct maker_pair late = maker_pair(
        &(struct maker_wish){.common_name = "Late", .issuer = &rig.middle, .from_s = -7200, .until_s = -3600});
    EQUAL(SSL_CTX_use_certificate(rig.client.settings, late.certificate), 1);
    EQUAL(SSL_CTX_use_PrivateKey(rig.client.settings, late.key), 1);
    IS(!connect(&rig));
    SAME(fr_tls_stream_facts(rig.client.stream)->client->error, "certificate has expired");
    IS(rig.client.session != NULL);
    tls_client_end(&rig.client);
    IS(!connect(&rig));
    maker_free(&late);
    close_rig(&rig);
}

/* With TLS 1.3 each use of a ticket brings a new one, which is as old as what it stands for. */
static void come_back_every_hour(int version)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_REQUIRED, version);
    for (int round = 0; round < 2; round++) {
        IS(!connect(&rig));
        tls_client_end(&rig.client);
        ahead_s += 3500;
        IS(connect(&rig));
        expect_client(&rig);
        tls_client_end(&rig.client);
        ahead_s += 3500;
        IS(connect(&rig));
        tls_client_end(&rig.client);
        ahead_s += 300;
    }
    IS(!connect(&rig));
    expect_client(&rig);
    ahead_s = 0;
    close_rig(&rig);
}

TEST(after_two_hours_a_certificate_is_shown_again_with_13)
{
    come_back_every_hour(TLS1_3_VERSION);
}

TEST(after_two_hours_a_certificate_is_shown_again_with_12)
{
    come_back_every_hour(TLS1_2_VERSION);
}

static char *bulky_names(void)
{
    char *names = malloc(BULKY_NAMES * 24), *at = names;
    for (int i = 0; i < BULKY_NAMES; i++)
        at += sprintf(at, "%sDNS:host%04d.example", i ? "," : "", i);
    return names;
}

/* Such a chain would not fit; so the whole is asked for again. */
TEST(a_chain_that_does_not_fit_is_shown_again)
{
    struct rig rig;
    char *names = bulky_names();
    open_rig(&rig, FR_TLS_VERIFY_OPTIONAL, TLS1_3_VERSION);
    struct maker_pair bulky = maker_pair(&(struct maker_wish){.common_name = "Bulky", .names = names});
    SSL_CTX_clear_chain_certs(rig.client.settings);
    SSL_CTX_add1_chain_cert(rig.client.settings, bulky.certificate);
    IS(!connect(&rig));
    EQUAL(fr_tls_stream_facts(rig.client.stream)->client->chain_count, 2);
    tls_client_end(&rig.client);
    IS(!connect(&rig));
    EQUAL(fr_tls_stream_facts(rig.client.stream)->client->chain_count, 2);
    free(names);
    maker_free(&bulky);
    close_rig(&rig);
}

TEST(without_client_certificates_it_is_simple)
{
    struct rig rig;
    open_rig(&rig, FR_TLS_VERIFY_NONE, TLS1_3_VERSION);
    IS(!connect(&rig));
    tls_client_end(&rig.client);
    IS(connect(&rig));
    IS(!fr_tls_stream_facts(rig.client.stream)->client);
    close_rig(&rig);
}
