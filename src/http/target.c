/* http/target.c - A request target taken apart, a Host checked, percent signs decoded.
 *
 * RFC 9112 section 3.2, RFC 3986 sections 2.1 and 3.2.2. Paths are neither decoded nor normalised here: the
 * gateways decide what their applications are promised. */
#include "http/target.h"

#include <stdint.h>
#include <string.h>

#define PORT_MAX 65535u

enum { PLAIN, QUERY_MARK, REFUSED };

/* What a byte of path or query means; everything above 0x20 that is not named here is plain. */
static const uint8_t target_bytes[256] = {
    [0] = REFUSED,  [1] = REFUSED,  [2] = REFUSED,  [3] = REFUSED,  [4] = REFUSED,  [5] = REFUSED,  [6] = REFUSED,
    [7] = REFUSED,  [8] = REFUSED,  [9] = REFUSED,  [10] = REFUSED, [11] = REFUSED, [12] = REFUSED, [13] = REFUSED,
    [14] = REFUSED, [15] = REFUSED, [16] = REFUSED, [17] = REFUSED, [18] = REFUSED, [19] = REFUSED, [20] = REFUSED,
    [21] = REFUSED, [22] = REFUSED, [23] = REFUSED, [24] = REFUSED, [25] = REFUSED, [26] = REFUSED, [27] = REFUSED,
    [28] = REFUSED, [29] = REFUSED, [30] = REFUSED, [31] = REFUSED, [' '] = REFUSED, ['#'] = REFUSED,
    [127] = REFUSED, ['?'] = QUERY_MARK,
};

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (unsigned char)((byte | 0x20) - 'a') < 26;
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
static bool is_host_byte(char byte)
{
    return is_letter(byte) || is_digit(byte) || memchr("-._~!$&'()*+,;=", byte, 15) != NULL;
}

static bool is_registered_name(fr_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (is_host_byte(text.data[i]))
            continue;
        if (text.data[i] != '%' || text.len - i < 3 || hex_value(text.data[i + 1]) < 0 ||
            hex_value(text.data[i + 2]) < 0)
            return false;
        i += 2;
    }
    return text.len > 0;
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

/* Cuts path and query out of `text`, which starts with '/'. */
static int parse_path(struct fr_request_head *head, fr_span text)
{
    size_t at = 0, mark = text.len;
    for (; at < text.len; at++) {
        unsigned meaning = target_bytes[(unsigned char)text.data[at]];
        if (meaning == PLAIN)
            continue;
        if (meaning == REFUSED)
            return FR_E_TARGET;
        if (mark == text.len)
            mark = at;
    }
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
    size_t name_len = fr_span_find(text, ':');
    return is_registered_name(fr_span_slice(text, 0, name_len)) && is_port_suffix(fr_span_skip(text, name_len));
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
