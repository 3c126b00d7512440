/* python/convert.h - Bytes of the wire to Python objects and back.
 *
 * Text is latin-1 both ways, as PEP 3333 has it: each byte one code point. Requests repeat themselves, so
 * a worker keeps the last few texts it made and hands out the same object for the same bytes. */
#ifndef FR_PYTHON_CONVERT_H
#define FR_PYTHON_CONVERT_H

#include <stdint.h>

#include "base/span.h"
#include "python/compat.h"

/* A power of two. */
#define FR_TEXT_CACHE_SLOTS 256

/* Longer texts are not kept: a cache then holds at most some 150 KiB. */
#define FR_TEXT_CACHE_BYTES_MAX 512

/* Recently made texts, direct-mapped by their bytes; zero before first use. Belongs to one thread. */
struct fr_text_cache {
    PyObject *slots[FR_TEXT_CACHE_SLOTS];
};

/* A new reference to the str of `bytes`, each byte one code point; NULL and an exception. */
PyObject *fr_convert_text(struct fr_text_cache *cache, fr_span bytes);

/* Lets go of every text. */
void fr_convert_cache_clear(struct fr_text_cache *cache);

/* A number that tells header values and paths apart, of the length and both ends only: a clash costs a conversion,
 * since the whole is compared afterwards. Its upper bits are the good ones. */
static inline uint64_t fr_convert_hash(fr_span bytes);

/* Sets `span` to the latin-1 bytes of a str, borrowed while the str lives; false when a code point is
 * above U+00FF. */
static inline bool fr_convert_span(PyObject *text, fr_span *span);

/* The same of a str that has been converted before. */
static inline fr_span fr_convert_span_again(PyObject *text);

/* ---- inline definitions ---- */

static inline uint64_t fr_convert_hash(fr_span bytes)
{
    uint64_t head = 0, tail = 0;
    if (bytes.len >= sizeof head) {
        memcpy(&head, bytes.data, sizeof head);
        memcpy(&tail, bytes.data + bytes.len - sizeof tail, sizeof tail);
    } else {
        for (size_t i = 0; i < bytes.len; i++)
            head = head << 8 | (unsigned char)bytes.data[i];
    }
    uint64_t hash = (head ^ bytes.len) * UINT64_C(0x9E3779B97F4A7C15);
    return (hash ^ hash >> 29 ^ tail) * UINT64_C(0xBF58476D1CE4E5B9);
}

static inline bool fr_convert_span(PyObject *text, fr_span *span)
{
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(text) < 0) {
        PyErr_Clear();
        return false;
    }
#endif
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND)
        return false;
    *span = fr_convert_span_again(text);
    return true;
}

static inline fr_span fr_convert_span_again(PyObject *text)
{
    return fr_span_of((const char *)PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
}

#endif
