/* websocket/mask.c - Exclusive or with four bytes, over and over: 32, 16, 8 bytes at a time, then one by one.
 *
 * Every width is a multiple of four, so the key stays as it is turned. All loads and stores may be unaligned. A
 * wider function leaves what it cannot fill to the next narrower one. */
#include "websocket/mask.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Below this many bytes the choice costs more than it brings. */
#define CHOICE_BYTES_MIN 16

static inline void mask_scalar(char *to, const char *from, size_t len, uint32_t key)
{
    uint64_t key_twice = (uint64_t)key << 32 | key, word;
    for (; len >= sizeof word; len -= sizeof word, to += sizeof word, from += sizeof word) {
        memcpy(&word, from, sizeof word);
        word ^= key_twice;
        memcpy(to, &word, sizeof word);
    }
    char key_bytes[sizeof key];
    memcpy(key_bytes, &key, sizeof key);
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(from[i] ^ key_bytes[i % sizeof key]);
}

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2")))

static inline void mask_sse(char *to, const char *from, size_t len, uint32_t key)
{
    const __m128i keys = _mm_set1_epi32((int)key);
    for (; len >= 16; len -= 16, to += 16, from += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
        _mm_storeu_si128((__m128i *)(void *)to, _mm_xor_si128(bytes, keys));
    }
    mask_scalar(to, from, len, key);
}

AVX2 static inline void mask_32(char *to, const char *from, __m256i keys)
{
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)from);
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_xor_si256(bytes, keys));
}

AVX2 static void mask_avx2(char *to, const char *from, size_t len, uint32_t key)
{
    const __m256i keys = _mm256_set1_epi32((int)key);
    for (; len >= 128; len -= 128, to += 128, from += 128) {
        mask_32(to, from, keys);
        mask_32(to + 32, from + 32, keys);
        mask_32(to + 64, from + 64, keys);
        mask_32(to + 96, from + 96, keys);
    }
    for (; len >= 32; len -= 32, to += 32, from += 32)
        mask_32(to, from, keys);
    mask_sse(to, from, len, key);
}

#elif defined(__aarch64__)

static void mask_neon(char *to, const char *from, size_t len, uint32_t key)
{
    const uint8x16_t keys = vreinterpretq_u8_u32(vdupq_n_u32(key));
    for (; len >= 16; len -= 16, to += 16, from += 16)
        vst1q_u8((uint8_t *)to, veorq_u8(vld1q_u8((const uint8_t *)from), keys));
    mask_scalar(to, from, len, key);
}

#endif

fr_mask_function *fr_mask_of(enum fr_cpu_simd simd)
{
    if (!fr_cpu_has(simd))
        return NULL;
    switch (simd) {
#if defined(__x86_64__)
    case FR_CPU_SSE42:
        return mask_sse;
    case FR_CPU_AVX2:
        return mask_avx2;
#elif defined(__aarch64__)
    case FR_CPU_NEON:
        return mask_neon;
#endif
    case FR_CPU_SCALAR:
        return mask_scalar;
    default:
        return NULL;
    }
}

void fr_mask_apply(char *to, const char *from, size_t len, const unsigned char key[FR_FRAME_KEY_BYTES], uint64_t offset)
{
    unsigned char turned[FR_FRAME_KEY_BYTES];
    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = key[(offset + i) % sizeof turned];
    uint32_t word;
    memcpy(&word, turned, sizeof word);
    if (len < CHOICE_BYTES_MIN)
        mask_scalar(to, from, len, word);
    else
        fr_mask_of(fr_cpu_best())(to, from, len, word);
}
