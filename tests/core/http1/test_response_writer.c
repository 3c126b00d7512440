/* http1/response_writer.c: what is written for every kind of answer, and what is refused. */
#include "http1/response_writer.h"

#include <sys/uio.h>

#include "unit.h"

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define OWN "Server: freastal\r\n" DATE

struct desk {
    struct fr_pool *pool;
    struct fr_outbox outbox;
    struct fr_clock clock;
    struct fr_response_policy policy;
    struct fr_exchange exchange;
    struct fr_response_plan plan;
    char written[70000];
    unsigned released;
};

static void open_desk(struct desk *desk)
{
    memset(desk, 0, sizeof *desk);
    desk->pool = fr_pool_open(1u << 20);
    fr_outbox_init(&desk->outbox, desk->pool);
    fr_clock_init(&desk->clock);
    fr_clock_advance(&desk->clock, 0);
    desk->clock.wall_s = 784111777;
    desk->policy = (struct fr_response_policy){.server = FR_SPAN("freastal"), .date = true};
    desk->exchange.version = FR_HTTP_1_1;
    desk->exchange.response_left = -1;
    desk->plan.keep_alive = true;
}

static void close_desk(struct desk *desk)
{
    fr_outbox_clear(&desk->outbox);
    EQUAL(fr_pool_taken(desk->pool), 0);
    fr_pool_close(desk->pool);
}

/* Everything that is queued, which is then gone; files are left out. */
static fr_span take(struct desk *desk)
{
    size_t len = 0;
    struct iovec vector;
    while (fr_outbox_gather(&desk->outbox, &vector, 1) == 1) {
        IS(len + vector.iov_len < sizeof desk->written);
        memcpy(desk->written + len, vector.iov_base, vector.iov_len);
        len += vector.iov_len;
        fr_outbox_consume(&desk->outbox, vector.iov_len);
    }
    return fr_span_of(desk->written, len);
}

static int write_head(struct desk *desk, int status, const struct fr_response_header *fields, size_t count)
{
    const struct fr_response_head head = {
        .status = status, .headers = fields, .header_count = count, .content_length = -1};
    return fr_response_write_head(&desk->outbox, &desk->exchange, &head, &desk->policy, &desk->clock, &desk->plan);
}

static struct fr_response_header field(const char *name, const char *value)
{
    return (struct fr_response_header){fr_span_of_string(name), fr_span_of_string(value)};
}

/* ---- heads ---- */

TEST(a_known_length_is_declared)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header type = field("Content-Type", "text/html");
    desk.exchange.response_left = 1234567890123;
    EQUAL(write_head(&desk, 200, &type, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Type: text/html\r\nContent-Length: 1234567890123\r\n\r\n");
    EQUAL(desk.plan.framing, FR_FRAMING_LENGTH);
    IS(desk.plan.keep_alive);
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 0\r\n\r\n");
    desk.exchange.response_left = INT64_MAX;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 9223372036854775807\r\n\r\n");
    close_desk(&desk);
}

TEST(a_length_declared_by_the_application_is_not_repeated)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header length = field("content-length", "5");
    desk.exchange.response_left = 5;
    EQUAL(write_head(&desk, 200, &length, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "content-length: 5\r\n\r\n");
    EQUAL(desk.plan.framing, FR_FRAMING_LENGTH);
    close_desk(&desk);
}

TEST(an_unknown_length_is_chunked_or_ends_the_connection)
{
    struct desk desk;
    open_desk(&desk);
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Transfer-Encoding: chunked\r\n\r\n");
    EQUAL(desk.plan.framing, FR_FRAMING_CHUNKED);
    desk.exchange.version = FR_HTTP_1_0;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Connection: close\r\n\r\n");
    EQUAL(desk.plan.framing, FR_FRAMING_UNTIL_CLOSE);
    IS(!desk.plan.keep_alive);
    close_desk(&desk);
}

TEST(answers_without_a_body_have_no_framing)
{
    struct desk desk;
    open_desk(&desk);
    desk.exchange.head_only = true;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "\r\n");
    EQUAL(desk.plan.framing, FR_FRAMING_NONE);
    desk.exchange.response_left = 100;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 100\r\n\r\n");
    EQUAL(write_head(&desk, 304, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 304 Not Modified\r\n" OWN "Content-Length: 100\r\n\r\n");
    const struct fr_response_header length = field("Content-Length", "100");
    EQUAL(write_head(&desk, 204, &length, 1), 0);
    SAME(take(&desk), "HTTP/1.1 204 No Content\r\n" OWN "\r\n");
    IS(desk.plan.keep_alive);
    close_desk(&desk);
}

TEST(interim_heads_have_only_what_is_given)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header fields[] = {field("Link", "</style.css>"), field("Content-Length", "5")};
    EQUAL(write_head(&desk, 103, fields, 2), 0);
    SAME(take(&desk), "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n");
    EQUAL(write_head(&desk, 100, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 100 Continue\r\n\r\n");
    close_desk(&desk);
}

TEST(switching_protocols_names_the_upgrade)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header fields[] = {field("Upgrade", "websocket"), field("Connection", "Upgrade"),
                                                field("Sec-WebSocket-Accept", "x")};
    EQUAL(write_head(&desk, 101, fields, 3), 0);
    SAME(take(&desk), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n"
                      "Connection: upgrade\r\n\r\n");
    EQUAL(desk.plan.framing, FR_FRAMING_NONE);
    const struct fr_response_header upgrade = field("Upgrade", "h3");
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 426, &upgrade, 1), 0);
    SAME(take(&desk), "HTTP/1.1 426 Upgrade Required\r\n" OWN "Upgrade: h3\r\nContent-Length: 0\r\n"
                      "Connection: upgrade\r\n\r\n");
    desk.plan.keep_alive = false;
    EQUAL(write_head(&desk, 426, &upgrade, 1), 0);
    SAME(take(&desk), "HTTP/1.1 426 Upgrade Required\r\n" OWN "Upgrade: h3\r\nContent-Length: 0\r\n"
                      "Connection: upgrade, close\r\n\r\n");
    close_desk(&desk);
}

TEST(the_applications_date_and_server_win)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header fields[] = {field("date", "today"), field("SERVER", "mine")};
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 200, fields, 2), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\ndate: today\r\nSERVER: mine\r\nContent-Length: 0\r\n\r\n");
    close_desk(&desk);
}

TEST(date_and_server_may_be_switched_off)
{
    struct desk desk;
    open_desk(&desk);
    desk.policy = (struct fr_response_policy){.server = {NULL, 0}, .date = false};
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    close_desk(&desk);
}

TEST(the_reason_may_be_the_applications)
{
    struct desk desk;
    open_desk(&desk);
    desk.policy = (struct fr_response_policy){.server = {NULL, 0}, .date = false};
    struct fr_response_head head = {.status = 404, .reason = FR_SPAN("Nothing\there \xe9"), .content_length = -1};
    desk.exchange.response_left = 0;
    EQUAL(fr_response_write_head(&desk.outbox, &desk.exchange, &head, &desk.policy, &desk.clock, &desk.plan), 0);
    SAME(take(&desk), "HTTP/1.1 404 Nothing\there \xe9\r\nContent-Length: 0\r\n\r\n");
    EQUAL(write_head(&desk, 299, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
    head.reason = FR_SPAN("OK\r\nX: y");
    EQUAL(fr_response_write_head(&desk.outbox, &desk.exchange, &head, &desk.policy, &desk.clock, &desk.plan),
          FR_E_RESPONSE_HEAD);
    EQUAL(desk.outbox.bytes, 0);
    close_desk(&desk);
}

TEST(connection_is_a_wish_and_not_copied)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header close_it = field("connection", "x-thing, Close");
    const struct fr_response_header keep_it = field("Connection", "keep-alive");
    const struct fr_response_header timeout = field("Keep-Alive", "timeout=9");
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 200, &timeout, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 0\r\n\r\n");
    EQUAL(write_head(&desk, 200, &keep_it, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 0\r\n\r\n");
    IS(desk.plan.keep_alive);
    EQUAL(write_head(&desk, 200, &close_it, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 0\r\nConnection: close\r\n\r\n");
    IS(!desk.plan.keep_alive);
    EQUAL(write_head(&desk, 200, &keep_it, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 0\r\nConnection: close\r\n\r\n");
    desk.exchange.version = FR_HTTP_1_0;
    desk.plan.keep_alive = true;
    EQUAL(write_head(&desk, 200, NULL, 0), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n");
    close_desk(&desk);
}

TEST(transfer_encoding_is_ours)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header chunked = field("Transfer-Encoding", "chunked");
    const struct fr_response_header gzip = field("transfer-encoding", "gzip, chunked");
    desk.exchange.response_left = 3;
    EQUAL(write_head(&desk, 200, &chunked, 1), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\n" OWN "Content-Length: 3\r\n\r\n");
    EQUAL(write_head(&desk, 200, &gzip, 1), FR_E_RESPONSE_HEAD);
    EQUAL(desk.outbox.bytes, 0);
    close_desk(&desk);
}

TEST(no_field_can_split_the_response)
{
    const char *names[] = {"", "X:", "X Y", "X\r\nY", "X\n", "X\xe9", "(X)"};
    const char *values[] = {"\r", "\n", "a\r\nSet-Cookie: b", "\x01", "0123456789abcdef\n", "\x7f", "01234567\x1f"};
    struct desk desk;
    open_desk(&desk);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct fr_response_header bad[] = {field("Fine", "yes"), field(names[i], "value")};
        EQUAL(write_head(&desk, 200, bad, 2), FR_E_RESPONSE_HEAD);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct fr_response_header bad[] = {field("Fine", "yes"), field("X", values[i])};
        EQUAL(write_head(&desk, 200, bad, 2), FR_E_RESPONSE_HEAD);
        const struct fr_response_header dropped = field("Connection", values[i]);
        EQUAL(write_head(&desk, 200, &dropped, 1), FR_E_RESPONSE_HEAD);
    }
    const struct fr_response_header nul = {FR_SPAN("X"), FR_SPAN("a\0b")};
    EQUAL(write_head(&desk, 200, &nul, 1), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 99, NULL, 0), FR_E_RESPONSE_HEAD);
    EQUAL(write_head(&desk, 1000, NULL, 0), FR_E_RESPONSE_HEAD);
    EQUAL(desk.outbox.bytes, 0);
    const struct fr_response_header good = {FR_SPAN("X!#$%&'*+-.^_`|~09"), FR_SPAN("a\tb \xff")};
    EQUAL(write_head(&desk, 200, &good, 1), 0);
    close_desk(&desk);
}

TEST(a_field_is_special_by_its_name_not_its_length)
{
    struct desk desk;
    open_desk(&desk);
    desk.policy = (struct fr_response_policy){.server = {NULL, 0}, .date = false};
    const struct fr_response_header fields[] = {field("Etag", "1"),           field("Expire", "2"),
                                                field("Expires", "3"),        field("Set-Cookie", "4"),
                                                field("Content-Ranger", "5"), field("Last-Modification", "6")};
    EQUAL(write_head(&desk, 200, fields, 6), 0);
    SAME(take(&desk), "HTTP/1.1 200 OK\r\nEtag: 1\r\nExpire: 2\r\nExpires: 3\r\nSet-Cookie: 4\r\n"
                      "Content-Ranger: 5\r\nLast-Modification: 6\r\nTransfer-Encoding: chunked\r\n\r\n");
    close_desk(&desk);
}

TEST(a_head_larger_than_a_page_goes_out_whole)
{
    static char value[60000];
    struct desk desk;
    open_desk(&desk);
    memset(value, 'v', sizeof value);
    const struct fr_response_header fields[] = {{FR_SPAN("X"), {value, sizeof value}}, field("Y", "z")};
    desk.exchange.response_left = 0;
    EQUAL(write_head(&desk, 200, fields, 2), 0);
    fr_span all = take(&desk);
    EQUAL(all.len, strlen("HTTP/1.1 200 OK\r\n" OWN "X: \r\nY: z\r\nContent-Length: 0\r\n\r\n") + sizeof value);
    SAME(fr_span_skip(all, all.len - 29), "\r\nY: z\r\nContent-Length: 0\r\n\r\n");
    close_desk(&desk);
}

/* ---- bodies ---- */

static void on_released(void *owner)
{
    ((struct desk *)owner)->released++;
}

static void write_piece(struct desk *desk, enum fr_framing framing, const char *bytes, size_t len)
{
    const struct fr_chunk chunk = {.bytes = {bytes, len}, .file = -1, .release = on_released, .owner = desk};
    fr_response_write_body(&desk->outbox, framing, &chunk);
}

TEST(pieces_are_framed_as_planned)
{
    struct desk desk;
    open_desk(&desk);
    write_piece(&desk, FR_FRAMING_LENGTH, "abc", 3);
    SAME(take(&desk), "abc");
    write_piece(&desk, FR_FRAMING_UNTIL_CLOSE, "abc", 3);
    SAME(take(&desk), "abc");
    write_piece(&desk, FR_FRAMING_NONE, "abc", 3);
    SAME(take(&desk), "");
    write_piece(&desk, FR_FRAMING_CHUNKED, "abc", 3);
    write_piece(&desk, FR_FRAMING_CHUNKED, "", 0);
    write_piece(&desk, FR_FRAMING_CHUNKED, "0123456789abcdef", 16);
    SAME(take(&desk), "3\r\nabc\r\n10\r\n0123456789abcdef\r\n");
    EQUAL(desk.released, 6);
    close_desk(&desk);
}

TEST(large_pieces_are_held_until_they_are_gone)
{
    static char bytes[40000];
    struct desk desk;
    open_desk(&desk);
    memset(bytes, 'b', sizeof bytes);
    write_piece(&desk, FR_FRAMING_CHUNKED, bytes, sizeof bytes);
    EQUAL(desk.released, 0);
    EQUAL(desk.outbox.bytes, sizeof bytes + 8);
    fr_span all = take(&desk);
    SAME(fr_span_slice(all, 0, 8), "9c40\r\nbb");
    SAME(fr_span_skip(all, all.len - 4), "bb\r\n");
    EQUAL(desk.released, 1);
    close_desk(&desk);
}

TEST(files_are_framed_too)
{
    struct desk desk;
    int file;
    int64_t offset;
    size_t len;
    struct iovec vector;
    open_desk(&desk);
    const struct fr_chunk chunk = {
        .bytes = {NULL, 100}, .file = 0, .offset = 7, .release = on_released, .owner = &desk};
    fr_response_write_body(&desk.outbox, FR_FRAMING_CHUNKED, &chunk);
    EQUAL(desk.outbox.bytes, 106);
    EQUAL(fr_outbox_gather(&desk.outbox, &vector, 1), 1);
    SAME(fr_span_of(vector.iov_base, vector.iov_len), "64\r\n");
    fr_outbox_consume(&desk.outbox, 4);
    IS(fr_outbox_file(&desk.outbox, &file, &offset, &len));
    EQUAL(offset, 7);
    EQUAL(len, 100);
    fr_outbox_consume(&desk.outbox, 100);
    EQUAL(desk.released, 1);
    SAME(take(&desk), "\r\n");
    close_desk(&desk);
}

/* ---- ends ---- */

TEST(only_chunks_have_an_end)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header trailers[] = {field("Digest", "x"), field("ETag", "y")};
    EQUAL(fr_response_write_end(&desk.outbox, FR_FRAMING_LENGTH, trailers, 2), 0);
    EQUAL(fr_response_write_end(&desk.outbox, FR_FRAMING_NONE, NULL, 0), 0);
    EQUAL(fr_response_write_end(&desk.outbox, FR_FRAMING_UNTIL_CLOSE, NULL, 0), 0);
    SAME(take(&desk), "");
    EQUAL(fr_response_write_end(&desk.outbox, FR_FRAMING_CHUNKED, NULL, 0), 0);
    EQUAL(fr_response_write_end(&desk.outbox, FR_FRAMING_CHUNKED, trailers, 2), 0);
    SAME(take(&desk), "0\r\n\r\n0\r\nDigest: x\r\nETag: y\r\n\r\n");
    close_desk(&desk);
}

TEST(trailers_are_checked_before_anything_is_written)
{
    struct desk desk;
    open_desk(&desk);
    const struct fr_response_header bad[] = {field("Content-Length", "5"), field("transfer-encoding", "chunked"),
                                             field("Trailer", "x"),        field("Host", "a"),
                                             field("Connection", "close"), field("X Y", "z"),
                                             field("X", "a\r\nb: c"),      field("", "x")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct fr_response_header trailers[] = {field("Fine", "yes"), bad[i]};
        EQUAL(fr_response_write_end(&desk.outbox, FR_FRAMING_CHUNKED, trailers, 2), FR_E_RESPONSE_HEAD);
        EQUAL(desk.outbox.bytes, 0);
    }
    close_desk(&desk);
}
