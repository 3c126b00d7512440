/* http1/scan_lines.h - Splitting field lines, written once for all instruction sets; for scan_*.c only.
 *
 * It is inlined into each of them with their own finders, so that the loop over the lines of a head has no
 * calls left in it. RFC 9112 section 5. */
#ifndef FR_HTTP1_SCAN_LINES_H
#define FR_HTTP1_SCAN_LINES_H

#include "http1/scan.h"

/* The first byte in [at, end) that ends a name, or a value; `end` when there is none. */
typedef const char *fr_scan_find(const char *at, const char *end);

/* As split_fields of struct fr_scan_ops. */
static inline __attribute__((always_inline)) size_t fr_scan_split(fr_span bytes, size_t *at, struct fr_header *fields,
                                                                  size_t fields_max, fr_scan_find *find_name_end,
                                                                  fr_scan_find *find_value_end);

/* ---- inline definitions ---- */

static inline size_t fr_scan_split(fr_span bytes, size_t *at, struct fr_header *fields, size_t fields_max,
                                   fr_scan_find *find_name_end, fr_scan_find *find_value_end)
{
    const char *line = bytes.data + *at, *end = bytes.data + bytes.len;
    size_t count = 0;
    for (; count < fields_max; count++) {
        const char *colon = find_name_end(line, end);
        if (colon == line || colon == end || *colon != ':')
            break;
        const char *value = colon + 1;
        while (value < end && (*value == ' ' || *value == '\t'))
            value++;
        const char *stop = find_value_end(value, end);
        if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n')
            break;
        const char *last = stop;
        while (last > value && (last[-1] == ' ' || last[-1] == '\t'))
            last--;
        fields[count].name = (fr_span){line, (size_t)(colon - line)};
        fields[count].value = (fr_span){value, (size_t)(last - value)};
        line = stop + 2;
    }
    *at = (size_t)(line - bytes.data);
    return count;
}

#endif
