/* base/clock.h */
#include "base/clock.h"

#include <time.h>

#include "unit.h"

static void expect_date(int64_t wall_s, const char *expected)
{
    struct fr_clock clock;
    fr_clock_init(&clock);
    clock.wall_s = wall_s;
    SAME(fr_clock_date(&clock), expected);
}

TEST(dates_as_http_writes_them)
{
    expect_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT"); /* the example of RFC 9110 */
    expect_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    expect_date(86399, "Thu, 01 Jan 1970 23:59:59 GMT");
    expect_date(86400, "Fri, 02 Jan 1970 00:00:00 GMT");
    expect_date(951782399, "Mon, 28 Feb 2000 23:59:59 GMT");
    expect_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    expect_date(4107542399, "Sun, 28 Feb 2100 23:59:59 GMT");
    expect_date(4107542400, "Mon, 01 Mar 2100 00:00:00 GMT");
    expect_date(INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
    expect_date(-1, "Wed, 31 Dec 1969 23:59:59 GMT");
    expect_date(-2203891201, "Wed, 28 Feb 1900 23:59:59 GMT");
    expect_date(-2203891200, "Thu, 01 Mar 1900 00:00:00 GMT");
}

/* The C library, in its "C" locale, for every day of four centuries and a second that wanders. */
TEST(agrees_with_the_c_library)
{
    struct fr_clock clock;
    fr_clock_init(&clock);
    for (int64_t day = 0; day < 146097; day++) {
        time_t when = (time_t)(day * 86400 + day * 7919 % 86400);
        struct tm parts;
        char expected[64];
        gmtime_r(&when, &parts);
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        clock.wall_s = when;
        SAME(fr_clock_date(&clock), expected);
    }
}

TEST(the_date_is_written_once_per_second)
{
    struct fr_clock clock;
    fr_clock_init(&clock);
    clock.wall_s = 784111777;
    SAME(fr_clock_date(&clock), "Sun, 06 Nov 1994 08:49:37 GMT");
    clock.date[0] = 'x'; /* seen again only if it is not written again */
    SAME(fr_clock_date(&clock), "xun, 06 Nov 1994 08:49:37 GMT");
    clock.wall_s++;
    SAME(fr_clock_date(&clock), "Sun, 06 Nov 1994 08:49:38 GMT");
}

TEST(the_latest_is_read_unless_a_test_moves_the_clock)
{
    struct fr_clock clock;
    fr_clock_init(&clock);
    clock.now_ms -= 1000;
    IS(fr_clock_latest_ms(&clock) >= clock.now_ms + 1000);
    fr_clock_advance(&clock, 1);
    EQUAL(fr_clock_latest_ms(&clock), clock.now_ms);
}

TEST(the_machine_is_followed)
{
    struct fr_clock clock;
    int64_t before = (int64_t)time(NULL);
    fr_clock_init(&clock);
    int64_t after = (int64_t)time(NULL);
    IS(clock.wall_s >= before && clock.wall_s <= after);
    IS(!clock.frozen);
    clock.now_ms = 0;
    clock.wall_s = 0;
    fr_clock_update(&clock);
    IS(clock.now_ms > 0);
    IS(clock.wall_s >= before);
}

TEST(monotonic_time_never_goes_back)
{
    uint64_t last = fr_clock_monotonic_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = fr_clock_monotonic_ns();
        IS(now >= last);
        last = now;
    }
    struct fr_clock clock;
    fr_clock_init(&clock);
    IS(clock.now_ms >= last / 1000000);
    IS(clock.now_ms <= fr_clock_monotonic_ns() / 1000000);
}

TEST(a_moved_clock_stands_still_until_it_is_moved)
{
    struct fr_clock clock;
    fr_clock_init(&clock);
    clock.now_ms = 5000;
    clock.wall_s = 784111777;
    fr_clock_advance(&clock, 0);
    fr_clock_update(&clock);
    EQUAL(clock.now_ms, 5000);
    EQUAL(clock.wall_s, 784111777);
    fr_clock_advance(&clock, 2500);
    fr_clock_update(&clock);
    EQUAL(clock.now_ms, 7500);
    EQUAL(clock.wall_s, 784111779);
    SAME(fr_clock_date(&clock), "Sun, 06 Nov 1994 08:49:39 GMT");
}

TEST(small_steps_add_up_to_seconds)
{
    struct fr_clock clock;
    fr_clock_init(&clock);
    int64_t began_s = clock.wall_s;
    clock.now_ms = 999;
    for (int i = 0; i < 3000; i++)
        fr_clock_advance(&clock, 1);
    EQUAL(clock.now_ms, 3999);
    EQUAL(clock.wall_s - began_s, 3);
}
