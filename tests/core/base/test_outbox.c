/* base/outbox.h */
#include "outbox_rig.h"

static void copy_string(struct fr_outbox *outbox, const char *string)
{
    fr_outbox_copy(outbox, fr_span_of_string(string));
}

TEST(a_new_outbox_is_empty_and_owns_nothing)
{
    struct rig rig;
    open_rig(&rig);
    int file;
    int64_t offset;
    size_t len;
    expect_contents(&rig.outbox, "");
    IS(!fr_outbox_file(&rig.outbox, &file, &offset, &len));
    EQUAL(fr_pool_taken(rig.pool), 0);
    fr_outbox_consume(&rig.outbox, 0);
    fr_outbox_clear(&rig.outbox);
    close_rig(&rig);
}

TEST(head_and_small_body_leave_as_one_run)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owner;
    struct fr_chunk body = held(&owner, 'b', 3);
    memcpy(fr_outbox_reserve(&rig.outbox, 200), "head ", 5);
    fr_outbox_commit(&rig.outbox, 5);
    fr_outbox_push(&rig.outbox, &body);
    EQUAL(owner.released, 1);
    EQUAL(count_vectors(&rig.outbox), 1);
    expect_contents(&rig.outbox, "head bbb");
    EQUAL(fr_pool_taken(rig.pool), 1);
    close_rig(&rig);
    EQUAL(owner.released, 1);
}

TEST(an_empty_outbox_owns_no_memory)
{
    struct rig rig;
    open_rig(&rig);
    copy_string(&rig.outbox, "abc");
    fr_outbox_consume(&rig.outbox, 3);
    EQUAL(fr_pool_taken(rig.pool), 0);
    expect_contents(&rig.outbox, "");
    copy_string(&rig.outbox, "def");
    expect_contents(&rig.outbox, "def");
    close_rig(&rig);
}

TEST(a_commit_of_nothing_gives_the_room_back)
{
    struct rig rig;
    open_rig(&rig);
    fr_outbox_reserve(&rig.outbox, 100);
    fr_outbox_commit(&rig.outbox, 0);
    expect_contents(&rig.outbox, "");
    EQUAL(fr_pool_taken(rig.pool), 0);
    copy_string(&rig.outbox, "abc");
    fr_outbox_reserve(&rig.outbox, 100);
    fr_outbox_commit(&rig.outbox, 0);
    expect_contents(&rig.outbox, "abc");
    close_rig(&rig);
}

TEST(what_is_reserved_but_not_committed_is_not_queued)
{
    struct rig rig;
    open_rig(&rig);
    memcpy(fr_outbox_reserve(&rig.outbox, 100), "lost", 4);
    expect_contents(&rig.outbox, "");
    memcpy(fr_outbox_reserve(&rig.outbox, FR_POOL_PAGE_BYTES * 2), "lost", 4);
    copy_string(&rig.outbox, "kept");
    expect_contents(&rig.outbox, "kept");
    fr_outbox_reserve(&rig.outbox, FR_POOL_PAGE_BYTES);
    struct owner owner;
    struct fr_chunk chunk = held(&owner, 'x', 3000);
    fr_outbox_push(&rig.outbox, &chunk);
    EQUAL(rig.outbox.bytes, 3004);
    EQUAL(fr_pool_taken(rig.pool), 2);
    fr_outbox_reserve(&rig.outbox, 100);
    fr_outbox_clear(&rig.outbox);
    EQUAL(fr_pool_taken(rig.pool), 0);
    fr_outbox_reserve(&rig.outbox, 100);
    close_rig(&rig);
}

TEST(the_whole_reserved_room_can_be_written)
{
    static const size_t sizes[] = {1, 100, 2048, 4095, 4096, 4097, 10000, 100000};
    struct rig rig;
    open_rig(&rig);
    size_t total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(fr_outbox_reserve(&rig.outbox, sizes[i]), (int)i, sizes[i]);
        fr_outbox_commit(&rig.outbox, sizes[i]);
        total += sizes[i];
    }
    EQUAL(rig.outbox.bytes, total);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t at = 0; at < sizes[i]; at++) {
            struct iovec vector;
            EQUAL(fr_outbox_gather(&rig.outbox, &vector, 1), 1);
            EQUAL(*(char *)vector.iov_base, i);
            fr_outbox_consume(&rig.outbox, 1);
        }
    IS(fr_outbox_is_empty(&rig.outbox));
    close_rig(&rig);
}

TEST(room_stays_usable_while_the_page_leaves)
{
    struct rig rig;
    open_rig(&rig);
    copy_string(&rig.outbox, "abcdef");
    fr_outbox_consume(&rig.outbox, 3);
    copy_string(&rig.outbox, "ghi");
    EQUAL(count_vectors(&rig.outbox), 1);
    expect_contents(&rig.outbox, "defghi");
    EQUAL(fr_pool_taken(rig.pool), 1);
    close_rig(&rig);
}

TEST(pages_are_filled_to_the_last_byte)
{
    struct rig rig;
    open_rig(&rig);
    static char text[1000];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 4096; i++)
        fr_outbox_copy(&rig.outbox, fr_span_of(text, sizeof text));
    EQUAL(rig.outbox.bytes, 4096 * 1000);
    EQUAL(fr_pool_taken(rig.pool), 1000);
    close_rig(&rig);
}

TEST(a_large_copy_stays_in_one_run)
{
    struct rig rig;
    open_rig(&rig);
    static char text[100000];
    memset(text, 'x', sizeof text);
    fr_outbox_copy(&rig.outbox, fr_span_of(text, sizeof text));
    EQUAL(count_vectors(&rig.outbox), 1);
    copy_string(&rig.outbox, "head");
    fr_outbox_copy(&rig.outbox, fr_span_of(text, sizeof text));
    EQUAL(rig.outbox.bytes, 200004);
    EQUAL(count_vectors(&rig.outbox), 3); /* the first, a page filled up, the rest */
    close_rig(&rig);
}

TEST(borrowed_bytes_are_copied_whatever_their_size)
{
    struct rig rig;
    open_rig(&rig);
    static const size_t sizes[] = {1, 2048, 2049, 50000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = malloc(sizes[i]);
        memset(text, 'x', sizes[i]);
        struct fr_chunk chunk = FR_CHUNK_COPY(fr_span_of(text, sizes[i]));
        fr_outbox_push(&rig.outbox, &chunk);
        free(text);
    }
    static char seen[60000];
    EQUAL(read_all(&rig.outbox, seen), 1 + 2048 + 2049 + 50000);
    for (size_t i = 0; i < rig.outbox.bytes; i++)
        EQUAL(seen[i], 'x');
    close_rig(&rig);
}

TEST(large_pieces_are_held_by_reference)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owner;
    struct fr_chunk chunk = held(&owner, 'x', FR_OUTBOX_COPY_BYTES_MAX + 1);
    copy_string(&rig.outbox, "head");
    fr_outbox_push(&rig.outbox, &chunk);
    EQUAL(owner.released, 0);
    struct iovec vectors[4];
    EQUAL(fr_outbox_gather(&rig.outbox, vectors, 4), 2);
    IS(vectors[1].iov_base == owner.data);
    EQUAL(vectors[1].iov_len, FR_OUTBOX_COPY_BYTES_MAX + 1);
    fr_outbox_consume(&rig.outbox, 4 + FR_OUTBOX_COPY_BYTES_MAX);
    EQUAL(owner.released, 0);
    EQUAL(rig.outbox.bytes, 1);
    fr_outbox_consume(&rig.outbox, 1);
    EQUAL(owner.released, 1);
    close_rig(&rig);
    EQUAL(owner.released, 1);
}

TEST(pieces_of_the_copy_size_are_copied_and_released_at_once)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owner;
    struct fr_chunk chunk = held(&owner, 'x', FR_OUTBOX_COPY_BYTES_MAX);
    fr_outbox_push(&rig.outbox, &chunk);
    EQUAL(owner.released, 1);
    EQUAL(rig.outbox.bytes, FR_OUTBOX_COPY_BYTES_MAX);
    close_rig(&rig);
    EQUAL(owner.released, 1);
}

TEST(empty_chunks_are_released_at_once)
{
    struct rig rig;
    open_rig(&rig);
    struct owner bytes, file;
    struct fr_chunk chunk = held(&bytes, 'x', 0), piece = file_piece(&file, 7, 100, 0);
    struct fr_chunk nothing = FR_CHUNK_COPY(((fr_span){NULL, 0}));
    fr_outbox_push(&rig.outbox, &chunk);
    fr_outbox_push(&rig.outbox, &piece);
    fr_outbox_push(&rig.outbox, &nothing);
    EQUAL(bytes.released, 1);
    EQUAL(file.released, 1);
    expect_contents(&rig.outbox, "");
    EQUAL(fr_pool_taken(rig.pool), 0);
    close_rig(&rig);
}

TEST(clear_releases_everything_once)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owners[3];
    struct fr_chunk a = held(&owners[0], 'a', 5000), b = file_piece(&owners[1], 7, 0, 10);
    struct fr_chunk c = held(&owners[2], 'c', 9000);
    fr_outbox_push(&rig.outbox, &a);
    copy_string(&rig.outbox, "between");
    fr_outbox_push(&rig.outbox, &b);
    fr_outbox_push(&rig.outbox, &c);
    fr_outbox_consume(&rig.outbox, 1);
    fr_outbox_clear(&rig.outbox);
    for (int i = 0; i < 3; i++)
        EQUAL(owners[i].released, 1);
    expect_contents(&rig.outbox, "");
    EQUAL(rig.outbox.consumed, 1); /* what was thrown away has not left */
    copy_string(&rig.outbox, "again");
    expect_contents(&rig.outbox, "again");
    close_rig(&rig);
    for (int i = 0; i < 3; i++)
        EQUAL(owners[i].released, 1);
}

TEST(gather_fills_no_more_vectors_than_there_are)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owners[5];
    for (int i = 0; i < 5; i++) {
        struct fr_chunk chunk = held(&owners[i], (char)('a' + i), 3000);
        fr_outbox_push(&rig.outbox, &chunk);
    }
    struct iovec vectors[6] = {0};
    EQUAL(fr_outbox_gather(&rig.outbox, vectors, 0), 0);
    EQUAL(fr_outbox_gather(&rig.outbox, vectors, 1), 1);
    EQUAL(fr_outbox_gather(&rig.outbox, vectors, 4), 4);
    IS(vectors[4].iov_base == NULL);
    EQUAL(fr_outbox_gather(&rig.outbox, vectors, 6), 5);
    IS(vectors[4].iov_base == owners[4].data);
    IS(vectors[5].iov_base == NULL);
    close_rig(&rig);
}

TEST(consume_across_pieces_releases_those_used_up)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owners[3];
    for (int i = 0; i < 3; i++) {
        struct fr_chunk chunk = held(&owners[i], (char)('a' + i), 3000);
        fr_outbox_push(&rig.outbox, &chunk);
    }
    fr_outbox_consume(&rig.outbox, 3000);
    EQUAL(owners[0].released, 1);
    EQUAL(owners[1].released, 0);
    fr_outbox_consume(&rig.outbox, 5999);
    EQUAL(owners[1].released, 1);
    EQUAL(owners[2].released, 0);
    EQUAL(rig.outbox.bytes, 1);
    struct iovec vector;
    EQUAL(fr_outbox_gather(&rig.outbox, &vector, 1), 1);
    EQUAL(vector.iov_len, 1);
    IS(vector.iov_base == owners[2].data + 2999);
    fr_outbox_consume(&rig.outbox, 1);
    EQUAL(owners[2].released, 1);
    close_rig(&rig);
}

TEST(a_file_piece_stops_the_gathering)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owner;
    struct fr_chunk piece = file_piece(&owner, 7, 1000, 50);
    int file;
    int64_t offset;
    size_t len;
    copy_string(&rig.outbox, "head");
    fr_outbox_push(&rig.outbox, &piece);
    copy_string(&rig.outbox, "tail");
    EQUAL(rig.outbox.bytes, 58);
    EQUAL(count_vectors(&rig.outbox), 1);
    IS(!fr_outbox_file(&rig.outbox, &file, &offset, &len));

    fr_outbox_consume(&rig.outbox, 4);
    EQUAL(rig.outbox.consumed, 4);
    EQUAL(count_vectors(&rig.outbox), 0);
    IS(!fr_outbox_is_empty(&rig.outbox));
    IS(fr_outbox_file(&rig.outbox, &file, &offset, &len));
    EQUAL(file, 7);
    EQUAL(offset, 1000);
    EQUAL(len, 50);

    fr_outbox_consume(&rig.outbox, 20);
    IS(fr_outbox_file(&rig.outbox, &file, &offset, &len));
    EQUAL(offset, 1020);
    EQUAL(len, 30);
    EQUAL(owner.released, 0);

    fr_outbox_consume(&rig.outbox, 30);
    EQUAL(owner.released, 1);
    IS(!fr_outbox_file(&rig.outbox, &file, &offset, &len));
    expect_contents(&rig.outbox, "tail");
    close_rig(&rig);
}

TEST(a_small_file_piece_is_not_copied)
{
    struct rig rig;
    open_rig(&rig);
    struct owner owner;
    struct fr_chunk piece = file_piece(&owner, 0, 0, 1); /* descriptor 0 is one as well */
    struct fr_chunk unowned = {{NULL, 10}, 7, 0, NULL, NULL};
    int file;
    int64_t offset;
    size_t len;
    fr_outbox_push(&rig.outbox, &piece);
    EQUAL(owner.released, 0);
    IS(fr_outbox_file(&rig.outbox, &file, &offset, &len));
    EQUAL(file, 0);
    fr_outbox_push(&rig.outbox, &unowned);
    fr_outbox_consume(&rig.outbox, 11);
    EQUAL(owner.released, 1);
    IS(fr_outbox_is_empty(&rig.outbox));
    close_rig(&rig);
}

TEST(move_all_keeps_the_order_and_the_owners)
{
    struct rig rig;
    open_rig(&rig);
    struct fr_outbox other;
    fr_outbox_init(&other, rig.pool);
    struct owner owner;
    struct fr_chunk chunk = held(&owner, 'x', 3000);
    copy_string(&rig.outbox, "a");
    copy_string(&other, "b");
    fr_outbox_push(&other, &chunk);
    fr_outbox_reserve(&rig.outbox, 5000);
    fr_outbox_reserve(&other, 100);
    fr_outbox_move_all(&other, &rig.outbox);
    expect_contents(&other, "");
    EQUAL(rig.outbox.bytes, 3002);
    EQUAL(fr_pool_taken(rig.pool), 3);
    EQUAL(count_vectors(&rig.outbox), 3);
    copy_string(&other, "new");
    expect_contents(&other, "new");
    fr_outbox_consume(&rig.outbox, 2);
    EQUAL(owner.released, 0);
    copy_string(&rig.outbox, "c");
    fr_outbox_consume(&rig.outbox, 3000);
    EQUAL(owner.released, 1);
    expect_contents(&rig.outbox, "c");
    fr_outbox_clear(&other);
    close_rig(&rig);
}

TEST(move_all_from_and_to_an_empty_outbox)
{
    struct rig rig;
    open_rig(&rig);
    struct fr_outbox other;
    fr_outbox_init(&other, rig.pool);
    fr_outbox_move_all(&other, &rig.outbox);
    expect_contents(&rig.outbox, "");
    copy_string(&other, "abc");
    fr_outbox_move_all(&other, &rig.outbox);
    expect_contents(&rig.outbox, "abc");
    fr_outbox_move_all(&other, &rig.outbox);
    expect_contents(&rig.outbox, "abc");
    copy_string(&rig.outbox, "def");
    expect_contents(&rig.outbox, "abcdef");
    EQUAL(count_vectors(&rig.outbox), 1);
    close_rig(&rig);
}

struct reentrant {
    struct fr_outbox *outbox;
    size_t bytes_seen;
    char *data;
};

static void on_release_push(void *context)
{
    struct reentrant *owner = context;
    owner->bytes_seen = owner->outbox->bytes;
    free(owner->data);
    copy_string(owner->outbox, "from release");
}

TEST(a_release_may_use_the_outbox)
{
    struct rig rig;
    open_rig(&rig);
    struct reentrant owner = {.outbox = &rig.outbox, .data = calloc(1, 3000)};
    struct fr_chunk chunk = {{owner.data, 3000}, -1, 0, on_release_push, &owner};
    fr_outbox_push(&rig.outbox, &chunk);
    copy_string(&rig.outbox, "abc");
    fr_outbox_consume(&rig.outbox, 3001);
    EQUAL(owner.bytes_seen, 2);
    expect_contents(&rig.outbox, "bcfrom release");
    fr_outbox_clear(&rig.outbox);

    owner.data = calloc(1, 3000);
    chunk.bytes.data = owner.data;
    fr_outbox_push(&rig.outbox, &chunk);
    fr_outbox_clear(&rig.outbox);
    EQUAL(owner.bytes_seen, 0);
    expect_contents(&rig.outbox, "from release");
    close_rig(&rig);
}

/* Whatever is queued and however it leaves, the bytes are the same and every owner is let go once. */
enum { MODEL_BYTES = 1 << 21, OWNERS = 4096 };

struct model {
    char *bytes;
    size_t begin, end;
    struct owner *owners;
    int owner_count;
    unsigned state;
};

static unsigned draw(struct model *model, unsigned bound)
{
    model->state = model->state * 1103515245u + 12345u;
    return (model->state >> 8) % bound;
}

static void queue_something(struct fr_outbox *outbox, struct model *model)
{
    static const unsigned lens[] = {0, 1, 10, 500, 2048, 2049, 4095, 4096, 5000, 20000};
    size_t len = lens[draw(model, sizeof lens / sizeof *lens)];
    char *expected = model->bytes + model->end;
    memset(expected, (int)draw(model, 256), len);
    if (draw(model, 3) == 0) {
        size_t kept = len ? draw(model, (unsigned)len + 1) : 0;
        memcpy(fr_outbox_reserve(outbox, len), expected, len);
        fr_outbox_commit(outbox, kept);
        len = kept;
    } else if (draw(model, 2) == 0) {
        struct owner *owner = &model->owners[model->owner_count++];
        struct fr_chunk chunk = held(owner, 0, len);
        memcpy(owner->data, expected, len);
        fr_outbox_push(outbox, &chunk);
    } else {
        fr_outbox_copy(outbox, fr_span_of(expected, len));
    }
    model->end += len;
}

static void send_something(struct fr_outbox *outbox, struct model *model)
{
    struct iovec vectors[3];
    int count = fr_outbox_gather(outbox, vectors, (int)draw(model, 4));
    size_t sent = 0;
    for (int i = 0; i < count; i++) {
        size_t part = draw(model, 3) ? vectors[i].iov_len : draw(model, (unsigned)vectors[i].iov_len + 1);
        IS(memcmp(vectors[i].iov_base, model->bytes + model->begin + sent, part) == 0);
        sent += part;
        if (part < vectors[i].iov_len)
            break;
    }
    fr_outbox_consume(outbox, sent);
    model->begin += sent;
}

TEST(a_random_life)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct rig rig;
        open_rig(&rig);
        struct model model = {.bytes = malloc(MODEL_BYTES), .state = seed};
        model.owners = calloc(OWNERS, sizeof *model.owners);
        while (model.end < MODEL_BYTES - 20000 && model.owner_count < OWNERS) {
            if (draw(&model, 2))
                queue_something(&rig.outbox, &model);
            else
                send_something(&rig.outbox, &model);
            EQUAL(rig.outbox.bytes, model.end - model.begin);
            EQUAL(rig.outbox.consumed, model.begin);
            EQUAL(fr_outbox_is_empty(&rig.outbox), model.begin == model.end);
        }
        fr_outbox_clear(&rig.outbox);
        for (int i = 0; i < model.owner_count; i++)
            EQUAL(model.owners[i].released, 1);
        free(model.bytes);
        free(model.owners);
        close_rig(&rig);
    }
}
