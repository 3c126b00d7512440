/* tls/certificate.c - Loads a certificate of ours, and complains in sentences that help.
 *
 * Never asks a terminal for a password. Does not know names that clients ask for, only those it is for; and leaves it
 * to the context which certificate a client is shown. RFC 5280, RFC 7468, RFC 5958. */
#include "tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "tls/staple.h"

#define REASON_BYTES 160

/* What is being loaded, until all of it is known to be good. */
struct loading {
    struct fr_tls_certificate *certificate;
    const struct fr_tls_identity *identity;
    OSSL_LIB_CTX *library;
    const struct fr_tls_complaint *complaint;
};

struct password {
    const char *text; /* NULL: none was given */
    bool asked;
};

static int complain_reason(const struct fr_tls_complaint *complaint, const char *name, const char *what)
{
    char reason[REASON_BYTES];
    fr_tls_errors_take(reason, sizeof reason);
    fr_tls_complain(complaint, "%s %s: %s", name, what, reason);
    return FR_E_CERTIFICATE;
}

/* The contents, of memory or of a file, in a BIO; `owned` is what has to be given back. */
static BIO *open_source(const struct loading *loading, const char *text, const char *path, fr_span *owned)
{
    *owned = (fr_span){NULL, 0};
    if (text)
        return fr_tls_needed(BIO_new_mem_buf(text, -1));
    struct fr_tls_certificate *certificate = loading->certificate;
    if (fr_tls_file_read(&certificate->files[certificate->file_count], path, owned, loading->complaint) < 0)
        return NULL;
    certificate->file_count++;
    return fr_tls_needed(BIO_new_mem_buf(owned->data, (int)owned->len));
}

/* The next certificate, or NULL: look at the queue of errors. */
static X509 *read_certificate(const struct loading *loading, BIO *source)
{
    X509 *certificate = fr_tls_needed(X509_new_ex(loading->library, NULL));
    if (PEM_read_bio_X509(source, &certificate, NULL, NULL))
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* The PEM reader stops for want of a further block, which is how a file ends, or because a block is broken. */
static bool is_at_end(void)
{
    unsigned long error = ERR_peek_last_error();
    bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (at_end)
        ERR_clear_error();
    return at_end;
}

static int read_chain(struct loading *loading, BIO *source)
{
    loading->certificate->leaf = read_certificate(loading, source);
    if (!loading->certificate->leaf && is_at_end()) {
        fr_tls_complain(loading->complaint, "%s contains no certificate", loading->certificate->name);
        return FR_E_CERTIFICATE;
    }
    loading->certificate->chain = fr_tls_needed(sk_X509_new_null());
    for (X509 *next = loading->certificate->leaf; next && (next = read_certificate(loading, source));)
        if (!sk_X509_push(loading->certificate->chain, next))
            fr_tls_needed(NULL);
    if (!loading->certificate->leaf || !is_at_end())
        return complain_reason(loading->complaint, loading->certificate->name,
                               "contains a certificate that cannot be read");
    return 0;
}

static int load_chain(struct loading *loading)
{
    fr_span owned;
    BIO *source = open_source(loading, loading->identity->certificate, loading->identity->certfile, &owned);
    if (!source)
        return FR_E_CERTIFICATE;
    int error = read_chain(loading, source);
    BIO_free(source);
    fr_tls_file_free(owned);
    return error;
}

static int on_password(char *into, int size, int writing, void *context)
{
    struct password *password = context;
    (void)writing;
    password->asked = true;
    size_t len = password->text ? strlen(password->text) : 0;
    if (!password->text || len > (size_t)size)
        return -1;
    memcpy(into, password->text, len);
    return (int)len;
}

static int read_key(struct loading *loading, BIO *source)
{
    struct password password = {.text = loading->identity->password};
    loading->certificate->key =
        PEM_read_bio_PrivateKey_ex(source, NULL, on_password, &password, loading->library, NULL);
    if (loading->certificate->key)
        return 0;
    const char *name = loading->certificate->key_name;
    if (!password.asked)
        return complain_reason(loading->complaint, name, "contains no key that can be read");
    unsigned long error = ERR_peek_last_error();
    bool unknown = ERR_GET_LIB(error) == ERR_LIB_EVP && ERR_GET_REASON(error) == ERR_R_UNSUPPORTED;
    if (!password.text)
        fr_tls_complain(loading->complaint, "%s is encrypted, and no password was given", name);
    else if (unknown)
        fr_tls_complain(loading->complaint, "%s is encrypted with what OpenSSL has given up", name);
    else
        fr_tls_complain(loading->complaint, "%s cannot be opened with this password", name);
    ERR_clear_error();
    return FR_E_CERTIFICATE;
}

/* The key may stand beside the certificate. */
static int load_key(struct loading *loading)
{
    const struct fr_tls_identity *identity = loading->identity;
    bool apart = identity->key || identity->keyfile;
    fr_span owned;
    BIO *source = open_source(loading, apart ? identity->key : identity->certificate,
                              apart ? identity->keyfile : identity->certfile, &owned);
    if (!source)
        return FR_E_CERTIFICATE;
    int error = read_key(loading, source);
    BIO_free(source);
    fr_tls_file_free(owned);
    return error;
}

static void add_name(struct fr_tls_certificate *certificate, const ASN1_STRING *text)
{
    const char *data = (const char *)ASN1_STRING_get0_data(text);
    size_t len = (size_t)ASN1_STRING_length(text);
    if (len == 0 || memchr(data, '\0', len))
        return;
    char *copy = memcpy(fr_alloc(len), data, len);
    size_t bytes = (certificate->name_count + 1) * sizeof *certificate->names;
    certificate->names = fr_realloc(certificate->names, bytes);
    certificate->names[certificate->name_count++] = fr_span_of(copy, len);
}

/* The common name counts only where there is no other, RFC 6125 section 6.4.4. */
static void collect_names(struct fr_tls_certificate *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            add_name(certificate, name->d.dNSName);
    }
    GENERAL_NAMES_free(names);
    fr_tls_errors_clear();
    if (certificate->name_count)
        return;
    const X509_NAME *subject = X509_get_subject_name(certificate->leaf);
    for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
        add_name(certificate, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)));
}

static void keep_pem(struct fr_tls_certificate *certificate)
{
    BIO *memory = fr_tls_needed(BIO_new(BIO_s_mem()));
    char *data = NULL;
    if (PEM_write_bio_X509(memory, certificate->leaf)) {
        size_t len = (size_t)BIO_get_mem_data(memory, &data);
        certificate->pem = fr_span_of(memcpy(fr_alloc(len), data, len), len);
    }
    BIO_free(memory);
}

/* What works and will disappoint somebody. */
static void warn(const struct fr_tls_certificate *certificate, const struct fr_tls_complaint *warning)
{
    const char *name = certificate->name;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate->leaf)) < 0)
        fr_tls_complain(warning, "%s has expired", name);
    if (X509_cmp_current_time(X509_get0_notBefore(certificate->leaf)) > 0)
        fr_tls_complain(warning, "%s is not valid yet", name);
    X509 *last = certificate->leaf;
    for (int i = 0; i < sk_X509_num(certificate->chain); i++) {
        X509 *issuer = sk_X509_value(certificate->chain, i);
        if (X509_check_issued(issuer, last) != X509_V_OK)
            fr_tls_complain(warning, "certificate %d of %s has not issued the one before it", i + 2, name);
        last = issuer;
    }
    fr_tls_errors_clear();
}

static int load(struct loading *loading)
{
    struct fr_tls_certificate *certificate = loading->certificate;
    const char *path = loading->identity->ocsp_file;
    int error = load_chain(loading);
    if (!error)
        error = load_key(loading);
    if (!error && X509_check_private_key(certificate->leaf, certificate->key) != 1) {
        ERR_clear_error();
        fr_tls_complain(loading->complaint, "%s is not the key of %s", certificate->key_name, certificate->name);
        return FR_E_CERTIFICATE;
    }
    if (error || !path)
        return error;
    error =
        fr_tls_file_read(&certificate->files[certificate->file_count], path, &certificate->staple, loading->complaint);
    if (error)
        return error;
    certificate->file_count++;
    return fr_tls_staple_check(certificate->staple, path, loading->certificate->leaf, loading->complaint);
}

int fr_tls_certificate_load(struct fr_tls_certificate *certificate, const struct fr_tls_identity *identity,
                            OSSL_LIB_CTX *library, const struct fr_tls_complaint *complaint,
                            const struct fr_tls_complaint *warning)
{
    struct loading loading = {certificate, identity, library, complaint};
    const char *keyfile = identity->key ? "the key" : identity->keyfile;
    *certificate = (struct fr_tls_certificate){.name = identity->certificate ? "the certificate" : identity->certfile};
    certificate->key_name = keyfile ? keyfile : certificate->name;
    int error = load(&loading);
    if (!error) {
        collect_names(certificate);
        keep_pem(certificate);
        warn(certificate, warning);
    }
    fr_tls_errors_clear();
    return error;
}

int fr_tls_certificate_use(struct fr_tls_certificate *certificate, SSL_CTX *ssl,
                           const struct fr_tls_complaint *complaint)
{
    SSL_CTX_up_ref(ssl);
    certificate->ssl = ssl;
    if (SSL_CTX_use_cert_and_key(ssl, certificate->leaf, certificate->key, certificate->chain, 1) == 1)
        return 0;
    return complain_reason(complaint, certificate->name, "cannot be used");
}

bool fr_tls_certificate_is_twin(const struct fr_tls_certificate *a, const struct fr_tls_certificate *b)
{
    if (a->name_count != b->name_count || EVP_PKEY_get_base_id(a->key) == EVP_PKEY_get_base_id(b->key))
        return false;
    for (size_t i = 0; i < a->name_count; i++)
        if (!fr_span_equal_nocase(a->names[i], b->names[i]))
            return false;
    return a->name_count > 0;
}

enum fr_tls_match fr_tls_certificate_match(const struct fr_tls_certificate *certificate, fr_span name)
{
    enum fr_tls_match best = FR_TLS_MATCH_NONE;
    for (size_t i = 0; i < certificate->name_count && best != FR_TLS_MATCH_EXACT; i++) {
        enum fr_tls_match match = fr_tls_server_name_match(certificate->names[i], name);
        best = match > best ? match : best;
    }
    return best;
}

void fr_tls_certificate_close(struct fr_tls_certificate *certificate)
{
    SSL_CTX_free(certificate->ssl);
    for (size_t i = 0; i < certificate->name_count; i++)
        fr_free((void *)certificate->names[i].data);
    fr_free(certificate->names);
    fr_free((void *)certificate->pem.data);
    fr_tls_file_free(certificate->staple);
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->chain, X509_free);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct fr_tls_certificate){0};
}
