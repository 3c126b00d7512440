/* http1/scan_sse42.c - The scan 16 bytes at a time, x86-64 with SSE4.2.
 *
 * The end of the span is met by looking once more at its last 16 bytes and shifting out those that were
 * seen; a span that has not as many is left to scan_scalar.c. Byte shuffles (SSSE3) are what is used of the set:
 * its string instructions are slower than they are. */
#include "http1/scan.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#include "http1/scan_lines.h"

#define SSE42 __attribute__((target("sse4.2")))
#define WIDTH 16

typedef uint32_t find_ends(__m128i bytes); /* a bit for each byte that ends the class */

SSE42 static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

SSE42 static inline uint32_t target_ends(__m128i bytes)
{
    __m128i space = _mm_set1_epi8(0x20), delete = _mm_set1_epi8(0x7f);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(bytes, delete)));
}

SSE42 static inline uint32_t value_ends(__m128i bytes)
{
    __m128i control_max = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t'), delete = _mm_set1_epi8(0x7f);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, control_max), bytes);
    low = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(bytes, delete)));
}

/* A tchar is known by its two halves: `rows` has, for each low half, a bit for each high half that makes a
 * tchar with it, and `bits` turns a high half into its bit. Bytes from 0x80 have no row and no bit. */
SSE42 static inline uint32_t name_ends(__m128i bytes)
{
    const __m128i rows =
        _mm_setr_epi8((char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc,
                      (char)0xf8, (char)0xf8, (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70);
    const __m128i bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(0x0f));
    __m128i both = _mm_and_si128(_mm_shuffle_epi8(rows, bytes), _mm_shuffle_epi8(bits, high));
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(both, _mm_setzero_si128()));
}

/* The 16 bytes before `end` must be readable, wherever `at` is. */
SSE42 static inline __attribute__((always_inline)) const char *find(const char *at, const char *end, find_ends *ends)
{
    for (; end - at >= WIDTH; at += WIDTH) {
        uint32_t found = ends(load(at));
        if (found)
            return at + __builtin_ctz(found);
    }
    if (at == end)
        return end;
    uint32_t found = ends(load(end - WIDTH)) >> (WIDTH - (end - at));
    return found ? at + __builtin_ctz(found) : end;
}

SSE42 static inline const char *find_target_end(const char *at, const char *end)
{
    return find(at, end, target_ends);
}

SSE42 static inline const char *find_name_end(const char *at, const char *end)
{
    return find(at, end, name_ends);
}

SSE42 static inline const char *find_value_end(const char *at, const char *end)
{
    return find(at, end, value_ends);
}

SSE42 static inline uint64_t find_value_ends(const char *at, const char *end)
{
    if (end - at >= WIDTH)
        return value_ends(load(at));
    return value_ends(load(end - WIDTH)) >> (WIDTH - (end - at));
}

SSE42 static size_t target_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.target_end(bytes, from);
    return (size_t)(find_target_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

SSE42 static size_t name_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.name_end(bytes, from);
    return (size_t)(find_name_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

SSE42 static size_t value_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.value_end(bytes, from);
    return (size_t)(find_value_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

SSE42 static size_t split_fields(fr_span bytes, size_t *at, struct fr_header *fields, size_t fields_max)
{
    if (bytes.len < WIDTH)
        return fr_scan_scalar.split_fields(bytes, at, fields, fields_max);
    const struct fr_scan_set set = {WIDTH, 1, find_value_ends, find_name_end};
    return fr_scan_split(set, bytes, at, fields, fields_max);
}

const struct fr_scan_ops fr_scan_sse42 = {FR_CPU_SSE42, target_end, name_end, value_end, split_fields};

#else

typedef int fr_scan_sse42_is_for_x86; /* an empty file is not C */

#endif
