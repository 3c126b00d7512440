/* tls/buffers.h */
#include "tls/buffers.h"

#include <openssl/crypto.h>

#include "fakes/tls_client.h"
#include "tls/context_internal.h"
#include "unit.h"

#define OTHERS FR_TLS_BUFFERS_WARM_MAX
#define BUFFER_BYTES 16384

/* How many blocks as large as OpenSSL's buffers are out. */
static int large_blocks;

static void *take(size_t size, const char *file, int line)
{
    size_t *block = malloc(size + 16);
    (void)file, (void)line;
    IS(block);
    *block = size;
    large_blocks += size >= BUFFER_BYTES;
    return block + 2;
}

static void give(void *memory, const char *file, int line)
{
    size_t *block = memory ? (size_t *)memory - 2 : NULL;
    (void)file, (void)line;
    large_blocks -= block && *block >= BUFFER_BYTES;
    free(block);
}

static void *take_again(void *memory, size_t size, const char *file, int line)
{
    void *larger = take(size, file, line);
    if (memory) {
        size_t before = ((size_t *)memory)[-2];
        memcpy(larger, memory, before < size ? before : size);
    }
    give(memory, file, line);
    return larger;
}

struct rig {
    struct maker_pair pair;
    struct fr_tls_identity identity;
    struct fr_tls_context *context;
    struct tls_client client;
    SSL_CTX *settings;
    struct fr_tls_wire idle;
    struct fr_tls_buffers_user others[OTHERS];
};

static void open_rig(struct rig *rig)
{
    char complaint[256];
    EQUAL(CRYPTO_set_mem_functions(take, take_again, give), 1);
    *rig = (struct rig){.pair = maker_pair(&(struct maker_wish){.common_name = "localhost", .names = "DNS:localhost"})};
    rig->identity = (struct fr_tls_identity){.certificate = maker_certificate_pem(&rig->pair),
                                             .key = maker_key_pem(&rig->pair, NULL)};
    struct fr_tls_options options = {
        .identities = &rig->identity, .identity_count = 1, .version_min = 0x0303, .http1 = true};
    rig->context = fr_tls_context_open(&options, complaint, sizeof complaint);
    tls_client_open(&rig->client);
    tls_client_begin(&rig->client, rig->context, "localhost", NULL);
    SSL_set_mode(rig->client.ssl, SSL_MODE_RELEASE_BUFFERS); /* so that those that are counted are ours */
    IS(tls_client_shake(&rig->client));
    rig->settings = SSL_CTX_new(TLS_server_method());
    for (size_t i = 0; i < OTHERS; i++)
        rig->others[i] = (struct fr_tls_buffers_user){.ssl = SSL_new(rig->settings), .wire = &rig->idle};
}

static void close_rig(struct rig *rig)
{
    struct fr_tls_buffers *buffers = &rig->context->buffers;
    for (size_t i = 0; i < OTHERS; i++) {
        fr_tls_buffers_leave(buffers, &rig->others[i]);
        SSL_free(rig->others[i].ssl);
    }
    SSL_CTX_free(rig->settings);
    tls_client_end(&rig->client);
    EQUAL(buffers->warm_count, 0);
    IS(fr_list_is_empty(&buffers->warm));
    fr_tls_context_close(rig->context);
    tls_client_close(&rig->client);
    maker_free(&rig->pair);
    free((void *)rig->identity.certificate);
    free((void *)rig->identity.key);
}

static void talk(struct rig *rig)
{
    char answer[16];
    tls_client_say(&rig->client, "hello", 5);
    EQUAL(tls_client_answer(&rig->client, "well met", 8, answer, sizeof answer, 1), 8);
}

TEST(one_that_is_used_keeps_them)
{
    struct rig rig;
    open_rig(&rig);
    talk(&rig);
    int kept = large_blocks;
    talk(&rig);
    EQUAL(large_blocks, kept);
    for (size_t i = 0; i + 1 < OTHERS; i++)
        fr_tls_buffers_use(&rig.context->buffers, &rig.others[i]);
    EQUAL(large_blocks, kept);
    close_rig(&rig);
}

TEST(the_one_that_has_rested_longest_gives_them_back)
{
    struct rig rig;
    open_rig(&rig);
    talk(&rig);
    int kept = large_blocks;
    for (size_t i = 0; i < OTHERS; i++)
        fr_tls_buffers_use(&rig.context->buffers, &rig.others[i]);
    EQUAL(large_blocks, kept - 2);
    EQUAL(rig.context->buffers.warm_count, OTHERS);
    talk(&rig); /* and gets others */
    EQUAL(large_blocks, kept);
    IS(!fr_list_is_linked(&rig.others[0].node));
    IS(fr_list_is_linked(&rig.others[1].node));
    close_rig(&rig);
}

/* Wherever it is cut, in particular behind the five bytes of its head, which are read by themselves. */
TEST(a_part_of_a_record_is_not_lost)
{
    struct rig rig;
    char record[64], plain[FR_TLS_PLAIN_BYTES], *data;
    size_t len = 2;
    open_rig(&rig);
    for (size_t cut = 1; cut < len; cut++) {
        talk(&rig);
        int kept = large_blocks;
        EQUAL(SSL_write(rig.client.ssl, "hello", 5), 5);
        len = (size_t)BIO_get_mem_data(rig.client.to_server, &data);
        IS(len > 8 && len <= sizeof record);
        memcpy(record, data, len);
        (void)BIO_reset(rig.client.to_server);
        fr_span first = fr_span_of(record, cut), rest = fr_span_of(record + cut, len - cut);
        EQUAL(fr_tls_stream_unseal(rig.client.stream, &first, plain, sizeof plain), 0);
        for (size_t i = 0; i < OTHERS; i++)
            fr_tls_buffers_use(&rig.context->buffers, &rig.others[i]);
        EQUAL(large_blocks, kept);
        EQUAL(fr_tls_stream_unseal(rig.client.stream, &rest, plain, sizeof plain), 5);
        SAME(fr_span_of(plain, 5), "hello");
    }
    close_rig(&rig);
}
