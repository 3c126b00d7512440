/* http2/engine.c: what nghttp2 is told, and what it is asked. */
#include "http2/session_internal.h"

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
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1}, {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    EQUAL(frame.payload.len, sizeof expected / sizeof *expected * 6);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        EQUAL(number_at(frame.payload, 6 * i, 2), expected[i][0]);
        EQUAL(number_at(frame.payload, 6 * i + 2, 4), expected[i][1]);
    }
    close_talk(&talk);
}
