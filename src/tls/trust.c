/* tls/trust.c - The store of authorities, and the question whether a client's certificate is good.
 *
 * A certificate in the file is trusted as such, whether it signed itself or not. With revocations every certificate of
 * a chain must be covered by a list, which is how OpenSSL understands "for the whole chain". */
#include "tls/trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#define REASON_BYTES 160

struct loading {
    struct fr_tls_trust *trust;
    OSSL_LIB_CTX *library;
    EVP_MD_CTX *digest; /* of all that was read */
    const struct fr_tls_complaint *complaint;
};

static int complain(const struct loading *loading, const char *path, const char *what)
{
    char reason[REASON_BYTES];
    fr_tls_errors_take(reason, sizeof reason);
    fr_tls_complain(loading->complaint, "%s %s: %s", path, what, reason);
    return FR_E_CERTIFICATE;
}

/* A block of the PEM: an authority. 1, 0 at the end of the file, negative for a complaint. */
static int add_authority(struct loading *loading, BIO *source)
{
    struct fr_tls_trust *trust = loading->trust;
    X509 *certificate = fr_tls_needed(X509_new_ex(loading->library, NULL));
    if (!PEM_read_bio_X509(source, &certificate, NULL, NULL)) {
        X509_free(certificate);
        return 0;
    }
    X509_NAME *name = X509_get_subject_name(certificate);
    bool good = X509_STORE_add_cert(trust->store, certificate);
    if (good && sk_X509_NAME_find(trust->names, name) < 0)
        good = sk_X509_NAME_push(trust->names, fr_tls_needed(X509_NAME_dup(name)));
    X509_free(certificate);
    return good ? 1 : FR_E_CERTIFICATE;
}

/* A block of the PEM: what an authority has revoked. */
static int add_revocations(struct loading *loading, BIO *source)
{
    X509_CRL *list = fr_tls_needed(X509_CRL_new_ex(loading->library, NULL));
    if (!PEM_read_bio_X509_CRL(source, &list, NULL, NULL)) {
        X509_CRL_free(list);
        return 0;
    }
    bool good = X509_STORE_add_crl(loading->trust->store, list);
    X509_CRL_free(list);
    return good ? 1 : FR_E_CERTIFICATE;
}

/* All blocks of a file, at least one. */
static int read_file(struct loading *loading, const char *path, int (*add)(struct loading *, BIO *), const char *absent)
{
    struct fr_tls_trust *trust = loading->trust;
    fr_span bytes;
    int added, count = 0;
    if (fr_tls_file_read(&trust->files[trust->file_count], path, &bytes, loading->complaint) < 0)
        return FR_E_CERTIFICATE;
    trust->file_count++;
    EVP_DigestUpdate(loading->digest, bytes.data, bytes.len);
    BIO *source = fr_tls_needed(BIO_new_mem_buf(bytes.data, (int)bytes.len));
    while ((added = add(loading, source)) > 0)
        count++;
    unsigned long error = ERR_peek_last_error();
    bool at_end = !added && ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    BIO_free(source);
    fr_tls_file_free(bytes);
    if (!at_end)
        return complain(loading, path, "cannot be read to its end");
    ERR_clear_error();
    if (count)
        return 0;
    fr_tls_complain(loading->complaint, "%s contains no %s", path, absent);
    return FR_E_CERTIFICATE;
}

static int load(struct loading *loading, const struct fr_tls_options *options)
{
    struct fr_tls_trust *trust = loading->trust;
    int error = 0;
    EVP_DigestUpdate(loading->digest, &options->verify, sizeof options->verify);
    if (options->verify != FR_TLS_VERIFY_NONE && !options->ca_file) {
        fr_tls_complain(loading->complaint, "client certificates are asked for, and there is no file of authorities");
        return FR_E_CERTIFICATE;
    }
    if (options->ca_file)
        error = read_file(loading, options->ca_file, add_authority, "certificate");
    if (error || !options->crl_file)
        return error;
    X509_STORE_set_flags(trust->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return read_file(loading, options->crl_file, add_revocations, "revocation list");
}

static int compare_names(const X509_NAME *const *a, const X509_NAME *const *b)
{
    return X509_NAME_cmp(*a, *b);
}

int fr_tls_trust_load(struct fr_tls_trust *trust, const struct fr_tls_options *options, OSSL_LIB_CTX *library,
                      const struct fr_tls_complaint *complaint)
{
    *trust = (struct fr_tls_trust){.verify = options->verify};
    struct loading loading = {trust, library, fr_tls_needed(EVP_MD_CTX_new()), complaint};
    EVP_MD *sha256 = fr_tls_needed(EVP_MD_fetch(library, "SHA256", NULL));
    trust->store = fr_tls_needed(X509_STORE_new());
    trust->names = fr_tls_needed(sk_X509_NAME_new(compare_names));
    X509_STORE_set_flags(trust->store, X509_V_FLAG_PARTIAL_CHAIN);
    EVP_DigestInit_ex2(loading.digest, sha256, NULL);
    int error = load(&loading, options);
    EVP_DigestFinal_ex(loading.digest, trust->id, NULL);
    EVP_MD_CTX_free(loading.digest);
    EVP_MD_free(sha256);
    fr_tls_errors_clear();
    return error;
}

/* OPTIONAL: why it is not trusted stays in the store context, and from there in the session, and nobody is refused. */
static int on_certificate(X509_STORE_CTX *context, void *argument)
{
    const struct fr_tls_trust *trust = argument;
    int good = X509_verify_cert(context);
    if (good == 1)
        return 1;
    if (X509_STORE_CTX_get_error(context) == X509_V_OK)
        X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
    fr_tls_errors_clear();
    return trust->verify == FR_TLS_VERIFY_OPTIONAL;
}

bool fr_tls_trust_apply(struct fr_tls_trust *trust, SSL_CTX *ssl)
{
    int mode = trust->verify == FR_TLS_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
    if (!SSL_CTX_set_session_id_context(ssl, trust->id, sizeof trust->id))
        return false;
    if (mode == SSL_VERIFY_NONE)
        return true;
    if (trust->verify == FR_TLS_VERIFY_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    STACK_OF(X509_NAME) *names = SSL_dup_CA_list(trust->names);
    if (!names)
        return false;
    SSL_CTX_set_client_CA_list(ssl, names);
    SSL_CTX_set_verify(ssl, mode, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, on_certificate, trust);
    SSL_CTX_set1_cert_store(ssl, trust->store);
    return true;
}

void fr_tls_trust_close(struct fr_tls_trust *trust)
{
    X509_STORE_free(trust->store);
    sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
    *trust = (struct fr_tls_trust){0};
}
