/* bench/micro/scan.c - How fast each instruction set finds the end of a target, a name and a value. */
#include <string.h>

#include "http1/scan.h"
#include "measure.h"

struct subject {
    size_t (*find_end)(fr_span bytes, size_t from);
    fr_span bytes;
};

static void find_ends(void *argument, unsigned calls)
{
    const struct subject *subject = argument;
    fr_span bytes = subject->bytes;
    while (calls--) {
        if (subject->find_end(bytes, 0) != bytes.len - 1)
            abort();
    }
}

int main(void)
{
    static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};
    static const size_t lens[] = {8, 24, 80, 4096};
    static char bytes[4097];
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        memset(bytes, 'a', sizeof bytes);
        bytes[lens[i]] = '\n';
        for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) {
            const struct fr_scan_ops *scan = fr_scan_of(sets[set]);
            if (!scan)
                continue;
            struct subject target = {scan->target_end, fr_span_of(bytes, lens[i] + 1)};
            struct subject name = {scan->name_end, target.bytes}, value = {scan->value_end, target.bytes};
            report("end of a target", fr_cpu_name(sets[set]), lens[i], measure(find_ends, &target));
            report("end of a name", fr_cpu_name(sets[set]), lens[i], measure(find_ends, &name));
            report("end of a value", fr_cpu_name(sets[set]), lens[i], measure(find_ends, &value));
        }
    }
    return 0;
}
