/* bench/micro/parse.c - What a request head costs, from bytes to checked head, for each instruction set.
 *
 * The same head again and again is kind to the branch predictor, so there is also a crowd: browsers' heads
 * that differ in path, cookie and which fields they have, in an order that does not repeat soon. */
#include <string.h>

#include "heads.h"
#include "http1/request_parser.h"
#include "http1/scan.h"
#include "measure.h"

#define CROWD 512
#define CROWD_BYTES_MAX 1024
#define FIELDS_MAX 100

struct subject {
    const struct fr_scan_ops *scan;
    const fr_span *heads;
    unsigned head_count;
    unsigned next;
};

static uint64_t random_state = 1;

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static void parse_heads(void *argument, unsigned calls)
{
    struct subject *subject = argument;
    struct fr_limits limits;
    fr_limits_init(&limits);
    struct fr_header fields[FIELDS_MAX];
    struct fr_request_head head = {.headers = fields, .header_capacity = FIELDS_MAX};
    while (calls--) {
        fr_span bytes = subject->heads[subject->next];
        subject->next = subject->next + 1 < subject->head_count ? subject->next + 1 : 0;
        struct fr_request_parser parser;
        fr_request_parser_reset(&parser);
        if (fr_request_parse_with(subject->scan, &parser, &limits, bytes, &head) != (ssize_t)bytes.len)
            abort();
    }
}

/* Most lines of the browser's head, some longer or shorter than there. */
static fr_span make_one_of_the_crowd(char *out)
{
    static const char path[] = "articles/2026/a-page-of-a-site-with-a-rather-long-name/and-more?from=index";
    size_t len = (size_t)snprintf(out, CROWD_BYTES_MAX, "GET /%.*s HTTP/1.1\r\nHost: www.example.com\r\n",
                                  (int)(4 + pick(sizeof path - 4)), path);
    const char *line = strstr(HEAD_BROWSER, "User-Agent:");
    while (*line != '\r') {
        size_t line_len = (size_t)(strchr(line, '\n') + 1 - line);
        if (pick(6)) {
            memcpy(out + len, line, line_len);
            len += line_len;
            if (pick(3) == 0)
                len += (size_t)snprintf(out + len - 2, CROWD_BYTES_MAX - len, "%.*s\r\n", (int)pick(40),
                                        "; more=0123456789abcdefghijklmnopqrstuvwxyz") -
                       2;
        }
        line += line_len;
    }
    memcpy(out + len, "\r\n", 2);
    return fr_span_of(out, len + 2);
}

static void measure_heads(const char *name, const fr_span *heads, unsigned count)
{
    static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++)
        bytes += heads[i].len;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct subject subject = {fr_scan_of(sets[i]), heads, count, 0};
        if (subject.scan)
            report(name, fr_cpu_name(sets[i]), bytes / count, measure(parse_heads, &subject));
    }
}

int main(void)
{
    static const fr_span heads[] = {
        {HEAD_SHORT, sizeof HEAD_SHORT - 1},
        {HEAD_API, sizeof HEAD_API - 1},
        {HEAD_BROWSER, sizeof HEAD_BROWSER - 1},
    };
    static const char *const names[] = {"short head", "API head", "browser head"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        measure_heads(names[i], &heads[i], 1);

    static char memory[CROWD][CROWD_BYTES_MAX];
    static fr_span crowd[CROWD];
    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = make_one_of_the_crowd(memory[i]);
    measure_heads("crowd of browsers", crowd, CROWD);
    return 0;
}
