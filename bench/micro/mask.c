/* bench/micro/mask.c - How fast each instruction set takes the mask off a payload. */
#include <string.h>

#include "measure.h"
#include "websocket/mask.h"

struct subject {
    fr_mask_function *apply;
    char *bytes;
    size_t len;
};

static void apply_mask(void *argument, unsigned calls)
{
    const struct subject *subject = argument;
    while (calls--)
        subject->apply(subject->bytes, subject->bytes, subject->len, 0x3d21fa37);
}

static void apply_best(char *to, const char *from, size_t len, uint32_t key)
{
    unsigned char key_bytes[sizeof key];
    memcpy(key_bytes, &key, sizeof key);
    fr_mask_apply(to, from, len, key_bytes, 1);
}

int main(void)
{
    static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};
    static const size_t lens[] = {8, 64, 1000, 4096, 65536};
    static char bytes[65536 + 6];
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct subject subject = {NULL, bytes + 6, lens[i]}; /* as behind a short head */
        for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) {
            subject.apply = fr_mask_of(sets[set]);
            if (subject.apply)
                report("mask", fr_cpu_name(sets[set]), lens[i], measure(apply_mask, &subject));
        }
        subject.apply = apply_best;
        report("mask", "chosen", lens[i], measure(apply_mask, &subject));
    }
    return 0;
}
