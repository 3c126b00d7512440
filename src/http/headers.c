/* http/headers.c - Fields: finding them, and what their names and values may be made of.
 *
 * RFC 9110 sections 5 and 7.6.1. Value checks run over every byte of every response field, so they take
 * eight bytes at a time. */
#include "http/headers.h"

#include "base/error.h"

/* tchar of RFC 9110 section 5.6.2. */
static const bool token_bytes[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1,  ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1,  ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,  ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1,  ['^'] = 1, ['_'] = 1, ['`'] = 1, ['a'] = 1,
    ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1,  ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1,
    ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1,  ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1,
    ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1, ['|'] = 1,  ['~'] = 1,
};

#define EACH_BYTE(byte) (0x0101010101010101u * (byte))

/* Some byte of the word is below 0x20 or is 0x7f; HTAB is among them. */
static bool has_control(uint64_t word)
{
    uint64_t below = (word - EACH_BYTE(0x20u)) & ~word;
    uint64_t delete = word ^ EACH_BYTE(0x7fu);
    return ((below | ((delete - EACH_BYTE(1u)) & ~delete)) & EACH_BYTE(0x80u)) != 0;
}

static bool are_value_bytes(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

const struct fr_header *fr_headers_find(const struct fr_request_head *head, enum fr_header_name name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (head->headers[i].known == name)
            return &head->headers[i];
    return NULL;
}

bool fr_is_token(fr_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!token_bytes[(unsigned char)text.data[i]])
            return false;
    return text.len > 0;
}

bool fr_is_field_value(fr_span text)
{
    size_t at = 0;
    for (; at + 8 <= text.len; at += 8) {
        uint64_t word;
        memcpy(&word, text.data + at, sizeof word);
        if (has_control(word) && !are_value_bytes(text.data + at, sizeof word))
            return false;
    }
    return at == text.len || are_value_bytes(text.data + at, text.len - at);
}

bool fr_list_next(fr_span *list, fr_span *element)
{
    while (list->len) {
        size_t end = fr_span_find(*list, ',');
        *element = fr_span_trim(fr_span_slice(*list, 0, end));
        *list = fr_span_skip(*list, end < list->len ? end + 1 : end);
        if (element->len)
            return true;
    }
    return false;
}

bool fr_list_has_token(fr_span list, fr_span token)
{
    fr_span element;
    while (fr_list_next(&list, &element))
        if (fr_span_equal_nocase(element, token))
            return true;
    return false;
}

bool fr_is_hop_by_hop(enum fr_header_name name)
{
    switch (name) {
    case FR_HEADER_CONNECTION:
    case FR_HEADER_KEEP_ALIVE:
    case FR_HEADER_PROXY_CONNECTION:
    case FR_HEADER_TE:
    case FR_HEADER_TRANSFER_ENCODING:
    case FR_HEADER_UPGRADE:
        return true;
    default:
        return false;
    }
}

int64_t fr_parse_content_length(fr_span text)
{
    if (text.len == 0)
        return FR_E_CONTENT_LENGTH;
    int64_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.data[i] - (unsigned)'0';
        if (digit > 9 || length > (INT64_MAX - (int64_t)digit) / 10)
            return FR_E_CONTENT_LENGTH;
        length = length * 10 + (int64_t)digit;
    }
    return length;
}
