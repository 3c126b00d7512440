/* tests/fuzz/target.c - Any bytes as a request target, as a Host, and as percent-encoded text.
 *
 * The first byte chooses the method; the rest is the text. */
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static bool lies_in(fr_span part, fr_span whole)
{
    return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

static bool has_any(fr_span text, const char *bytes)
{
    for (; *bytes; bytes++)
        if (fr_span_find(text, *bytes) < text.len)
            return true;
    return fr_span_find(text, '\0') < text.len;
}

static void check_target(enum fr_method_name method, fr_span text)
{
    struct fr_request_head head = {.method = method, .target = text};
    if (fr_target_parse(&head) != 0)
        return;
    require(!has_any(text, " \t\r\n#\x7f"));
    require((head.form == FR_TARGET_AUTHORITY) == (method == FR_METHOD_CONNECT));
    require(head.form != FR_TARGET_ASTERISK || method == FR_METHOD_OPTIONS);
    require(fr_is_host(head.authority) && !has_any(head.authority, "@/?"));
    require((head.authority.len > 0) == (head.form == FR_TARGET_ABSOLUTE || head.form == FR_TARGET_AUTHORITY));
    if (head.form == FR_TARGET_AUTHORITY)
        return;
    require(head.path.len > 0 && !has_any(head.path, "?"));
    require(head.query.len == 0 || (lies_in(head.query, text) && head.query.data[-1] == '?'));
    if (head.form == FR_TARGET_ORIGIN)
        require(head.path.len + head.query.len + (head.path.len < text.len) == text.len);
}

static void check_decoding(fr_span text)
{
    char *out = fr_alloc(text.len + 1);
    size_t len = fr_percent_decode(text, out);
    require(len <= text.len && (text.len - len) % 2 == 0);
    require(fr_span_find(text, '%') < text.len || fr_span_equal(text, fr_span_of(out, len)));
    fr_free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    fr_span text = fr_span_of((const char *)data + 1, len - 1);
    check_target((enum fr_method_name)(data[0] % FR_METHOD_COUNT), text);
    check_decoding(text);
    if (fr_is_host(text))
        require(!has_any(text, " \t\r\n@/?#\\"));
    return 0;
}
