/* base/cpu.h */
#include "base/cpu.h"

#include "unit.h"

static const enum fr_cpu_simd all[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};

TEST(scalar_runs_everywhere)
{
    IS(fr_cpu_has(FR_CPU_SCALAR));
    IS(!fr_cpu_has((enum fr_cpu_simd)99));
}

TEST(the_best_is_one_that_runs)
{
    IS(fr_cpu_has(fr_cpu_best()));
}

TEST(nothing_that_runs_is_wider_than_the_best)
{
    enum fr_cpu_simd best = fr_cpu_best();
    IS(best == FR_CPU_AVX2 || !fr_cpu_has(FR_CPU_AVX2));
    IS(best == FR_CPU_AVX2 || best == FR_CPU_SSE42 || !fr_cpu_has(FR_CPU_SSE42));
    IS(best != FR_CPU_SCALAR || !fr_cpu_has(FR_CPU_NEON));
}

TEST(no_machine_has_two_families)
{
    IS(!(fr_cpu_has(FR_CPU_NEON) && fr_cpu_has(FR_CPU_SSE42)));
#if defined(__aarch64__)
    EQUAL(fr_cpu_best(), FR_CPU_NEON);
#endif
}

TEST(every_set_has_its_name)
{
    static const char *const names[] = {"scalar", "sse4.2", "avx2", "neon"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        SAME(fr_span_of_string(fr_cpu_name(all[i])), names[i]);
    SAME(fr_span_of_string(fr_cpu_name((enum fr_cpu_simd)99)), "unknown");
}

/* The kernel says the same, where it says anything. */
TEST(agrees_with_the_kernel)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file)
        return; /* not Linux */
    char line[16384];
    int flags = 0, avx2 = 0, sse42 = 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, "flags", 5) == 0) {
            flags = 1;
            avx2 = strstr(line, " avx2") != NULL;
            sse42 = strstr(line, " sse4_2") != NULL;
        }
    fclose(file);
    if (flags) {
        EQUAL(fr_cpu_has(FR_CPU_AVX2), avx2);
        EQUAL(fr_cpu_has(FR_CPU_SSE42), sse42);
    }
}
