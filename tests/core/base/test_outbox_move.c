/* base/outbox.c: the first bytes of one queue into another, whatever they are made of. */
#include "outbox_rig.h"

TEST(move_takes_the_first_bytes_of_every_kind)
{
    struct rig rig;
    struct fr_outbox to;
    struct owner large, file;
    char seen[8192];
    open_rig(&rig);
    fr_outbox_init(&to, rig.pool);
    fr_outbox_copy(&rig.outbox, FR_SPAN("head"));
    struct fr_chunk chunk = held(&large, 'l', 5000);
    fr_outbox_push(&rig.outbox, &chunk);
    chunk = file_piece(&file, 7, 100, 60);
    fr_outbox_push(&rig.outbox, &chunk);

    fr_outbox_move(&rig.outbox, &to, 0);
    IS(fr_outbox_is_empty(&to));
    fr_outbox_move(&rig.outbox, &to, 3);
    fr_outbox_copy(&to, FR_SPAN("|"));
    expect_contents(&to, "hea|");
    fr_outbox_move(&rig.outbox, &to, 2001);
    EQUAL(to.bytes, 2005);
    EQUAL(rig.outbox.bytes, 3060);
    fr_outbox_move(&rig.outbox, &to, 3010);
    EQUAL(read_all(&to, seen), 5005);
    IS(seen[3] == '|' && seen[4] == 'd' && seen[5] == 'l' && seen[5004] == 'l');

    int descriptor;
    int64_t offset;
    size_t len;
    IS(fr_outbox_file(&rig.outbox, &descriptor, &offset, &len));
    EQUAL(offset, 110);
    EQUAL(len, 50);
    fr_outbox_consume(&to, 5005);
    EQUAL(large.released, 1);
    IS(fr_outbox_file(&to, &descriptor, &offset, &len));
    EQUAL(descriptor, 7);
    EQUAL(offset, 100);
    EQUAL(len, 10);
    fr_outbox_clear(&to);
    EQUAL(file.released, 0);
    fr_outbox_clear(&rig.outbox);
    EQUAL(file.released, 1);
    close_rig(&rig);
}

TEST(a_piece_in_many_parts_is_released_with_the_last)
{
    for (int order = 0; order < 2; order++) {
        struct rig rig;
        struct fr_outbox to;
        struct owner owner;
        open_rig(&rig);
        fr_outbox_init(&to, rig.pool);
        struct fr_chunk chunk = held(&owner, 'x', 10000);
        fr_outbox_push(&rig.outbox, &chunk);
        for (int part = 0; part < 4; part++)
            fr_outbox_move(&rig.outbox, &to, 2400);
        EQUAL(count_vectors(&to), 4);
        fr_outbox_clear(order ? &to : &rig.outbox);
        EQUAL(owner.released, 0);
        if (order)
            fr_outbox_move(&rig.outbox, &to, 400);
        fr_outbox_clear(&to);
        EQUAL(owner.released, 1);
        close_rig(&rig);
    }
}

TEST(move_hands_on_full_pages_and_gathers_short_ones)
{
    struct rig rig;
    struct fr_outbox to;
    static const char text[3000] = {'t'};
    struct iovec before, after;
    open_rig(&rig);
    fr_outbox_init(&to, rig.pool);
    fr_outbox_copy(&rig.outbox, fr_span_of(text, sizeof text));
    fr_outbox_gather(&rig.outbox, &before, 1);
    fr_outbox_move(&rig.outbox, &to, sizeof text);
    fr_outbox_gather(&to, &after, 1);
    IS(before.iov_base == after.iov_base);
    for (int i = 0; i < 3; i++) {
        fr_outbox_copy(&rig.outbox, FR_SPAN("short"));
        fr_outbox_move(&rig.outbox, &to, 5);
    }
    EQUAL(count_vectors(&to), 1);
    IS(fr_outbox_is_empty(&rig.outbox));
    fr_outbox_clear(&to);
    close_rig(&rig);
}
