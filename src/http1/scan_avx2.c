/* http1/scan_avx2.c - The scan 32 bytes at a time, x86-64 with AVX2.
 *
 * The end of the span is met by looking once more at its last 32 bytes and shifting out those that were
 * seen; a span that has not as many is left to scan_sse42.c. */
#include "http1/scan.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#include "http1/scan_lines.h"

#define AVX2 __attribute__((target("avx2")))
#define WIDTH 32

typedef uint32_t find_ends(__m256i bytes); /* a bit for each byte that ends the class */

AVX2 static inline __m256i load(const char *at)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)at);
}

AVX2 static inline uint32_t target_ends(__m256i bytes)
{
    __m256i space = _mm256_set1_epi8(0x20), delete = _mm256_set1_epi8(0x7f);
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, space), bytes);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_cmpeq_epi8(bytes, delete)));
}

AVX2 static inline uint32_t value_ends(__m256i bytes)
{
    __m256i control_max = _mm256_set1_epi8(0x1f), tab = _mm256_set1_epi8('\t'), delete = _mm256_set1_epi8(0x7f);
    __m256i low = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control_max), bytes);
    low = _mm256_andnot_si256(_mm256_cmpeq_epi8(bytes, tab), low);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_cmpeq_epi8(bytes, delete)));
}

/* A tchar is known by its two halves: `rows` has, for each low half, a bit for each high half that makes a
 * tchar with it, and `bits` turns a high half into its bit. Bytes from 0x80 have no row and no bit. */
AVX2 static inline uint32_t name_ends(__m256i bytes)
{
    const __m256i rows = _mm256_broadcastsi128_si256(
        _mm_setr_epi8((char)0xe8, (char)0xfc, (char)0xf8, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc, (char)0xfc,
                      (char)0xf8, (char)0xf8, (char)0xf4, 0x54, (char)0xd0, 0x54, (char)0xf4, 0x70));
    const __m256i bits =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, (char)128, 0, 0, 0, 0, 0, 0, 0, 0));
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
    __m256i both = _mm256_and_si256(_mm256_shuffle_epi8(rows, bytes), _mm256_shuffle_epi8(bits, high));
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(both, _mm256_setzero_si256()));
}

/* The 32 bytes before `end` must be readable, wherever `at` is. */
AVX2 static inline __attribute__((always_inline)) const char *find(const char *at, const char *end, find_ends *ends)
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

AVX2 static inline const char *find_target_end(const char *at, const char *end)
{
    return find(at, end, target_ends);
}

AVX2 static inline const char *find_name_end(const char *at, const char *end)
{
    return find(at, end, name_ends);
}

AVX2 static inline const char *find_value_end(const char *at, const char *end)
{
    return find(at, end, value_ends);
}

/* 64 bytes, if there are as many, because half as many rounds of the caller cost less than the wider mask. */
AVX2 static inline uint64_t find_value_ends(const char *at, const char *end)
{
    if (end - at >= 2 * WIDTH)
        return value_ends(load(at)) | (uint64_t)value_ends(load(at + WIDTH)) << WIDTH;
    if (end - at > WIDTH)
        return value_ends(load(at)) | (uint64_t)value_ends(load(end - WIDTH)) >> (2 * WIDTH - (end - at)) << WIDTH;
    return value_ends(load(end - WIDTH)) >> (WIDTH - (end - at));
}

AVX2 static size_t target_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_sse42.target_end(bytes, from);
    return (size_t)(find_target_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

AVX2 static size_t name_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_sse42.name_end(bytes, from);
    return (size_t)(find_name_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

AVX2 static size_t value_end(fr_span bytes, size_t from)
{
    if (bytes.len < WIDTH)
        return fr_scan_sse42.value_end(bytes, from);
    return (size_t)(find_value_end(bytes.data + from, bytes.data + bytes.len) - bytes.data);
}

AVX2 static size_t split_fields(fr_span bytes, size_t *at, struct fr_header *fields, size_t fields_max)
{
    if (bytes.len < WIDTH)
        return fr_scan_sse42.split_fields(bytes, at, fields, fields_max);
    const struct fr_scan_set set = {2 * WIDTH, 1, find_value_ends, find_name_end};
    return fr_scan_split(set, bytes, at, fields, fields_max);
}

const struct fr_scan_ops fr_scan_avx2 = {FR_CPU_AVX2, target_end, name_end, value_end, split_fields};

#else

typedef int fr_scan_avx2_is_for_x86; /* an empty file is not C */

#endif
