/* http1/scan.h - Finding the first byte of a class, many bytes at a time. RFC 9112 sections 3 and 5.
 *
 * One table per instruction set; all of them answer alike, the scalar one is the reference. A table is chosen
 * once per head: the choice is a load and a test (base/cpu.h), so nothing needs to remember it. No
 * function reads outside the span it is given, not even to throw the bytes away. */
#ifndef FR_HTTP1_SCAN_H
#define FR_HTTP1_SCAN_H

#include <stddef.h>

#include "base/cpu.h"
#include "http/message.h"

struct fr_scan_ops {
    enum fr_cpu_simd simd;

    /* The offset of the first byte at or after `from` that ends ..., or bytes.len when there is none:
     * a request target: SP, any CTL, DEL; */
    size_t (*target_end)(fr_span bytes, size_t from);
    /* a field name: whatever is not a tchar; */
    size_t (*name_end)(fr_span bytes, size_t from);
    /* a field value: any CTL but HTAB, DEL. */
    size_t (*value_end)(fr_span bytes, size_t from);

    /* Splits field lines from `*at` on: name and trimmed value of each go to `fields`, `*at` moves behind its
     * CR LF. Stops before the first line that is the empty one, not complete or not well-formed, or when
     * `fields_max` lines are split. Returns how many; `known` is not set. */
    size_t (*split_fields)(fr_span bytes, size_t *at, struct fr_header *fields, size_t fields_max);
};

/* The widest that this machine runs. */
const struct fr_scan_ops *fr_scan_best(void);

/* The one for `simd`, or NULL when this build or this machine lacks it. */
const struct fr_scan_ops *fr_scan_of(enum fr_cpu_simd simd);

extern const struct fr_scan_ops fr_scan_scalar;
#if defined(__x86_64__)
extern const struct fr_scan_ops fr_scan_sse42, fr_scan_avx2;
#endif
#if defined(__aarch64__)
extern const struct fr_scan_ops fr_scan_neon;
#endif

#endif
