/* http2/session.c against peers that mean no good: bounded work, bounded memory, and GOAWAY with ENHANCE_YOUR_CALM. */
#include "talk.h"

#define CALM "11" /* ENHANCE_YOUR_CALM */

static bool is_flooded(struct talk *talk)
{
    const char *told = hear(talk);
    size_t len = strlen(told);
    return is_over(talk, FR_CLOSE_FLOOD) && len > 3 && strcmp(told + len - 3, " " CALM) == 0;
}

/* Sends the same frame again and again, in reads of many, until the connection is over; how often that was. */
static unsigned flood(struct talk *talk, int type, int flags, uint32_t stream, fr_span payload, unsigned most)
{
    unsigned sent = 0;
    while (!talk->wire.protocol->finished && sent < most) {
        for (int i = 0; i < 50; i++, sent++)
            frame_of(talk, type, flags, stream, payload);
        say(talk);
    }
    return sent;
}

TEST(frames_for_nothing)
{
    const struct {
        int type, flags;
        uint32_t stream;
        fr_span payload;
    } frames[] = {
        {NGHTTP2_PING, 0, 0, FR_SPAN("12345678")},
        {NGHTTP2_PING, ACK, 0, FR_SPAN("12345678")},
        {NGHTTP2_SETTINGS, 0, 0, FR_SPAN("")},
        {NGHTTP2_SETTINGS, 0, 0, FR_SPAN("\0\4\0\1\0\0\0\4\0\2\0\0\0\4\0\3\0\0")},
        {NGHTTP2_PRIORITY, 0, 1, FR_SPAN("\0\0\0\0\1")},
        {NGHTTP2_PRIORITY, 0, 1001, FR_SPAN("\0\0\0\0\1")},
        {NGHTTP2_PRIORITY_UPDATE, 0, 0, FR_SPAN("\0\0\0\1u=1")},
        {NGHTTP2_WINDOW_UPDATE, 0, 1, FR_SPAN("\0\0\0\1")},
        {NGHTTP2_WINDOW_UPDATE, 0, 0, FR_SPAN("\0\0\0\1")},
        {NGHTTP2_DATA, 0, 1, FR_SPAN("")},
        {NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, FR_SPAN("\0")},
        {0xbe, 0, 1, FR_SPAN("unknown")},
        {NGHTTP2_ALTSVC, 0, 1, FR_SPAN("\0\0")},
    };
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        struct talk talk;
        open_narrow_talk(&talk, ECHO_ASK);
        ask(&talk, 1, 0, "POST", "/");
        say(&talk);
        unsigned sent = flood(&talk, frames[i].type, frames[i].flags, frames[i].stream, frames[i].payload, 100000);
        if (sent > 1100)
            UNIT_FAIL("%u frames of kind %zu", sent, i);
        IS(is_flooded(&talk));
        EQUAL(talk.echo.aborts, 1);
        EQUAL(talk.echo.reason, FR_CLOSE_FLOOD);
        echo_let_go(talk.echo.exchange);
        close_talk(&talk);
    }
}

/* CVE-2023-44487: requests that are taken back at once. */
TEST(rapid_reset)
{
    struct talk talk;
    open_talk(&talk, ECHO_LATE);
    uint32_t stream = 1;
    for (; !talk.wire.protocol->finished && stream < 100000; stream += 2) {
        ask(&talk, stream, END_STREAM, "GET", "/");
        reset_stream(&talk, stream, NGHTTP2_CANCEL);
        say(&talk);
        if (talk.echo.exchange)
            echo_let_go(talk.echo.exchange);
    }
    IS(is_flooded(&talk));
    IS(talk.echo.requests <= 201);
    EQUAL(talk.wire.begun, talk.wire.ended);
    close_talk(&talk);
}

/* CVE-2025-8671: the server is made to reset by frames that are wrong for the stream. */
TEST(resets_that_the_peer_provokes)
{
    for (int how = 0; how < 3; how++) {
        struct talk talk;
        open_talk(&talk, ECHO_LATE);
        for (uint32_t stream = 1; !talk.wire.protocol->finished && stream < 100000; stream += 2) {
            ask_with(&talk, stream, how == 1 ? 0 : END_STREAM, "GET", "/",
                     how == 1 ? FIELDS("content-length", "1") : NULL);
            if (how == 0)
                open_window(&talk, stream, 0);
            else if (how == 1)
                pour(&talk, stream, END_STREAM, FR_SPAN("too long"));
            else
                open_window(&talk, stream, INT32_MAX);
            say(&talk);
            if (talk.echo.exchange)
                echo_let_go(talk.echo.exchange);
        }
        IS(how == 0 ? is_over(&talk, FR_CLOSE_BAD_REQUEST) : is_flooded(&talk)); /* nghttp2 is strict about 0 */
        IS(talk.echo.requests <= 210);
        EQUAL(talk.wire.begun, talk.wire.ended);
        close_talk(&talk);
    }
}

TEST(malformed_requests)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    for (uint32_t stream = 1; !talk.wire.protocol->finished && stream < 100000; stream += 2) {
        ask_with(&talk, stream, END_STREAM, "GET", "/", FIELDS("Upper", "case"));
        say(&talk);
    }
    IS(is_flooded(&talk));
    EQUAL(talk.echo.requests, 0);
    close_talk(&talk);
}

TEST(more_streams_than_may_be_open)
{
    struct talk talk;
    struct fr_exchange *held[100];
    open_talk(&talk, ECHO_LATE);
    for (uint32_t stream = 1; !talk.wire.protocol->finished && stream < 100000; stream += 2) {
        ask(&talk, stream, END_STREAM, "GET", "/");
        say(&talk);
        IS(talk.echo.requests <= 100);
        held[talk.echo.requests - 1] = talk.echo.exchange;
    }
    IS(is_flooded(&talk));
    EQUAL(talk.echo.aborts, 100);
    for (int i = 0; i < 100; i++)
        echo_let_go(held[i]);
    close_talk(&talk);
}

/* CVE-2024-27316: a block that never ends. */
TEST(continuations)
{
    for (int empty = 0; empty < 2; empty++) {
        struct talk talk;
        open_talk(&talk, ECHO_LATE);
        frame_of(&talk, NGHTTP2_HEADERS, END_STREAM, 1, FR_SPAN("\x82"));
        say(&talk);
        unsigned sent =
            flood(&talk, NGHTTP2_CONTINUATION, 0, 1, empty ? FR_SPAN("") : FR_SPAN("\x00\x01x\x01y"), 10000);
        IS(sent <= 50);
        IS(is_flooded(&talk));
        EQUAL(talk.echo.requests, 0);
        close_talk(&talk);
    }
}

/* A small block that decodes to a large head: one long field in the table, then a byte for each repetition. */
TEST(an_hpack_bomb)
{
    struct talk talk;
    struct fr_buffer block;
    static char value[4000];
    fr_buffer_init(&block, 1u << 20);
    open_talk(&talk, ECHO_LATE);
    memset(value, 'v', sizeof value);
    add_request(&block, "GET", "/");
    add_number(&block, 0x40, 1); /* literal, to be indexed */
    add_integer(&block, 0, 7, 1);
    add_bytes(&block, "x", 1);
    add_integer(&block, 0, 7, sizeof value);
    add_bytes(&block, value, sizeof value);
    for (int i = 0; i < 10000; i++)
        add_number(&block, 0x80 | 62, 1); /* the newest of the table */
    frame_of(&talk, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, 1, fr_buffer_span(&block));
    say(&talk);
    IS(is_flooded(&talk));
    EQUAL(talk.echo.requests, 0);
    fr_buffer_free(&block);
    close_talk(&talk);
}

TEST(acknowledgements_do_not_pile_up)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 1u << 20;
    talk.wire.is_stuck = true;
    ask(&talk, 1, END_STREAM, "GET", "/");
    say(&talk);
    size_t before = talk.wire.outbox.bytes;
    flood(&talk, NGHTTP2_PING, 0, 0, FR_SPAN("12345678"), 100000);
    IS(is_over(&talk, FR_CLOSE_FLOOD));
    IS(talk.wire.outbox.bytes < before + 300 * 17);
    close_talk(&talk);
}

/* What a guard must not do. */
TEST(a_busy_client_is_left_alone)
{
    struct talk talk;
    open_narrow_talk(&talk, ECHO_BODY);
    for (uint32_t stream = 1; stream < 20000; stream += 2) {
        ask(&talk, stream, 0, "POST", "/");
        open_window(&talk, 0, 5);
        open_window(&talk, stream, 5);
        frame_of(&talk, NGHTTP2_PRIORITY_UPDATE, 0, 0, FR_SPAN("\0\0\0\1u=1"));
        pour(&talk, stream, END_STREAM, FR_SPAN("hello"));
        say(&talk);
    }
    EQUAL(talk.wire.ended, 10000);
    IS(!talk.wire.protocol->finished);
    close_talk(&talk);
}

TEST(a_page_that_is_left_cancels_what_it_still_loads)
{
    struct talk talk;
    open_talk(&talk, ECHO_STREAM);
    talk.echo.stream_bytes = 3000;
    for (int page = 0; page < 10; page++) {
        uint32_t first = (uint32_t)page * 400 + 1;
        for (uint32_t stream = first; stream < first + 200; stream += 2)
            ask(&talk, stream, END_STREAM, "GET", "/");
        say(&talk);
        for (uint32_t stream = first + 200; stream < first + 260; stream += 2) {
            ask(&talk, stream, 0, "POST", "/");
            reset_stream(&talk, stream, NGHTTP2_CANCEL);
        }
        say(&talk);
        IS(!talk.wire.protocol->finished);
    }
    close_talk(&talk);
}
