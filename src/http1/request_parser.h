/* http1/request_parser.h - Bytes to request head, in place; resumable; strict. RFC 9112 sections 2 to 6.
 *
 * Allocates nothing for a head that arrives whole. For a head in pieces the caller keeps the bytes from the
 * start of the head together and calls again with more of them (they may have moved); lines that were
 * parsed once are not parsed again, and no byte is scanned twice for a line's end. A malformed line is
 * refused as soon as it is complete, an over-long one as soon as it is too long, and what does not begin with
 * the byte of a method at once. */
#ifndef FR_HTTP1_REQUEST_PARSER_H
#define FR_HTTP1_REQUEST_PARSER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/limits.h"
#include "http/message.h"

/* Between calls; zero it (fr_request_parser_reset) for each head. Fields found so far are in the head, whose
 * spans are shifted when the bytes have moved: so one head struct must be kept with one unfinished parse. */
struct fr_request_parser {
    const char *base; /* where the bytes were at the last call */
    uint32_t line;    /* offset of the first line not parsed yet */
    uint32_t scanned; /* no line end before this offset, counted from the start */
    uint8_t stage;    /* request line, fields, done */
};

void fr_request_parser_reset(struct fr_request_parser *parser);

/* Parses the head at the front of `bytes`. Returns its length including the empty line, 0 when it is not
 * complete, or a negative enum fr_error. Empty lines before the request line are skipped (RFC 9112
 * section 2.2) and counted. `head->headers` and `header_capacity` are given; the rest is filled. The result
 * has passed every check of framing: Host, Content-Length, Transfer-Encoding, version, target. */
FR_CHECKED ssize_t fr_request_parse(struct fr_request_parser *parser, const struct fr_limits *limits, fr_span bytes,
                                    struct fr_request_head *head);

struct fr_scan_ops;

/* The same with a scan of the caller's choice, for tests and measurements. */
FR_CHECKED ssize_t fr_request_parse_with(const struct fr_scan_ops *scan, struct fr_request_parser *parser,
                                         const struct fr_limits *limits, fr_span bytes, struct fr_request_head *head);

#endif
