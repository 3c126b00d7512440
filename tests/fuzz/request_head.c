/* tests/fuzz/request_head.c - Any bytes as a request head: the answer does not depend on the cuts, and what is
 * accepted keeps every promise of the parser.
 *
 * The first byte chooses: an odd one means small limits. The rest is what arrives. */
#include <stdint.h>
#include <stdlib.h>

#include "../core/http1/parse_both_ways.h"
#include "http/headers.h"
#include "http/target.h"

#define PIECES_MAX 512 /* so that a long input does not take quadratic time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static void check_fields(const struct fr_request_head *head)
{
    unsigned hosts = 0, lengths = 0, encodings = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct fr_header *field = &head->headers[i];
        require(fr_is_token(field->name));
        require(fr_is_field_value(field->value));
        require(fr_span_trim(field->value).len == field->value.len);
        require(field->known == fr_header_lookup(field->name));
        hosts += field->known == FR_HEADER_HOST;
        lengths += field->known == FR_HEADER_CONTENT_LENGTH;
        encodings += field->known == FR_HEADER_TRANSFER_ENCODING;
    }
    require(hosts == 1 || (hosts == 0 && head->version == FR_HTTP_1_0));
    require(lengths + encodings <= 1);
    require((head->body_length == FR_BODY_CHUNKED) == (encodings == 1));
    require(head->body_length <= 0 || lengths == 1);
}

static void check_head(const struct fr_limits *limits, fr_span bytes, ssize_t result,
                       const struct fr_request_head *head)
{
    require(result <= (ssize_t)bytes.len && result <= (ssize_t)limits->head_bytes_max);
    require(memcmp(bytes.data + result - 4, "\r\n\r\n", 4) == 0);
    require(fr_is_token(head->method_text) && head->method != FR_METHOD_CONNECT);
    require(head->target.len + head->method_text.len < limits->request_line_bytes_max);
    require(head->path.len > 0 && (head->path.data[0] == '/' || head->path.data[0] == '*'));
    require(fr_span_find(head->path, '?') == head->path.len && fr_span_find(head->path, ' ') == head->path.len);
    require(fr_is_host(head->authority));
    require(head->header_count <= limits->fields_max);
    check_fields(head);
}

static void parse_once(const struct fr_limits *limits, fr_span bytes)
{
    struct fr_header fields[PARSED_FIELDS_MAX];
    struct fr_request_head head = {.headers = fields, .header_capacity = PARSED_FIELDS_MAX};
    struct fr_request_parser parser;
    fr_request_parser_reset(&parser);
    ssize_t result = fr_request_parse(&parser, limits, bytes, &head);
    if (result > 0)
        check_head(limits, bytes, result, &head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct parsed whole, pieces;
    if (len == 0)
        return 0;
    struct fr_limits limits;
    fr_limits_init(&limits);
    if (data[0] & 1) {
        limits.request_line_bytes_max = 64;
        limits.field_bytes_max = 48;
        limits.head_bytes_max = 256;
        limits.fields_max = 4;
    }
    fr_span bytes = fr_span_of((const char *)data + 1, len - 1);
    parse_once(&limits, bytes);
    parse_in_pieces(&whole, fr_scan_best(), &limits, bytes, bytes.len, 1);
    parse_in_pieces(&pieces, &fr_scan_scalar, &limits, bytes, 0, 1 + bytes.len / PIECES_MAX);
    require(parsed_equal(&whole, &pieces));
    for (unsigned cut = 1; cut < 8; cut++) {
        parse_in_pieces(&pieces, fr_scan_best(), &limits, bytes, bytes.len * cut / 8, bytes.len);
        require(parsed_equal(&whole, &pieces));
    }
    return 0;
}
