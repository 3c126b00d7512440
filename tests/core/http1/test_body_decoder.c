/* http1/body_decoder.c: every body fed whole, at every split point, byte by byte, and with little credit. */
#include "http1/body_decoder.h"

#include "decode_in_pieces.h"
#include "http/message.h"
#include "unit.h"

static struct fr_limits limits_for_tests(void)
{
    struct fr_limits limits;
    fr_limits_init(&limits);
    limits.body_bytes_max = 100;
    limits.chunk_extension_bytes_max = 16;
    limits.trailer_bytes_max = 32;
    return limits;
}

static void expect_same(const struct decoded *whole, const struct decoded *other, fr_span input, size_t cut)
{
    if (!decoded_equal(whole, other))
        UNIT_FAIL("\"%.*s\" cut at %zu: \"%s\" error %d, not \"%s\" error %d", (int)input.len, input.data, cut,
                  other->body, other->error, whole->body, whole->error);
}

static const struct decoded *decode_all_ways(int64_t length, fr_span input)
{
    static struct decoded whole, other;
    struct fr_limits limits = limits_for_tests();
    decode_in_pieces(&whole, &limits, length, input, input.len, 1, UINT64_MAX);
    for (size_t cut = 1; cut < input.len; cut++) {
        decode_in_pieces(&other, &limits, length, input, cut, input.len, UINT64_MAX);
        expect_same(&whole, &other, input, cut);
    }
    decode_in_pieces(&other, &limits, length, input, 0, 1, UINT64_MAX);
    expect_same(&whole, &other, input, 0);
    decode_in_pieces(&other, &limits, length, input, input.len, 1, 1);
    expect_same(&whole, &other, input, input.len);
    return &whole;
}

static void expect_body(const char *input, const char *body, const char *rest)
{
    fr_span bytes = fr_span_of_string(input);
    const struct decoded *result = decode_all_ways(FR_BODY_CHUNKED, bytes);
    EQUAL(result->error, 0);
    IS(result->done);
    SAME(fr_span_of(result->body, result->len), body);
    SAME(fr_span_skip(bytes, result->used), rest);
}

static void expect_unfinished(const char *input)
{
    const struct decoded *result = decode_all_ways(FR_BODY_CHUNKED, fr_span_of_string(input));
    EQUAL(result->error, 0);
    IS(!result->done);
}

static void expect_error_in(fr_span input, int error)
{
    const struct decoded *result = decode_all_ways(FR_BODY_CHUNKED, input);
    if (result->error != error)
        UNIT_FAIL("\"%.*s\": %s, not %s", (int)input.len, input.data, fr_error_name(result->error),
                  fr_error_name(error));
    IS(!result->done);
}

static void expect_error(const char *input, int error)
{
    expect_error_in(fr_span_of_string(input), error);
}

/* ---- sized ---- */

TEST(a_sized_body_ends_with_its_length)
{
    const struct decoded *result = decode_all_ways(5, FR_SPAN("helloGET / HTTP/1.1"));
    EQUAL(result->error, 0);
    IS(result->done);
    EQUAL(result->used, 5);
    SAME(fr_span_of(result->body, result->len), "hello");
    result = decode_all_ways(6, FR_SPAN("hello"));
    IS(!result->done);
}

TEST(a_length_of_many_gigabytes_is_only_counted)
{
    struct fr_limits limits = limits_for_tests();
    struct fr_body_decoder decoder;
    fr_span body;
    fr_body_decoder_init(&decoder, INT64_MAX);
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("abc"), UINT64_MAX, &body), 3);
    EQUAL(decoder.left, INT64_MAX - 3);
    EQUAL(decoder.total, 3);
}

TEST(without_credit_nothing_of_a_body_is_taken)
{
    struct fr_limits limits = limits_for_tests();
    struct fr_body_decoder decoder;
    fr_span body;
    fr_body_decoder_init(&decoder, 5);
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("hello"), 0, &body), 0);
    EQUAL(body.len, 0);
    fr_body_decoder_init(&decoder, FR_BODY_CHUNKED);
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("5\r\nhello\r\n0\r\n\r\n"), 0, &body), 3);
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("hello\r\n0\r\n\r\n"), 0, &body), 0);
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("hello\r\n0\r\n\r\n"), 2, &body), 2);
    SAME(body, "he");
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("llo\r\n0\r\n\r\n"), 3, &body), 10);
    SAME(body, "llo");
    IS(fr_body_decoder_is_done(&decoder));
    EQUAL(fr_body_decode(&decoder, &limits, FR_SPAN("next"), 3, &body), 0);
}

/* ---- chunked ---- */

TEST(chunks_are_joined)
{
    expect_body("0\r\n\r\n", "", "");
    expect_body("5\r\nhello\r\n0\r\n\r\nGET /", "hello", "GET /");
    expect_body("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef", "");
    expect_body("a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n", "01234567890123456789", "");
    expect_body("0000000000000003\r\nabc\r\n0\r\n\r\n", "abc", "");
    expect_body("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "");
    expect_unfinished("5\r\nhello");
    expect_unfinished("5\r\nhello\r\n0\r\n");
    expect_unfinished("5\r\nhello\r\n0\r\n\r");
}

TEST(a_chunk_size_is_hexadecimal_digits_only)
{
    expect_error("\r\n", FR_E_CHUNK_SIZE);
    expect_error("g\r\n", FR_E_CHUNK_SIZE);
    expect_error(" 5\r\n", FR_E_CHUNK_SIZE);
    expect_error("+5\r\n", FR_E_CHUNK_SIZE);
    expect_error("-1\r\n", FR_E_CHUNK_SIZE);
    expect_error("0x5\r\n", FR_E_CHUNK_SIZE);
    expect_error("5,\r\n", FR_E_CHUNK_SIZE);
    expect_error("5_0\r\n", FR_E_CHUNK_SIZE);
    expect_error("\n", FR_E_CHUNK_SIZE);
    expect_error_in(fr_span_of("5\0\r\n", 4), FR_E_CHUNK_SIZE);
}

TEST(a_chunk_size_cannot_overflow)
{
    expect_error("ffffffffffffffff\r\n", FR_E_BODY_TOO_LARGE);
    expect_error("10000000000000000\r\n", FR_E_CHUNK_SIZE);
    expect_error("00000000000000001\r\na\r\n", FR_E_CHUNK_SIZE);
    expect_error("3\r\nabc\r\nfffffffffffffffe\r\n", FR_E_BODY_TOO_LARGE);
}

TEST(all_chunks_together_have_a_limit)
{
    char input[400], *at = input;
    for (int i = 0; i < 10; i++)
        at += snprintf(at, 32, "a\r\n0123456789\r\n");
    snprintf(at, 32, "0\r\n\r\n");
    const struct decoded *result = decode_all_ways(FR_BODY_CHUNKED, fr_span_of_string(input));
    EQUAL(result->error, 0);
    EQUAL(result->len, 100);
    snprintf(at, 32, "1\r\nx\r\n0\r\n\r\n");
    expect_error(input, FR_E_BODY_TOO_LARGE);
    expect_error("65\r\n", FR_E_BODY_TOO_LARGE);
}

TEST(lines_end_in_cr_lf)
{
    expect_error("5\nhello\r\n0\r\n\r\n", FR_E_LINE_ENDING);
    expect_error("5\rhello\r\n0\r\n\r\n", FR_E_LINE_ENDING);
    expect_error("5\r\rhello", FR_E_LINE_ENDING);
    expect_error("5;a\nhello\r\n0\r\n\r\n", FR_E_LINE_ENDING);
    expect_error("5;a=\"\n\"\r\n", FR_E_LINE_ENDING);
    expect_error("5 \nhello", FR_E_LINE_ENDING);
    expect_error("5\r\nhello\n0\r\n\r\n", FR_E_CHUNK_END);
    expect_error("5\r\nhello!\r\n", FR_E_CHUNK_END);
    expect_error("5\r\nhello\r0\r\n\r\n", FR_E_CHUNK_END);
    expect_error("5\r\nhello0\r\n\r\n", FR_E_CHUNK_END);
    expect_error("0\r\n\n", FR_E_LINE_ENDING);
    expect_error("0\r\n\rX", FR_E_LINE_ENDING);
}

TEST(extensions_are_read_over)
{
    expect_body("3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc", "");
    expect_body("3;a=\"x;\\\" y\"\r\nabc\r\n0\r\n\r\n", "abc", "");
    expect_body("3 ; a = b\r\nabc\r\n0\r\n\r\n", "abc", "");
    expect_body("3\t;a;b;c\r\nabc\r\n0\r\n\r\n", "abc", "");
    expect_body("3;0123456789abcde\r\nabc\r\n0\r\n\r\n", "abc", "");
    expect_body("1;0123456789\r\na\r\n1;0123456789\r\nb\r\n0\r\n\r\n", "ab", "");
    expect_body("1;a=\"\xc3\xa9\"\r\na\r\n0\r\n\r\n", "a", "");
}

TEST(extensions_are_checked)
{
    expect_error("3 \r\nabc", FR_E_CHUNK_EXTENSION);
    expect_error("3 a\r\nabc", FR_E_CHUNK_EXTENSION);
    expect_error("3;a=\"b\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3;a=\"b\\\r\n\"\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3;a=\x01\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3;a=\"\x7f\"\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3;\xc3\xa9\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3;a=(b)\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3;0123456789abcdefg\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error("3                  ;a\r\nabc\r\n", FR_E_CHUNK_EXTENSION);
    expect_error_in(fr_span_of("3;a\0\r\nabc", 9), FR_E_CHUNK_EXTENSION);
}

TEST(trailers_are_read_over)
{
    expect_body("1\r\na\r\n0\r\nT: 1\r\nU:\r\n\r\nrest", "a", "rest");
    expect_body("0\r\nT: \t \xff\r\n\r\n", "", "");
    expect_body("0\r\nContent-Length: 5\r\n\r\nhello", "", "hello");
    expect_unfinished("0\r\nT: 1\r\n");
}

TEST(trailers_are_checked)
{
    expect_error("0\r\n: 1\r\n\r\n", FR_E_TRAILER);
    expect_error("0\r\nT : 1\r\n\r\n", FR_E_TRAILER);
    expect_error("0\r\nT\r\n\r\n", FR_E_LINE_ENDING);
    expect_error("0\r\nT\n\r\n", FR_E_LINE_ENDING);
    expect_error("0\r\nT: 1\n\r\n", FR_E_LINE_ENDING);
    expect_error("0\r\nT: 1\r2\r\n\r\n", FR_E_LINE_ENDING);
    expect_error("0\r\nT: 1\r\n 2\r\n\r\n", FR_E_LINE_FOLDING);
    expect_error("0\r\n T: 1\r\n\r\n", FR_E_LINE_FOLDING);
    expect_error("0\r\nT: \x01\r\n\r\n", FR_E_TRAILER);
    expect_error("0\r\n\xc3\xa9: 1\r\n\r\n", FR_E_TRAILER);
    expect_error_in(fr_span_of("0\r\nT: a\0b\r\n\r\n", 12), FR_E_TRAILER);
    expect_error("0\r\nT: 0123456789012345678901234567890\r\n\r\n", FR_E_HEAD_TOO_LARGE);
    expect_error("0\r\nA: 0123456789\r\nB: 0123456789\r\nC: 0123456789\r\n\r\n", FR_E_HEAD_TOO_LARGE);
}
