/* base/clock.c - Reads the machine's clocks and writes the HTTP date (RFC 9110 section 5.6.7).
 *
 * The date is put together by hand: strftime asks the locale, and gmtime_r is slower than the arithmetic. */
#include "base/clock.h"

#include <time.h>

#define DAY_S 86400

/* 400 years of the Gregorian calendar, after which it repeats; and 1970-01-01 counted from 0000-03-01. */
#define ERA_DAYS 146097
#define EPOCH_DAYS 719468

static void read_machine(struct fr_clock *clock)
{
    clock->now_ms = fr_clock_monotonic_ns() / 1000000;
    clock->wall_s = (int64_t)time(NULL);
}

void fr_clock_init(struct fr_clock *clock)
{
    *clock = (struct fr_clock){.date_s = INT64_MIN};
    read_machine(clock);
}

void fr_clock_update(struct fr_clock *clock)
{
    if (!clock->frozen)
        read_machine(clock);
}

uint64_t fr_clock_latest_ms(const struct fr_clock *clock)
{
    return clock->frozen ? clock->now_ms : fr_clock_monotonic_ns() / 1000000;
}

void fr_clock_advance(struct fr_clock *clock, uint64_t ms)
{
    clock->frozen = true;
    /* The seconds that now_ms passes, so that many small steps add up to the same as one long one. */
    clock->wall_s += (int64_t)((clock->now_ms + ms) / 1000 - clock->now_ms / 1000);
    clock->now_ms += ms;
}

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

static char *put_two_digits(char *at, unsigned value)
{
    *at++ = (char)('0' + value / 10 % 10);
    *at++ = (char)('0' + value % 10);
    return at;
}

/* "06 Nov 1994" for days since 1970-01-01. Years are counted from March, so that the leap day is the last. */
static char *put_day(char *at, int64_t days)
{
    static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
    int64_t shifted = days + EPOCH_DAYS;
    int64_t era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
    unsigned day_of_era = (unsigned)(shifted - era * ERA_DAYS);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * day_of_year + 2) / 153; /* March is 0; five months are always 153 days */
    unsigned day = day_of_year - (153 * month + 2) / 5 + 1;
    unsigned year = (unsigned)(era * 400 + year_of_era + (month >= 10));

    at = put_two_digits(at, day);
    *at++ = ' ';
    at = put_text(at, months + 3 * month, 3);
    *at++ = ' ';
    at = put_two_digits(at, year / 100);
    return put_two_digits(at, year);
}

static void write_date(struct fr_clock *clock)
{
    static const char weekdays[] = "Thu, Fri, Sat, Sun, Mon, Tue, Wed, "; /* 1970-01-01 was a Thursday */
    int64_t days = clock->wall_s / DAY_S - (clock->wall_s % DAY_S < 0);
    unsigned second = (unsigned)(clock->wall_s - days * DAY_S);
    unsigned weekday = (unsigned)((days % 7 + 7) % 7);

    char *at = put_text(clock->date, weekdays + 5 * weekday, 5);
    at = put_day(at, days);
    *at++ = ' ';
    at = put_two_digits(at, second / 3600);
    *at++ = ':';
    at = put_two_digits(at, second / 60 % 60);
    *at++ = ':';
    at = put_two_digits(at, second % 60);
    at = put_text(at, " GMT", 4);
    *at = '\0';
    clock->date_s = clock->wall_s;
}

fr_span fr_clock_date(struct fr_clock *clock)
{
    if (clock->date_s != clock->wall_s)
        write_date(clock);
    return fr_span_of(clock->date, FR_CLOCK_DATE_LEN);
}

uint64_t fr_clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
