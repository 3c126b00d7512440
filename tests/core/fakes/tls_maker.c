/* tests/core/fakes/tls_maker.c - Makes keys, certificates, revocations and staples. */
#include "fakes/tls_maker.h"

#include <openssl/bio.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY_S 86400L
#define FILES_MAX 64

static void require(bool good)
{
    if (!good)
        abort();
}

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    require(extension && X509_add_ext(certificate, extension, -1));
    X509_EXTENSION_free(extension);
}

static void set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    if (!common_name)
        return;
    X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8, (const unsigned char *)"DE", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Freastal, Ltd", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
}

struct maker_pair maker_pair(const struct maker_wish *wish)
{
    struct maker_pair pair = {X509_new(), wish->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256")};
    const struct maker_pair *issuer = wish->issuer ? wish->issuer : &pair;
    bool usual = wish->from_s == 0 && wish->until_s == 0;
    require(pair.certificate && pair.key);
    X509_set_version(pair.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), wish->serial ? wish->serial : 1);
    X509_gmtime_adj(X509_getm_notBefore(pair.certificate), usual ? -DAY_S : wish->from_s);
    X509_gmtime_adj(X509_getm_notAfter(pair.certificate), usual ? 365 * DAY_S : wish->until_s);
    X509_set_pubkey(pair.certificate, pair.key);
    set_subject(pair.certificate, wish->common_name);
    X509_set_issuer_name(pair.certificate, X509_get_subject_name(issuer->certificate));
    if (wish->names)
        add_extension(pair.certificate, issuer->certificate, NID_subject_alt_name, wish->names);
    if (wish->authority) {
        add_extension(pair.certificate, issuer->certificate, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(pair.certificate, issuer->certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    require(X509_sign(pair.certificate, issuer->key, EVP_sha256()) > 0);
    return pair;
}

void maker_free(struct maker_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
}

static char *text_of(BIO *memory)
{
    char *data = NULL;
    size_t len = (size_t)BIO_get_mem_data(memory, &data);
    char *text = malloc(len + 1);
    memcpy(text, data, len);
    text[len] = '\0';
    BIO_free(memory);
    return text;
}

char *maker_certificate_pem(const struct maker_pair *pair)
{
    BIO *memory = BIO_new(BIO_s_mem());
    require(PEM_write_bio_X509(memory, pair->certificate));
    return text_of(memory);
}

char *maker_key_pem(const struct maker_pair *pair, const char *password)
{
    BIO *memory = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = password ? EVP_aes_256_cbc() : NULL;
    require(PEM_write_bio_PKCS8PrivateKey(memory, pair->key, cipher, password, password ? (int)strlen(password) : 0,
                                          NULL, NULL));
    return text_of(memory);
}

char *maker_crl_pem(const struct maker_pair *issuer, long revoked_serial)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -DAY_S), *next = X509_gmtime_adj(NULL, DAY_S);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, next);
    if (revoked_serial) {
        X509_REVOKED *revoked = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_new();
        ASN1_INTEGER_set(serial, revoked_serial);
        X509_REVOKED_set_serialNumber(revoked, serial);
        X509_REVOKED_set_revocationDate(revoked, now);
        X509_CRL_add0_revoked(crl, revoked);
        ASN1_INTEGER_free(serial);
    }
    X509_CRL_sort(crl);
    require(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    BIO *memory = BIO_new(BIO_s_mem());
    require(PEM_write_bio_X509_CRL(memory, crl));
    X509_CRL_free(crl);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    return text_of(memory);
}

char *maker_join(const char *first, const char *second)
{
    size_t len = strlen(first);
    char *text = malloc(len + strlen(second) + 1);
    memcpy(text, first, len);
    memcpy(text + len, second, strlen(second) + 1);
    return text;
}

size_t maker_staple(const struct maker_pair *pair, const struct maker_pair *issuer, char **data)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), pair->certificate, issuer->certificate);
    ASN1_TIME *now = X509_gmtime_adj(NULL, -DAY_S), *next = X509_gmtime_adj(NULL, DAY_S);
    require(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, next) != NULL);
    require(OCSP_basic_sign(basic, issuer->certificate, issuer->key, EVP_sha256(), NULL, 0));
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    int len = i2d_OCSP_RESPONSE(response, &der);
    require(len > 0);
    *data = malloc((size_t)len);
    memcpy(*data, der, (size_t)len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    return (size_t)len;
}

/* ---- files, gone at the end of the process ---- */

static char folder[64];
static char paths[FILES_MAX][128];
static size_t path_count;

static void remove_files(void)
{
    for (size_t i = 0; i < path_count; i++)
        unlink(paths[i]);
    rmdir(folder);
}

static const char *path_of(const char *name)
{
    char path[sizeof paths[0]];
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/freastal-tls-XXXXXX");
        require(mkdtemp(folder) != NULL);
        atexit(remove_files);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (size_t i = 0; i < path_count; i++)
        if (strcmp(paths[i], path) == 0)
            return paths[i];
    require(path_count < FILES_MAX);
    return strcpy(paths[path_count++], path);
}

const char *maker_file(const char *name, const void *data, size_t len)
{
    const char *path = path_of(name);
    unlink(path); /* another inode, as a careful administrator makes it */
    FILE *file = fopen(path, "wb");
    require(file && fwrite(data, 1, len, file) == len && fclose(file) == 0);
    return path;
}

const char *maker_text_file(const char *name, const char *text)
{
    return maker_file(name, text, strlen(text));
}
