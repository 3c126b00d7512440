/* python/convert.h - Bytes of the wire to Python objects and back.
 *
 * Text is latin-1 both ways, as PEP 3333 has it: each byte one code point. Requests repeat themselves, so
 * a worker keeps the last few texts it made and hands out the same object for the same bytes. */
#ifndef FR_PYTHON_CONVERT_H
#define FR_PYTHON_CONVERT_H

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

/* Sets `span` to the latin-1 bytes of a str, borrowed while the str lives; false when a code point is
 * above U+00FF. */
static inline bool fr_convert_span(PyObject *text, fr_span *span);

/* The same of a str that has been converted before. */
static inline fr_span fr_convert_span_again(PyObject *text);

/* ---- inline definitions ---- */

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
