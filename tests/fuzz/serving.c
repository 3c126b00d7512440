/* tests/fuzz/serving.c - Any order of events on connections of server/connection.c: nothing is lost or freed twice.
 *
 * Each input is a program, a byte an instruction: the low half says what happens, the high half how much. Peers send
 * whole, half and broken requests, of HTTP/1.1 or HTTP/2, read a little, leave; time passes; the application answers
 * late; the worker drains. Some of them speak TLS, or should. At the end every connection, exchange and block of
 * memory must be back. */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/echo_application.h"
#include "fakes/memory_transport.h"
#include "fakes/tls_maker.h"
#include "http1/connection.h"
#include "http2/session.h"
#include "server/connection.h"

#define PEERS_MAX 4
#define FIELDS_MAX 5
#define HELD_MAX 64
#define INSTRUCTIONS_MAX 300
#define WAIT_MS 1500
#define MODES (ECHO_ASK + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct theatre {
    struct fr_loop *loop;
    struct fr_limits limits;
    struct fr_response_policy policy;
    struct fr_stats stats;
    struct fr_request_head scratch;
    struct fr_header fields[FIELDS_MAX];
    struct fr_endpoint local;
    struct fr_connection_shared shared;
    struct echo_application echo;
    struct fr_application_ops ops; /* the echo's, but what it keeps is held here */
    const struct fr_application_ops *echo_ops;
    struct fr_exchange *held[HELD_MAX];
    unsigned held_count;
    int ends[PEERS_MAX];
    bool mute[PEERS_MAX];             /* this peer has ended or torn its connection */
    unsigned char streams[PEERS_MAX]; /* the last that this peer has opened */
    SSL *clients[PEERS_MAX];          /* of peers that speak TLS, or should */
    char plain[FR_CHANNEL_PLAIN_BYTES];
    int peers;
    int now; /* whose turn it is */
    size_t closed;
};

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void on_closed(struct fr_connection_shared *shared, bool refused)
{
    require(!refused);
    FR_LIST_OWNER(shared, struct theatre, shared)->closed++;
}

/* The modes that leave the answer to the test: all such exchanges are held, in the order in which they came. */
static void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    struct theatre *theatre = FR_LIST_OWNER(application, struct theatre, echo.base);
    bool holds = theatre->echo.mode == ECHO_LATE || theatre->echo.mode == ECHO_ASK;
    if (holds && theatre->held_count == HELD_MAX) {
        theatre->echo.mode = ECHO_FIXED;
        holds = false;
    }
    if (holds)
        theatre->held[theatre->held_count++] = exchange;
    theatre->echo_ops->request(application, exchange);
}

static void open_theatre(struct theatre *theatre)
{
    int error = 0;
    *theatre = (struct theatre){.peers = 0};
    theatre->loop = fr_loop_open(&fr_transport_memory, &error);
    require(theatre->loop);
    fr_clock_advance(fr_loop_clock(theatre->loop), 0);
    fr_limits_init(&theatre->limits);
    theatre->limits.head_bytes_max = 300;
    theatre->limits.fields_max = FIELDS_MAX;
    theatre->limits.body_bytes_max = 1000;
    theatre->limits.write_high_bytes = 2000;
    theatre->limits.write_low_bytes = 500;
    theatre->scratch.headers = theatre->fields;
    theatre->scratch.header_capacity = FIELDS_MAX;
    echo_open(&theatre->echo, ECHO_FIXED);
    theatre->echo_ops = theatre->echo.base.ops;
    theatre->ops = *theatre->echo_ops;
    theatre->ops.request = on_request;
    theatre->echo.base.ops = &theatre->ops;
    theatre->echo.text = FR_SPAN("hello");
    theatre->echo.stream_bytes = 9000;
    theatre->shared = (struct fr_connection_shared){
        .loop = theatre->loop,
        .transport = &fr_transport_memory,
        .http2 = &fr_http2,
        .limits = &theatre->limits,
        .policy = &theatre->policy,
        .scratch = &theatre->scratch,
        .stats = &theatre->stats,
        .plain = theatre->plain,
        .closed = on_closed,
    };
    fr_connection_shared_init(&theatre->shared);
}

static void turn(struct theatre *theatre)
{
    int turns = 0;
    do {
        fr_loop_turn(theatre->loop, 0);
        require(++turns < 10000);
    } while (fr_loop_timeout_ms(theatre->loop) == 0);
}

static void wait_ms(struct theatre *theatre, uint64_t ms)
{
    fr_clock_advance(fr_loop_clock(theatre->loop), ms);
    turn(theatre);
}

/* ---- peers ---- */

/* Keys are not made for each input. */
static struct fr_tls_context *certificate(void)
{
    static struct fr_tls_context *context;
    char complaint[256];
    if (context)
        return context;
    struct maker_pair pair = maker_pair(&(struct maker_wish){.common_name = "localhost"});
    struct fr_tls_identity identity = {.certificate = maker_certificate_pem(&pair), .key = maker_key_pem(&pair, NULL)};
    struct fr_tls_options options = {
        .identities = &identity, .identity_count = 1, .version_min = 0x0303, .http1 = true, .http2 = true};
    context = fr_tls_context_open(&options, complaint, sizeof complaint);
    require(context);
    free((char *)identity.certificate);
    free((char *)identity.key);
    maker_free(&pair);
    return context;
}

static SSL *make_client(bool http2)
{
    static SSL_CTX *settings;
    if (!settings)
        settings = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(settings);
    BIO *in = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(client, in, BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client);
    if (http2)
        SSL_set_alpn_protos(client, (const unsigned char *)"\2h2", 3);
    return client;
}

static void add_peer(struct theatre *theatre, unsigned amount)
{
    int ends[2];
    if (theatre->peers == PEERS_MAX)
        return;
    memory_pair(theatre->loop, ends);
    struct fr_entrance entrance = {
        .protocol = &fr_http1,
        .application = &theatre->echo.base,
        .local = &theatre->local,
        .unix_socket = true,
        .choice = true,
        .tls = amount >= 12 ? certificate() : NULL,
    };
    require(fr_connection_open(&theatre->shared, &entrance, ends[0], NULL, 0) == 0);
    theatre->now = theatre->peers++;
    theatre->ends[theatre->now] = ends[1];
    if (entrance.tls)
        theatre->clients[theatre->now] = make_client(amount & 1);
}

static void send_raw(struct theatre *theatre, fr_span bytes)
{
    if (!theatre->mute[theatre->now] && bytes.len)
        memory_send(theatre->loop, theatre->ends[theatre->now], bytes);
}

/* What OpenSSL has written. */
static void send_records(struct theatre *theatre)
{
    SSL *client = theatre->clients[theatre->now];
    char *bytes;
    long len = BIO_get_mem_data(SSL_get_wbio(client), &bytes);
    send_raw(theatre, fr_span_of(bytes, (size_t)len));
    (void)BIO_reset(SSL_get_wbio(client));
}

/* Whoever should speak TLS and has not begun to speaks without it. */
static void send_bytes(struct theatre *theatre, fr_span bytes)
{
    SSL *client = theatre->clients[theatre->now];
    if (!client || SSL_in_init(client)) {
        send_raw(theatre, bytes);
        return;
    }
    (void)SSL_write(client, bytes.data, (int)bytes.len);
    send_records(theatre);
}

static void take(struct theatre *theatre, size_t len)
{
    SSL *client = theatre->clients[theatre->now];
    char bytes[4096];
    fr_span taken = memory_take(theatre->loop, theatre->ends[theatre->now], len);
    if (!client)
        return;
    (void)BIO_write(SSL_get_rbio(client), taken.data, (int)taken.len);
    while (SSL_read(client, bytes, sizeof bytes) > 0)
        continue;
    send_records(theatre);
}

static void speak_tls(struct theatre *theatre, unsigned amount)
{
    SSL *client = theatre->clients[theatre->now];
    if (!client)
        return;
    if (amount < 12)
        take(theatre, (size_t)1 << (amount + 8)); /* and goes on with the handshake */
    else if (amount == 12)
        (void)SSL_shutdown(client);
    else if (amount == 13)
        (void)SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
    else
        send_raw(theatre, FR_SPAN("\x17\x03\x03\0\x14"
                                  "01234567890123456789"));
    send_records(theatre);
}

static void send_text(struct theatre *theatre, unsigned amount)
{
    static const char *const texts[16] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHo",
        "st: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
        "01234",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\n01234\r\n",
        "0\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "\r\n",
    };
    send_bytes(theatre, fr_span_of_string(texts[amount]));
}

/* A frame on the last stream of this peer, or on the next one. RFC 9113 section 4.1. */
static void send_frame(struct theatre *theatre, unsigned char type, unsigned char flags, unsigned char stream,
                       fr_span payload)
{
    char frame[64] = {0, 0, (char)payload.len, (char)type, (char)flags, 0, 0, 0, (char)stream};
    require(payload.len <= sizeof frame - 9);
    memcpy(frame + 9, payload.data, payload.len);
    send_bytes(theatre, fr_span_of(frame, 9 + payload.len));
}

static void send_http2(struct theatre *theatre, unsigned amount)
{
    static const struct {
        unsigned char type, flags;
        fr_span payload;
        enum { WHOLE, LAST, NEXT } stream;
    } frames[16] = {
        [2] = {1,
               5,
               {"\x82\x86\x84\x41\x01"
                "a",
                6},
               NEXT}, /* GET */
        [3] = {1,
               5,
               {"\x82\x86\x84\x41\x01"
                "a",
                6},
               NEXT},
        [4] = {1,
               4,
               {"\x83\x86\x84\x41\x01"
                "a",
                6},
               NEXT}, /* POST */
        [5] = {0, 0, {"01234", 5}, LAST},
        [6] = {0, 1, {"56789", 5}, LAST},
        [7] = {3, 0, {"\0\0\0\x8", 4}, LAST},   /* RST_STREAM */
        [8] = {8, 0, {"\0\0\x40\0", 4}, WHOLE}, /* WINDOW_UPDATE */
        [9] = {8, 0, {"\0\0\x8\0", 4}, LAST},
        [10] = {6, 0, {"pingpong", 8}, WHOLE},
        [11] = {4, 0, {"\0\x4\0\0\0\x9", 6}, WHOLE}, /* a window of nine bytes */
        [12] = {4, 0, {"\0\x4\0\0\xff\xff", 6}, WHOLE},
        [13] = {7, 0, {"\0\0\0\0\0\0\0\0", 8}, WHOLE}, /* GOAWAY */
        [14] = {1, 0, {"\x82\x86\x84", 3}, NEXT},      /* half a head, */
        [15] = {9,
                4,
                {"\x41\x01"
                 "a",
                 3},
                LAST}, /* and the rest of it */
    };
    unsigned char *stream = &theatre->streams[theatre->now];
    if (amount < 2) {
        fr_span start = FR_SPAN(FR_HTTP2_PREFACE "\0\0\0\4\0\0\0\0\0");
        size_t half = sizeof FR_HTTP2_PREFACE / 2;
        send_bytes(theatre, amount ? fr_span_skip(start, half) : start);
        return;
    }
    if (frames[amount].stream == NEXT)
        *stream = (unsigned char)(*stream ? *stream + 2 : 1);
    send_frame(theatre, frames[amount].type, frames[amount].flags, frames[amount].stream == WHOLE ? 0 : *stream,
               frames[amount].payload);
}

static void leave(struct theatre *theatre, bool torn)
{
    if (theatre->mute[theatre->now])
        return;
    theatre->mute[theatre->now] = true;
    (torn ? memory_reset : memory_end)(theatre->loop, theatre->ends[theatre->now]);
}

static struct fr_connection *youngest(struct theatre *theatre)
{
    struct fr_list *last = theatre->shared.connections.prev;
    return last == &theatre->shared.connections ? NULL : FR_LIST_OWNER(last, struct fr_connection, node);
}

static void let_go_of_last(struct theatre *theatre)
{
    echo_let_go(theatre->held[--theatre->held_count]);
}

/* What an application may do with an exchange that it kept. */
static void answer_late(struct theatre *theatre, unsigned amount)
{
    if (!theatre->held_count)
        return;
    struct fr_exchange *exchange = theatre->held[theatre->held_count - 1];
    int error = 0;
    if (amount & 1)
        error = fr_exchange_answer_text(exchange, 200, FR_SPAN("late"));
    if (amount & 2)
        fr_exchange_credit(exchange, amount);
    if (amount & 4)
        fr_exchange_reset(exchange);
    if (amount & 8)
        fr_exchange_flush(exchange);
    require(error <= 0);
    if (amount != 2) /* the body comes later */
        let_go_of_last(theatre);
}

static void carry_out(struct theatre *theatre, unsigned what, unsigned amount)
{
    int end = theatre->ends[theatre->now];
    switch (what) {
    case 0:
    case 1:
    case 2:
    case 3:
        send_text(theatre, amount);
        break;
    case 4:
        take(theatre, (size_t)1 << amount);
        break;
    case 5:
        memory_set_capacity(theatre->loop, end, ((size_t)1 << amount) - 1);
        break;
    case 6:
        leave(theatre, amount > 11);
        break;
    case 7:
        wait_ms(theatre, amount * WAIT_MS);
        break;
    case 8:
        if (youngest(theatre) && amount > 12)
            fr_connection_close(youngest(theatre), FR_CLOSE_STOP);
        else if (youngest(theatre))
            fr_connection_drain(youngest(theatre));
        break;
    case 9:
        theatre->echo.mode = (enum echo_mode)(amount % MODES);
        theatre->echo.flushes = amount > 8;
        break;
    case 10:
        answer_late(theatre, amount);
        break;
    case 11:
        add_peer(theatre, amount);
        break;
    case 12:
        theatre->now = (int)amount % theatre->peers;
        break;
    case 13:
        send_http2(theatre, amount);
        break;
    case 15:
        speak_tls(theatre, amount);
        turn(theatre);
        break;
    default:
        turn(theatre);
    }
}

static void close_theatre(struct theatre *theatre)
{
    turn(theatre);
    for (struct fr_connection *last; (last = youngest(theatre)) != NULL; turn(theatre))
        fr_connection_close(last, FR_CLOSE_STOP);
    require(theatre->closed == (size_t)theatre->peers);
    require(theatre->stats.requests_open == 0);
    require(theatre->stats.requests_begun == theatre->echo.requests);
    while (theatre->held_count > 0)
        let_go_of_last(theatre);
    require(theatre->echo.kept == 0);
    require(fr_pool_taken(fr_loop_pool(theatre->loop)) == 0);
    fr_loop_close(theatre->loop);
    echo_close(&theatre->echo);
    for (int i = 0; i < PEERS_MAX; i++)
        SSL_free(theatre->clients[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct theatre theatre;
    open_theatre(&theatre);
    add_peer(&theatre, 0);
    for (size_t i = 0; i < len && i < INSTRUCTIONS_MAX; i++)
        carry_out(&theatre, data[i] & 15, data[i] >> 4);
    close_theatre(&theatre);
    return 0;
}
