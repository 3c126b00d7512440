/* http1/scan.c - Which scan to use. */
#include "http1/scan.h"

const struct fr_scan_ops *fr_scan_of(enum fr_cpu_simd simd)
{
    if (!fr_cpu_has(simd))
        return NULL;
    switch (simd) {
#if defined(__x86_64__)
    case FR_CPU_SSE42:
        return &fr_scan_sse42;
    case FR_CPU_AVX2:
        return &fr_scan_avx2;
#endif
#if defined(__aarch64__)
    case FR_CPU_NEON:
        return &fr_scan_neon;
#endif
    case FR_CPU_SCALAR:
        return &fr_scan_scalar;
    default:
        return NULL;
    }
}

const struct fr_scan_ops *fr_scan_best(void)
{
    return fr_scan_of(fr_cpu_best());
}
