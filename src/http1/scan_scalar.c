/* http1/scan_scalar.c - The scan one byte at a time: the reference, and what short spans fall back to. */
#include "http1/scan.h"

#include <stdint.h>

/* What a byte may be part of. */
#define T 1u /* target */
#define N 2u /* name */
#define V 4u /* value */

/* clang-format off */
static const uint8_t classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, V, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
#define TV (T | V)
#define TNV (T | N | V)
    /*  ! " # $ % & ' ( ) * + , - . / */
    V, TNV, TV, TNV, TNV, TNV, TNV, TNV, TV, TV, TNV, TNV, TV, TNV, TNV, TV,
    /* 0 to 9, : ; < = > ? */
    TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TV, TV, TV, TV, TV, TV,
    /* @ A to O */
    TV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV,
    /* P to Z, [ \ ] ^ _ */
    TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TV, TV, TV, TNV, TNV,
    /* ` a to o */
    TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV,
    /* p to z, { | } ~ DEL */
    TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TNV, TV, TNV, TV, TNV, 0,
#define TV16 TV, TV, TV, TV, TV, TV, TV, TV, TV, TV, TV, TV, TV, TV, TV, TV
    TV16, TV16, TV16, TV16, TV16, TV16, TV16, TV16,
};
/* clang-format on */

static inline const char *find_end(const char *at, const char *end, unsigned part_of)
{
    while (at < end && (classes[(unsigned char)*at] & part_of))
        at++;
    return at;
}

static size_t target_end(fr_span bytes, size_t from)
{
    return (size_t)(find_end(bytes.data + from, bytes.data + bytes.len, T) - bytes.data);
}

static size_t name_end(fr_span bytes, size_t from)
{
    return (size_t)(find_end(bytes.data + from, bytes.data + bytes.len, N) - bytes.data);
}

static size_t value_end(fr_span bytes, size_t from)
{
    return (size_t)(find_end(bytes.data + from, bytes.data + bytes.len, V) - bytes.data);
}

static size_t split_fields(fr_span bytes, size_t *at, struct fr_header *fields, size_t fields_max)
{
    const char *line = bytes.data + *at, *end = bytes.data + bytes.len;
    size_t count = 0;
    for (; count < fields_max; count++) {
        const char *colon = find_end(line, end, N);
        if (colon == line || colon == end || *colon != ':')
            break;
        const char *stop = find_end(colon + 1, end, V);
        if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n')
            break;
        fields[count].name = (fr_span){line, (size_t)(colon - line)};
        fields[count].value = fr_span_trim((fr_span){colon + 1, (size_t)(stop - colon - 1)});
        line = stop + 2;
    }
    *at = (size_t)(line - bytes.data);
    return count;
}

const struct fr_scan_ops fr_scan_scalar = {FR_CPU_SCALAR, target_end, name_end, value_end, split_fields};
