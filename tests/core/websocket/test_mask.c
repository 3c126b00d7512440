/* websocket/mask.h: every width agrees with exclusive or byte by byte, at every length, alignment and turn of the key,
 * in place and not, from memory of exactly the size. */
#include "websocket/mask.h"

#include "unit.h"

#define LEN_MAX 300
#define GUARD 0x5a

static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};

static uint64_t random_state = 6455;

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static void fill(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)pick(256);
}

static void is_masked(const char *to, const char *from, size_t len, const unsigned char *key, uint64_t offset)
{
    for (size_t i = 0; i < len; i++)
        if (to[i] != (char)((unsigned char)from[i] ^ key[(i + offset) % 4]))
            UNIT_FAIL("byte %zu of %zu, %u turned", i, len, (unsigned)(offset % 4));
}

TEST(a_masked_hello)
{
    static const unsigned char key[] = {0x37, 0xfa, 0x21, 0x3d};
    char bytes[] = "\x7f\x9f\x4d\x51\x58";
    fr_mask_apply(bytes, bytes, 5, key, 0);
    SAME(fr_span_of(bytes, 5), "Hello");
}

TEST(every_set_that_runs_is_there)
{
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++)
        EQUAL(fr_mask_of(sets[set]) != NULL, fr_cpu_has(sets[set]));
    IS(fr_mask_of((enum fr_cpu_simd)99) == NULL);
}

TEST(every_length_and_alignment)
{
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) {
        fr_mask_function *apply = fr_mask_of(sets[set]);
        if (!apply)
            continue;
        for (size_t len = 0; len <= LEN_MAX; len++) {
            size_t shift = pick(33);
            char *from = malloc(shift + len + 1), *to = malloc(shift + len + 1);
            fill(from, shift + len);
            memset(to, GUARD, shift + len + 1);
            uint32_t key = (pick(65536) << 16) | pick(65536);
            apply(to + shift, from + shift, len, key);
            is_masked(to + shift, from + shift, len, (const unsigned char *)&key, 0);
            for (size_t i = 0; i < shift; i++)
                EQUAL(to[i], GUARD);
            EQUAL(to[shift + len], GUARD);
            free(from);
            free(to);
        }
    }
}

TEST(in_place_at_the_very_edge_of_memory)
{
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) {
        fr_mask_function *apply = fr_mask_of(sets[set]);
        for (size_t len = 0; apply && len <= LEN_MAX; len++) {
            char *bytes = malloc(len ? len : 1), before[LEN_MAX + 1];
            fill(bytes, len);
            memcpy(before, bytes, len);
            uint32_t key = pick(1u << 30);
            apply(bytes, bytes, len, key);
            is_masked(bytes, before, len, (const unsigned char *)&key, 0);
            free(bytes);
        }
    }
}

/* A payload that comes in pieces is unmasked as one that comes whole, wherever it is cut. */
TEST(every_split_point)
{
    static const unsigned char key[] = {0x12, 0xfe, 0x00, 0x81};
    char from[LEN_MAX], to[LEN_MAX];
    fill(from, sizeof from);
    for (size_t cut = 0; cut <= sizeof from; cut++) {
        size_t second = cut + (sizeof from - cut) / 3;
        memcpy(to, from, sizeof from);
        fr_mask_apply(to, to, cut, key, 0);
        fr_mask_apply(to + cut, to + cut, second - cut, key, cut);
        fr_mask_apply(to + second, to + second, sizeof from - second, key, second);
        is_masked(to, from, sizeof from, key, 0);
    }
}

TEST(an_offset_beyond_four_gigabytes)
{
    static const unsigned char key[] = {1, 2, 3, 4};
    char from[40], to[40];
    fill(from, sizeof from);
    for (uint64_t turn = 0; turn < 4; turn++) {
        fr_mask_apply(to, from, sizeof from, key, ((uint64_t)1 << 40) + turn);
        is_masked(to, from, sizeof from, key, turn);
    }
}
