/* base/base64.c - Three bytes are four letters (RFC 4648 section 4). */
#include "base/base64.h"

#include <stdint.h>

#define INVALID 0xff

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t fr_base64_encode(fr_span bytes, char *text)
{
    char *at = text;
    for (; bytes.len > 0; bytes = fr_span_skip(bytes, bytes.len < 3 ? bytes.len : 3)) {
        uint32_t group = 0;
        for (size_t i = 0; i < 3; i++)
            group = group << 8 | (i < bytes.len ? (unsigned char)bytes.data[i] : 0);
        for (size_t i = 0; i < 4; i++)
            *at++ = i <= bytes.len ? letters[group >> (18 - 6 * i) & 63] : '=';
    }
    return (size_t)(at - text);
}

static unsigned char value_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return (unsigned char)(letter - 'A');
    if (letter >= 'a' && letter <= 'z')
        return (unsigned char)(letter - 'a' + 26);
    if (letter >= '0' && letter <= '9')
        return (unsigned char)(letter - '0' + 52);
    return letter == '+' ? 62 : letter == '/' ? 63 : INVALID;
}

bool fr_base64_decode(fr_span text, char *bytes, size_t *len)
{
    if (text.len % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
        padding++;

    char *at = bytes;
    size_t letters_len = text.len - padding;
    uint32_t group = 0;
    for (size_t i = 0; i < letters_len; i++) {
        unsigned char value = value_of(text.data[i]);
        if (value == INVALID)
            return false;
        group = group << 6 | value;
        if (i % 4 > 0)
            *at++ = (char)(group >> (6 - 2 * (i % 4)));
    }
    *len = (size_t)(at - bytes);
    return true;
}
