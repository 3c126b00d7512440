/* base/cpu.c - Asks the compiler's runtime, which has asked the processor before main began.
 *
 * So every answer is a load and a test, and nothing needs to be remembered here. */
#include "base/cpu.h"

int fr_cpu_has(enum fr_cpu_simd simd)
{
    switch (simd) {
    case FR_CPU_SCALAR:
        return 1;
#if defined(__x86_64__) && defined(__GNUC__)
    case FR_CPU_SSE42:
        return __builtin_cpu_supports("sse4.2") != 0;
    case FR_CPU_AVX2:
        return __builtin_cpu_supports("avx2") != 0;
#endif
#if defined(__aarch64__)
    case FR_CPU_NEON:
        return 1; /* part of the architecture */
#endif
    default:
        return 0;
    }
}

enum fr_cpu_simd fr_cpu_best(void)
{
    static const enum fr_cpu_simd widest_first[] = {FR_CPU_AVX2, FR_CPU_SSE42, FR_CPU_NEON};
    for (unsigned i = 0; i < sizeof widest_first / sizeof *widest_first; i++)
        if (fr_cpu_has(widest_first[i]))
            return widest_first[i];
    return FR_CPU_SCALAR;
}

const char *fr_cpu_name(enum fr_cpu_simd simd)
{
    static const char *const names[] = {
        [FR_CPU_SCALAR] = "scalar",
        [FR_CPU_SSE42] = "sse4.2",
        [FR_CPU_AVX2] = "avx2",
        [FR_CPU_NEON] = "neon",
    };
    return (unsigned)simd < sizeof names / sizeof *names ? names[simd] : "unknown";
}
