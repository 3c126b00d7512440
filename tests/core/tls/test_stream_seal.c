/* tls/stream.h: what leaves */
#include <fcntl.h>
#include <openssl/err.h>

#include "fakes/tls_client.h"
#include "tls/context_internal.h"
#include "tls/stream.h"
#include "unit.h"

#define RECORD 16384
#define SEALED (RECORD + 17) /* with its type and its tag */
#define SMALL_SEALED (1400 + 17)
#define LONG 200000

struct rig {
    struct maker_pair pair;
    char *certificate, *key;
    struct fr_tls_identity identity;
    struct fr_tls_options options;
    struct fr_tls_context *context; /* the stream's */
    struct tls_client client;
    char *data, *heard;
    int released;
};

static void open_rig(struct rig *rig)
{
    char complaint[256];
    *rig = (struct rig){.pair = maker_pair(&(struct maker_wish){.common_name = "localhost"})};
    rig->identity.certificate = rig->certificate = maker_certificate_pem(&rig->pair);
    rig->identity.key = rig->key = maker_key_pem(&rig->pair, NULL);
    rig->options = (struct fr_tls_options){&rig->identity, 1, .version_min = 0x0304, .http1 = true};
    rig->context = fr_tls_context_open(&rig->options, complaint, sizeof complaint);
    tls_client_open(&rig->client);
    tls_client_begin(&rig->client, rig->context, NULL, NULL);
    fr_tls_context_close(rig->context); /* the stream keeps it */
    IS(tls_client_shake(&rig->client));
    rig->data = malloc(LONG);
    rig->heard = malloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        rig->data[i] = (char)(i * 7 + i / 251);
}

static void close_rig(struct rig *rig)
{
    tls_client_close(&rig->client);
    maker_free(&rig->pair);
    free(rig->certificate);
    free(rig->key);
    free(rig->data);
    free(rig->heard);
}

/* How many records an answer of `len` bytes makes; the client understands all of it. */
static size_t answer(struct rig *rig, size_t len, uint64_t now_ms)
{
    memset(rig->heard, 0, LONG);
    EQUAL(tls_client_answer(&rig->client, rig->data, len, rig->heard, LONG, now_ms), len);
    IS(memcmp(rig->data, rig->heard, len) == 0);
    return rig->client.record_count;
}

TEST(an_answer_begins_with_small_records)
{
    struct rig rig;
    open_rig(&rig);
    EQUAL(answer(&rig, 500, 5000), 1);
    EQUAL(answer(&rig, 14000, 5001), 10);
    EQUAL(rig.client.record_bytes_max, SMALL_SEALED);
    EQUAL(answer(&rig, 60000, 5002), 37 + 1); /* the rest of 64 KiB, and one that is full */
    EQUAL(answer(&rig, 2 * RECORD, 5003), 2);
    EQUAL(rig.client.record_bytes_max, SEALED);
    EQUAL(answer(&rig, 2 * RECORD, 6002), 2); /* still the same second */
    EQUAL(answer(&rig, 14000, 7002), 10);
    EQUAL(rig.client.record_bytes_max, SMALL_SEALED);
    close_rig(&rig);
}

static void warm_up(struct rig *rig)
{
    answer(rig, 70000, 1);
    rig->client.record_count = rig->client.record_bytes_max = 0;
}

static void on_release(void *owner)
{
    ++*(int *)owner;
}

static size_t hear(struct rig *rig)
{
    size_t len = 0;
    tls_client_to_client(&rig->client);
    for (int count; (count = SSL_read(rig->client.ssl, rig->heard + len, (int)(LONG - len))) > 0;)
        len += (size_t)count;
    return len;
}

TEST(many_pieces_make_one_record)
{
    struct rig rig;
    open_rig(&rig);
    warm_up(&rig);
    for (size_t at = 0; at < 30000; at += 3000) {
        struct fr_chunk chunk = {fr_span_of(rig.data + at, 3000), -1, 0, on_release, &rig.released};
        fr_outbox_push(&rig.client.plain, &chunk);
    }
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, 1 << 20, 1), 0);
    EQUAL(rig.released, 10);
    EQUAL(hear(&rig), 30000);
    IS(memcmp(rig.data, rig.heard, 30000) == 0);
    EQUAL(rig.client.record_count, 2);
    close_rig(&rig);
}

TEST(a_file_goes_with_the_head_before_it)
{
    struct rig rig;
    open_rig(&rig);
    warm_up(&rig);
    int file = open(maker_file("body", rig.data, 50000), O_RDONLY);
    struct fr_chunk chunk = {{NULL, 40000}, file, 1000, on_release, &rig.released};
    fr_outbox_copy(&rig.client.plain, FR_SPAN("head"));
    fr_outbox_push(&rig.client.plain, &chunk);
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, 1 << 20, 1), 0);
    EQUAL(rig.released, 1);
    EQUAL(hear(&rig), 40004);
    IS(memcmp(rig.heard, "head", 4) == 0 && memcmp(rig.heard + 4, rig.data + 1000, 40000) == 0);
    EQUAL(rig.client.record_count, 3);
    close(file);
    close_rig(&rig);
}

TEST(a_file_that_became_shorter_is_an_error)
{
    struct rig rig;
    open_rig(&rig);
    warm_up(&rig);
    int file = open(maker_file("short", rig.data, 20000), O_RDONLY);
    struct fr_chunk chunk = {{NULL, 40000}, file, 0, on_release, &rig.released};
    fr_outbox_push(&rig.client.plain, &chunk);
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, 1 << 20, 1), FR_E_SYSTEM);
    EQUAL(rig.released, 0);
    EQUAL(hear(&rig), RECORD); /* what was whole has left */
    close(file);
    close_rig(&rig);
}

TEST(sealing_stops_when_enough_waits)
{
    struct rig rig;
    open_rig(&rig);
    warm_up(&rig);
    fr_outbox_copy(&rig.client.plain, fr_span_of(rig.data, LONG));
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, 65536, 1), 0);
    IS(rig.client.records.bytes >= 65536 && rig.client.records.bytes < 65536 + SEALED + 5);
    EQUAL(rig.client.plain.bytes, LONG - 4 * RECORD);
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, 65536, 1), 0);
    EQUAL(rig.client.plain.bytes, LONG - 4 * RECORD);
    EQUAL(hear(&rig), 4 * RECORD);
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, SIZE_MAX, 1), 0);
    EQUAL(hear(&rig), LONG - 4 * RECORD);
    close_rig(&rig);
}

TEST(nothing_is_sealed_after_the_end)
{
    struct rig rig;
    open_rig(&rig);
    fr_tls_stream_end(rig.client.stream);
    size_t queued = rig.client.records.bytes;
    fr_outbox_copy(&rig.client.plain, FR_SPAN("late"));
    EQUAL(fr_tls_stream_seal(rig.client.stream, &rig.client.plain, 65536, 1), FR_E_TLS);
    EQUAL(rig.client.records.bytes, queued);
    EQUAL(ERR_peek_error(), 0);
    close_rig(&rig);
}

static void count_key_updates(int written, int version, int type, const void *data, size_t len, SSL *ssl, void *count)
{
    (void)version, (void)ssl;
    if (!written && type == SSL3_RT_HANDSHAKE && len && *(const unsigned char *)data == SSL3_MT_KEY_UPDATE)
        ++*(int *)count;
}

TEST(a_key_is_changed_before_it_is_worn_out)
{
    struct rig rig;
    int updates = 0;
    open_rig(&rig);
    rig.context->records_per_key = 10;
    SSL_set_msg_callback(rig.client.ssl, count_key_updates);
    SSL_set_msg_callback_arg(rig.client.ssl, &updates);
    for (int i = 0; i < 10; i++)
        answer(&rig, 1000, 1);
    EQUAL(updates, 0);
    for (int i = 0; i < 90; i++)
        answer(&rig, 1000, 1);
    EQUAL(updates, 9);
    EQUAL(ERR_peek_error(), 0);
    close_rig(&rig);
}
