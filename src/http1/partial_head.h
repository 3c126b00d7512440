/* http1/partial_head.h - A request head that arrives in pieces: the unfinished parse with its fields.
 *
 * A head that arrives whole lives in the worker's scratch; only an unfinished one needs memory of its own, from the
 * pool, until it is complete. The bytes themselves are kept by the caller. */
#ifndef FR_HTTP1_PARTIAL_HEAD_H
#define FR_HTTP1_PARTIAL_HEAD_H

#include "base/limits.h"
#include "base/pool.h"
#include "http/message.h"
#include "http1/request_parser.h"

struct fr_partial_head {
    struct fr_request_parser parser;
    struct fr_request_head head;
    struct fr_header fields[]; /* head.headers: room for limits->fields_max */
};

/* Takes over an unfinished parse from `parser` and `head`, which may be reused at once. */
struct fr_partial_head *fr_partial_head_keep(struct fr_pool *pool, const struct fr_limits *limits,
                                             const struct fr_request_parser *parser,
                                             const struct fr_request_head *head);

/* Gives it back; the pool and the limits are those it was kept with. NULL is allowed. */
void fr_partial_head_give(struct fr_pool *pool, const struct fr_limits *limits, struct fr_partial_head *partial);

#endif
