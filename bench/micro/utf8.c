/* bench/micro/utf8.c - How fast text is found to be UTF-8: English, a European language, an Asian one, emoji. */
#include <string.h>

#include "measure.h"
#include "websocket/utf8.h"

static void validate(void *argument, unsigned calls)
{
    const fr_span *text = argument;
    while (calls--)
        if (!fr_utf8_is_valid(*text))
            abort();
}

/* `sample` over and over, in at most `len` bytes, whole samples only. */
static fr_span repeat(const char *sample, char *to, size_t len)
{
    size_t sample_len = strlen(sample), at = 0;
    for (; at + sample_len <= len; at += sample_len)
        memcpy(to + at, sample, sample_len);
    return fr_span_of(to, at);
}

int main(void)
{
    static const struct {
        const char *name, *sample;
    } languages[] = {
        {"utf8 english", "The quick brown fox "},
        {"utf8 french", "D\xc3\xa8s No\xc3\xabl o\xc3\xb9 un z\xc3\xa9phyr "},
        {"utf8 chinese", "\xe5\xa4\xa7\xe9\x81\x93\xe6\xb3\x9b\xe5\x85\xae\xef\xbc\x8c"},
        {"utf8 emoji", "\xf0\x9f\x98\x80 \xf0\x9f\x8c\x88"},
    };
    static const size_t lens[] = {64, 4096, 65536};
    static char bytes[65536];
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
        for (size_t j = 0; j < sizeof lens / sizeof *lens; j++) {
            fr_span text = repeat(languages[i].sample, bytes, lens[j]);
            report(languages[i].name, "chosen", text.len, measure(validate, &text));
        }
    return 0;
}
