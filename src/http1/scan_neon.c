/* http1/scan_neon.c - The scan 16 bytes at a time, 64-bit ARM.
 *
 * NEON has no movemask: narrowing each pair of bytes by four bits leaves a nibble for each byte, so offsets are
 * counted in nibbles. The end of the span is met by looking once more at its last 16 bytes and shifting out
 * those that were seen; a span that has not as many is left to scan_scalar.c. */
#include "http1/scan.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <stdint.h>

#include "http1/scan_lines.h"

#define WIDTH 16

typedef uint64_t find_ends(uint8x16_t bytes); /* a nibble for each byte that ends the class */

static inline uint64_t nibbles(uint8x16_t found)
{
    uint8x8_t narrowed = vshrn_n_u16(vreinterpretq_u16_u8(found), 4);
    return vget_lane_u64(vreinterpret_u64_u8(narrowed), 0);
}

static inline uint64_t target_ends(uint8x16_t bytes)
{
    uint8x16_t low = vcleq_u8(bytes, vdupq_n_u8(0x20));
    return nibbles(vorrq_u8(low, vceqq_u8(bytes, vdupq_n_u8(0x7f))));
}

static inline uint64_t value_ends(uint8x16_t bytes)
{
    uint8x16_t low = vbicq_u8(vcltq_u8(bytes, vdupq_n_u8(0x20)), vceqq_u8(bytes, vdupq_n_u8('\t')));
    return nibbles(vorrq_u8(low, vceqq_u8(bytes, vdupq_n_u8(0x7f))));
}

/* A tchar is known by its two halves: `rows` has, for each low half, a bit for each high half that makes a
 * tchar with it, and `bits` turns a high half into its bit. High halves from 8 have none. */
static inline uint64_t name_ends(uint8x16_t bytes)
{
    static const uint8_t row_of[16] = {0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc,
                                       0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70};
    static const uint8_t bit_of[16] = {1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t row = vqtbl1q_u8(vld1q_u8(row_of), vandq_u8(bytes, vdupq_n_u8(0x0f)));
    uint8x16_t bit = vqtbl1q_u8(vld1q_u8(bit_of), vshrq_n_u8(bytes, 4));
    return nibbles(vceqzq_u8(vandq_u8(row, bit)));
}

static inline const char *first_of(uint64_t found, const char *at)
{
    return at + (__builtin_ctzll(found) >> 2);
}

/* The 16 bytes before `end` must be readable, wherever `at` is. */
static inline __attribute__((always_inline)) const char *find(const char *at, const char *end, find_ends *ends)
{
    for (; end - at >= WIDTH; at += WIDTH) {
        uint64_t found = ends(vld1q_u8((const uint8_t *)at));
        if (found)
            return first_of(found, at);
    }
    if (at == end)
        return end;
    uint64_t found = ends(vld1q_u8((const uint8_t *)(end - WIDTH))) >> (4 * (WIDTH - (end - at)));
    return found ? first_of(found, at) : end;
}

static inline const char *find_target_end(const char *at, const char *end)
{
    return find(at, end, target_ends);
}

static inline const char *find_name_end(const char *at, const char *end)
{
    return find(at, end, name_ends);
}

static inline const char *find_value_end(const char *at, const char *end)
{
    return find(at, end, value_ends);
}

/* One bit of each nibble, so that the next one is found by clearing the lowest. */
static inline uint64_t find_value_ends(const char *at, const char *end)
{
    const uint64_t lowest = 0x1111111111111111u;
    if (end - at >= WIDTH)
        return value_ends(vld1q_u8((const uint8_t *)at)) & lowest;
    return (value_ends(vld1q_u8((const uint8_t *)(end - WIDTH))) & lowest) >> (4 * (WIDTH - (end - at)));
}

static size_t target_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.target_end(bytes, from);
    return (size_t)(find_target_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

static size_t name_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.name_end(bytes, from);
    return (size_t)(find_name_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

static size_t value_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.value_end(bytes, from);
    return (size_t)(find_value_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

static size_t split_fields(fr_span bytes, size_t *at, struct fr_header *fields, size_t fields_max)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.split_fields(bytes, at, fields, fields_max);
    const struct fr_scan_set set = {WIDTH, 4, find_value_ends, find_name_end};
    return fr_scan_split(set, bytes, at, fields, fields_max);
}

const struct fr_scan_ops fr_scan_neon = {FR_CPU_NEON, target_end, name_end, value_end, split_fields};

#else

typedef int fr_scan_neon_is_for_arm; /* an empty file is not C */

#endif
