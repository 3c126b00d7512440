/* tls/server_name.c - Which names a certificate is for.
 *
 * Does not know certificates; only texts. */
#include "tls/server_name.h"

#include <stdbool.h>

/* One trailing dot says nothing: the name is absolute anyway. */
static fr_span without_root(fr_span name)
{
    if (name.len && name.data[name.len - 1] == '.')
        name.len--;
    return name;
}

/* "*.example.org" is one; "*.org" would be everybody's. */
static bool is_wildcard(fr_span pattern)
{
    if (pattern.len < 3 || pattern.data[0] != '*' || pattern.data[1] != '.')
        return false;
    fr_span parent = fr_span_skip(pattern, 2);
    size_t dot = fr_span_find(parent, '.');
    return dot > 0 && dot + 1 < parent.len;
}

enum fr_tls_match fr_tls_server_name_match(fr_span pattern, fr_span name)
{
    pattern = without_root(pattern);
    name = without_root(name);
    if (name.len == 0)
        return FR_TLS_MATCH_NONE;
    if (!is_wildcard(pattern))
        return fr_span_equal_nocase(pattern, name) ? FR_TLS_MATCH_EXACT : FR_TLS_MATCH_NONE;
    size_t dot = fr_span_find(name, '.');
    bool matches = dot > 0 && dot < name.len && fr_span_equal_nocase(fr_span_skip(pattern, 1), fr_span_skip(name, dot));
    return matches ? FR_TLS_MATCH_STAR : FR_TLS_MATCH_NONE;
}
