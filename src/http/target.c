/* http/target.c - A request target taken apart, a Host checked, percent signs decoded.
 *
 * RFC 9112 section 3.2, RFC 3986 sections 2.1 and 3.2.2. Paths are neither decoded nor normalised here: the
 * gateways decide what their applications are promised. */
#include "http/target.h"

#include <stdint.h>
#include <string.h>

#define PORT_MAX 65535u

#define BLOCK 16

/* Sixteen bytes for the compiler's own vectors: SSE2 or NEON, whatever every such machine has. */
typedef uint8_t bytes16 __attribute__((vector_size(BLOCK)));

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The value of a hex digit, or -1. */
static int hex_value(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    int folded = (byte | 0x20) - 'a';
    return folded >= 0 && folded < 6 ? folded + 10 : -1;
}

/* unreserved or sub-delims of RFC 3986 section 2. */
static const bool host_bytes[256] = {
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1,
    ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1,
    ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1,
    ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1,
    ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
    ['y'] = 1, ['z'] = 1, ['-'] = 1, ['.'] = 1, ['_'] = 1, ['~'] = 1, ['!'] = 1, ['$'] = 1, ['&'] = 1, ['\''] = 1,
    ['('] = 1, [')'] = 1, ['*'] = 1, ['+'] = 1, [','] = 1, [';'] = 1, ['='] = 1,
};

static bool is_host_byte(char byte)
{
    return host_bytes[(unsigned char)byte];
}

/* How many bytes from the start are a reg-name: host bytes and percent-encoded ones. */
static size_t span_registered_name(fr_span text)
{
    size_t at = 0;
    for (;;) {
        while (at < text.len && is_host_byte(text.data[at]))
            at++;
        if (text.len - at < 3 || text.data[at] != '%')
            return at;
        if (hex_value(text.data[at + 1]) < 0 || hex_value(text.data[at + 2]) < 0)
            return at;
        at += 3;
    }
}

static bool is_ipv4(fr_span text)
{
    for (int part = 0; part < 4; part++) {
        size_t len = 0;
        unsigned value = 0;
        while (len < text.len && len < 3 && is_digit(text.data[len]))
            value = value * 10 + (unsigned)(text.data[len++] - '0');
        if (len == 0 || value > 255 || (len > 1 && text.data[0] == '0'))
            return false;
        text = fr_span_skip(text, len);
        if (part == 3)
            return text.len == 0;
        if (text.len == 0 || text.data[0] != '.')
            return false;
        text = fr_span_skip(text, 1);
    }
    return false;
}

static size_t count_hex_digits(fr_span text)
{
    size_t count = 0;
    while (count < text.len && hex_value(text.data[count]) >= 0)
        count++;
    return count;
}

/* Eight groups of up to four hex digits; "::" stands once for one or more of them; the last two groups may be
 * an IPv4 address. */
static bool is_ipv6(fr_span text)
{
    int groups = 0;
    bool gap = text.len >= 2 && text.data[0] == ':' && text.data[1] == ':';
    if (gap)
        text = fr_span_skip(text, 2);
    while (text.len) {
        size_t len = count_hex_digits(text);
        if (len < text.len && text.data[len] == '.') {
            groups += 2;
            return (gap ? groups < 8 : groups == 8) && is_ipv4(text);
        }
        if (len == 0 || len > 4 || ++groups > 8)
            return false;
        text = fr_span_skip(text, len);
        if (text.len == 0)
            break;
        if (text.data[0] != ':' || text.len == 1)
            return false;
        text = fr_span_skip(text, 1);
        if (text.data[0] == ':') {
            if (gap)
                return false;
            gap = true;
            text = fr_span_skip(text, 1);
        }
    }
    return gap ? groups < 8 : groups == 8;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool is_future_address(fr_span text)
{
    if (text.len == 0 || (text.data[0] | 0x20) != 'v')
        return false;
    text = fr_span_skip(text, 1);
    size_t len = count_hex_digits(text);
    if (len == 0 || text.len < len + 2 || text.data[len] != '.')
        return false;
    for (size_t i = len + 1; i < text.len; i++)
        if (!is_host_byte(text.data[i]) && text.data[i] != ':')
            return false;
    return true;
}

/* Nothing, or ":" and a port, which RFC 3986 allows to be empty. */
static bool is_port_suffix(fr_span text)
{
    if (text.len == 0)
        return true;
    if (text.data[0] != ':')
        return false;
    unsigned port = 0;
    for (size_t i = 1; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
        port = port * 10 + (unsigned)(text.data[i] - '0');
        if (port > PORT_MAX)
            return false;
    }
    return true;
}

/* The offset of the first byte of the word that is not 0, where word != 0 and its first byte is the lowest in
 * memory. */
static unsigned first_byte(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (unsigned)__builtin_clzll(word) / 8;
#else
    return (unsigned)__builtin_ctzll(word) / 8;
#endif
}

/* The offset of the first '?', '#', SP, CTL or DEL in the block, or BLOCK. */
static unsigned find_special_in_block(const char *at)
{
    bytes16 bytes;
    uint64_t found[2];
    memcpy(&bytes, at, BLOCK);
    bytes16 special = (bytes16)(bytes <= 0x20) | (bytes16)(bytes == 0x7f);
    special |= (bytes16)(bytes == '#') | (bytes16)(bytes == '?');
    memcpy(found, &special, sizeof found);
    if (found[0])
        return first_byte(found[0]);
    return found[1] ? BLOCK / 2 + first_byte(found[1]) : BLOCK;
}

/* The offset of the first such byte at or after `from`, or text.len. */
static size_t find_special(fr_span text, size_t from)
{
    for (; from + BLOCK <= text.len; from += BLOCK) {
        unsigned found = find_special_in_block(text.data + from);
        if (found < BLOCK)
            return from + found;
    }
    for (; from < text.len; from++) {
        unsigned char byte = (unsigned char)text.data[from];
        if (byte <= 0x20 || byte == 0x7f || byte == '#' || byte == '?')
            break;
    }
    return from;
}

/* Cuts path and query out of `text`. */
static int parse_path(struct fr_request_head *head, fr_span text)
{
    size_t mark = find_special(text, 0), end = mark;
    while (end < text.len && text.data[end] == '?')
        end = find_special(text, end + 1);
    if (end < text.len)
        return FR_E_TARGET;
    head->path = fr_span_slice(text, 0, mark);
    if (mark < text.len)
        head->query = fr_span_skip(text, mark + 1);
    return 0;
}

/* "http://" or "https://" and what follows it; other schemes are not ours to answer for. */
static int parse_absolute(struct fr_request_head *head)
{
    fr_span rest = head->target;
    size_t scheme_len = fr_span_find(rest, ':');
    fr_span scheme = fr_span_slice(rest, 0, scheme_len);
    if (!fr_span_equal_nocase(scheme, FR_SPAN("http")) && !fr_span_equal_nocase(scheme, FR_SPAN("https")))
        return FR_E_TARGET;
    rest = fr_span_skip(rest, scheme_len);
    if (rest.len < 3 || memcmp(rest.data, "://", 3) != 0)
        return FR_E_TARGET;
    rest = fr_span_skip(rest, 3);

    size_t authority_len = 0;
    while (authority_len < rest.len && rest.data[authority_len] != '/' && rest.data[authority_len] != '?')
        authority_len++;
    fr_span authority = fr_span_slice(rest, 0, authority_len);
    if (authority.len == 0 || !fr_is_host(authority))
        return FR_E_TARGET;
    rest = fr_span_skip(rest, authority_len);

    head->form = FR_TARGET_ABSOLUTE;
    head->scheme = scheme;
    head->authority = authority;
    int error = parse_path(head, rest);
    if (head->path.len == 0)
        head->path = FR_SPAN("/");
    return error;
}

/* host ":" port, and the port is not optional: RFC 9112 section 3.2.3. */
static int parse_authority(struct fr_request_head *head)
{
    fr_span text = head->target;
    if (text.len == 0 || !is_digit(text.data[text.len - 1]) || !fr_is_host(text))
        return FR_E_TARGET;
    size_t host_len = text.len;
    while (host_len && is_digit(text.data[host_len - 1]))
        host_len--;
    if (host_len == 0 || text.data[host_len - 1] != ':')
        return FR_E_TARGET;
    head->form = FR_TARGET_AUTHORITY;
    head->authority = text;
    return 0;
}

int fr_target_parse(struct fr_request_head *head)
{
    fr_span target = head->target;
    head->path = head->query = head->scheme = (fr_span){NULL, 0};
    if (head->method == FR_METHOD_CONNECT)
        return parse_authority(head);
    if (target.len == 0)
        return FR_E_TARGET;
    if (target.data[0] == '/') {
        head->form = FR_TARGET_ORIGIN;
        return parse_path(head, target);
    }
    if (target.len == 1 && target.data[0] == '*' && head->method == FR_METHOD_OPTIONS) {
        head->form = FR_TARGET_ASTERISK;
        head->path = target;
        return 0;
    }
    return parse_absolute(head);
}

bool fr_is_host(fr_span text)
{
    if (text.len == 0)
        return true;
    if (text.data[0] == '[') {
        size_t end = fr_span_find(text, ']');
        if (end == text.len)
            return false;
        fr_span address = fr_span_slice(text, 1, end);
        return (is_ipv6(address) || is_future_address(address)) && is_port_suffix(fr_span_skip(text, end + 1));
    }
    size_t name_len = span_registered_name(text);
    return name_len > 0 && is_port_suffix(fr_span_skip(text, name_len));
}

size_t fr_percent_decode(fr_span text, char *out)
{
    size_t written = 0;
    while (text.len) {
        size_t plain = fr_span_find(text, '%');
        memcpy(out + written, text.data, plain);
        written += plain;
        text = fr_span_skip(text, plain);
        if (text.len == 0)
            break;
        int high = text.len >= 3 ? hex_value(text.data[1]) : -1;
        int low = text.len >= 3 ? hex_value(text.data[2]) : -1;
        bool encoded = high >= 0 && low >= 0;
        out[written++] = encoded ? (char)(high << 4 | low) : '%';
        text = fr_span_skip(text, encoded ? 3 : 1);
    }
    return written;
}
