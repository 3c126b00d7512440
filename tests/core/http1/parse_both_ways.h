/* tests/core/http1/parse_both_ways.h - One head, parsed whole and cut in every way; the answers must agree.
 *
 * Each call gets its bytes in memory of exactly their size and of its own, so that a sanitizer sees every byte
 * that is read beyond the end and every span that was not moved. Used by the units and by the fuzzer. */
#ifndef FR_TESTS_PARSE_BOTH_WAYS_H
#define FR_TESTS_PARSE_BOTH_WAYS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http1/request_parser.h"
#include "http1/scan.h"

#define PARSED_FIELDS_MAX 128
#define PARSED_TEXT_MAX 65536

struct parsed {
    ssize_t result;
    char text[PARSED_TEXT_MAX]; /* everything in the head, when there is one */
    size_t text_len;
};

static inline void parsed_add(struct parsed *parsed, const char *label, fr_span value)
{
    size_t label_len = strlen(label);
    if (parsed->text_len + label_len + value.len + 3 > PARSED_TEXT_MAX)
        abort();
    char *out = parsed->text + parsed->text_len;
    memcpy(out, label, label_len);
    out[label_len] = '=';
    if (value.len)
        memcpy(out + label_len + 1, value.data, value.len);
    out[label_len + 1 + value.len] = '\n';
    parsed->text_len += label_len + value.len + 2;
}

static inline void parsed_add_number(struct parsed *parsed, const char *label, int64_t value)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)value);
    parsed_add(parsed, label, fr_span_of(text, (size_t)len));
}

/* One "label=value" per line, after a line end. */
static inline void parsed_add_head(struct parsed *parsed, const struct fr_request_head *head)
{
    parsed->text[parsed->text_len++] = '\n';
    parsed_add(parsed, "method", head->method_text);
    parsed_add_number(parsed, "method number", head->method);
    parsed_add(parsed, "version", head->version == FR_HTTP_1_0 ? FR_SPAN("1.0") : FR_SPAN("1.1"));
    parsed_add(parsed, "target", head->target);
    parsed_add_number(parsed, "form", head->form);
    parsed_add(parsed, "path", head->path);
    parsed_add(parsed, "query", head->query);
    parsed_add(parsed, "authority", head->authority);
    parsed_add(parsed, "scheme", head->scheme);
    parsed_add(parsed, "protocol", head->protocol);
    parsed_add_number(parsed, "body", head->body_length);
    parsed_add_number(parsed, "keep-alive", head->keep_alive);
    parsed_add_number(parsed, "expect", head->expect_continue);
    parsed_add_number(parsed, "upgrade", head->upgrade);
    for (size_t i = 0; i < head->header_count; i++) {
        parsed_add_number(parsed, "known", head->headers[i].known);
        parsed_add(parsed, "name", head->headers[i].name);
        parsed_add(parsed, "value", head->headers[i].value);
    }
}

/* Parses `bytes` with `scan` as they arrive: first `first` of them, then `step` more at a time. */
static inline void parse_in_pieces(struct parsed *parsed, const struct fr_scan_ops *scan,
                                   const struct fr_limits *limits, fr_span bytes, size_t first, size_t step)
{
    struct fr_header fields[PARSED_FIELDS_MAX];
    struct fr_request_head head;
    memset(&head, 0xa5, sizeof head);
    head.headers = fields;
    head.header_capacity = PARSED_FIELDS_MAX;
    struct fr_request_parser parser;
    fr_request_parser_reset(&parser);

    parsed->text_len = 0;
    char *memory = NULL;
    for (size_t len = first < bytes.len ? first : bytes.len;; len = len + step < bytes.len ? len + step : bytes.len) {
        char *moved = malloc(len ? len : 1);
        if (len)
            memcpy(moved, bytes.data, len);
        free(memory);
        memory = moved;
        parsed->result = fr_request_parse_with(scan, &parser, limits, fr_span_of(memory, len), &head);
        if (parsed->result != 0 || len == bytes.len)
            break;
    }
    if (parsed->result > 0)
        parsed_add_head(parsed, &head);
    free(memory);
}

static inline bool parsed_equal(const struct parsed *a, const struct parsed *b)
{
    return a->result == b->result && a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0;
}

/* Parses whole into `whole`, then in two pieces cut everywhere, then byte by byte with the scalar scan. False
 * when an answer differs; `*cut` is then where, or bytes.len. */
static inline bool parse_both_ways(struct parsed *whole, const struct fr_limits *limits, fr_span bytes, size_t *cut)
{
    static struct parsed pieces;
    parse_in_pieces(whole, fr_scan_best(), limits, bytes, bytes.len, 1);
    for (*cut = 0; *cut < bytes.len; ++*cut) {
        parse_in_pieces(&pieces, fr_scan_best(), limits, bytes, *cut, bytes.len);
        if (!parsed_equal(whole, &pieces))
            return false;
    }
    parse_in_pieces(&pieces, &fr_scan_scalar, limits, bytes, 0, 1);
    return parsed_equal(whole, &pieces);
}

#endif
