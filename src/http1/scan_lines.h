/* http1/scan_lines.h - Splitting field lines by vectors, written once for all of them; for scan_*.c only.
 *
 * Finding a name, then its value, then the next name is a chain in which every step waits for the one before.
 * So the ends of lines are found first, from one pass over the blocks that waits for nothing; then lines
 * are independent of each other and the processor works on several at once. Inlined into each scan with
 * its own functions, so no calls are left. RFC 9112 section 5. */
#ifndef FR_HTTP1_SCAN_LINES_H
#define FR_HTTP1_SCAN_LINES_H

#include <stdint.h>

#include "http1/scan.h"

/* What a block of `width` bytes has in it: the lowest bit (or nibble) is for the first byte. */
struct fr_scan_block {
    uint64_t controls; /* CTL but HTAB, and DEL */
    uint64_t feeds;    /* LF */
};

/* The set as the template sees it. */
struct fr_scan_set {
    unsigned width;     /* bytes in a block */
    unsigned mask_bits; /* bits for each of them, one of which is used */
    /* The block at `at`; bits of bytes at or after `end` are 0. The last `width` bytes are readable. */
    struct fr_scan_block (*read_block)(const char *at, const char *end);
    /* The first byte in [at, end) that ends a name; `end` when there is none. */
    const char *(*find_name_end)(const char *at, const char *end);
};

/* As split_fields of struct fr_scan_ops; bytes.len >= set.width. */
static inline size_t fr_scan_split(struct fr_scan_set set, fr_span bytes, size_t *at, struct fr_header *fields,
                                   size_t fields_max);

/* ---- inline definitions ---- */

/* The line from `line` to the LF at `feed`, which has no other control in it than perhaps a CR before the LF.
 * False when it is empty or not a field. */
static inline __attribute__((always_inline)) bool fr_scan_split_line(struct fr_scan_set set, const char *line,
                                                                     const char *feed, const char *end,
                                                                     struct fr_header *field)
{
    const char *stop = feed - 1;
    if (stop <= line || *stop != '\r')
        return false;
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
    const uint64_t last_bit = UINT64_C(1) << ((set.width - 1) * set.mask_bits);
    size_t count = 0;
    bool owes_feed = false; /* the block before ended with a control, which can only be a CR */
    for (const char *block = line; block < end; block += set.width) {
        struct fr_scan_block found = set.read_block(block, end);
        /* A control other than LF must be the byte before an LF. Lines end where that is first broken. */
        uint64_t others = found.controls & ~found.feeds;
        uint64_t faults = others & ~(found.feeds >> set.mask_bits | last_bit);
        faults |= owes_feed & ~found.feeds;
        owes_feed = (others & last_bit) != 0;
        uint64_t feeds = found.feeds & (faults - 1) & ~faults;
        for (; feeds; feeds &= feeds - 1) {
            const char *feed = block + (unsigned)__builtin_ctzll(feeds) / set.mask_bits;
            if (count == fields_max || !fr_scan_split_line(set, line, feed, end, &fields[count]))
                goto done;
            count++;
            line = feed + 1;
        }
        if (faults)
            break;
    }
done:
    *at = (size_t)(line - bytes.data);
    return count;
}

#endif
