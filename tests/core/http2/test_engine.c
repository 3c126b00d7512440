/* http2/engine.c: what nghttp2 is told, what it refuses, and in which order it sends. */
#include "http2/session_internal.h"

#include "http1/connection.h"

#include "talk.h"

TEST(settings_say_what_the_limits_are)
{
    struct talk talk;
    struct fr_limits limits;
    struct frame frame;
    fr_limits_init(&limits);
    limits.h2_streams_max = 7;
    limits.h2_header_table_bytes = 512;
    limits.head_bytes_max = 12345;
    open_talk_with(&talk, ECHO_FIXED, &limits);
    wire_turn(&talk.wire);
    fr_span written = fr_buffer_span(&talk.wire.output);
    IS(next_frame(&written, &frame));
    EQUAL(frame.type, NGHTTP2_SETTINGS);
    const uint32_t expected[][2] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 512},     {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 7},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535}, {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 12345},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}, {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    EQUAL(frame.payload.len, sizeof expected / sizeof *expected * 6);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        EQUAL(number_at(frame.payload, 6 * i, 2), expected[i][0]);
        EQUAL(number_at(frame.payload, 6 * i + 2, 4), expected[i][1]);
    }
    close_talk(&talk);
}

TEST(small_windows_are_announced)
{
    struct talk talk;
    struct fr_limits limits;
    fr_limits_init(&limits);
    limits.h2_window_bytes = 1000;
    open_talk_with(&talk, ECHO_LATE, &limits);
    add_greeting(&talk.out);
    ask(&talk, 1, 0, "POST", "/");
    frame_of(&talk, NGHTTP2_SETTINGS, ACK, 0, FR_SPAN(""));
    pour_many(&talk, 1, 0, 1001);
    say(&talk);
    HEARS(&talk, " settings ack reset 1 3");
    echo_let_go(talk.echo.exchange);
    close_talk(&talk);
}

/* ---- what is malformed by RFC 9113 section 8 ---- */

struct field {
    fr_span name, value;
};

#define F(name, value) {FR_SPAN(name), FR_SPAN(value)}
#define METHOD F(":method", "GET")
#define SCHEME F(":scheme", "https")
#define PATH F(":path", "/")
#define AUTHORITY F(":authority", "a")

TEST(malformed_requests_are_reset)
{
    static const struct field cases[][8] = {
        {SCHEME, PATH, AUTHORITY}, /* a pseudo-header missing */
        {METHOD, PATH, AUTHORITY},
        {METHOD, SCHEME, AUTHORITY},
        {METHOD, SCHEME, PATH},
        {METHOD, METHOD, SCHEME, PATH, AUTHORITY}, /* repeated */
        {METHOD, SCHEME, PATH, PATH, AUTHORITY},
        {METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY},
        {METHOD, SCHEME, F("x", "y"), PATH, AUTHORITY},                 /* behind a field */
        {METHOD, SCHEME, PATH, AUTHORITY, F(":version", "2")},          /* unknown */
        {METHOD, SCHEME, PATH, AUTHORITY, F(":status", "200")},         /* of answers */
        {METHOD, SCHEME, F(":path", ""), AUTHORITY},                    /* empty */
        {METHOD, SCHEME, F(":path", "a"), AUTHORITY},                   /* not led by a slash */
        {METHOD, SCHEME, F(":path", "*"), AUTHORITY},                   /* not with OPTIONS */
        {METHOD, SCHEME, PATH, AUTHORITY, F(":protocol", "websocket")}, /* not with CONNECT */
        {F(":method", "CONNECT"), SCHEME, PATH, AUTHORITY},             /* neither form of CONNECT */
        {F(":method", "CONNECT"), F(":protocol", "websocket"), SCHEME, PATH},
        {METHOD, SCHEME, PATH, AUTHORITY, F("connection", "close")}, /* of a connection */
        {METHOD, SCHEME, PATH, AUTHORITY, F("keep-alive", "5")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("proxy-connection", "x")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("transfer-encoding", "chunked")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("upgrade", "h2c")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("te", "gzip")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("Upper", "case")}, /* names and values */
        {METHOD, SCHEME, PATH, AUTHORITY, F("a b", "c")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("", "c")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("x", "a\r\nb: c")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("x", "a\0b")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("x", " a")},
        {METHOD, SCHEME, F(":path", "/\r\n"), AUTHORITY},
        {METHOD, SCHEME, PATH, F(":authority", "a\0b")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("content-length", "1")}, /* with nothing behind it */
        {METHOD, SCHEME, PATH, AUTHORITY, F("content-length", "x")},
        {METHOD, SCHEME, PATH, AUTHORITY, F("content-length", "0"), F("content-length", "0")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct talk talk;
        struct fr_buffer block;
        fr_buffer_init(&block, 4096);
        open_talk(&talk, ECHO_FIXED);
        for (const struct field *field = cases[i]; field->name.data; field++)
            add_field_span(&block, field->name, field->value);
        frame_of(&talk, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, 1, fr_buffer_span(&block));
        ask(&talk, 3, END_STREAM, "GET", "/");
        say(&talk);
        const char *told = hear(&talk);
        if (strcmp(told, " reset 1 1 head 3 200 data 3 6.") != 0)
            UNIT_FAIL("case %zu: %s", i, told);
        EQUAL(talk.echo.requests, 1);
        fr_buffer_free(&block);
        close_talk(&talk);
    }
}

TEST(what_looks_odd_and_is_allowed)
{
    struct talk talk;
    open_talk(&talk, ECHO_FIXED);
    ask_with(&talk, 1, END_STREAM, "PURGE", "/", FIELDS("te", "trailers", "x", "", "host", "A", "priority", "u=9, ,"));
    say(&talk);
    HEARS(&talk, " head 1 200 data 1 6.");
    close_talk(&talk);
}

TEST(trailers_of_a_request_end_its_body)
{
    struct talk talk;
    struct fr_buffer block;
    fr_buffer_init(&block, 1u << 20);
    open_talk(&talk, ECHO_BODY);
    ask(&talk, 1, 0, "POST", "/");
    pour(&talk, 1, 0, FR_SPAN("body"));
    add_field(&block, "x-sum", "42");
    frame_of(&talk, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, 1, fr_buffer_span(&block));
    say(&talk);
    HEARS(&talk, " window 1 196609 head 1 200 data 1 4.");
    fr_buffer_free(&block);
    close_talk(&talk);
}

TEST(trailers_have_a_limit)
{
    struct talk talk;
    struct fr_buffer block;
    static char value[9000];
    fr_buffer_init(&block, 1u << 20);
    memset(value, 'v', sizeof value - 1);
    open_talk(&talk, ECHO_BODY);
    ask(&talk, 1, 0, "POST", "/");
    pour(&talk, 1, 0, FR_SPAN("body"));
    add_field(&block, "x-sum", value);
    frame_of(&talk, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, 1, fr_buffer_span(&block));
    say(&talk);
    HEARS(&talk, " window 1 196609 head 1 431 data 1 23.");
    EQUAL(talk.wire.ended_status, 431);
    EQUAL(talk.echo.lasts, 0);
    fr_buffer_free(&block);
    close_talk(&talk);
}

/* ---- heads of answers ---- */

TEST(long_heads_of_answers_go_out_and_longer_ones_are_given_up)
{
    static char value[3u << 20];
    memset(value, 'v', sizeof value);
    for (int too_long = 0; too_long < 2; too_long++) {
        struct talk talk;
        struct frame frame;
        open_talk(&talk, ECHO_LATE);
        ask(&talk, 1, END_STREAM, "GET", "/");
        say(&talk);
        struct fr_exchange *exchange = talk.echo.exchange;
        const struct fr_response_header header = {FR_SPAN("x"), fr_span_of(value, too_long ? sizeof value : 300000)};
        const struct fr_response_head head = {.status = 200, .headers = &header, .header_count = 1};
        EQUAL(fr_exchange_respond(exchange, &head), too_long ? FR_E_GONE : 0);
        EQUAL(fr_exchange_send(exchange, NULL, true), too_long ? FR_E_GONE : 0);
        echo_let_go(exchange);
        wire_turn(&talk.wire);
        EQUAL(talk.wire.ended, 1);
        EQUAL(talk.wire.ended_state, too_long ? FR_EXCHANGE_ABORTED : FR_EXCHANGE_ANSWERED);
        fr_span written = fr_span_skip(fr_buffer_span(&talk.wire.output), talk.heard);
        IS(next_frame(&written, &frame));
        EQUAL(frame.type, too_long ? NGHTTP2_RST_STREAM : NGHTTP2_HEADERS);
        IS(too_long || written.len > 150000); /* the letter v has seven bits by Huffman */
        EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
        close_talk(&talk);
    }
}

/* ---- priorities: RFC 9218 ---- */

/* Twenty frames' worth of answers on each of these streams, that may leave only when all are asked for. */
static void ask_in_parallel(struct talk *talk, const char *const *priorities)
{
    open_narrow_talk(talk, ECHO_STREAM);
    talk->echo.stream_bytes = 60000;
    /* The connection's window is used up by another answer first. */
    ask(talk, 1, END_STREAM, "GET", "/first");
    say(talk);
    talk->echo.stream_bytes = 40000;
    ask(talk, 3, END_STREAM, "GET", "/second");
    say(talk);
    hear(talk);
    EQUAL(talk->body.len, 65535);
    talk->echo.stream_bytes = 32768;
    uint32_t stream = 5;
    for (; *priorities; priorities++, stream += 2)
        ask_with(talk, stream, END_STREAM, "GET", "/", **priorities ? FIELDS("priority", *priorities) : NULL);
    say(talk);
    reset_stream(talk, 3, NGHTTP2_CANCEL);
    say(talk);
    hear(talk);
}

/* The order in which the streams were given frames, as digits: 5, 7, 9. */
static void note_order(struct talk *talk, char *order)
{
    struct frame frame;
    fr_span bytes = fr_span_skip(fr_buffer_span(&talk->wire.output), talk->heard);
    while (next_frame(&bytes, &frame))
        if (frame.type == NGHTTP2_DATA && frame.payload.len > 1000)
            *order++ = (char)('0' + frame.stream);
    *order = '\0';
    hear(talk);
}

TEST(the_urgent_comes_first)
{
    struct talk talk;
    char order[64];
    ask_in_parallel(&talk, FIELDS("u=5", "", "u=1"));
    open_window(&talk, 0, 1u << 20);
    say(&talk);
    note_order(&talk, order);
    SAME(fr_span_of_string(order), "997755");
    close_talk(&talk);
}

TEST(one_after_the_other_unless_incremental)
{
    struct talk talk;
    char order[64];
    ask_in_parallel(&talk, FIELDS("u=3", "u=3"));
    open_window(&talk, 0, 1u << 20);
    say(&talk);
    note_order(&talk, order);
    SAME(fr_span_of_string(order), "5577");
    close_talk(&talk);
    ask_in_parallel(&talk, FIELDS("u=3, i", "u=3, i"));
    open_window(&talk, 0, 1u << 20);
    say(&talk);
    note_order(&talk, order);
    SAME(fr_span_of_string(order), "5757");
    close_talk(&talk);
}

TEST(priorities_may_change)
{
    struct talk talk;
    char order[64];
    ask_in_parallel(&talk, FIELDS("u=3", "u=3"));
    frame_of(&talk, NGHTTP2_PRIORITY_UPDATE, 0, 0, FR_SPAN("\0\0\0\7u=0"));
    open_window(&talk, 0, 1u << 20);
    say(&talk);
    note_order(&talk, order);
    SAME(fr_span_of_string(order), "7755");
    close_talk(&talk);
}

/* ---- memory ---- */

/* Known to the sanitizer, which this is run under. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* What a connection owns between requests, besides its block in server/connection.c: 16 KiB of it is the buffer in
 * which nghttp2 makes heads, and of that only what was once used is in memory. */
TEST(an_idle_connection_owns_little)
{
    struct talk talk;
    if (!__sanitizer_get_current_allocated_bytes)
        return;
    open_talk(&talk, ECHO_BODY);
    ask(&talk, 1, 0, "POST", "/");
    pour_many(&talk, 1, END_STREAM, 60000);
    say(&talk);
    EQUAL(talk.wire.protocol->phase, FR_PHASE_IDLE);
    size_t before = __sanitizer_get_current_allocated_bytes();
    wire_drop(&talk.wire, FR_CLOSE_STOP);
    size_t owned = before - __sanitizer_get_current_allocated_bytes();
    IS(owned > 16384 && owned < 28 * 1024);
    IS(fr_http2.size <= fr_http1.size); /* its place in the connection was made for HTTP/1.1 */
    close_talk(&talk);
}
