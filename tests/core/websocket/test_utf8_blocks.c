/* websocket/utf8_blocks.h: every set skips whole characters only, nothing that is wrong, and of a valid text all but
 * its end; mistakes of every kind at every place in and between the blocks. */
#include "websocket/utf8_blocks.h"

#include "unit.h"
#include "utf8_definition.h"

#define LEFT_MAX 34

static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};
#define EACH_SKIP(skip)                                           \
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) \
        for (fr_utf8_skip_function *skip = fr_utf8_skip_of(sets[set]); skip; skip = NULL)

static uint64_t random_state = 2021;

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

/* Skips from memory of exactly the size; what is skipped is whole and valid. */
static size_t skip_exactly(fr_utf8_skip_function *skip, const char *text, size_t len)
{
    char *bytes = malloc(len ? len : 1);
    memcpy(bytes, text, len);
    size_t skipped = skip(fr_span_of(bytes, len));
    IS(skipped <= len);
    if (!utf8_by_definition(bytes, skipped))
        UNIT_FAIL("%zu bytes of %zu are not valid", skipped, len);
    free(bytes);
    return skipped;
}

TEST(every_set_that_runs_is_there)
{
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++)
        EQUAL(fr_utf8_skip_of(sets[set]) != NULL, fr_cpu_has(sets[set]) && sets[set] != FR_CPU_SCALAR);
    IS(fr_utf8_skip_of((enum fr_cpu_simd)99) == NULL);
}

TEST(a_valid_text_is_skipped_but_for_its_end)
{
    static const char *const samples[] = {"a",
                                          "\xc3\xa9",
                                          "\xe5\xa4\xa7",
                                          "\xf0\x9f\x98\x80",
                                          "ab\xc2\x80",
                                          "\xed\x9f\xbf\xee\x80\x80x",
                                          "\xf4\x8f\xbf\xbf\x7f\xdf\xbf\xe0\xa0\x80"};
    EACH_SKIP(skip)
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (size_t shift = 0; shift < 4; shift++) {
            char text[300] = "xxx";
            size_t len = shift, sample_len = strlen(samples[i]);
            for (; len + sample_len <= sizeof text; len += sample_len)
                memcpy(text + len, samples[i], sample_len);
            IS(len - skip_exactly(skip, text, len) <= LEFT_MAX);
            for (size_t cut = 0; cut < len; cut++)
                IS(cut - skip_exactly(skip, text, cut) <= LEFT_MAX);
        }
}

/* Four bytes, each from the edges of a range, at every place of two blocks of 32: never is a mistake skipped, and where
 * there is none, nothing stands in the way. */
TEST(every_sequence_at_every_place)
{
    static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0,
                                          0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    const unsigned count = sizeof edges;
    char text[128];
    EACH_SKIP(skip)
    for (unsigned sequence = 0; sequence < count * count * count * count; sequence++) {
        size_t at = 1 + sequence % 66;
        memset(text, 'x', sizeof text);
        for (unsigned i = 0, rest = sequence; i < 4; i++, rest /= count)
            text[at + i] = (char)edges[rest % count];
        size_t skipped = skip(fr_span_of(text, sizeof text));
        bool valid = utf8_by_definition(text + at, 4) || utf8_by_definition(text, sizeof text);
        if (valid ? skipped < sizeof text - LEFT_MAX : skipped > at + 3 || !utf8_by_definition(text, skipped))
            UNIT_FAIL("%02x %02x %02x %02x at %zu: %zu skipped", text[at] & 255, text[at + 1] & 255, text[at + 2] & 255,
                      text[at + 3] & 255, at, skipped);
    }
}

TEST(random_bytes)
{
    static const unsigned char likely[] = {'x', 0x80, 0xbf, 0xc3, 0xe5, 0xed, 0xf0, 0xf4};
    EACH_SKIP(skip)
    for (unsigned round = 0; round < 20000; round++) {
        char text[100];
        size_t len = pick(sizeof text + 1);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)(pick(30) ? 'x' : pick(2) ? likely[pick(sizeof likely)] : pick(256));
        skip_exactly(skip, text, len);
    }
}
