/* tests/core/fakes/tls_client.c - OpenSSL as a client on memory. */
#include "fakes/tls_client.h"

#include <stdlib.h>
#include <string.h>

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *client = SSL_get_app_data(ssl);
    SSL_SESSION_free(client->session);
    client->session = session;
    return 1;
}

void tls_client_open(struct tls_client *client)
{
    *client = (struct tls_client){.settings = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_session_cache_mode(client->settings, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->settings, on_session);
}

void tls_client_begin(struct tls_client *client, struct fr_tls_context *context, const char *server_name,
                      SSL_SESSION *session)
{
    client->pool = fr_pool_open(1 << 20);
    fr_outbox_init(&client->records, client->pool);
    fr_outbox_init(&client->plain, client->pool);
    client->stream = fr_tls_stream_open(context, &client->records, false);
    client->ssl = SSL_new(client->settings);
    client->from_server = BIO_new(BIO_s_mem());
    client->to_server = BIO_new(BIO_s_mem());
    client->heard_len = 0;
    client->record_count = client->record_bytes_max = 0;
    SSL_set_bio(client->ssl, client->from_server, client->to_server);
    SSL_set_app_data(client->ssl, client);
    SSL_set_connect_state(client->ssl);
    if (server_name)
        SSL_set_tlsext_host_name(client->ssl, server_name);
    if (session)
        SSL_set_session(client->ssl, session);
}

void tls_client_to_server(struct tls_client *client)
{
    char *data = NULL;
    size_t len = (size_t)BIO_get_mem_data(client->to_server, &data), at = 0;
    while (at < len) {
        size_t step = client->step && client->step < len - at ? client->step : len - at;
        fr_span bytes = fr_span_of(data + at, step);
        do {
            char plain[FR_TLS_PLAIN_BYTES];
            client->unsealed = fr_tls_stream_unseal(client->stream, &bytes, plain, sizeof plain);
            if (client->unsealed <= 0)
                break;
            client->heard = realloc(client->heard, client->heard_len + (size_t)client->unsealed);
            memcpy(client->heard + client->heard_len, plain, (size_t)client->unsealed);
            client->heard_len += (size_t)client->unsealed;
        } while (bytes.len);
        at += step;
    }
    BIO_reset(client->to_server);
}

static void count_records(struct tls_client *client, const char *data, size_t len)
{
    for (size_t at = 0; at + 5 <= len;) {
        size_t size = (size_t)(unsigned char)data[at + 3] << 8 | (unsigned char)data[at + 4];
        client->record_count += data[at] == 23;
        if (size > client->record_bytes_max)
            client->record_bytes_max = size;
        at += 5 + size;
    }
}

void tls_client_to_client(struct tls_client *client)
{
    size_t len = client->records.bytes;
    char *data = malloc(len + 1);
    if (fr_outbox_peek(&client->records, data, len) != (ssize_t)len)
        abort();
    count_records(client, data, len);
    BIO_write(client->from_server, data, (int)len);
    fr_outbox_consume(&client->records, len);
    free(data);
}

bool tls_client_shake(struct tls_client *client)
{
    char nothing;
    for (int i = 0; i < 8; i++) {
        SSL_do_handshake(client->ssl);
        tls_client_to_server(client);
        tls_client_to_client(client);
    }
    bool good = SSL_is_init_finished(client->ssl);
    SSL_peek(client->ssl, &nothing, 1); /* takes in tickets and alerts */
    return good;
}

void tls_client_say(struct tls_client *client, const char *data, size_t len)
{
    SSL_write(client->ssl, data, (int)len);
    tls_client_to_server(client);
}

size_t tls_client_answer(struct tls_client *client, const char *data, size_t len, char *into, size_t size,
                         uint64_t now_ms)
{
    size_t got = 0;
    client->record_count = client->record_bytes_max = 0;
    fr_outbox_copy(&client->plain, fr_span_of(data, len));
    while (!fr_outbox_is_empty(&client->plain)) {
        if (fr_tls_stream_seal(client->stream, &client->plain, 65536, now_ms) < 0)
            break;
        tls_client_to_client(client);
    }
    for (int count; got < size && (count = SSL_read(client->ssl, into + got, (int)(size - got))) > 0;)
        got += (size_t)count;
    return got;
}

void tls_client_end(struct tls_client *client)
{
    fr_tls_stream_close(client->stream);
    SSL_set_shutdown(client->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* else its session is spoilt */
    SSL_free(client->ssl);
    fr_outbox_clear(&client->records);
    fr_outbox_clear(&client->plain);
    if (fr_pool_taken(client->pool))
        abort();
    fr_pool_close(client->pool);
    free(client->heard);
    client->heard = NULL;
    client->stream = NULL;
}

void tls_client_close(struct tls_client *client)
{
    if (client->stream)
        tls_client_end(client);
    SSL_SESSION_free(client->session);
    SSL_CTX_free(client->settings);
}
