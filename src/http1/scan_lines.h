/* http1/scan_lines.h - Splitting field lines by vectors, written once for all of them; for scan_*.c only.
 *
 * Finding a name, then its value, then the next name is a chain in which every step waits for the one before.
 * So the ends of lines are found first, in a pass over the bytes that waits for nothing; then lines are
 * independent of each other and the processor works on several at once. Inlined into each scan with its own
 * functions, so that no calls are left. RFC 9112 section 5. */
#ifndef FR_HTTP1_SCAN_LINES_H
#define FR_HTTP1_SCAN_LINES_H

#include <stdint.h>

#include "http1/scan.h"

/* A set of instructions as the template sees it. */
struct fr_scan_set {
    unsigned width;     /* bytes in a block, at most 64 */
    unsigned mask_bits; /* for each byte of a block in a mask; the lowest of them is used */
    /* Which of the bytes from `at` on, `width` of them but none from `end` on, cannot be part of a value. The
     * `width` bytes before `end` are readable. */
    uint64_t (*find_value_ends)(const char *at, const char *end);
    /* The first byte in [at, end) that ends a name; `end` when there is none. The same are readable. */
    const char *(*find_name_end)(const char *at, const char *end);
};

/* As split_fields of struct fr_scan_ops; bytes.len >= set.width. */
static inline size_t fr_scan_split(struct fr_scan_set set, fr_span bytes, size_t *at, struct fr_header *fields,
                                   size_t fields_max);

/* ---- inline definitions ---- */

static inline bool fr_scan_is_line_end(const char *at, const char *end)
{
    return end - at >= 2 && at[0] == '\r' && at[1] == '\n';
}

/* The line from `line` to the CR at `stop`, which is the first control in it. False when it is empty or has
 * no well-formed name. */
static inline __attribute__((always_inline)) bool fr_scan_split_line(struct fr_scan_set set, const char *line,
                                                                     const char *stop, const char *end,
                                                                     struct fr_header *field)
{
    const char *colon = set.find_name_end(line, end); /* the CR stops it at the latest */
    if (*colon != ':' || colon == line)
        return false;
    const char *value = colon + 1;
    while (*value == ' ' || *value == '\t')
        value++;
    while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    field->name = (fr_span){line, (size_t)(colon - line)};
    field->value = (fr_span){value, (size_t)(stop - value)};
    return true;
}

static inline __attribute__((always_inline)) size_t fr_scan_split(struct fr_scan_set set, fr_span bytes, size_t *at,
                                                                  struct fr_header *fields, size_t fields_max)
{
    const char *line = bytes.data + *at, *end = bytes.data + bytes.len;
    size_t count = 0;
    for (const char *block = line; block < end; block += set.width) {
        uint64_t ends = set.find_value_ends(block, end);
        if (line > block) /* by one: the LF whose CR was the last of the block before */
            ends &= ends - 1;
        for (; ends; ends &= ends - 1) {
            const char *stop = block + (unsigned)__builtin_ctzll(ends) / set.mask_bits;
            if (count == fields_max || !fr_scan_is_line_end(stop, end) ||
                !fr_scan_split_line(set, line, stop, end, &fields[count]))
                goto done;
            count++;
            line = stop + 2;
            ends &= ends - 1;
        }
    }
done:
    *at = (size_t)(line - bytes.data);
    return count;
}

#endif
