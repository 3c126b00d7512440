/* base/span.h - A borrowed view of bytes.
 *
 * A span never owns: whoever hands one out says how long the bytes live, and nobody keeps it longer.
 * It is passed by value. An empty span may have any pointer, also NULL. */
#ifndef FR_BASE_SPAN_H
#define FR_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct fr_span {
    const char *data;
    size_t len;
} fr_span;

/* A span over a string literal. */
#define FR_SPAN(literal) ((fr_span){(literal), sizeof(literal) - 1})

/* A span over `len` bytes at `data`. */
static inline fr_span fr_span_of(const char *data, size_t len);

/* A span over a NUL-terminated string, without the NUL. */
static inline fr_span fr_span_of_string(const char *string);

/* The bytes from `from` up to and not including `to`; both are offsets into `span`, from <= to <= len. */
static inline fr_span fr_span_slice(fr_span span, size_t from, size_t to);

/* The bytes after the first `count`; count <= len. */
static inline fr_span fr_span_skip(fr_span span, size_t count);

/* The same bytes. */
static inline bool fr_span_equal(fr_span a, fr_span b);

/* The same bytes when ASCII letters are folded; other bytes must be identical. */
static inline bool fr_span_equal_nocase(fr_span a, fr_span b);

/* The offset of the first `byte`, or len when there is none. */
static inline size_t fr_span_find(fr_span span, char byte);

/* Without spaces and tabs at either end (RFC 9110 OWS). */
static inline fr_span fr_span_trim(fr_span span);

/* The ASCII lower case of one byte; other bytes unchanged, whatever the locale. */
static inline unsigned char fr_ascii_lower(unsigned char byte);

/* ---- inline definitions ---- */

static inline fr_span fr_span_of(const char *data, size_t len)
{
    return (fr_span){data, len};
}

static inline fr_span fr_span_of_string(const char *string)
{
    return (fr_span){string, strlen(string)};
}

static inline fr_span fr_span_slice(fr_span span, size_t from, size_t to)
{
    return (fr_span){from ? span.data + from : span.data, to - from}; /* NULL + 0 is undefined in C11 */
}

static inline fr_span fr_span_skip(fr_span span, size_t count)
{
    return fr_span_slice(span, count, span.len);
}

static inline bool fr_span_equal(fr_span a, fr_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline unsigned char fr_ascii_lower(unsigned char byte)
{
    return (unsigned char)(byte - 'A') < 26 ? (unsigned char)(byte | 0x20) : byte;
}

static inline bool fr_span_equal_nocase(fr_span a, fr_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fr_ascii_lower((unsigned char)a.data[i]) != fr_ascii_lower((unsigned char)b.data[i]))
            return false;
    return true;
}

static inline size_t fr_span_find(fr_span span, char byte)
{
    const char *found = span.len ? memchr(span.data, byte, span.len) : NULL;
    return found ? (size_t)(found - span.data) : span.len;
}

static inline fr_span fr_span_trim(fr_span span)
{
    while (span.len && (span.data[0] == ' ' || span.data[0] == '\t'))
        span = fr_span_skip(span, 1);
    while (span.len && (span.data[span.len - 1] == ' ' || span.data[span.len - 1] == '\t'))
        span.len--;
    return span;
}

#endif
