/* http2/response_head.c: the fields that are sent for a head, and those that are not. */
#include "http2/response_head.h"

#include "unit.h"

struct desk {
    struct fr_protocol protocol;
    struct fr_clock clock;
    struct fr_response_policy policy;
    struct fr_exchange exchange;
    char text[16384];
};

static void open_desk(struct desk *desk)
{
    memset(desk, 0, sizeof *desk);
    fr_clock_init(&desk->clock);
    fr_clock_advance(&desk->clock, 0);
    desk->clock.wall_s = 784111777;
    desk->policy = (struct fr_response_policy){.server = FR_SPAN("freastal"), .date = true};
    desk->protocol.pool = fr_pool_open(1u << 20);
    desk->protocol.clock = &desk->clock;
    desk->protocol.policy = &desk->policy;
    desk->exchange.protocol = &desk->protocol;
    desk->exchange.response_left = -1;
}

static void close_desk(struct desk *desk)
{
    EQUAL(fr_pool_taken(desk->protocol.pool), 0);
    fr_pool_close(desk->protocol.pool);
}

static void write_list(struct desk *desk, const struct fr_field_list *list)
{
    char *out = desk->text;
    *out = '\0';
    for (size_t i = 0; i < list->count; i++)
        out += sprintf(out, "%.*s: %.*s\n", (int)list->fields[i].namelen, list->fields[i].name,
                       (int)list->fields[i].valuelen, list->fields[i].value);
}

static int write_head(struct desk *desk, int status, const struct fr_response_header *headers, size_t count)
{
    const struct fr_response_head head = {
        .status = status, .headers = headers, .header_count = count, .content_length = -1};
    struct fr_field_list list;
    int error = fr_field_list_of_head(&list, &desk->exchange, &head);
    IS(!error || list.count == 0);
    write_list(desk, &list);
    fr_field_list_close(&list);
    return error;
}

#define OWN "server: freastal\ndate: Sun, 06 Nov 1994 08:49:37 GMT\n"

TEST(a_head_has_status_server_date_and_length)
{
    struct desk desk;
    const struct fr_response_header header = {FR_SPAN("X-One"), FR_SPAN("1")};
    open_desk(&desk);
    desk.exchange.response_left = 1234567;
    EQUAL(write_head(&desk, 200, &header, 1), 0);
    SAME(fr_span_of_string(desk.text), ":status: 200\n" OWN "X-One: 1\ncontent-length: 1234567\n");
    close_desk(&desk);
}

TEST(what_the_application_says_itself_is_not_added)
{
    struct desk desk;
    const struct fr_response_header headers[] = {
        {FR_SPAN("Date"), FR_SPAN("d")}, {FR_SPAN("server"), FR_SPAN("s")}, {FR_SPAN("Content-Length"), FR_SPAN("5")}};
    open_desk(&desk);
    desk.exchange.response_left = 5;
    EQUAL(write_head(&desk, 200, headers, 3), 0);
    SAME(fr_span_of_string(desk.text), ":status: 200\nDate: d\nserver: s\nContent-Length: 5\n");
    close_desk(&desk);
}

/* HTTP/1.1 lets it pass, and its readers cut it off. */
TEST(values_have_no_white_space_around_them)
{
    struct desk desk;
    const struct fr_response_header headers[] = {
        {FR_SPAN("a"), FR_SPAN(" 1")}, {FR_SPAN("b"), FR_SPAN("2\t ")}, {FR_SPAN("c"), FR_SPAN(" ")}};
    open_desk(&desk);
    EQUAL(write_head(&desk, 200, headers, 3), 0);
    SAME(fr_span_of_string(desk.text), ":status: 200\n" OWN "a: 1\nb: 2\nc: \n");
    close_desk(&desk);
}

TEST(what_speaks_of_a_connection_is_left_out)
{
    struct desk desk;
    const struct fr_response_header headers[] = {
        {FR_SPAN("Connection"), FR_SPAN("close")},     {FR_SPAN("Keep-Alive"), FR_SPAN("5")},
        {FR_SPAN("Proxy-Connection"), FR_SPAN("x")},   {FR_SPAN("Transfer-Encoding"), FR_SPAN("chunked")},
        {FR_SPAN("Upgrade"), FR_SPAN("h2c")},          {FR_SPAN("TE"), FR_SPAN("trailers")},
        {FR_SPAN("Transfer-Encoding-2"), FR_SPAN("a")}};
    open_desk(&desk);
    EQUAL(write_head(&desk, 200, headers, 7), 0);
    SAME(fr_span_of_string(desk.text), ":status: 200\n" OWN "Transfer-Encoding-2: a\n");
    close_desk(&desk);
}

TEST(interim_heads_have_nothing_of_ours)
{
    struct desk desk;
    const struct fr_response_header header = {FR_SPAN("link"), FR_SPAN("</a>")};
    open_desk(&desk);
    EQUAL(write_head(&desk, 103, &header, 1), 0);
    SAME(fr_span_of_string(desk.text), ":status: 103\nlink: </a>\n");
    close_desk(&desk);
}

TEST(no_length_where_none_belongs)
{
    struct desk desk;
    const struct fr_response_header length = {FR_SPAN("content-length"), FR_SPAN("0")};
    open_desk(&desk);
    desk.policy = (struct fr_response_policy){.date = false};
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 204, &length, 1), 0);
    SAME(fr_span_of_string(desk.text), ":status: 204\n");
    EQUAL(write_head(&desk, 304, NULL, 0), 0);
    SAME(fr_span_of_string(desk.text), ":status: 304\ncontent-length: 0\n");
    close_desk(&desk);
}

TEST(what_may_not_be_sent_is_refused)
{
    struct desk desk;
    const struct fr_response_header split = {FR_SPAN("a"), FR_SPAN("b\r\nc: d")};
    const struct fr_response_header pseudo = {FR_SPAN(":status"), FR_SPAN("500")};
    const struct fr_response_header coding = {FR_SPAN("Transfer-Encoding"), FR_SPAN("gzip")};
    open_desk(&desk);
    EQUAL(write_head(&desk, 200, &split, 1), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 200, &pseudo, 1), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 200, &coding, 1), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 101, NULL, 0), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 99, NULL, 0), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 1000, NULL, 0), FR_E_RESPONSE_HEAD);
    close_desk(&desk);
}

TEST(many_fields_take_memory_of_their_own)
{
    struct desk desk;
    struct fr_response_header headers[200];
    open_desk(&desk);
    for (size_t i = 0; i < 200; i++)
        headers[i] = (struct fr_response_header){FR_SPAN("x"), FR_SPAN("y")};
    EQUAL(write_head(&desk, 200, headers, 200), 0);
    EQUAL(strlen(desk.text), strlen(":status: 200\n" OWN) + 200 * strlen("x: y\n"));
    headers[199].value = FR_SPAN("\n");
    EQUAL(write_head(&desk, 200, headers, 200), FR_E_RESPONSE_HEAD);
    close_desk(&desk);
}

TEST(trailers_are_handed_on)
{
    struct desk desk;
    struct fr_field_list list;
    const struct fr_response_header trailers[] = {{FR_SPAN("X-Sum"), FR_SPAN("1")},
                                                  {FR_SPAN("Keep-Alive"), FR_SPAN("5")}};
    open_desk(&desk);
    fr_field_list_of_trailers(&list, desk.protocol.pool, trailers, 2);
    write_list(&desk, &list);
    SAME(fr_span_of_string(desk.text), "X-Sum: 1\n");
    fr_field_list_close(&list);
    close_desk(&desk);
}
