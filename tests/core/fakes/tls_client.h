/* tests/core/fakes/tls_client.h - The other side: OpenSSL as a client on memory, talking to a stream of ours. */
#ifndef FR_TESTS_FAKES_TLS_CLIENT_H
#define FR_TESTS_FAKES_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "fakes/tls_maker.h"
#include "tls/stream.h"

struct tls_client {
    SSL_CTX *settings; /* to be changed before tls_client_begin */
    SSL *ssl;
    BIO *from_server, *to_server;
    SSL_SESSION *session; /* the last ticket that came */
    struct fr_pool *pool;
    struct fr_outbox records;
    struct fr_outbox plain;
    struct fr_tls_stream *stream;
    ssize_t unsealed; /* what the last call of unseal answered */
    size_t step;      /* how many bytes the server is given at once; 0: all */
    char *heard;      /* by the server */
    size_t heard_len;
    size_t record_count; /* of application data that the server has sent */
    size_t record_bytes_max;
};

/* Settings only; verification is off. */
void tls_client_open(struct tls_client *client);

/* Both sides, which have said nothing yet; `session` may be NULL. */
void tls_client_begin(struct tls_client *client, struct fr_tls_context *context, const char *server_name,
                      SSL_SESSION *session);

/* Lets both talk until neither has anything to say. The client's own result of the handshake. */
bool tls_client_shake(struct tls_client *client);

/* What the client has written arrives at the server. */
void tls_client_to_server(struct tls_client *client);

/* What the server has queued arrives at the client. */
void tls_client_to_client(struct tls_client *client);

void tls_client_say(struct tls_client *client, const char *data, size_t len);

/* The server answers `data`; how much of it the client has read, in `into`. */
size_t tls_client_answer(struct tls_client *client, const char *data, size_t len, char *into, size_t size,
                         uint64_t now_ms);

/* Another connection may begin. */
void tls_client_end(struct tls_client *client);
void tls_client_close(struct tls_client *client);

#endif
