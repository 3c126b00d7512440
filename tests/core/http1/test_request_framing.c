/* Host, body and connection: each rule on fields that are split already. */
#include "unit.h"

#include "base/error.h"
#include "http1/request_framing.h"

static struct fr_header fields[8];
static struct fr_request_head head = {.version = FR_HTTP_1_1, .headers = fields, .header_capacity = 8};

static void add(const char *name, const char *value)
{
    fr_span text = fr_span_of_string(name);
    fields[head.header_count++] = (struct fr_header){text, fr_span_of_string(value), fr_header_lookup(text)};
}

static int apply_to(const char *name, const char *value)
{
    head.header_count = 0;
    add("Host", "a");
    add(name, value);
    return fr_request_framing_apply(&head);
}

TEST(host_becomes_the_authority)
{
    add("host", "example.com:80");
    EQUAL(fr_request_framing_apply(&head), 0);
    SAME(head.authority, "example.com:80");
}

TEST(the_authority_of_an_absolute_target_wins)
{
    head.form = FR_TARGET_ABSOLUTE;
    head.authority = FR_SPAN("b");
    add("Host", "a");
    EQUAL(fr_request_framing_apply(&head), 0);
    SAME(head.authority, "b");
    fields[0].value = FR_SPAN("a b");
    EQUAL(fr_request_framing_apply(&head), FR_E_HOST);
}

TEST(host_is_needed_once)
{
    EQUAL(fr_request_framing_apply(&head), FR_E_HOST);
    head.version = FR_HTTP_1_0;
    EQUAL(fr_request_framing_apply(&head), 0);
    add("Host", "a");
    EQUAL(fr_request_framing_apply(&head), 0);
    add("Host", "a");
    EQUAL(fr_request_framing_apply(&head), FR_E_HOST);
    head.version = FR_HTTP_1_1;
    EQUAL(fr_request_framing_apply(&head), FR_E_HOST);
}

TEST(content_length)
{
    EQUAL(apply_to("Accept", "*/*"), 0);
    EQUAL(head.body_length, FR_BODY_NONE);
    EQUAL(apply_to("Content-Length", "123"), 0);
    EQUAL(head.body_length, 123);
    EQUAL(apply_to("Content-Length", "0"), 0);
    EQUAL(head.body_length, FR_BODY_NONE);
    EQUAL(apply_to("Content-Length", "9223372036854775807"), 0);
    EQUAL(apply_to("Content-Length", "9223372036854775808"), FR_E_CONTENT_LENGTH);
    EQUAL(apply_to("Content-Length", ""), FR_E_CONTENT_LENGTH);
    EQUAL(apply_to("Content-Length", "1, 1"), FR_E_CONTENT_LENGTH);
    EQUAL(apply_to("Content-Length", "+1"), FR_E_CONTENT_LENGTH);
    EQUAL(apply_to("Content-Length", "-1"), FR_E_CONTENT_LENGTH);
    EQUAL(apply_to("Content-Length", "0x1"), FR_E_CONTENT_LENGTH);
    EQUAL(apply_to("Content-Length", "1 2"), FR_E_CONTENT_LENGTH);
}

TEST(a_length_given_twice_is_refused_even_when_equal)
{
    apply_to("Content-Length", "1");
    add("Content-Length", "1");
    EQUAL(fr_request_framing_apply(&head), FR_E_CONTENT_LENGTH);
}

TEST(a_length_and_a_coding_are_refused_in_any_order)
{
    apply_to("Content-Length", "1");
    add("Transfer-Encoding", "chunked");
    EQUAL(fr_request_framing_apply(&head), FR_E_CONTENT_LENGTH);
    apply_to("Transfer-Encoding", "chunked");
    add("Content-Length", "1");
    EQUAL(fr_request_framing_apply(&head), FR_E_CONTENT_LENGTH);
}

TEST(transfer_encoding)
{
    EQUAL(apply_to("Transfer-Encoding", "chunked"), 0);
    EQUAL(head.body_length, FR_BODY_CHUNKED);
    EQUAL(apply_to("Transfer-Encoding", "CHUNKED"), 0);
    EQUAL(apply_to("Transfer-Encoding", "gzip, chunked"), FR_E_TRANSFER_CODING);
    EQUAL(apply_to("Transfer-Encoding", "gzip;q=1, deflate,chunked"), FR_E_TRANSFER_CODING);
    EQUAL(apply_to("Transfer-Encoding", ""), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", ","), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "gzip"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "identity"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "xchunked"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "chunked, gzip"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "chunked, chunked"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "chunked;a=b"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "chunked;a=b, chunked"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "chunked,"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "\"gzip\", chunked"), FR_E_TRANSFER_ENCODING);
    EQUAL(apply_to("Transfer-Encoding", "chun ked"), FR_E_TRANSFER_ENCODING);
}

TEST(a_coding_given_twice_or_to_http_1_0_is_refused)
{
    apply_to("Transfer-Encoding", "gzip");
    add("Transfer-Encoding", "chunked");
    EQUAL(fr_request_framing_apply(&head), FR_E_TRANSFER_ENCODING);
    head.version = FR_HTTP_1_0;
    EQUAL(apply_to("Transfer-Encoding", "chunked"), FR_E_TRANSFER_ENCODING);
}

TEST(keep_alive)
{
    apply_to("Accept", "*/*");
    IS(head.keep_alive);
    apply_to("Connection", "close");
    IS(!head.keep_alive);
    apply_to("Connection", "keep-alive, Close");
    IS(!head.keep_alive);
    apply_to("Connection", "closed");
    IS(head.keep_alive);
    apply_to("Connection", "keep-alive");
    add("Connection", "close");
    IS(fr_request_framing_apply(&head) == 0 && !head.keep_alive);

    head.version = FR_HTTP_1_0;
    apply_to("Accept", "*/*");
    IS(!head.keep_alive);
    apply_to("Connection", "Keep-Alive");
    IS(head.keep_alive);
    apply_to("Connection", "keep-alive, close");
    IS(!head.keep_alive);
    apply_to("Proxy-Connection", "keep-alive");
    IS(!head.keep_alive);
}

TEST(upgrade)
{
    apply_to("Upgrade", "websocket");
    IS(!head.upgrade);
    apply_to("Connection", "keep-alive, Upgrade");
    IS(!head.upgrade);
    add("Upgrade", "websocket");
    IS(fr_request_framing_apply(&head) == 0 && head.upgrade);
    head.version = FR_HTTP_1_0;
    IS(fr_request_framing_apply(&head) == 0 && !head.upgrade);
}

TEST(expectations)
{
    EQUAL(apply_to("Expect", "100-continue"), 0);
    IS(!head.expect_continue); /* there is no body to wait for */
    add("Content-Length", "1");
    IS(fr_request_framing_apply(&head) == 0 && head.expect_continue);
    EQUAL(apply_to("Expect", "100-Continue"), 0);
    EQUAL(apply_to("Expect", "200-ok"), FR_E_EXPECTATION);
    EQUAL(apply_to("Expect", "100-continue, other"), FR_E_EXPECTATION);
    EQUAL(apply_to("Expect", ""), FR_E_EXPECTATION);
    head.version = FR_HTTP_1_0;
    EQUAL(apply_to("Expect", "200-ok"), 0);
    apply_to("Expect", "100-continue");
    add("Content-Length", "1");
    IS(fr_request_framing_apply(&head) == 0 && !head.expect_continue);
}
