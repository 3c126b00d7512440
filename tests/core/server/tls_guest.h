/* tests/core/server/tls_guest.h - A client that speaks TLS to a connection on the stage. */
#ifndef FR_TESTS_SERVER_TLS_GUEST_H
#define FR_TESTS_SERVER_TLS_GUEST_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "fakes/tls_maker.h"
#include "stage.h"

/* A certificate for the stage, and what it is read from. */
struct tls_stage {
    struct stage stage;
    struct maker_pair pair;
    char *certificate, *key;
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    SSL_CTX *settings; /* of all guests */
};

static inline void tls_stage_open(struct tls_stage *tls, struct fr_application *application)
{
    char complaint[256];
    stage_open(&tls->stage, application);
    tls->pair = maker_pair(&(struct maker_wish){.common_name = "localhost", .names = "DNS:localhost"});
    tls->certificate = maker_certificate_pem(&tls->pair);
    tls->key = maker_key_pem(&tls->pair, NULL);
    tls->identity = (struct fr_tls_identity){.certificate = tls->certificate, .key = tls->key};
    tls->options = (struct fr_tls_options){
        .identities = &tls->identity,
        .identity_count = 1,
        .version_min = 0x0303,
        .http1 = true,
        .http2 = true,
    };
    tls->stage.tls = fr_tls_context_open(&tls->options, complaint, sizeof complaint);
    IS(tls->stage.tls);
    tls->settings = SSL_CTX_new(TLS_client_method());
}

static inline void tls_stage_close(struct tls_stage *tls)
{
    fr_tls_context_close(tls->stage.tls);
    stage_close(&tls->stage);
    SSL_CTX_free(tls->settings);
    maker_free(&tls->pair);
    free(tls->certificate);
    free(tls->key);
}

struct tls_guest {
    struct stage *stage;
    SSL *ssl;
    BIO *from_server, *to_server;
    int end;
    char heard[1 << 20]; /* plaintext */
    size_t heard_len;
    int error; /* of the last read that brought nothing: SSL_ERROR_ZERO_RETURN is close_notify */
};

/* Somebody who has come in and said nothing. */
static inline void guest_enter(struct tls_guest *guest, struct tls_stage *tls, const struct fr_protocol_ops *protocol)
{
    guest->stage = &tls->stage;
    guest->heard_len = 0;
    guest->ssl = SSL_new(tls->settings);
    guest->from_server = BIO_new(BIO_s_mem());
    guest->to_server = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(guest->from_server, -1);
    SSL_set_bio(guest->ssl, guest->from_server, guest->to_server);
    SSL_set_connect_state(guest->ssl);
    guest->end = stage_connect(&tls->stage, protocol);
}

/* What OpenSSL has written goes to the server, `step` bytes at a time (0: all). */
static inline void guest_send(struct tls_guest *guest, size_t step)
{
    char *data;
    size_t len = (size_t)BIO_get_mem_data(guest->to_server, &data);
    for (size_t at = 0; at < len && !memory_has_closed(guest->stage->loop, guest->end);) {
        size_t piece = step && step < len - at ? step : len - at;
        memory_send(guest->stage->loop, guest->end, fr_span_of(data + at, piece));
        stage_turn(guest->stage);
        at += piece;
    }
    (void)BIO_reset(guest->to_server);
}

/* What has come is read; true if there was something. */
static inline bool guest_listen(struct tls_guest *guest)
{
    fr_span records = memory_take(guest->stage->loop, guest->end, 1 << 20);
    if (records.len)
        EQUAL(BIO_write(guest->from_server, records.data, (int)records.len), records.len);
    stage_turn(guest->stage);
    for (;;) {
        size_t room = sizeof guest->heard - guest->heard_len - 1;
        ERR_clear_error();
        int len = SSL_read(guest->ssl, guest->heard + guest->heard_len, room < 65536 ? (int)room : 65536);
        if (len <= 0) {
            guest->error = SSL_get_error(guest->ssl, len);
            break;
        }
        guest->heard_len += (size_t)len;
        guest->heard[guest->heard_len] = 0;
    }
    return records.len > 0;
}

/* Both talk until there is nothing more to say. */
static inline void guest_talk(struct tls_guest *guest, size_t step)
{
    int rounds = 0;
    do {
        IS(++rounds < 10000);
        guest_send(guest, step);
    } while (guest_listen(guest) || BIO_pending(guest->to_server));
}

/* The handshake; true when the guest has completed it. */
static inline bool guest_shake(struct tls_guest *guest, size_t step)
{
    SSL_do_handshake(guest->ssl);
    guest_talk(guest, step);
    return SSL_is_init_finished(guest->ssl);
}

/* Says `text` and hears what comes back. */
static inline void guest_say(struct tls_guest *guest, const char *text, size_t step)
{
    EQUAL(SSL_write(guest->ssl, text, (int)strlen(text)), (int)strlen(text));
    guest_talk(guest, step);
}

static inline void guest_leave(struct tls_guest *guest)
{
    SSL_free(guest->ssl);
}

#endif
