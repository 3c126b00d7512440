/* base/cpu.h - Which vector instructions this machine has. */
#ifndef FR_BASE_CPU_H
#define FR_BASE_CPU_H

enum fr_cpu_simd { FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON };

/* The widest set this build knows and this machine runs. */
enum fr_cpu_simd fr_cpu_best(void);

/* This machine runs `simd`, and this build knows it. */
int fr_cpu_has(enum fr_cpu_simd simd);

/* "scalar", "sse4.2", "avx2" or "neon". */
const char *fr_cpu_name(enum fr_cpu_simd simd);

#endif
