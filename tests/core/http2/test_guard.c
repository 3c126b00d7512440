/* http2/guard.c: what may come at once, what may come for ever, and what earns more. */
#include "http2/guard.h"

#include <nghttp2/nghttp2.h>

#include "unit.h"

struct post {
    struct fr_clock clock;
    struct fr_guard guard;
};

static void open_post(struct post *post)
{
    fr_clock_init(&post->clock);
    fr_clock_advance(&post->clock, 0);
    fr_guard_init(&post->guard, &post->clock);
}

static int pass(struct post *post, int type, int flags, uint32_t length)
{
    struct fr_frame_reader frame = {.type = (uint8_t)type, .flags = (uint8_t)flags, .length = length};
    return fr_guard_frame(&post->guard, &frame);
}

/* How many pass before one is too many. */
static unsigned count(struct post *post, int type, int flags, uint32_t length, unsigned most)
{
    unsigned passed = 0;
    while (passed < most && pass(post, type, flags, length) == 0)
        passed++;
    return passed;
}

TEST(frames_for_nothing_run_out)
{
    const int types[] = {NGHTTP2_PING, NGHTTP2_PRIORITY, NGHTTP2_WINDOW_UPDATE, NGHTTP2_DATA, NGHTTP2_GOAWAY, 0xbe};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct post post;
        open_post(&post);
        EQUAL(count(&post, types[i], 0, 0, 100000), 1000);
        EQUAL(pass(&post, types[i], 0, 0), FR_E_FLOOD);
        EQUAL(pass(&post, NGHTTP2_SETTINGS, 0, 0), FR_E_FLOOD);
    }
}

TEST(settings_cost_more)
{
    struct post post;
    open_post(&post);
    EQUAL(count(&post, NGHTTP2_SETTINGS, 0, 6, 100000), 250);
}

TEST(what_carries_something_is_free)
{
    struct post post;
    open_post(&post);
    EQUAL(count(&post, NGHTTP2_DATA, 0, 1, 10000), 10000);
    EQUAL(count(&post, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 0, 10000), 10000);
}

TEST(data_all_of_padding_is_empty)
{
    struct post post;
    open_post(&post);
    EQUAL(count(&post, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, 100000), 1000);
}

TEST(heads_are_paid_for_by_requests)
{
    struct post post;
    open_post(&post);
    EQUAL(count(&post, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, 100000), 1000);
    for (int i = 0; i < 10000; i++) {
        fr_guard_earn_request(&post.guard);
        EQUAL(pass(&post, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1), 0);
    }
}

TEST(padding_carries_nothing)
{
    struct post post;
    open_post(&post);
    EQUAL(count(&post, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 256, 10000), 1000);
    EQUAL(count(&post, NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 257, 10000), 10000);
}

TEST(tokens_come_back_with_time)
{
    struct post post;
    open_post(&post);
    count(&post, NGHTTP2_PING, 0, 8, 100000);
    fr_clock_advance(&post.clock, 1); /* half a token */
    EQUAL(count(&post, NGHTTP2_PING, 0, 8, 100000), 0);
    fr_clock_advance(&post.clock, 1);
    EQUAL(count(&post, NGHTTP2_PING, 0, 8, 100000), 1);
    fr_clock_advance(&post.clock, 1000);
    EQUAL(count(&post, NGHTTP2_PING, 0, 8, 100000), 500);
    fr_clock_advance(&post.clock, 3600000);
    EQUAL(count(&post, NGHTTP2_PING, 0, 8, 100000), 1000);
}

TEST(who_reads_and_asks_may_say_more)
{
    struct post post;
    open_post(&post);
    count(&post, NGHTTP2_PING, 0, 8, 100000);
    fr_guard_earn_bytes(&post.guard, 255);
    EQUAL(count(&post, NGHTTP2_WINDOW_UPDATE, 0, 4, 100000), 0);
    fr_guard_earn_bytes(&post.guard, 1);
    EQUAL(count(&post, NGHTTP2_WINDOW_UPDATE, 0, 4, 100000), 1);
    fr_guard_earn_bytes(&post.guard, 4096);
    EQUAL(count(&post, NGHTTP2_WINDOW_UPDATE, 0, 4, 100000), 16);
    fr_guard_earn_request(&post.guard);
    EQUAL(count(&post, NGHTTP2_WINDOW_UPDATE, 0, 4, 100000), 6);
    for (int i = 0; i < 100; i++)
        fr_guard_earn_bytes(&post.guard, 1u << 30);
    EQUAL(count(&post, NGHTTP2_WINDOW_UPDATE, 0, 4, 100000), 1000);
}

TEST(resets_run_out_whoever_sends_them)
{
    struct post post;
    open_post(&post);
    EQUAL(count(&post, NGHTTP2_RST_STREAM, 0, 4, 150), 150);
    for (int i = 0; i < 50; i++)
        EQUAL(fr_guard_mistake(&post.guard), 0);
    EQUAL(fr_guard_mistake(&post.guard), FR_E_FLOOD);
    EQUAL(pass(&post, NGHTTP2_RST_STREAM, 0, 4), FR_E_FLOOD);
    fr_clock_advance(&post.clock, 1000);
    EQUAL(count(&post, NGHTTP2_RST_STREAM, 0, 4, 100000), 20);
    fr_guard_earn_answer(&post.guard);
    EQUAL(count(&post, NGHTTP2_RST_STREAM, 0, 4, 100000), 1);
}

TEST(a_block_has_so_many_continuations)
{
    struct post post;
    open_post(&post);
    for (int block = 0; block < 3; block++) {
        EQUAL(pass(&post, NGHTTP2_HEADERS, 0, 1), 0);
        EQUAL(count(&post, NGHTTP2_CONTINUATION, 0, 0, 100000), 8);
    }
}
