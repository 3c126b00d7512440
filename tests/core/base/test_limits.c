/* base/limits.h: the numbers that the documentation promises. */
#include "base/limits.h"

#include "unit.h"

TEST(defaults)
{
    struct fr_limits limits;
    memset(&limits, 0xff, sizeof limits);
    fr_limits_init(&limits);
    EQUAL(limits.request_line_bytes_max, 8190);
    EQUAL(limits.field_bytes_max, 8190);
    EQUAL(limits.head_bytes_max, 64 * 1024);
    EQUAL(limits.fields_max, 100);
    EQUAL(limits.body_bytes_max, 1024 * 1024 * 1024);
    EQUAL(limits.chunk_extension_bytes_max, 256);
    EQUAL(limits.trailer_bytes_max, 8190);
    EQUAL(limits.connections_max, 10000);
    EQUAL(limits.head_timeout_ms, 10 * 1000);
    EQUAL(limits.body_timeout_ms, 30 * 1000);
    EQUAL(limits.write_timeout_ms, 30 * 1000);
    EQUAL(limits.keep_alive_timeout_ms, 5 * 1000);
    EQUAL(limits.linger_timeout_ms, 2 * 1000);
    EQUAL(limits.ws_message_bytes_max, 16 * 1024 * 1024);
    EQUAL(limits.ws_ping_interval_ms, 20 * 1000);
    EQUAL(limits.ws_ping_timeout_ms, 20 * 1000);
    EQUAL(limits.ws_close_timeout_ms, 10 * 1000);
    EQUAL(limits.ws_deflate_window_bits, 12);
    EQUAL(limits.ws_deflate_takeover, 1);
    EQUAL(limits.ws_queue_messages_max, 32);
    EQUAL(limits.write_high_bytes, 64 * 1024);
    EQUAL(limits.write_low_bytes, 16 * 1024);
}

TEST(no_limit_is_off_by_default)
{
    struct fr_limits limits;
    fr_limits_init(&limits);
    const size_t *words = (const size_t *)&limits;
    IS(sizeof limits % sizeof *words == 0);
    IS(limits.write_low_bytes < limits.write_high_bytes);
    for (size_t i = 0; i < sizeof limits / sizeof *words; i++)
        IS(words[i] != 0);
}
