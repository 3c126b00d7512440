/* tests/fuzz/tls.c - Any bytes where TLS is expected: nothing crashes, what is queued stays small, OpenSSL's queue of
 * errors is empty afterwards, and all memory comes back.
 *
 * The first byte says where the bytes of the input go, the second in which pieces: as they are into a new connection,
 * or into one that is open; or as changes of what a real client says first, or second. */
#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>

#include "fakes/tls_client.h"

#define QUEUED_BYTES_MAX 32768
#define CHANGE_BYTES 3 /* where, and by what */

enum kind { KIND_BEGINNING, KIND_HELLO, KIND_OPEN, KIND_SECOND };

/* By the first byte; what needs a handshake takes its time, and is therefore rare. */
static const enum kind kinds[8] = {KIND_BEGINNING, KIND_HELLO,     KIND_OPEN,  KIND_SECOND,
                                   KIND_BEGINNING, KIND_BEGINNING, KIND_HELLO, KIND_BEGINNING};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct fr_tls_context *context;
static struct tls_client client;

static void require(bool promise)
{
    if (!promise)
        abort();
}

/* Once; a key for every input would take all the time. */
static void open_context(void)
{
    char complaint[256];
    struct maker_pair pair = maker_pair(&(struct maker_wish){.common_name = "localhost", .names = "DNS:localhost"});
    struct maker_pair authority = maker_pair(&(struct maker_wish){.common_name = "Authority", .authority = true});
    char *certificate = maker_certificate_pem(&pair), *key = maker_key_pem(&pair, NULL);
    char *authority_pem = maker_certificate_pem(&authority);
    struct fr_tls_identity identities[] = {{.certificate = certificate, .key = key},
                                           {.certificate = certificate, .key = key}};
    struct fr_tls_options options = {
        .identities = identities,
        .identity_count = 2,
        .verify = FR_TLS_VERIFY_OPTIONAL,
        .ca_file = maker_text_file("authority.pem", authority_pem),
        .version_min = 0x0303,
        .http1 = true,
        .http2 = true,
    };
    context = fr_tls_context_open(&options, complaint, sizeof complaint);
    require(context != NULL);
    tls_client_open(&client);
    SSL_CTX_set_alpn_protos(client.settings, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL_CTX_use_certificate(client.settings, pair.certificate);
    SSL_CTX_use_PrivateKey(client.settings, pair.key);
    maker_free(&pair);
    maker_free(&authority);
    free(certificate);
    free(key);
    free(authority_pem);
}

/* In pieces of `step`, as long as the stream takes them; what it said of the last one. */
static void feed(fr_span input, size_t step)
{
    char plain[FR_TLS_PLAIN_BYTES];
    for (size_t at = 0; at < input.len; at += step) {
        fr_span piece = fr_span_slice(input, at, input.len - at < step ? input.len : at + step);
        ssize_t len;
        do {
            len = fr_tls_stream_unseal(client.stream, &piece, plain, sizeof plain);
            require(len <= (ssize_t)sizeof plain && client.records.bytes <= QUEUED_BYTES_MAX);
            require(ERR_peek_error() == 0);
        } while (len > 0 && piece.len);
        require(len < 0 || piece.len == 0);
        require((len != FR_E_TLS) == (fr_tls_stream_state(client.stream) != FR_TLS_FAILED) || len > 0);
        if (len < 0)
            return;
    }
}

/* What the client has written, with the changes that the input asks for. */
static void feed_changed(fr_span changes, size_t step)
{
    char *said = NULL;
    size_t len = (size_t)BIO_get_mem_data(client.to_server, &said);
    for (; changes.len >= CHANGE_BYTES && len; changes = fr_span_skip(changes, CHANGE_BYTES)) {
        size_t at = (size_t)(uint8_t)changes.data[0] << 8 | (uint8_t)changes.data[1];
        said[at % len] = (char)(said[at % len] ^ changes.data[2]);
    }
    feed(fr_span_of(said, len), step);
}

/* Whatever state it is in, it can be answered, ended and closed. */
static void finish(void)
{
    enum fr_tls_state state = fr_tls_stream_state(client.stream);
    fr_outbox_copy(&client.plain, FR_SPAN("an answer"));
    if (state == FR_TLS_OPEN || state == FR_TLS_ENDED)
        require(fr_tls_stream_seal(client.stream, &client.plain, QUEUED_BYTES_MAX + 1, 1) == 0);
    fr_tls_stream_end(client.stream);
    require((state == FR_TLS_FAILED) == (*fr_tls_stream_complaint(client.stream) != '\0'));
    require(ERR_peek_error() == 0);
    tls_client_end(&client);
    SSL_SESSION_free(client.session);
    client.session = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    if (!context)
        open_context();
    enum kind kind = kinds[data[0] % 8];
    size_t step = data[1] ? data[1] : len;
    fr_span input = fr_span_of((const char *)data + 2, len - 2);
    tls_client_begin(&client, context, "localhost", NULL);
    if (kind != KIND_BEGINNING)
        SSL_do_handshake(client.ssl);
    if (kind == KIND_OPEN)
        require(tls_client_shake(&client));
    if (kind == KIND_SECOND) {
        tls_client_to_server(&client);
        tls_client_to_client(&client);
        SSL_do_handshake(client.ssl);
    }
    ERR_clear_error();
    if (kind == KIND_HELLO || kind == KIND_SECOND)
        feed_changed(input, step);
    else
        feed(input, step);
    finish();
    return 0;
}
