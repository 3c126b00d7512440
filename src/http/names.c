/* http/names.c - From text to number and back, for methods and field names.
 *
 * Looking up a field name happens for each field of each request: one multiplication, one slot, one
 * comparison of eight bytes at a time. The slots are made by names_table.py and kept right by the tests. */
#include "http/names.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define HASHED_LEN_MIN 4 /* shorter names are compared one by one */
#define TEXT_LEN_MAX 31

struct known_text {
    uint8_t len;
    char text[TEXT_LEN_MAX];
};

static const struct known_text header_texts[FR_HEADER_COUNT] = {
#define X(symbol, text) [FR_HEADER_##symbol] = {sizeof(text) - 1, text},
    FR_HEADER_LIST(X)
#undef X
};

#define X(symbol, text) _Static_assert(sizeof(text) - 1 <= TEXT_LEN_MAX, "name too long for the table: " text);
FR_HEADER_LIST(X)
#undef X

_Static_assert(FR_HEADER_COUNT <= UINT8_MAX, "the numbers must fit the slots");

/* From here: printed by names_table.py. */
#define HASH_MULTIPLIER 0x426BA8A7u

static const uint8_t slots[256] = {
    [2] = FR_HEADER_HOST,
    [5] = FR_HEADER_X_REAL_IP,
    [6] = FR_HEADER_X_REQUEST_ID,
    [7] = FR_HEADER_ACCEPT,
    [12] = FR_HEADER_IF_NONE_MATCH,
    [17] = FR_HEADER_SEC_FETCH_MODE,
    [19] = FR_HEADER_ORIGIN,
    [25] = FR_HEADER_IF_MATCH,
    [27] = FR_HEADER_TRACEPARENT,
    [35] = FR_HEADER_X_FORWARDED_FOR,
    [36] = FR_HEADER_SEC_FETCH_USER,
    [43] = FR_HEADER_LAST_MODIFIED,
    [46] = FR_HEADER_ACCESS_CONTROL_REQUEST_METHOD,
    [52] = FR_HEADER_SEC_FETCH_DEST,
    [56] = FR_HEADER_CONTENT_LENGTH,
    [59] = FR_HEADER_UPGRADE_INSECURE_REQUESTS,
    [60] = FR_HEADER_SEC_FETCH_SITE,
    [62] = FR_HEADER_SEC_WEBSOCKET_VERSION,
    [64] = FR_HEADER_AUTHORIZATION,
    [67] = FR_HEADER_USER_AGENT,
    [85] = FR_HEADER_X_FORWARDED_PREFIX,
    [91] = FR_HEADER_TRAILER,
    [103] = FR_HEADER_SET_COOKIE,
    [104] = FR_HEADER_CONTENT_RANGE,
    [107] = FR_HEADER_FROM,
    [109] = FR_HEADER_REFERER,
    [110] = FR_HEADER_CONNECTION,
    [113] = FR_HEADER_X_FORWARDED_PORT,
    [118] = FR_HEADER_PRIORITY,
    [123] = FR_HEADER_CACHE_CONTROL,
    [124] = FR_HEADER_VARY,
    [125] = FR_HEADER_DATE,
    [130] = FR_HEADER_CONTENT_TYPE,
    [131] = FR_HEADER_CONTENT_ENCODING,
    [132] = FR_HEADER_LOCATION,
    [135] = FR_HEADER_IF_UNMODIFIED_SINCE,
    [146] = FR_HEADER_COOKIE,
    [147] = FR_HEADER_ACCESS_CONTROL_REQUEST_HEADERS,
    [148] = FR_HEADER_PROXY_AUTHORIZATION,
    [154] = FR_HEADER_SEC_CH_UA,
    [156] = FR_HEADER_SEC_WEBSOCKET_KEY,
    [159] = FR_HEADER_SEC_CH_UA_MOBILE,
    [167] = FR_HEADER_ACCEPT_ENCODING,
    [168] = FR_HEADER_KEEP_ALIVE,
    [172] = FR_HEADER_MAX_FORWARDS,
    [173] = FR_HEADER_CONTENT_DISPOSITION,
    [174] = FR_HEADER_CONTENT_LANGUAGE,
    [177] = FR_HEADER_X_FORWARDED_HOST,
    [182] = FR_HEADER_SEC_WEBSOCKET_PROTOCOL,
    [186] = FR_HEADER_UPGRADE,
    [188] = FR_HEADER_SEC_CH_UA_PLATFORM,
    [189] = FR_HEADER_EXPECT,
    [193] = FR_HEADER_IF_RANGE,
    [198] = FR_HEADER_PRAGMA,
    [202] = FR_HEADER_IF_MODIFIED_SINCE,
    [205] = FR_HEADER_PROXY_CONNECTION,
    [206] = FR_HEADER_SEC_WEBSOCKET_EXTENSIONS,
    [211] = FR_HEADER_ACCEPT_LANGUAGE,
    [218] = FR_HEADER_RANGE,
    [219] = FR_HEADER_FORWARDED,
    [221] = FR_HEADER_ETAG,
    [222] = FR_HEADER_X_REQUESTED_WITH,
    [224] = FR_HEADER_X_FORWARDED_PROTO,
    [227] = FR_HEADER_TRACESTATE,
    [229] = FR_HEADER_ACCEPT_CHARSET,
    [234] = FR_HEADER_SERVER,
    [247] = FR_HEADER_TRANSFER_ENCODING,
};
/* To here: printed by names_table.py. */

static uint32_t read_word(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word | 0x20202020u;
}

/* Folding by the bit 0x20 mixes up some bytes that no name has; the comparison does not. */
static unsigned find_slot(fr_span text)
{
    uint32_t first = read_word(text.data), last = read_word(text.data + text.len - 4);
    return ((first + last * 9 + (uint32_t)text.len) * HASH_MULTIPLIER) >> 24;
}

/* What differs between eight (or four) bytes and the known ones, but for the case of letters. The known texts
 * consist of letters, digits and '-': whatever has the bit 0x40 is a letter, and only there may 0x20 differ. */
static uint64_t difference_8(const char *at, const char *known)
{
    uint64_t a, b;
    memcpy(&a, at, sizeof a);
    memcpy(&b, known, sizeof b);
    return (a ^ b) & ~((b & 0x4040404040404040u) >> 1);
}

static uint32_t difference_4(const char *at, const char *known)
{
    uint32_t a, b;
    memcpy(&a, at, sizeof a);
    memcpy(&b, known, sizeof b);
    return (a ^ b) & ~((b & 0x40404040u) >> 1);
}

/* `text` is `known` but for the case; text.len is the length of both, HASHED_LEN_MIN to TEXT_LEN_MAX. Words
 * overlap instead of being looped over: the lengths that follow each other in a head are hard to predict. */
static bool is_same(fr_span text, const char *known)
{
    const char *at = text.data;
    size_t last = text.len - 8;
    if (text.len < 8)
        return (difference_4(at, known) | difference_4(at + text.len - 4, known + text.len - 4)) == 0;
    uint64_t difference = difference_8(at, known) | difference_8(at + last, known + last);
    if (text.len > 16)
        difference |= difference_8(at + 8, known + 8) | difference_8(at + last - 8, known + last - 8);
    return difference == 0;
}

static enum fr_header_name look_up_short(fr_span text)
{
    static const enum fr_header_name names[] = {FR_HEADER_TE, FR_HEADER_DNT, FR_HEADER_VIA};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fr_span_equal_nocase(text, fr_header_text(names[i])))
            return names[i];
    return FR_HEADER_OTHER;
}

enum fr_method_name fr_method_lookup(fr_span text)
{
#define X(symbol, name)                                                                 \
    if (text.len == sizeof(name) - 1 && memcmp(text.data, name, sizeof(name) - 1) == 0) \
        return FR_METHOD_##symbol;
    FR_METHOD_LIST(X)
#undef X
    return FR_METHOD_OTHER;
}

enum fr_header_name fr_header_lookup(fr_span text)
{
    if (text.len < HASHED_LEN_MIN)
        return look_up_short(text);
    unsigned name = slots[find_slot(text)];
    const struct known_text *known = &header_texts[name];
    if (known->len != text.len || !is_same(text, known->text))
        return FR_HEADER_OTHER;
    return (enum fr_header_name)name;
}

fr_span fr_method_text(enum fr_method_name method)
{
    switch (method) {
#define X(symbol, text)      \
    case FR_METHOD_##symbol: \
        return FR_SPAN(text);
        FR_METHOD_LIST(X)
#undef X
    case FR_METHOD_OTHER:
    case FR_METHOD_COUNT:
        break;
    }
    return (fr_span){NULL, 0};
}

fr_span fr_header_text(enum fr_header_name name)
{
    assert((unsigned)name < FR_HEADER_COUNT);
    return fr_span_of(header_texts[name].text, header_texts[name].len);
}
