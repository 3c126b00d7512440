/* server/certificates.c: new files are read when they have come to rest, and bad ones change nothing. */
#include "server/certificates.h"

#include <errno.h>
#include <sys/resource.h>

#include "fakes/tls_maker.h"
#include "unit.h"

static struct {
    struct maker_pair pair;
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    struct fr_log log;
    struct fr_certificates certificates;
    unsigned lines;
    char said[1200];
} desk;

static void hear(void *sink, enum fr_log_level level, const char *message)
{
    (void)sink, (void)level;
    desk.lines++;
    snprintf(desk.said, sizeof desk.said, "%s", message);
}

static const char *write_pair(const struct maker_pair *pair, const char *name)
{
    char *certificate = maker_certificate_pem(pair), *key = maker_key_pem(pair, NULL);
    char *both = maker_join(certificate, key);
    const char *path = maker_text_file(name, both);
    free(certificate);
    free(key);
    free(both);
    return path;
}

static int open_desk(void)
{
    desk.pair = maker_pair(&(struct maker_wish){.common_name = "localhost"});
    desk.identity.certfile = strdup(write_pair(&desk.pair, "server.pem"));
    desk.options = (struct fr_tls_options){
        .identities = &desk.identity,
        .identity_count = 1,
        .version_min = 0x0303,
        .http1 = true,
    };
    desk.log = (struct fr_log){.write = hear, .level = FR_LOG_INFO};
    return fr_certificates_open(&desk.certificates, &desk.options, NULL, &desk.log);
}

static void close_desk(void)
{
    fr_certificates_close(&desk.certificates);
    fr_certificates_close(&desk.certificates);
    maker_free(&desk.pair);
    free((char *)desk.identity.certfile);
}

static void renew(void)
{
    maker_free(&desk.pair);
    desk.pair = maker_pair(&(struct maker_wish){.common_name = "localhost", .serial = 2});
    write_pair(&desk.pair, "server.pem");
}

TEST(without_options_there_is_nothing)
{
    char complaint[100];
    EQUAL(fr_certificates_open(&desk.certificates, NULL, NULL, NULL), 0);
    IS(!desk.certificates.context);
    EQUAL(fr_certificates_read(&desk.certificates, complaint, sizeof complaint), FR_E_STATE);
    fr_certificates_watch(&desk.certificates);
    fr_certificates_close(&desk.certificates);
}

TEST(what_cannot_be_read_is_told)
{
    EQUAL(open_desk(), 0);
    fr_certificates_close(&desk.certificates);
    maker_text_file("server.pem", "nonsense");
    EQUAL(fr_certificates_open(&desk.certificates, &desk.options, NULL, &desk.log), FR_E_CERTIFICATE);
    IS(strncmp(desk.said, "TLS is not possible: ", 21) == 0);
    IS(strstr(desk.said, "server.pem"));
    IS(!desk.certificates.context);
    close_desk();
}

TEST(they_are_read_again_when_asked)
{
    char complaint[1024];
    EQUAL(open_desk(), 0);
    struct fr_tls_context *first = desk.certificates.context;
    EQUAL(fr_certificates_read(&desk.certificates, complaint, sizeof complaint), 0);
    SAME(fr_span_of_string(desk.said), "certificates read again");
    struct fr_tls_context *second = desk.certificates.context;
    IS(second != first);
    maker_text_file("server.pem", "nonsense");
    EQUAL(fr_certificates_read(&desk.certificates, complaint, sizeof complaint), FR_E_CERTIFICATE);
    IS(strstr(complaint, "server.pem"));
    IS(desk.certificates.context == second);
    EQUAL(desk.lines, 1); /* the complaint is for whoever asked */
    close_desk();
}

TEST(files_that_stay_are_not_read)
{
    EQUAL(open_desk(), 0);
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 0);
    close_desk();
}

TEST(files_that_are_new_are_read_at_the_second_look)
{
    EQUAL(open_desk(), 0);
    struct fr_tls_context *before = desk.certificates.context;
    renew();
    fr_certificates_watch(&desk.certificates);
    IS(desk.certificates.context == before); /* another file may be about to follow */
    fr_certificates_watch(&desk.certificates);
    IS(desk.certificates.context != before);
    EQUAL(desk.lines, 1);
    SAME(fr_span_of_string(desk.said), "certificates read again");
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 1);
    close_desk();
}

TEST(files_that_are_bad_are_told_once_until_they_change)
{
    EQUAL(open_desk(), 0);
    struct fr_tls_context *before = desk.certificates.context;
    maker_text_file("server.pem", "nonsense");
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 1);
    IS(strncmp(desk.said, "the new certificates cannot be used, the old ones stay: ", 56) == 0);
    IS(desk.certificates.context == before);
    maker_text_file("server.pem", "more nonsense");
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 2);
    unlink(desk.identity.certfile);
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 3);
    renew();
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 4);
    SAME(fr_span_of_string(desk.said), "certificates read again");
    close_desk();
}

/* Nothing about the files shows that the trouble is over. */
TEST(what_was_not_the_fault_of_the_files_passes)
{
    struct rlimit usual, none;
    EQUAL(open_desk(), 0);
    struct fr_tls_context *before = desk.certificates.context;
    renew();
    EQUAL(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = usual.rlim_max};
    EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int looks = 0; looks < 200; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(setrlimit(RLIMIT_NOFILE, &usual), 0);
    EQUAL(desk.lines, 1);
    IS(strstr(desk.said, strerror(EMFILE)));
    IS(desk.certificates.context == before);
    for (int looks = 0; looks < 60; looks++)
        fr_certificates_watch(&desk.certificates);
    IS(desk.certificates.context != before);
    EQUAL(desk.lines, 2);
    SAME(fr_span_of_string(desk.said), "certificates read again");
    close_desk();
}

TEST(what_was_kept_is_used_until_the_files_are_good)
{
    EQUAL(open_desk(), 0);
    fr_certificates_close(&desk.certificates);
    char *certificate = maker_certificate_pem(&desk.pair), *key = maker_key_pem(&desk.pair, NULL);
    struct fr_tls_identity identity = {.certificate = certificate, .key = key};
    struct fr_tls_options kept = desk.options;
    kept.identities = &identity;
    maker_text_file("server.pem", "nonsense");
    EQUAL(fr_certificates_open(&desk.certificates, &desk.options, &kept, &desk.log), 0);
    IS(strncmp(desk.said, "certificates cannot be used, the old ones stay: ", 48) == 0);
    EQUAL(desk.lines, 1);
    struct fr_tls_context *before = desk.certificates.context;
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    EQUAL(desk.lines, 1);
    renew();
    for (int looks = 0; looks < 5; looks++)
        fr_certificates_watch(&desk.certificates);
    IS(desk.certificates.context != before);
    EQUAL(desk.lines, 2);
    SAME(fr_span_of_string(desk.said), "certificates read again");
    close_desk();
    free(certificate);
    free(key);
}

TEST(what_was_kept_may_be_no_better)
{
    EQUAL(open_desk(), 0);
    fr_certificates_close(&desk.certificates);
    maker_text_file("server.pem", "nonsense");
    EQUAL(fr_certificates_open(&desk.certificates, &desk.options, &desk.options, &desk.log), FR_E_CERTIFICATE);
    EQUAL(desk.lines, 2);
    IS(strncmp(desk.said, "TLS is not possible: ", 21) == 0);
    close_desk();
}

TEST(options_can_be_checked_and_left)
{
    char complaint[1024];
    EQUAL(open_desk(), 0);
    EQUAL(fr_certificates_check(&desk.options, complaint, sizeof complaint), 0);
    maker_text_file("server.pem", "nonsense");
    EQUAL(fr_certificates_check(&desk.options, complaint, sizeof complaint), FR_E_CERTIFICATE);
    IS(strstr(complaint, "server.pem"));
    EQUAL(desk.lines, 0); /* the complaint is for whoever asked */
    close_desk();
}
