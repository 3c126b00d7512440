/* bench/load/load.h - What the load generators share: a clock, and memory that is there or ends the program. */
#ifndef FR_BENCH_LOAD_H
#define FR_BENCH_LOAD_H

#include <stdint.h>
#include <time.h>

#include "local.h"

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        die("calloc");
    return memory;
}

#endif
