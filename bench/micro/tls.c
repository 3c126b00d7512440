/* bench/micro/tls.c - What TLS costs a server, without sockets: handshakes, and a request with its answer.
 *
 * The client is OpenSSL in the same process; only the calls of our side are timed. */
#include <string.h>

#include "fakes/tls_client.h"
#include "measure.h"

#define SAMPLES 400

struct bench {
    struct fr_tls_context *context;
    struct tls_client client;
    double ns[SAMPLES];
};

static void require(bool good)
{
    if (!good)
        abort();
}

static struct measurement result_of(struct bench *bench)
{
    qsort(bench->ns, SAMPLES, sizeof *bench->ns, compare_doubles);
    return (struct measurement){bench->ns[0], bench->ns[SAMPLES / 2], 0};
}

/* What the client has said is taken in; how long that took. */
static double take_in(struct bench *bench, size_t expected)
{
    char *data = NULL, plain[FR_TLS_PLAIN_BYTES];
    fr_span bytes = {NULL, (size_t)BIO_get_mem_data(bench->client.to_server, &data)};
    bytes.data = data;
    double start = now_ns();
    ssize_t len = fr_tls_stream_unseal(bench->client.stream, &bytes, plain, sizeof plain);
    double spent = now_ns() - start;
    require(len == (ssize_t)expected);
    BIO_reset(bench->client.to_server);
    return spent;
}

/* One whole handshake, from the hello to the ticket. */
static double shake_hands(struct bench *bench, SSL_SESSION *session)
{
    char nothing;
    double spent = 0;
    tls_client_begin(&bench->client, bench->context, "localhost", session);
    for (int flight = 0; flight < 2; flight++) {
        SSL_do_handshake(bench->client.ssl);
        spent += take_in(bench, 0);
        tls_client_to_client(&bench->client);
    }
    SSL_peek(bench->client.ssl, &nothing, 1);
    require(fr_tls_stream_state(bench->client.stream) == FR_TLS_OPEN);
    require(fr_tls_stream_facts(bench->client.stream)->resumed == (session != NULL));
    return spent;
}

static void bench_handshakes(struct bench *bench, bool resumed)
{
    shake_hands(bench, NULL);
    tls_client_end(&bench->client);
    for (int i = 0; i < SAMPLES; i++) {
        SSL_SESSION *session = resumed ? bench->client.session : NULL;
        if (resumed)
            bench->client.session = NULL;
        bench->ns[i] = shake_hands(bench, session);
        tls_client_end(&bench->client);
        SSL_SESSION_free(session);
    }
    report("handshake", resumed ? "resumed" : "full", 0, result_of(bench));
}

/* A short request in one record, an answer in as many as it takes. */
static void bench_answers(struct bench *bench, size_t size)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static char answer[65536];
    for (int i = 0; i < SAMPLES; i++) {
        SSL_write(bench->client.ssl, request, sizeof request - 1);
        double spent = take_in(bench, sizeof request - 1);
        fr_outbox_copy(&bench->client.plain, fr_span_of(answer, size));
        double start = now_ns();
        require(fr_tls_stream_seal(bench->client.stream, &bench->client.plain, SIZE_MAX, 1) == 0);
        bench->ns[i] = spent + (now_ns() - start);
        fr_outbox_consume(&bench->client.records, bench->client.records.bytes);
    }
    report("request and answer", "", size, result_of(bench));
}

int main(void)
{
    static struct bench bench;
    static const size_t sizes[] = {500, 12288, 65536};
    char complaint[256];
    struct maker_pair pair = maker_pair(&(struct maker_wish){.common_name = "localhost"});
    char *certificate = maker_certificate_pem(&pair), *key = maker_key_pem(&pair, NULL);
    struct fr_tls_identity identity = {.certificate = certificate, .key = key};
    struct fr_tls_options options = {&identity, 1, .version_min = 0x0303, .http1 = true};
    bench.context = fr_tls_context_open(&options, complaint, sizeof complaint);
    require(bench.context != NULL);
    tls_client_open(&bench.client);
    bench_handshakes(&bench, false);
    bench_handshakes(&bench, true);
    shake_hands(&bench, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        bench_answers(&bench, sizes[i]);
    tls_client_close(&bench.client);
    fr_tls_context_close(bench.context);
    maker_free(&pair);
    free(certificate);
    free(key);
    return 0;
}
