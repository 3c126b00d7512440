/* python/convert.c - Spans to str, with a small memory of the last ones. Knows nothing of HTTP. */
#include "python/convert.h"

static size_t slot_of(fr_span bytes)
{
    return (fr_convert_hash(bytes) >> 40) & (FR_TEXT_CACHE_SLOTS - 1);
}

static bool is_text(PyObject *text, fr_span bytes)
{
    return (size_t)PyUnicode_GET_LENGTH(text) == bytes.len &&
           memcmp(PyUnicode_1BYTE_DATA(text), bytes.data, bytes.len) == 0;
}

PyObject *fr_convert_text(struct fr_text_cache *cache, fr_span bytes)
{
    if (bytes.len == 0 || bytes.len > FR_TEXT_CACHE_BYTES_MAX)
        return PyUnicode_DecodeLatin1(bytes.data, (Py_ssize_t)bytes.len, NULL);
    PyObject **slot = &cache->slots[slot_of(bytes)];
    if (*slot != NULL && is_text(*slot, bytes))
        return Py_NewRef(*slot);
    PyObject *text = PyUnicode_DecodeLatin1(bytes.data, (Py_ssize_t)bytes.len, NULL);
    if (text == NULL)
        return NULL;
    Py_XSETREF(*slot, Py_NewRef(text));
    return text;
}

void fr_convert_cache_clear(struct fr_text_cache *cache)
{
    for (size_t i = 0; i < FR_TEXT_CACHE_SLOTS; i++)
        Py_CLEAR(cache->slots[i]);
}
