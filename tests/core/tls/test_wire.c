/* tls/wire.h */
#include "tls/wire.h"

#include "unit.h"

struct rig {
    struct fr_pool *pool;
    struct fr_outbox records;
    struct fr_tls_wire wire;
    BIO_METHOD *method;
    BIO *bio;
};

static void open_rig(struct rig *rig)
{
    *rig = (struct rig){.pool = fr_pool_open(0), .method = fr_tls_wire_method()};
    fr_outbox_init(&rig->records, rig->pool);
    rig->wire = (struct fr_tls_wire){.records = &rig->records, .fruitless_max = 2 * FR_TLS_WIRE_COST};
    rig->bio = fr_tls_wire_bio(rig->method, &rig->wire);
}

static void close_rig(struct rig *rig)
{
    BIO_free(rig->bio);
    BIO_meth_free(rig->method);
    fr_outbox_clear(&rig->records);
    fr_pool_close(rig->pool);
}

TEST(what_is_not_there_is_asked_for_again)
{
    struct rig rig;
    char into[8];
    open_rig(&rig);
    IS(BIO_read(rig.bio, into, sizeof into) <= 0);
    IS(BIO_should_read(rig.bio));
    rig.wire.incoming = FR_SPAN("\x16\x03\x01\0\x02xy");
    EQUAL(BIO_read(rig.bio, into, 5), 5);
    IS(!BIO_should_retry(rig.bio));
    EQUAL(BIO_read(rig.bio, into, sizeof into), 2);
    SAME(fr_span_of(into, 2), "xy");
    IS(BIO_read(rig.bio, into, 1) <= 0);
    IS(BIO_should_read(rig.bio));
    close_rig(&rig);
}

TEST(what_is_written_is_queued)
{
    struct rig rig;
    char seen[16];
    open_rig(&rig);
    EQUAL(BIO_write(rig.bio, "records", 7), 7);
    EQUAL(BIO_flush(rig.bio), 1);
    EQUAL(fr_outbox_peek(&rig.records, seen, sizeof seen), 7);
    SAME(fr_span_of(seen, 7), "records");
    close_rig(&rig);
}

/* At every cut the records are counted the same. */
TEST(records_are_counted)
{
    static const char bytes[] = "\x17\x03\x03\0\x03zzz\x17\x03\x03\0\0\x15\x03\x03\x01\0";
    for (size_t cut = 0; cut < sizeof bytes; cut++) {
        struct rig rig;
        char into[64];
        open_rig(&rig);
        rig.wire.fruitless_max = 1000;
        rig.wire.incoming = fr_span_of(bytes, cut);
        while (BIO_read(rig.bio, into, sizeof into) > 0)
            continue;
        rig.wire.incoming = fr_span_of(bytes + cut, sizeof bytes - 1 - cut);
        while (BIO_read(rig.bio, into, sizeof into) > 0)
            continue;
        EQUAL(rig.wire.fruitless, 3 * FR_TLS_WIRE_COST);
        EQUAL(rig.wire.body_left, 256);
        close_rig(&rig);
    }
}

static bool read_record(struct rig *rig)
{
    char into[5];
    rig->wire.incoming = FR_SPAN("\x17\x03\x03\0\0");
    return BIO_read(rig->bio, into, sizeof into) == 5;
}

TEST(too_many_without_use_are_refused)
{
    struct rig rig;
    open_rig(&rig);
    for (int i = 0; i < 3; i++)
        IS(read_record(&rig));
    IS(!read_record(&rig));
    IS(rig.wire.flooded && !BIO_should_retry(rig.bio));
    fr_tls_wire_earn(&rig.wire);
    IS(!read_record(&rig)); /* it stays so */
    close_rig(&rig);
}

TEST(useful_ones_make_good_for_a_few)
{
    struct rig rig;
    open_rig(&rig);
    for (int i = 0; i < 1000; i++) {
        IS(read_record(&rig));
        if (i % 40)
            fr_tls_wire_earn(&rig.wire);
    }
    close_rig(&rig);
}
