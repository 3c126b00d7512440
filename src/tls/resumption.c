/* tls/resumption.c - A client's chain inside its tickets.
 *
 * Eight bytes say when it was shown, then come the certificates in DER, one behind the other. A chain too long for that
 * makes a ticket that is not taken: the client shows its certificate again. With TLS 1.3 each use of a ticket brings a
 * new one with a time of its own, so what counts is the time in here (RFC 8446 section 4.6.1). */
#include "tls/resumption.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/span.h"
#include "tls/context_internal.h"
#include "tls/errors.h"
#include "tls/ticket_seal.h"

#define CHAIN_BYTES_MAX 8192 /* a ticket has 64 KiB at most, and stands in every hello */
#define TIME_BYTES 8

/* The time and the chain in DER behind it; the length, or 0 when it does not fit. */
static size_t write_chain(const STACK_OF(X509) * chain, unsigned char *into)
{
    uint64_t shown_s = (uint64_t)time(NULL);
    unsigned char *at = into;
    for (int i = TIME_BYTES - 1; i >= 0; i--)
        *at++ = (unsigned char)(shown_s >> (8 * i));
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *certificate = sk_X509_value(chain, i);
        int len = i2d_X509(certificate, NULL);
        if (len <= 0 || (size_t)len > CHAIN_BYTES_MAX - (size_t)(at - into) || i2d_X509(certificate, &at) != len)
            return 0;
    }
    return (size_t)(at - into);
}

/* One that was taken up again has its chain already, and its time. */
static int on_ticket_made(SSL *ssl, void *argument)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    unsigned char chain[CHAIN_BYTES_MAX];
    void *known = NULL;
    size_t known_len = 0;
    (void)argument;
    if (!SSL_SESSION_get0_peer(session))
        return 1;
    if (SSL_SESSION_get0_ticket_appdata(session, &known, &known_len) && known_len)
        return 1;
    size_t len = write_chain(SSL_get_peer_cert_chain(ssl), chain);
    fr_tls_errors_clear();
    return len == 0 || SSL_SESSION_set1_ticket_appdata(session, chain, len);
}

/* Up to TLS 1.2 a session is of one name (RFC 6066 section 3); OpenSSL would go on under it, whatever is asked for. */
static bool is_of_name(const SSL_SESSION *session, fr_span name)
{
    const char *earlier = SSL_SESSION_get0_hostname(session);
    return SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION ||
           fr_span_equal_nocase(earlier ? fr_span_of_string(earlier) : FR_SPAN(""), name);
}

/* A ticket stands in for a certificate as long as it is good itself, however often it is renewed. */
static bool is_recent(const unsigned char *shown)
{
    uint64_t shown_s = 0;
    for (int i = 0; i < TIME_BYTES; i++)
        shown_s = shown_s << 8 | shown[i];
    return time(NULL) < (time_t)shown_s + FR_TLS_TICKET_S;
}

static bool is_good(SSL_SESSION *session)
{
    const X509 *leaf = SSL_SESSION_get0_peer(session);
    void *known = NULL;
    size_t known_len = 0;
    if (!leaf)
        return true;
    return SSL_SESSION_get0_ticket_appdata(session, &known, &known_len) && known_len >= TIME_BYTES &&
           is_recent(known) && X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0;
}

static SSL_TICKET_RETURN on_ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                          SSL_TICKET_STATUS status, void *argument)
{
    const struct fr_tls_attachment *stream = SSL_get_app_data(ssl);
    (void)name, (void)name_len, (void)argument;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (!is_good(session) || !is_of_name(session, stream->asked_for))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* The host in the extension; empty when there is none. What is malformed OpenSSL refuses by itself. */
static fr_span name_in_hello(SSL *ssl)
{
    const unsigned char *data;
    size_t len;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &len) || len < 5)
        return (fr_span){NULL, 0};
    size_t name_len = (size_t)data[3] << 8 | data[4];
    return name_len <= len - 5 ? fr_span_of((const char *)data + 5, name_len) : (fr_span){NULL, 0};
}

/* Tickets are opened before OpenSSL has looked at that name. */
static int on_hello(SSL *ssl, int *alert, void *argument)
{
    struct fr_tls_attachment *stream = SSL_get_app_data(ssl);
    (void)alert, (void)argument;
    stream->asked_for = name_in_hello(ssl);
    return SSL_CLIENT_HELLO_SUCCESS;
}

void fr_tls_resumption_apply(SSL_CTX *ssl)
{
    SSL_CTX_set_client_hello_cb(ssl, on_hello, NULL);
    SSL_CTX_set_session_ticket_cb(ssl, on_ticket_made, on_ticket_opened, NULL);
}

STACK_OF(X509) * fr_tls_resumption_chain(SSL *ssl)
{
    STACK_OF(X509) *shown = SSL_get_peer_cert_chain(ssl);
    void *known = NULL;
    size_t len = 0;
    if (shown)
        return X509_chain_up_ref(shown);
    if (!SSL_SESSION_get0_ticket_appdata(SSL_get_session(ssl), &known, &len) || len <= TIME_BYTES)
        return NULL;
    const unsigned char *at = (const unsigned char *)known + TIME_BYTES, *end = (const unsigned char *)known + len;
    STACK_OF(X509) *chain = fr_tls_needed(sk_X509_new_null());
    while (at < end) {
        X509 *certificate = d2i_X509(NULL, &at, (long)(end - at));
        if (!certificate || !sk_X509_push(chain, certificate))
            break;
    }
    fr_tls_errors_clear();
    return chain;
}
