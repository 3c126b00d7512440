/* tests/core/websocket/utf8_definition.h - What UTF-8 is, said in the slowest and plainest way (RFC 3629 section 3). */
#ifndef FR_TESTS_UTF8_DEFINITION_H
#define FR_TESTS_UTF8_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one character, and sees that its bytes are the only ones that may stand for it. 0: malformed. */
static inline size_t utf8_character_len(const unsigned char *at, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    if (size == 0 || size > len)
        return 0;
    uint32_t character = size == 1 ? at[0] : at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        character = character << 6 | (at[i] & 0x3f);
    }
    bool surrogate = character >= 0xd800 && character <= 0xdfff;
    return character < least[size] || character > 0x10ffff || surrogate ? 0 : size;
}

/* All of it is UTF-8, and ends with a whole character. */
static inline bool utf8_by_definition(const char *bytes, size_t len)
{
    for (size_t at = 0, size; at < len; at += size)
        if ((size = utf8_character_len((const unsigned char *)bytes + at, len - at)) == 0)
            return false;
    return true;
}

#endif
