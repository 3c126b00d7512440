/* http1/partial_head.c: a parse goes on where it was left, though scratch and bytes are gone. */
#include "http1/partial_head.h"

#include "unit.h"

#define FIRST "GET /path?q HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nUser-Ag"
#define SECOND "ent: test\r\n\r\n"

TEST(a_parse_goes_on_elsewhere)
{
    struct fr_limits limits;
    struct fr_pool *pool = fr_pool_open(1u << 16);
    struct fr_header fields[100];
    struct fr_request_head scratch = {.headers = fields, .header_capacity = 100};
    struct fr_request_parser parser;
    char first[] = FIRST, all[] = FIRST SECOND;
    fr_limits_init(&limits);
    fr_request_parser_reset(&parser);
    EQUAL(fr_request_parse(&parser, &limits, fr_span_of_string(first), &scratch), 0);

    struct fr_partial_head *partial = fr_partial_head_keep(pool, &limits, &parser, &scratch);
    memset(&scratch, 0xa5, sizeof scratch);
    memset(fields, 0xa5, sizeof fields);
    memset(&parser, 0xa5, sizeof parser);

    EQUAL(partial->head.header_capacity, limits.fields_max);
    EQUAL(fr_request_parse(&partial->parser, &limits, fr_span_of_string(all), &partial->head), strlen(all));
    SAME(partial->head.path, "/path");
    EQUAL(partial->head.header_count, 3);
    SAME(partial->head.headers[0].value, "example.org");
    SAME(partial->head.headers[2].name, "User-Agent");
    IS(partial->head.headers[0].value.data > all && partial->head.headers[0].value.data < all + sizeof all);

    EQUAL(fr_pool_taken(pool), 1);
    fr_partial_head_give(pool, &limits, partial);
    fr_partial_head_give(pool, &limits, NULL);
    EQUAL(fr_pool_taken(pool), 0);
    fr_pool_close(pool);
}

TEST(there_is_room_for_every_field_allowed)
{
    struct fr_limits limits;
    struct fr_pool *pool = fr_pool_open(1u << 16);
    struct fr_header fields[100];
    struct fr_request_head scratch = {.headers = fields, .header_capacity = 100};
    struct fr_request_parser parser;
    char head[8192] = "GET / HTTP/1.1\r\nHost: a\r\n";
    fr_limits_init(&limits);
    fr_request_parser_reset(&parser);
    EQUAL(fr_request_parse(&parser, &limits, fr_span_of_string(head), &scratch), 0);
    struct fr_partial_head *partial = fr_partial_head_keep(pool, &limits, &parser, &scratch);
    for (int i = 1; i < 100; i++)
        snprintf(head + strlen(head), 32, "X-%d: %d\r\n", i, i);
    snprintf(head + strlen(head), 32, "\r\n");
    EQUAL(fr_request_parse(&partial->parser, &limits, fr_span_of_string(head), &partial->head), strlen(head));
    EQUAL(partial->head.header_count, 100);
    SAME(partial->head.headers[99].value, "99");
    fr_partial_head_give(pool, &limits, partial);
    fr_pool_close(pool);
}
