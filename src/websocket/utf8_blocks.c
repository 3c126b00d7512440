/* websocket/utf8_blocks.c - Every two neighbouring bytes are looked up at once (J. Keiser, D. Lemire, "Validating UTF-8
 * in less than one instruction per byte", 2021).
 *
 * Whatever can be wrong with a byte after another shows in the two halves of the first and the upper half of the
 * second. Each of the three has a table of 16 entries with a bit for each mistake that it does not rule out; a mistake
 * that none rules out is one. Only whether a continuation may follow a continuation is not known from two bytes:
 * there the first bytes of long characters, two and three places before, must agree. */
#include "websocket/utf8_blocks.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__x86_64__) || defined(__aarch64__)

#include <stdint.h>

/* What two neighbours can be: a first byte without continuation, a continuation without first byte, ... */
#define CUT 0x01
#define STRAY 0x02
#define OVERLONG_2 0x04
#define OVERLONG_3 0x08
#define SURROGATE 0x10
#define TOO_LARGE 0x20       /* F4 and 90 or more; F5 and more, and 90 or more */
#define WRONG_WITH_8X 0x40   /* F0 and 80 to 8F, overlong; F5 and more, and 80 to 8F, too large */
#define CONTINUED_TWICE 0x80 /* the one that is no mistake in the third and fourth byte of a character */

#define ANY_LOW (CUT | STRAY | CONTINUED_TWICE) /* the lower half of the first byte says nothing about these */
#define BEYOND (ANY_LOW | TOO_LARGE | WRONG_WITH_8X)
#define ANY_CONTINUATION (STRAY | OVERLONG_2 | CONTINUED_TWICE)

/* By the upper half of the first byte, its lower half, the upper half of the second. */
static const uint8_t first_high[16] = {STRAY,
                                       STRAY,
                                       STRAY,
                                       STRAY,
                                       STRAY,
                                       STRAY,
                                       STRAY,
                                       STRAY,
                                       CONTINUED_TWICE,
                                       CONTINUED_TWICE,
                                       CONTINUED_TWICE,
                                       CONTINUED_TWICE,
                                       CUT | OVERLONG_2,
                                       CUT,
                                       CUT | OVERLONG_3 | SURROGATE,
                                       CUT | TOO_LARGE | WRONG_WITH_8X};
static const uint8_t first_low[16] = {ANY_LOW | OVERLONG_2 | OVERLONG_3 | WRONG_WITH_8X,
                                      ANY_LOW | OVERLONG_2,
                                      ANY_LOW,
                                      ANY_LOW,
                                      ANY_LOW | TOO_LARGE,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND,
                                      BEYOND | SURROGATE,
                                      BEYOND,
                                      BEYOND};
static const uint8_t second_high[16] = {CUT,
                                        CUT,
                                        CUT,
                                        CUT,
                                        CUT,
                                        CUT,
                                        CUT,
                                        CUT,
                                        ANY_CONTINUATION | OVERLONG_3 | WRONG_WITH_8X,
                                        ANY_CONTINUATION | OVERLONG_3 | TOO_LARGE,
                                        ANY_CONTINUATION | SURROGATE | TOO_LARGE,
                                        ANY_CONTINUATION | SURROGATE | TOO_LARGE,
                                        CUT,
                                        CUT,
                                        CUT,
                                        CUT};

/* Taken from a byte, these leave the upper bit to E0 and more, and to F0 and more. */
#define BELOW_THREE (0xe0 - 0x80)
#define BELOW_FOUR (0xf0 - 0x80)

/* The beginning of the character that is not complete before `at`, or `at`. All before it has been looked at. */
static size_t last_boundary(fr_span text, size_t at)
{
    for (size_t back = 1; back <= 3 && back <= at; back++) {
        unsigned char byte = (unsigned char)text.data[at - back];
        if (byte >= 0xc0)
            return byte >= (back == 1 ? 0xc0 : back == 2 ? 0xe0 : 0xf0) ? at - back : at;
        if (byte < 0x80)
            return at;
    }
    return at;
}

#endif

#if defined(__x86_64__)

#define SSE __attribute__((target("sse4.2")))
#define AVX2 __attribute__((target("avx2")))

SSE static inline __m128i load_16(const void *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

/* Not zero where `bytes`, which follow `before`, are wrong. */
SSE static inline __m128i mistakes_16(__m128i bytes, __m128i before)
{
    const __m128i half = _mm_set1_epi8(0x0f);
    __m128i first = _mm_alignr_epi8(bytes, before, 15);
    __m128i high = _mm_and_si128(_mm_srli_epi16(first, 4), half), low = _mm_and_si128(first, half);
    __m128i second = _mm_and_si128(_mm_srli_epi16(bytes, 4), half);
    __m128i pairs =
        _mm_and_si128(_mm_shuffle_epi8(load_16(first_high), high), _mm_shuffle_epi8(load_16(first_low), low));
    pairs = _mm_and_si128(pairs, _mm_shuffle_epi8(load_16(second_high), second));
    __m128i third = _mm_subs_epu8(_mm_alignr_epi8(bytes, before, 14), _mm_set1_epi8(BELOW_THREE));
    __m128i fourth = _mm_subs_epu8(_mm_alignr_epi8(bytes, before, 13), _mm_set1_epi8(BELOW_FOUR));
    __m128i continued = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)CONTINUED_TWICE));
    return _mm_xor_si128(pairs, continued);
}

SSE static size_t skip_sse42(fr_span text)
{
    __m128i before = _mm_setzero_si128();
    size_t at = 0;
    for (; text.len - at >= 16; at += 16) {
        __m128i bytes = load_16(text.data + at);
        if (_mm_movemask_epi8(_mm_or_si128(bytes, before)) != 0) {
            __m128i mistakes = mistakes_16(bytes, before);
            if (!_mm_testz_si128(mistakes, mistakes))
                break;
        }
        before = bytes;
    }
    return last_boundary(text, at);
}

AVX2 static inline __m256i load_twice(const uint8_t *table)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)table));
}

AVX2 static inline __m256i mistakes_32(__m256i bytes, __m256i before)
{
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i middle = _mm256_permute2x128_si256(before, bytes, 0x21); /* the last 16 before, the first 16 of these */
    __m256i first = _mm256_alignr_epi8(bytes, middle, 15);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(first, 4), half), low = _mm256_and_si256(first, half);
    __m256i second = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
    __m256i pairs = _mm256_and_si256(_mm256_shuffle_epi8(load_twice(first_high), high),
                                     _mm256_shuffle_epi8(load_twice(first_low), low));
    pairs = _mm256_and_si256(pairs, _mm256_shuffle_epi8(load_twice(second_high), second));
    __m256i third = _mm256_subs_epu8(_mm256_alignr_epi8(bytes, middle, 14), _mm256_set1_epi8(BELOW_THREE));
    __m256i fourth = _mm256_subs_epu8(_mm256_alignr_epi8(bytes, middle, 13), _mm256_set1_epi8(BELOW_FOUR));
    __m256i continued = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)CONTINUED_TWICE));
    return _mm256_xor_si256(pairs, continued);
}

AVX2 static size_t skip_avx2(fr_span text)
{
    __m256i before = _mm256_setzero_si256();
    size_t at = 0;
    for (; text.len - at >= 32; at += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(text.data + at));
        if (_mm256_movemask_epi8(_mm256_or_si256(bytes, before)) != 0) {
            __m256i mistakes = mistakes_32(bytes, before);
            if (!_mm256_testz_si256(mistakes, mistakes))
                break;
        }
        before = bytes;
    }
    at = last_boundary(text, at);
    return at + skip_sse42(fr_span_skip(text, at));
}

#elif defined(__aarch64__)

static inline uint8x16_t mistakes_16(uint8x16_t bytes, uint8x16_t before)
{
    uint8x16_t first = vextq_u8(before, bytes, 15);
    uint8x16_t pairs = vandq_u8(vqtbl1q_u8(vld1q_u8(first_high), vshrq_n_u8(first, 4)),
                                vqtbl1q_u8(vld1q_u8(first_low), vandq_u8(first, vdupq_n_u8(0x0f))));
    pairs = vandq_u8(pairs, vqtbl1q_u8(vld1q_u8(second_high), vshrq_n_u8(bytes, 4)));
    uint8x16_t third = vqsubq_u8(vextq_u8(before, bytes, 14), vdupq_n_u8(BELOW_THREE));
    uint8x16_t fourth = vqsubq_u8(vextq_u8(before, bytes, 13), vdupq_n_u8(BELOW_FOUR));
    return veorq_u8(pairs, vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(CONTINUED_TWICE)));
}

static size_t skip_neon(fr_span text)
{
    uint8x16_t before = vdupq_n_u8(0);
    size_t at = 0;
    for (; text.len - at >= 16; at += 16) {
        uint8x16_t bytes = vld1q_u8((const uint8_t *)text.data + at);
        if (vmaxvq_u8(vorrq_u8(bytes, before)) >= 0x80 && vmaxvq_u8(mistakes_16(bytes, before)) != 0)
            break;
        before = bytes;
    }
    return last_boundary(text, at);
}

#endif

fr_utf8_skip_function *fr_utf8_skip_of(enum fr_cpu_simd simd)
{
    if (!fr_cpu_has(simd))
        return NULL;
    switch (simd) {
#if defined(__x86_64__)
    case FR_CPU_SSE42:
        return skip_sse42;
    case FR_CPU_AVX2:
        return skip_avx2;
#elif defined(__aarch64__)
    case FR_CPU_NEON:
        return skip_neon;
#endif
    default:
        return NULL;
    }
}
