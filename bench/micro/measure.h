/* bench/micro/measure.h - Times a short operation: many rounds of many calls, the least and the median.
 *
 * The least is what the machine can do when nobody disturbs it; the median says how much it was disturbed. */
#ifndef FR_BENCH_MEASURE_H
#define FR_BENCH_MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define ROUNDS 301
#define ROUND_NS_MIN 200000.0 /* so long that reading the clock does not count */

struct measurement {
    double ns_min, ns_median; /* of one call */
    double cycles_min;        /* of the time stamp counter; 0 where there is none */
};

static inline double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline uint64_t now_cycles(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    return 0;
#endif
}

static inline int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* `run(argument, calls)` makes that many calls. */
static inline struct measurement measure(void (*run)(void *argument, unsigned calls), void *argument)
{
    unsigned calls = 64;
    for (;; calls *= 2) {
        double start = now_ns();
        run(argument, calls);
        if (now_ns() - start > ROUND_NS_MIN)
            break;
    }
    static double ns[ROUNDS];
    uint64_t cycles_min = UINT64_MAX;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        uint64_t start_cycles = now_cycles();
        run(argument, calls);
        uint64_t cycles = now_cycles() - start_cycles;
        ns[round] = (now_ns() - start) / calls;
        cycles_min = cycles < cycles_min ? cycles : cycles_min;
    }
    qsort(ns, ROUNDS, sizeof *ns, compare_doubles);
    return (struct measurement){ns[0], ns[ROUNDS / 2], (double)cycles_min / calls};
}

/* One line of JSON for run.py. `bytes` is what one call looks at. */
static inline void report(const char *subject, const char *set, size_t bytes, struct measurement result)
{
    printf("{\"subject\": \"%s\", \"set\": \"%s\", \"bytes\": %zu, \"ns_min\": %.2f, \"ns_median\": %.2f, "
           "\"cycles_min\": %.1f}\n",
           subject, set, bytes, result.ns_min, result.ns_median, result.cycles_min);
}

#endif
