/* http1/request_parser.c - Lines to request head.
 *
 * The rules of this file: a line is looked at in full or not at all, so the answer does not depend on how the
 * bytes were cut; the first fault from the left is the one that is named; limits come before faults. The
 * well-formed lines are split by http1/scan, many bytes at a time; only a line that it would not take is read
 * again here, byte by byte, to say why. RFC 9112 sections 2, 3 and 5. */
#include "http1/request_parser.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "http/headers.h"
#include "http/target.h"
#include "http1/request_framing.h"
#include "http1/scan.h"

#define METHOD_BYTES_MAX 24 /* the longest of the IANA registry, UPDATEREDIRECTREF, has 17 */
#define EMPTY_LINES_MAX 4   /* before the request line; RFC 9112 section 2.2 asks for one */
#define VERSION_BYTES 8     /* "HTTP/1.1" */

enum stage { STAGE_REQUEST_LINE, STAGE_FIELDS, STAGE_DONE };

/* What one call works on. */
struct work {
    struct fr_request_parser *parser;
    const struct fr_limits *limits;
    const struct fr_scan_ops *scan;
    struct fr_request_head *head;
    fr_span bytes; /* not more than head_bytes_max */
    bool is_cut;   /* there are more bytes than that */
};

/* A span into the old bytes becomes the same span of the new ones. */
static void move_span(fr_span *span, const char *from, const char *to)
{
    span->data = to + (span->data - from);
}

/* The bytes of the head are somewhere else now. */
static void move_head(struct work *work)
{
    const char *from = work->parser->base, *to = work->bytes.data;
    struct fr_request_head *head = work->head;
    work->parser->base = to;
    if (work->parser->stage == STAGE_REQUEST_LINE)
        return;
    for (size_t i = 0; i < head->header_count; i++) {
        move_span(&head->headers[i].name, from, to);
        move_span(&head->headers[i].value, from, to);
    }
    move_span(&head->method_text, from, to);
    move_span(&head->target, from, to);
    int error = fr_target_parse(head);
    assert(error == 0); /* it was parsed before */
    (void)error;
}

static bool is_line_end(fr_span bytes, size_t at)
{
    return bytes.len - at >= 2 && bytes.data[at] == '\r' && bytes.data[at + 1] == '\n';
}

static bool is_line_break(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* The error for a byte at `at` that does not belong there, or for the end of the bytes: `error`, unless it
 * is a CR or LF without the other. */
static int fault_at(fr_span bytes, size_t at, int error)
{
    bool is_bare = at < bytes.len && is_line_break(bytes.data[at]) && !is_line_end(bytes, at);
    return is_bare ? FR_E_LINE_ENDING : error;
}

static int wait_for_more(const struct work *work)
{
    return work->is_cut ? FR_E_HEAD_TOO_LARGE : 0;
}

/* The line at parser->line: 1 when it is complete, so that its faults may be named; 0 when it is to be waited
 * for; or the error of the limit that it passes. No byte is searched twice. */
static int judge_line(struct work *work)
{
    struct fr_request_parser *parser = work->parser;
    bool is_field = parser->stage == STAGE_FIELDS;
    size_t len_max = is_field ? work->limits->field_bytes_max : work->limits->request_line_bytes_max;

    size_t from = parser->scanned > parser->line ? parser->scanned : parser->line;
    size_t end = from + fr_span_find(fr_span_skip(work->bytes, from), '\n');
    parser->scanned = (uint32_t)end;
    size_t len = end - parser->line;
    if (len && work->bytes.data[end - 1] == '\r')
        len--;
    if (len > len_max)
        return is_field ? FR_E_HEAD_TOO_LARGE : FR_E_REQUEST_LINE_TOO_LONG;
    return end < work->bytes.len ? 1 : wait_for_more(work);
}

/* `error` when the line is complete; otherwise what judge_line says. */
static int refuse_line(struct work *work, int error)
{
    int verdict = judge_line(work);
    return verdict > 0 ? error : verdict;
}

/* The method from `*at` on; moves to the SP behind it. */
static int parse_method(const struct work *work, size_t *at)
{
    struct fr_request_head *head = work->head;
    fr_span bytes = work->bytes;
    size_t start = *at;
    if (bytes.len - start > 4 && memcmp(bytes.data + start, "GET ", 4) == 0) {
        head->method = FR_METHOD_GET;
        *at = start + 3;
    } else {
        *at = work->scan->name_end(bytes, start);
        head->method = fr_method_lookup(fr_span_slice(bytes, start, *at));
    }
    head->method_text = fr_span_slice(bytes, start, *at);
    if (*at == bytes.len || *at == start)
        return fault_at(bytes, *at, FR_E_METHOD);
    if (is_line_break(bytes.data[*at]))
        return fault_at(bytes, *at, FR_E_REQUEST_LINE);
    return bytes.data[*at] == ' ' ? 0 : FR_E_METHOD;
}

/* The target from `*at` on; moves to the SP behind it. What it means is for fr_target_parse. */
static int parse_target(const struct work *work, size_t *at)
{
    fr_span bytes = work->bytes;
    size_t start = *at, end = work->scan->target_end(bytes, start);
    *at = end;
    work->head->target = fr_span_slice(bytes, start, end);
    if (end == bytes.len || end == start || is_line_break(bytes.data[end]))
        return fault_at(bytes, end, FR_E_REQUEST_LINE);
    return bytes.data[end] == ' ' ? 0 : FR_E_TARGET;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "HTTP/1.1" or "HTTP/1.0" from `*at` on, and the CR LF; moves behind it. */
static int parse_version(const struct work *work, size_t *at)
{
    fr_span bytes = work->bytes;
    if (bytes.len - *at < VERSION_BYTES)
        return FR_E_REQUEST_LINE;
    const char *text = bytes.data + *at;
    if (memcmp(text, "HTTP/1.1", VERSION_BYTES) == 0)
        work->head->version = FR_HTTP_1_1;
    else if (memcmp(text, "HTTP/1.0", VERSION_BYTES) == 0)
        work->head->version = FR_HTTP_1_0;
    else if (memcmp(text, "HTTP/", 5) == 0 && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]))
        return FR_E_VERSION;
    else
        return FR_E_REQUEST_LINE;
    *at += VERSION_BYTES;
    if (!is_line_end(bytes, *at))
        return fault_at(bytes, *at, FR_E_REQUEST_LINE);
    *at += 2;
    return 0;
}

/* The three parts are found first and understood then, so that another version is called so though its
 * method or target may be strange to us ("PRI * HTTP/2.0"). */
static int parse_request_line(const struct work *work, size_t *at)
{
    struct fr_request_head *head = work->head;
    head->header_count = 0;
    head->authority = head->protocol = (fr_span){NULL, 0};
    int error = parse_method(work, at);
    if (error)
        return error;
    ++*at;
    error = parse_target(work, at);
    if (error)
        return error;
    ++*at;
    error = parse_version(work, at);
    if (error)
        return error;
    if (head->method_text.len > METHOD_BYTES_MAX || head->method == FR_METHOD_CONNECT)
        return FR_E_METHOD_REFUSED;
    return fr_target_parse(head);
}

/* What does not begin a method (or an empty line) is not HTTP, a TLS hello perhaps, and may never end its line:
 * it is refused before. */
static bool begins_method(char byte)
{
    return is_line_break(byte) || fr_is_token(fr_span_of(&byte, 1));
}

/* Empty lines, then the request line. 1 when it is done. */
static int take_request_line(struct work *work)
{
    struct fr_request_parser *parser = work->parser;
    for (; is_line_end(work->bytes, parser->line); parser->line += 2)
        if (parser->line / 2 == EMPTY_LINES_MAX)
            return FR_E_REQUEST_LINE;
    if (parser->line == work->bytes.len)
        return wait_for_more(work);
    size_t at = parser->line;
    int error = parse_request_line(work, &at);
    if (error)
        return begins_method(work->bytes.data[parser->line]) ? refuse_line(work, error) : FR_E_METHOD;
    if (at - 2 - parser->line > work->limits->request_line_bytes_max)
        return FR_E_REQUEST_LINE_TOO_LONG;
    parser->line = (uint32_t)at;
    parser->stage = STAGE_FIELDS;
    return 1;
}

/* Why the complete line at `at` is not a field line. */
static int field_error(fr_span bytes, size_t at)
{
    if (bytes.data[at] == ' ' || bytes.data[at] == '\t')
        return FR_E_LINE_FOLDING;
    size_t colon = fr_scan_scalar.name_end(bytes, at);
    if (colon == at || colon == bytes.len || bytes.data[colon] != ':')
        return fault_at(bytes, colon, FR_E_HEADER_NAME);
    return fault_at(bytes, fr_scan_scalar.value_end(bytes, colon + 1), FR_E_HEADER_VALUE);
}

/* Numbers for the names of the fields from `first` on, whose lines end at `end`, and their limit. */
static int finish_fields(const struct work *work, size_t first, size_t end)
{
    struct fr_request_head *head = work->head;
    size_t len_max = work->limits->field_bytes_max;
    for (size_t i = first; i < head->header_count; i++)
        head->headers[i].known = fr_header_lookup(head->headers[i].name);
    if (end - work->parser->line <= len_max)
        return 0;
    const char *next = work->bytes.data + end;
    for (size_t i = head->header_count; i-- > first; next = head->headers[i].name.data)
        if ((size_t)(next - head->headers[i].name.data) > len_max + 2)
            return FR_E_HEAD_TOO_LARGE;
    return 0;
}

/* Field lines, then the empty line. 1 when it is done. */
static int take_fields(struct work *work)
{
    struct fr_request_parser *parser = work->parser;
    struct fr_request_head *head = work->head;
    size_t fields_max = work->limits->fields_max;
    if (fields_max > head->header_capacity)
        fields_max = head->header_capacity;

    size_t first = head->header_count, at = parser->line;
    head->header_count += work->scan->split_fields(work->bytes, &at, head->headers + first, fields_max - first);
    int error = finish_fields(work, first, at);
    if (error)
        return error;
    parser->line = (uint32_t)at;
    if (is_line_end(work->bytes, at)) {
        parser->line += 2;
        parser->stage = STAGE_DONE;
        return 1;
    }
    if (at == work->bytes.len)
        return wait_for_more(work);
    if (head->header_count == fields_max && !is_line_break(work->bytes.data[at]))
        return FR_E_TOO_MANY_FIELDS;
    return refuse_line(work, field_error(work->bytes, at));
}

void fr_request_parser_reset(struct fr_request_parser *parser)
{
    *parser = (struct fr_request_parser){0};
}

ssize_t fr_request_parse(struct fr_request_parser *parser, const struct fr_limits *limits, fr_span bytes,
                         struct fr_request_head *head)
{
    return fr_request_parse_with(fr_scan_best(), parser, limits, bytes, head);
}

ssize_t fr_request_parse_with(const struct fr_scan_ops *scan, struct fr_request_parser *parser,
                              const struct fr_limits *limits, fr_span bytes, struct fr_request_head *head)
{
    assert(parser->stage != STAGE_DONE && limits->head_bytes_max <= UINT32_MAX);
    struct work work = {parser, limits, scan, head, bytes, false};
    if (bytes.len > limits->head_bytes_max) {
        work.bytes.len = limits->head_bytes_max;
        work.is_cut = true;
    }
    if (parser->base != bytes.data)
        move_head(&work);
    int verdict = 1;
    if (parser->scanned > parser->line)
        verdict = judge_line(&work);
    if (verdict > 0 && parser->stage == STAGE_REQUEST_LINE)
        verdict = take_request_line(&work);
    if (verdict > 0)
        verdict = take_fields(&work);
    if (verdict > 0)
        verdict = fr_request_framing_apply(head);
    else
        return verdict;
    return verdict < 0 ? verdict : (ssize_t)parser->line;
}
