/* http1/partial_head.c - Moves an unfinished parse out of the worker's scratch. */
#include "http1/partial_head.h"

#include <assert.h>
#include <string.h>

static size_t size_of(const struct fr_limits *limits)
{
    return sizeof(struct fr_partial_head) + limits->fields_max * sizeof(struct fr_header);
}

struct fr_partial_head *fr_partial_head_keep(struct fr_pool *pool, const struct fr_limits *limits,
                                             const struct fr_request_parser *parser, const struct fr_request_head *head)
{
    struct fr_partial_head *partial = fr_pool_take(pool, size_of(limits));
    assert(head->header_count <= limits->fields_max);
    partial->parser = *parser;
    partial->head = *head;
    partial->head.header_capacity = limits->fields_max;
    partial->head.headers = partial->fields;
    if (head->header_count)
        memcpy(partial->fields, head->headers, head->header_count * sizeof *head->headers);
    return partial;
}

void fr_partial_head_give(struct fr_pool *pool, const struct fr_limits *limits, struct fr_partial_head *partial)
{
    if (partial)
        fr_pool_give(pool, partial, size_of(limits));
}
