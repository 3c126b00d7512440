/* tls/context.c - One SSL_CTX for every certificate (or two, of an RSA and an ECDSA key), all alike in everything else.
 *
 * Owns an OpenSSL library context. Does not know sockets, nor what is said inside. The defaults are Mozilla's
 * "intermediate" of version 5.7, without finite-field Diffie-Hellman. */
#include "tls/context.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/alloc.h"
#include "tls/context_internal.h"
#include "tls/errors.h"
#include "tls/resumption.h"
#include "tls/wire.h"

#define REASON_BYTES 160

/* A client that wants to be known again on several connections at once gets one with each of them. */
#define TICKETS 1

#define CIPHERS                                                  \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:" \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define SUITES_13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"
#define GROUPS_HYBRID "X25519MLKEM768:" GROUPS /* where OpenSSL has it, from 3.5 on */

/* 112 bits: no RSA below 2048, no SHA-1 in signatures; whatever the system's own configuration thinks. */
#define SECURITY_LEVEL 2

static bool is_in(fr_span list, fr_span protocol)
{
    while (list.len) {
        size_t len = (unsigned char)list.data[0];
        if (len >= list.len)
            return false;
        if (fr_span_equal(fr_span_slice(list, 1, 1 + len), protocol))
            return true;
        list = fr_span_skip(list, 1 + len);
    }
    return false;
}

/* The best of ours that is in the client's list; empty: none is. */
static fr_span choose(const struct fr_tls_attachment *stream, fr_span list)
{
    if (stream->http2 && is_in(list, FR_SPAN("h2")))
        return FR_SPAN("h2");
    if (stream->http1 && is_in(list, FR_SPAN("http/1.1")))
        return FR_SPAN("http/1.1");
    return (fr_span){NULL, 0};
}

static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_len, const unsigned char *offered,
                   unsigned offered_len, void *context)
{
    (void)context;
    fr_span list = fr_span_of((const char *)offered, offered_len);
    fr_span protocol = choose(SSL_get_app_data(ssl), list);
    if (protocol.len == 0)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol */
    *chosen = (const unsigned char *)protocol.data;
    *chosen_len = (unsigned char)protocol.len;
    return SSL_TLSEXT_ERR_OK;
}

/* The certificate that is the best for this name; of equals, and for a name that none has, the first. */
static const struct fr_tls_certificate *best_for(const struct fr_tls_context *context, fr_span name)
{
    const struct fr_tls_certificate *best = context->certificates;
    enum fr_tls_match best_match = FR_TLS_MATCH_NONE;
    for (size_t i = 0; i < context->certificate_count && best_match != FR_TLS_MATCH_EXACT; i++) {
        enum fr_tls_match match = fr_tls_certificate_match(&context->certificates[i], name);
        if (match > best_match) {
            best = &context->certificates[i];
            best_match = match;
        }
    }
    return best;
}

static int on_server_name(SSL *ssl, int *alert, void *argument)
{
    const struct fr_tls_context *context = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (!name)
        return SSL_TLSEXT_ERR_NOACK;
    SSL_CTX *wanted = best_for(context, fr_span_of_string(name))->ssl;
    if (wanted != SSL_get_SSL_CTX(ssl) && !SSL_set_SSL_CTX(ssl, wanted))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static int on_status_request(SSL *ssl, void *argument)
{
    const struct fr_tls_certificate *certificate = fr_tls_context_certificate(argument, ssl);
    if (certificate->staple.len == 0)
        return SSL_TLSEXT_ERR_NOACK;
    void *copy = OPENSSL_memdup(certificate->staple.data, certificate->staple.len); /* SSL frees it */
    if (!copy)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)certificate->staple.len);
    return SSL_TLSEXT_ERR_OK;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int sealing)
{
    const struct fr_tls_attachment *stream = SSL_get_app_data(ssl);
    int answer = fr_tls_ticket_seal_prepare(&stream->context->seal, name, iv, cipher, mac, sealing);
    bool once = SSL_version(ssl) >= TLS1_3_VERSION; /* a ticket is used once: give another, RFC 8446 appendix C.4 */
    return answer == FR_TLS_TICKET_GOOD && once && !sealing ? FR_TLS_TICKET_GOOD_AND_RENEW : answer;
}

static bool set_groups(SSL_CTX *ssl)
{
    if (SSL_CTX_set1_groups_list(ssl, GROUPS_HYBRID))
        return true;
    fr_tls_errors_clear();
    return SSL_CTX_set1_groups_list(ssl, GROUPS);
}

/* What is the same everywhere. */
static bool set_defaults(SSL_CTX *ssl)
{
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA); /* who has no AES says so */
    SSL_CTX_set_mode(ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ssl, 0);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF); /* tickets, or nothing */
    SSL_CTX_set_num_tickets(ssl, TICKETS);
    SSL_CTX_set_timeout(ssl, FR_TLS_TICKET_S);
    return SSL_CTX_set_ciphersuites(ssl, SUITES_13) && set_groups(ssl);
}

static int set_up(struct fr_tls_context *context, SSL_CTX *ssl, const struct fr_tls_options *options,
                  const struct fr_tls_complaint *complaint)
{
    char reason[REASON_BYTES];
    if (!set_defaults(ssl) || !SSL_CTX_set_min_proto_version(ssl, options->version_min) ||
        !SSL_CTX_set_max_proto_version(ssl, 0)) {
        fr_tls_errors_take(reason, sizeof reason);
        fr_tls_complain(complaint, "this OpenSSL cannot do what TLS needs: %s", reason);
        return FR_E_CERTIFICATE;
    }
    if (!SSL_CTX_set_cipher_list(ssl, options->ciphers ? options->ciphers : CIPHERS)) {
        fr_tls_errors_take(reason, sizeof reason);
        fr_tls_complain(complaint, "the ciphers \"%s\" cannot be used: %s", options->ciphers, reason);
        return FR_E_CERTIFICATE;
    }
    SSL_CTX_set_dh_auto(ssl, options->ciphers != NULL); /* who asks for it shall have it */
    SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket);
    SSL_CTX_set_tlsext_status_cb(ssl, on_status_request);
    SSL_CTX_set_tlsext_status_arg(ssl, context);
    fr_tls_resumption_apply(ssl);
    if (!fr_tls_trust_apply(&context->trust, ssl))
        fr_tls_needed(NULL);
    return 0;
}

/* Whoever is in that SSL_CTX is a twin: its place for this kind of key is free. */
static bool has_room(const struct fr_tls_context *context, const SSL_CTX *ssl,
                     const struct fr_tls_certificate *newcomer)
{
    for (const struct fr_tls_certificate *other = context->certificates; other < newcomer; other++)
        if (other->ssl == ssl && !fr_tls_certificate_is_twin(other, newcomer))
            return false;
    return true;
}

/* The SSL_CTX of a twin that came before, or NULL. */
static SSL_CTX *share_twin(const struct fr_tls_context *context, const struct fr_tls_certificate *newcomer)
{
    for (const struct fr_tls_certificate *other = context->certificates; other < newcomer; other++)
        if (fr_tls_certificate_is_twin(other, newcomer) && has_room(context, other->ssl, newcomer))
            return other->ssl;
    return NULL;
}

static int load_one(struct fr_tls_context *context, const struct fr_tls_options *options, size_t index,
                    const struct fr_tls_complaint *complaint, const struct fr_tls_complaint *warning)
{
    struct fr_tls_certificate *certificate = &context->certificates[index];
    context->certificate_count++;
    int error = fr_tls_certificate_load(certificate, &options->identities[index], context->library, complaint, warning);
    if (error)
        return error;
    SSL_CTX *twin = share_twin(context, certificate);
    if (twin)
        return fr_tls_certificate_use(certificate, twin, complaint);
    SSL_CTX *ssl = fr_tls_needed(SSL_CTX_new_ex(context->library, NULL, TLS_server_method()));
    error = set_up(context, ssl, options, complaint);
    if (!error)
        error = fr_tls_certificate_use(certificate, ssl, complaint);
    SSL_CTX_free(ssl);
    return error;
}

static int load(struct fr_tls_context *context, const struct fr_tls_options *options,
                const struct fr_tls_complaint *complaint, const struct fr_tls_complaint *warning)
{
    int error = fr_tls_trust_load(&context->trust, options, context->library, complaint);
    for (size_t i = 0; i < options->identity_count && !error; i++)
        error = load_one(context, options, i, complaint, warning);
    return error;
}

struct fr_tls_context *fr_tls_context_open(const struct fr_tls_options *options, char *text, size_t size)
{
    char warned[256] = "";
    struct fr_tls_complaint complaint = {text, size}, warning = {warned, sizeof warned};
    struct fr_tls_context *context = fr_alloc_zero(sizeof *context);
    assert(options->identity_count && size);
    text[0] = '\0';
    fr_tls_errors_clear();
    context->references = 1;
    fr_tls_buffers_open(&context->buffers);
    context->http1 = options->http1;
    context->http2 = options->http2;
    context->records_per_key = FR_TLS_RECORDS_PER_KEY;
    context->library = fr_tls_needed(OSSL_LIB_CTX_new());
    fr_tls_ticket_seal_open(&context->seal, context->library, options->tickets);
    context->wire_method = fr_tls_wire_method();
    context->certificates = fr_alloc_zero(options->identity_count * sizeof *context->certificates);
    int error = load(context, options, &complaint, &warning);
    fr_tls_errors_clear();
    OPENSSL_thread_stop_ex(context->library); /* whoever closes it can only clean up after their own thread */
    if (error) {
        fr_tls_context_close(context);
        return NULL;
    }
    fr_tls_complain(&complaint, "%s", warned);
    return context;
}

bool fr_tls_context_is_stale(const struct fr_tls_context *context)
{
    for (size_t i = 0; i < context->certificate_count; i++)
        for (size_t j = 0; j < context->certificates[i].file_count; j++)
            if (fr_tls_file_is_stale(&context->certificates[i].files[j]))
                return true;
    for (size_t i = 0; i < context->trust.file_count; i++)
        if (fr_tls_file_is_stale(&context->trust.files[i]))
            return true;
    return false;
}

struct fr_tls_context *fr_tls_context_hold(struct fr_tls_context *context)
{
    context->references++;
    return context;
}

const struct fr_tls_certificate *fr_tls_context_certificate(const struct fr_tls_context *context, const SSL *ssl)
{
    const X509 *shown = SSL_get_certificate(ssl);
    for (size_t i = 1; i < context->certificate_count; i++)
        if (context->certificates[i].leaf == shown)
            return &context->certificates[i];
    return &context->certificates[0];
}

void fr_tls_context_close(struct fr_tls_context *context)
{
    if (--context->references)
        return;
    for (size_t i = 0; i < context->certificate_count; i++)
        fr_tls_certificate_close(&context->certificates[i]);
    fr_free(context->certificates);
    fr_tls_trust_close(&context->trust);
    fr_tls_ticket_seal_close(&context->seal);
    BIO_meth_free(context->wire_method);
    OSSL_LIB_CTX_free(context->library);
    fr_free(context);
}
