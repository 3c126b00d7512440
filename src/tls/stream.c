/* tls/stream.c - One connection's TLS, between a span of records and an outbox of them.
 *
 * Owns the SSL object. Does not know sockets; whoever calls writes what is queued. RFC 8446, RFC 5246, RFC 7301. */
#include "tls/stream.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

#include "base/alloc.h"
#include "tls/client_facts.h"
#include "tls/context_internal.h"
#include "tls/errors.h"
#include "tls/resumption.h"
#include "tls/wire.h"

/* At the start of an answer a record fits into one segment, so that the peer can open each as it comes. */
#define SMALL_RECORD_BYTES 1400
#define SMALL_BYTES 65536 /* that leave so */
#define REST_MS 1000      /* after which another answer starts */

/* Records that may bring nothing: fragments of a large hello or of a client's certificates; later KeyUpdates, alerts
 * and empty ones. */
#define HANDSHAKE_RECORDS_MAX 256
#define FRUITLESS_RECORDS_MAX 32

#define COMPLAINT_BYTES 200
#define PIECES_MAX 16

struct fr_tls_stream {
    SSL *ssl;
    struct fr_tls_context *context;
    struct fr_tls_wire wire;
    struct fr_tls_attachment attachment;
    struct fr_tls_buffers_user buffers;
    uint64_t sealed_ms;      /* when something was sealed last */
    uint32_t small_sealed;   /* of SMALL_BYTES */
    uint32_t sealed_records; /* with this key */
    uint8_t state;           /* enum fr_tls_state */
    bool begun;              /* the first byte was one of TLS */
    bool end_queued;
    struct fr_tls_facts facts;
    struct fr_tls_client_facts client;
    char *server_name;
    char *complaint; /* NULL: none */
};

struct fr_tls_stream *fr_tls_stream_open(struct fr_tls_context *context, struct fr_outbox *records, bool http1_only)
{
    struct fr_tls_stream *stream = fr_alloc_zero(sizeof *stream);
    fr_tls_errors_clear();
    stream->context = fr_tls_context_hold(context);
    stream->attachment = (struct fr_tls_attachment){
        .context = stream->context,
        .http1 = context->http1 || http1_only,
        .http2 = context->http2 && !http1_only,
    };
    stream->wire.records = records;
    stream->wire.fruitless_max = HANDSHAKE_RECORDS_MAX * FR_TLS_WIRE_COST;
    stream->ssl = fr_tls_needed(SSL_new(context->certificates[0].ssl));
    BIO *bio = fr_tls_wire_bio(context->wire_method, &stream->wire);
    stream->buffers.ssl = stream->ssl;
    stream->buffers.wire = &stream->wire;
    SSL_set_bio(stream->ssl, bio, bio);
    SSL_set_app_data(stream->ssl, &stream->attachment);
    SSL_set_accept_state(stream->ssl);
    return stream;
}

/* ---- in ---- */

static fr_span keep_server_name(struct fr_tls_stream *stream)
{
    const char *name = SSL_get_servername(stream->ssl, TLSEXT_NAMETYPE_host_name);
    if (!name)
        return (fr_span){NULL, 0};
    size_t len = strlen(name);
    stream->server_name = fr_alloc(len);
    for (size_t i = 0; i < len; i++)
        stream->server_name[i] = (char)fr_ascii_lower((unsigned char)name[i]);
    return fr_span_of(stream->server_name, len);
}

/* The certificate that the client has shown, with this connection or the one it goes on from. */
static const struct fr_tls_client *learn_client(struct fr_tls_stream *stream)
{
    X509 *leaf = SSL_get0_peer_certificate(stream->ssl);
    if (!leaf)
        return NULL;
    STACK_OF(X509) *chain = fr_tls_resumption_chain(stream->ssl);
    fr_tls_client_facts_open(&stream->client, leaf, chain, SSL_get_verify_result(stream->ssl));
    sk_X509_pop_free(chain, X509_free);
    return &stream->client.client;
}

static void learn_facts(struct fr_tls_stream *stream)
{
    const SSL *ssl = stream->ssl;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    stream->facts = (struct fr_tls_facts){
        .version = (uint16_t)SSL_version(ssl),
        .cipher_suite = SSL_CIPHER_get_protocol_id(cipher),
        .resumed = SSL_session_reused(ssl),
        .version_name = fr_span_of_string(SSL_get_version(ssl)),
        .cipher = fr_span_of_string(SSL_CIPHER_get_name(cipher)),
        .server_name = keep_server_name(stream),
        .server_certificate = fr_tls_context_certificate(stream->context, ssl)->pem,
        .client = learn_client(stream),
    };
}

/* Keeps what there is to say about it. The alert is queued already. */
static void fail(struct fr_tls_stream *stream)
{
    char reason[COMPLAINT_BYTES / 2];
    long verified = SSL_get_verify_result(stream->ssl);
    unsigned long error = ERR_peek_last_error();
    bool of_certificate = ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    fr_tls_errors_take(reason, sizeof reason);
    stream->state = FR_TLS_FAILED;
    if (!stream->complaint)
        stream->complaint = fr_alloc(COMPLAINT_BYTES);
    if (stream->wire.refused)
        snprintf(stream->complaint, COMPLAINT_BYTES, "%s", stream->wire.refused);
    else if (of_certificate)
        snprintf(stream->complaint, COMPLAINT_BYTES, "%s: %s", reason, X509_verify_cert_error_string(verified));
    else
        snprintf(stream->complaint, COMPLAINT_BYTES, "%s", reason);
}

/* What a call that did not succeed means: more is needed, the peer has ended, or it is over. */
static void judge(struct fr_tls_stream *stream, int result)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_ZERO_RETURN:
        stream->state = stream->state == FR_TLS_HANDSHAKE ? FR_TLS_LEFT : FR_TLS_ENDED;
        break;
    default: /* other messages than data are no error once we have ended: OpenSSL just does not take them */
        if (stream->end_queued && !ERR_peek_error() && !stream->wire.refused)
            stream->state = FR_TLS_ENDED;
        else
            fail(stream);
    }
}

static void shake_hands(struct fr_tls_stream *stream)
{
    int result = SSL_do_handshake(stream->ssl);
    if (SSL_version(stream->ssl) < TLS1_3_VERSION)
        stream->wire.greeted = true; /* in 1.2 there is one hello, and soon what looks like a message is encrypted */
    if (result != 1) {
        judge(stream, result);
        return;
    }
    stream->state = FR_TLS_OPEN;
    learn_facts(stream);
    stream->wire.fruitless = 0;
    stream->wire.fruitless_max = FRUITLESS_RECORDS_MAX * FR_TLS_WIRE_COST;
}

/* Plaintext of one record, or none. */
static size_t open_record(struct fr_tls_stream *stream, char *plain, size_t size)
{
    size_t len = 0;
    int result = SSL_read_ex(stream->ssl, plain, size, &len);
    if (result == 1) {
        fr_tls_wire_earn(&stream->wire);
        return len;
    }
    judge(stream, result);
    return 0;
}

/* A record begins with a number below 32 (RFC 8446 section 5.1), a request with the letters of its method. */
static bool is_plain_http(char first)
{
    return fr_ascii_lower((unsigned char)first) >= 'a' && fr_ascii_lower((unsigned char)first) <= 'z';
}

ssize_t fr_tls_stream_unseal(struct fr_tls_stream *stream, fr_span *bytes, char *plain, size_t size)
{
    assert(size >= FR_TLS_PLAIN_BYTES);
    size_t len = 0;
    if (stream->state == FR_TLS_FAILED)
        return FR_E_TLS;
    if (!stream->begun && bytes->len) {
        if (is_plain_http(bytes->data[0]))
            return FR_E_TLS_PLAIN_HTTP;
        stream->begun = true;
    }
    fr_tls_errors_clear();
    stream->wire.incoming = *bytes;
    while (stream->wire.incoming.len && size - len >= FR_TLS_PLAIN_BYTES) {
        if (stream->state == FR_TLS_HANDSHAKE)
            shake_hands(stream);
        else if (stream->state == FR_TLS_OPEN)
            len += open_record(stream, plain + len, size - len);
        else
            stream->wire.incoming.len = 0; /* whatever comes after the end is nobody's */
    }
    *bytes = stream->wire.incoming;
    stream->wire.incoming = (fr_span){NULL, 0};
    fr_tls_buffers_use(&stream->context->buffers, &stream->buffers);
    return stream->state == FR_TLS_FAILED && len == 0 ? FR_E_TLS : (ssize_t)len;
}

/* ---- out ---- */

static size_t record_bytes(struct fr_tls_stream *stream, uint64_t now_ms)
{
    if (now_ms - stream->sealed_ms >= REST_MS)
        stream->small_sealed = 0;
    stream->sealed_ms = now_ms;
    return stream->small_sealed < SMALL_BYTES ? SMALL_RECORD_BYTES : FR_TLS_RECORD_BYTES;
}

/* The contents of the next record: where they lie, if they lie together, else copied. Negative: see seal. */
static ssize_t next_contents(struct fr_tls_context *context, const struct fr_outbox *plain, size_t size,
                             const char **data)
{
    struct iovec first;
    if (fr_outbox_gather(plain, &first, 1) == 1 && (first.iov_len >= size || first.iov_len == plain->bytes)) {
        *data = first.iov_base;
        return (ssize_t)(first.iov_len < size ? first.iov_len : size);
    }
    *data = context->record;
    return fr_outbox_peek(plain, context->record, size);
}

/* Before it has sealed too much for one key, RFC 8446 section 5.5; the message leaves with the next record. TLS 1.2
 * knows no such thing. */
static void change_key(struct fr_tls_stream *stream)
{
    if (++stream->sealed_records <= stream->context->records_per_key)
        return;
    stream->sealed_records = 1;
    if (stream->facts.version >= TLS1_3_VERSION)
        SSL_key_update(stream->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
}

int fr_tls_stream_seal(struct fr_tls_stream *stream, struct fr_outbox *plain, size_t records_max, uint64_t now_ms)
{
    assert(stream->state == FR_TLS_OPEN || stream->state == FR_TLS_ENDED);
    fr_tls_errors_clear();
    fr_tls_buffers_use(&stream->context->buffers, &stream->buffers);
    while (!fr_outbox_is_empty(plain) && stream->wire.records->bytes < records_max) {
        const char *data = NULL;
        ssize_t len = next_contents(stream->context, plain, record_bytes(stream, now_ms), &data);
        size_t sealed = 0;
        if (len < 0)
            return (int)len;
        change_key(stream);
        if (SSL_write_ex(stream->ssl, data, (size_t)len, &sealed) != 1) {
            fail(stream);
            return FR_E_TLS;
        }
        if (stream->small_sealed < SMALL_BYTES)
            stream->small_sealed += (uint32_t)sealed;
        fr_outbox_consume(plain, sealed);
    }
    return 0;
}

void fr_tls_stream_end(struct fr_tls_stream *stream)
{
    if (stream->end_queued || (stream->state != FR_TLS_OPEN && stream->state != FR_TLS_ENDED))
        return;
    stream->end_queued = true;
    fr_tls_errors_clear();
    SSL_shutdown(stream->ssl);
    fr_tls_errors_clear();
}

/* ---- what is known ---- */

enum fr_tls_state fr_tls_stream_state(const struct fr_tls_stream *stream)
{
    return stream->state;
}

fr_span fr_tls_stream_alpn(const struct fr_tls_stream *stream)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(stream->ssl, &name, &len);
    return fr_span_of((const char *)name, len);
}

const struct fr_tls_facts *fr_tls_stream_facts(const struct fr_tls_stream *stream)
{
    return &stream->facts;
}

const char *fr_tls_stream_complaint(const struct fr_tls_stream *stream)
{
    return stream->complaint ? stream->complaint : "";
}

void fr_tls_stream_close(struct fr_tls_stream *stream)
{
    fr_tls_errors_clear();
    fr_tls_buffers_leave(&stream->context->buffers, &stream->buffers);
    SSL_free(stream->ssl);
    fr_tls_context_close(stream->context);
    fr_tls_client_facts_close(&stream->client);
    fr_free(stream->server_name);
    fr_free(stream->complaint);
    fr_free(stream);
    fr_tls_errors_clear();
}
