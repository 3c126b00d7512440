/* python/convert.c - Spans to str, with a small memory of the last ones. Knows nothing of HTTP. */
#include "python/convert.h"

#include <stdint.h>

/* Enough of the text to tell header values apart: its length and both ends. A clash only costs a
 * conversion, since the whole text is compared afterwards. */
static size_t slot_of(fr_span bytes)
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
    hash = (hash ^ hash >> 29 ^ tail) * UINT64_C(0xBF58476D1CE4E5B9);
    return (hash >> 40) & (FR_TEXT_CACHE_SLOTS - 1);
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
