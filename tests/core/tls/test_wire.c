/* tls/wire.h */
#include "tls/wire.h"

#include <stdbool.h>

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
    SAME(fr_span_of_string(rig.wire.refused), "too many records that carry nothing");
    IS(!BIO_should_retry(rig.bio));
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

/* "a hello of so many bytes", in records of one byte or whole; it is taken as far as its head at least. */
static bool takes_hello(uint32_t len, bool in_pieces)
{
    struct rig rig;
    char into[16],
        record[] = "\x16\x03\x01\0\x04\x01"
                   "abc",
        piece[] = "\x16\x03\x01\0\x01z";
    bool taken = true;
    open_rig(&rig);
    rig.wire.fruitless_max = 1000;
    for (int i = 0; i < 3; i++)
        record[6 + i] = (char)(len >> (16 - 8 * i));
    for (int i = 0; in_pieces && i < 4; i++) {
        piece[5] = record[5 + i];
        rig.wire.incoming = fr_span_of(piece, 6);
        taken = BIO_read(rig.bio, into, 6) == 6;
    }
    rig.wire.incoming = fr_span_of(record, 9);
    if (!in_pieces)
        taken = BIO_read(rig.bio, into, 5) == 5 && BIO_read(rig.bio, into, 4) == 4;
    IS(taken == (rig.wire.refused == NULL));
    close_rig(&rig);
    return taken;
}

TEST(a_hello_has_its_limits)
{
    for (int in_pieces = 0; in_pieces < 2; in_pieces++) {
        IS(takes_hello(500, in_pieces));
        IS(takes_hello(FR_TLS_WIRE_HELLO_MAX, in_pieces));
        IS(!takes_hello(FR_TLS_WIRE_HELLO_MAX + 1, in_pieces));
        IS(!takes_hello(131000, in_pieces));
    }
}

static void pass(struct rig *rig, const char *bytes, size_t len)
{
    char into[64];
    rig->wire.incoming = fr_span_of(bytes, len);
    while (BIO_read(rig->bio, into, sizeof into) > 0)
        continue;
}

/* A second hello is one too, also behind a change of ciphers that says nothing; what comes later is not looked at. */
TEST(the_second_hello_has_the_same_limit)
{
    struct rig rig;
    open_rig(&rig);
    rig.wire.fruitless_max = 1000;
    pass(&rig, "\x16\x03\x01\0\x06\x01\0\0\x02zz\x14\x03\x03\0\x01\x01", 17);
    IS(!rig.wire.refused);
    pass(&rig, "\x16\x03\x03\0\x04\x01\x01\0\0", 9);
    IS(rig.wire.refused != NULL);
    close_rig(&rig);
    open_rig(&rig);
    rig.wire.fruitless_max = 1000;
    pass(&rig, "\x16\x03\x01\0\x06\x01\0\0\x02zz", 11);
    pass(&rig, "\x16\x03\x03\0\x04\x10\x01\0\0\x16\x03\x03\0\x04\x01\xff\xff\xff", 18);
    IS(!rig.wire.refused && rig.wire.greeted);
    close_rig(&rig);
}
