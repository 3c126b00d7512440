#include "websocket/deflate.h"

#include "base/alloc.h"
#include "unit.h"

#define BIG (1u << 20)

static struct fr_deflate_offer read_offer(const char *value)
{
    struct fr_deflate_offer offer = {0};
    IS(fr_deflate_offer_read(&offer, fr_span_of_string(value)));
    return offer;
}

static void answers(const char *value, unsigned window_bits, const char *expected)
{
    char answer[FR_DEFLATE_ANSWER_BYTES];
    struct fr_deflate_offer offer = read_offer(value);
    IS(offer.present);
    SAME(fr_span_of(answer, fr_deflate_answer(&offer, window_bits, answer)), expected);
}

static struct fr_deflate *open_as(const char *value, unsigned window_bits)
{
    struct fr_deflate_offer offer = read_offer(value);
    IS(offer.present);
    return fr_deflate_open(&offer, window_bits);
}

/* The client's side is another of the same: windows are alike in both directions. */
#define BOTH "permessage-deflate; client_max_window_bits"

static struct fr_buffer compressed_by(struct fr_deflate *deflate, fr_span message)
{
    struct fr_buffer out;
    fr_buffer_init(&out, 2 * BIG);
    EQUAL(fr_deflate_compress(deflate, message, &out), 0);
    return out;
}

static int decompress_in_steps(struct fr_deflate *deflate, fr_span bytes, size_t step, struct fr_buffer *out)
{
    if (bytes.len == 0)
        return fr_deflate_decompress(deflate, bytes, true, out);
    for (size_t at = 0; at < bytes.len; at += step) {
        size_t end = bytes.len - at < step ? bytes.len : at + step;
        int error = fr_deflate_decompress(deflate, fr_span_slice(bytes, at, end), end == bytes.len, out);
        if (error)
            return error;
    }
    return 0;
}

static void round_trip(struct fr_deflate *from, struct fr_deflate *to, fr_span message, size_t step)
{
    struct fr_buffer packed = compressed_by(from, message), out;
    fr_buffer_init(&out, message.len);
    EQUAL(decompress_in_steps(to, fr_buffer_span(&packed), step, &out), 0);
    IS(fr_span_equal(fr_buffer_span(&out), message));
    fr_buffer_free(&packed);
    fr_buffer_free(&out);
}

static void fill_with_words(char *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = "etaoin shrdlu"[(seed >> 16) % 13];
    }
}

static void fill_with_noise(char *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        bytes[i] = (char)(seed >> 16);
    }
}

/* ---- offers ---- */

TEST(an_offer_is_read)
{
    struct fr_deflate_offer offer = read_offer("permessage-deflate");
    IS(offer.present && !offer.server_no_context_takeover && !offer.client_no_context_takeover);
    EQUAL(offer.server_max_window_bits, 0);
    EQUAL(offer.client_max_window_bits, 0);
    offer = read_offer("permessage-deflate; client_max_window_bits; server_max_window_bits=10;"
                       "server_no_context_takeover ; client_no_context_takeover");
    IS(offer.present && offer.server_no_context_takeover && offer.client_no_context_takeover);
    EQUAL(offer.server_max_window_bits, 10);
    EQUAL(offer.client_max_window_bits, 15);
    EQUAL(read_offer("permessage-deflate; client_max_window_bits=\"11\"").client_max_window_bits, 11);
    EQUAL(read_offer("permessage-deflate; client_max_window_bits=8").client_max_window_bits, 8);
    IS(read_offer("  Permessage-DEFLATE\t;\tServer_No_Context_Takeover ").server_no_context_takeover);
}

TEST(an_offer_that_cannot_be_taken_is_passed_over)
{
    static const char *const parameters[] = {
        "server_no_context_takeover=1",
        "client_no_context_takeover=true",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=8",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=09",
        "server_max_window_bits=0",
        "server_max_window_bits=-9",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=015",
        "client_max_window_bits=a",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits=99; client_max_window_bits=9",
        "window_bits=10",
    };
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        char value[200];
        snprintf(value, sizeof value, "permessage-deflate; %s", parameters[i]);
        if (read_offer(value).present)
            UNIT_FAIL("taken: %s", value);
        snprintf(value, sizeof value, "permessage-deflate; %s, permessage-deflate", parameters[i]);
        IS(read_offer(value).present);
    }
    IS(!read_offer("x-webkit-deflate-frame").present);
    IS(!read_offer("").present);
}

TEST(the_first_offer_that_can_be_taken_counts)
{
    struct fr_deflate_offer offer = read_offer("foo; a=1; b=\"x\", , permessage-deflate; server_max_window_bits=9,"
                                               "permessage-deflate; server_max_window_bits=10");
    EQUAL(offer.server_max_window_bits, 9);
    IS(fr_deflate_offer_read(&offer, FR_SPAN("permessage-deflate; server_max_window_bits=12")));
    EQUAL(offer.server_max_window_bits, 9);
}

TEST(a_list_that_is_none_is_malformed)
{
    static const char *const values[] = {
        "permessage-deflate;",        ";",           "permessage-deflate; =1", "permessage-deflate; a=",  "a b",
        "permessage-deflate; a=\"",   "a; b c",      "a; b=\"x y\"",           "permessage-deflate; a=@", "a/b",
        "permessage-deflate; a=\"\"", "a; b=\"x\"y",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct fr_deflate_offer offer = {0};
        if (fr_deflate_offer_read(&offer, fr_span_of_string(values[i])))
            UNIT_FAIL("not malformed: %s", values[i]);
    }
}

TEST(an_offer_is_answered)
{
    answers("permessage-deflate; client_max_window_bits", 12,
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12");
    answers("permessage-deflate; client_max_window_bits", 15, "permessage-deflate");
    answers("permessage-deflate; client_max_window_bits=10; server_max_window_bits=9", 12,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10");
    answers("permessage-deflate; client_max_window_bits=8", 12,
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=8");
    answers("permessage-deflate; server_max_window_bits=15", 15, "permessage-deflate; server_max_window_bits=15");
    answers("permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits", 15,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    answers("permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits;"
            "server_max_window_bits=14",
            14,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=14; client_max_window_bits=14");
}

TEST(a_client_with_a_large_window_that_cannot_be_told_gives_it_up_after_each_message)
{
    answers("permessage-deflate", 12, "permessage-deflate; client_no_context_takeover; server_max_window_bits=12");
    answers("permessage-deflate", 15, "permessage-deflate");
}

/* ---- messages ---- */

TEST(what_the_rfc_shows_is_what_is_read)
{
    struct fr_deflate *deflate = open_as(BOTH, 15);
    struct fr_buffer out;
    fr_buffer_init(&out, 100);
    /* Sections 7.2.3.1 and 7.2.3.2: twice the same, the second time by reference to the first. */
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00"), true, &out), 0);
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf2\x00\x11\x00\x00"), true, &out), 0);
    /* 7.2.3.3: without compression. 7.2.3.4: BFINAL. 7.2.3.5: two blocks. */
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), true, &out), 0);
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), true, &out), 0);
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), true, &out),
          0);
    SAME(fr_buffer_span(&out), "HelloHelloHelloHelloHello");
    /* 7.2.3.6: nothing. */
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\0"), true, &out), 0);
    EQUAL(out.len, 25);
    fr_buffer_free(&out);
    fr_deflate_close(deflate);
}

TEST(what_follows_a_last_block_may_refer_to_it)
{
    struct fr_deflate *deflate = open_as(BOTH, 15);
    struct fr_buffer out;
    fr_buffer_init(&out, 100);
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), true, &out), 0);
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf2\x00\x11\x00\x00"), true, &out), 0);
    SAME(fr_buffer_span(&out), "HelloHello");
    /* Also when nothing at all comes after the last block, not even the beginning of an empty one. */
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf3\x48\xcd\xc9\xc9\x07\x00"), true, &out), 0);
    EQUAL(fr_deflate_decompress(deflate, FR_SPAN("\xf2\x00\x11\x00\x00"), true, &out), 0);
    SAME(fr_buffer_span(&out), "HelloHelloHelloHello");
    fr_buffer_free(&out);
    fr_deflate_close(deflate);
}

TEST(what_was_compressed_is_what_comes_out_however_it_is_cut)
{
    static char words[3000], noise[3000];
    fill_with_words(words, sizeof words, 1);
    fill_with_noise(noise, sizeof noise, 2);
    struct fr_deflate *from = open_as(BOTH, 12), *to = open_as(BOTH, 12);
    for (size_t step = 1; step < 400; step += step < 20 ? 1 : 61) {
        round_trip(from, to, fr_span_of(words, sizeof words), step);
        round_trip(from, to, fr_span_of(noise, sizeof noise), step);
        round_trip(from, to, FR_SPAN("x"), step);
        round_trip(from, to, FR_SPAN(""), step);
    }
    fr_deflate_close(from);
    fr_deflate_close(to);
}

TEST(every_window_and_takeover_round_trips)
{
    static char words[100000];
    fill_with_words(words, sizeof words, 3);
    for (unsigned bits = 9; bits <= 15; bits++) {
        static const char *const offers[] = {
            BOTH,
            BOTH "; server_no_context_takeover",
            BOTH "; client_no_context_takeover",
            BOTH "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
        };
        for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
            struct fr_deflate *from = open_as(offers[i], bits), *to = open_as(BOTH, bits);
            for (unsigned message = 0; message < 3; message++)
                round_trip(from, to, fr_span_of(words, sizeof words), 7777);
            fr_deflate_close(from);
            fr_deflate_close(to);
        }
    }
}

TEST(a_large_message_is_compressed_in_steps)
{
    char *bytes = fr_alloc(BIG);
    fill_with_noise(bytes, BIG / 2, 4);
    fill_with_words(bytes + BIG / 2, BIG / 2, 5);
    struct fr_deflate *from = open_as(BOTH, 15), *to = open_as(BOTH, 15);
    round_trip(from, to, fr_span_of(bytes, BIG), 65536);
    round_trip(from, to, fr_span_of(bytes, BIG), BIG);
    fr_deflate_close(from);
    fr_deflate_close(to);
    fr_free(bytes);
}

TEST(context_is_taken_over_unless_agreed_otherwise)
{
    static char noise[300];
    fill_with_noise(noise, sizeof noise, 6);
    struct fr_deflate *with = open_as(BOTH, 15), *without = open_as(BOTH "; server_no_context_takeover", 15);
    size_t len[2][2];
    for (int i = 0; i < 2; i++) {
        struct fr_buffer a = compressed_by(with, fr_span_of(noise, sizeof noise));
        struct fr_buffer b = compressed_by(without, fr_span_of(noise, sizeof noise));
        len[0][i] = a.len;
        len[1][i] = b.len;
        fr_buffer_free(&a);
        fr_buffer_free(&b);
    }
    IS(len[0][1] < 20);
    EQUAL(len[1][0], len[1][1]);
    fr_deflate_close(with);
    fr_deflate_close(without);
}

TEST(after_a_failure_to_compress_the_peer_still_understands_the_next_message)
{
    static char noise[200000];
    fill_with_noise(noise, sizeof noise, 7);
    struct fr_deflate *from = open_as(BOTH, 12), *to = open_as(BOTH, 12);
    struct fr_buffer small;
    round_trip(from, to, FR_SPAN("hello"), 1);
    fr_buffer_init(&small, 100000); /* reached when half of it is done */
    EQUAL(fr_deflate_compress(from, fr_span_of(noise, sizeof noise), &small), FR_E_LIMIT);
    fr_buffer_free(&small);
    round_trip(from, to, fr_span_of(noise + 50000, 60000), 1000);
    fr_deflate_close(from);
    fr_deflate_close(to);
}

/* ---- what is refused ---- */

TEST(a_message_of_just_the_limit_passes_and_one_more_byte_does_not)
{
    static char words[5000];
    fill_with_words(words, sizeof words, 8);
    for (size_t len = 1; len < sizeof words; len += 499) {
        struct fr_deflate *from = open_as(BOTH, 12), *to = open_as(BOTH, 12);
        struct fr_buffer packed = compressed_by(from, fr_span_of(words, len)), out;
        fr_buffer_init(&out, len);
        EQUAL(fr_deflate_decompress(to, fr_buffer_span(&packed), true, &out), 0);
        EQUAL(out.len, len);
        fr_deflate_close(to);
        to = open_as(BOTH, 12);
        fr_buffer_free(&out);
        fr_buffer_init(&out, len - 1);
        EQUAL(fr_deflate_decompress(to, fr_buffer_span(&packed), true, &out), FR_E_LIMIT);
        fr_buffer_free(&out);
        fr_buffer_free(&packed);
        fr_deflate_close(from);
        fr_deflate_close(to);
    }
}

TEST(a_bomb_takes_no_more_memory_than_the_limit)
{
    char *zeros = fr_alloc_zero(BIG);
    struct fr_deflate *from = open_as(BOTH, 15), *to = open_as(BOTH, 15);
    struct fr_buffer packed = compressed_by(from, fr_span_of(zeros, BIG)), out;
    IS(packed.len < BIG / 100);
    fr_buffer_init(&out, 10000);
    EQUAL(fr_deflate_decompress(to, fr_buffer_span(&packed), false, &out), FR_E_LIMIT);
    IS(out.len <= 10000 && out.capacity <= 10000);
    fr_buffer_free(&out);
    fr_buffer_free(&packed);
    fr_deflate_close(from);
    fr_deflate_close(to);
    fr_free(zeros);
}

static int result_of(fr_span bytes)
{
    struct fr_deflate *deflate = open_as(BOTH, 12);
    struct fr_buffer out;
    fr_buffer_init(&out, 1000);
    int error = fr_deflate_decompress(deflate, bytes, true, &out);
    fr_buffer_free(&out);
    fr_deflate_close(deflate);
    return error;
}

TEST(what_is_no_deflate_is_refused)
{
    EQUAL(result_of(FR_SPAN("\xff\xff\xff\xff")), FR_E_DEFLATE); /* a type of block that is none */
    EQUAL(result_of(FR_SPAN("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00")), FR_E_DEFLATE); /* a length that is none */
    EQUAL(result_of(FR_SPAN("\xf2\x00\x11\x00\x00")), FR_E_DEFLATE);                         /* before the beginning */
}

TEST(a_message_that_ends_inside_a_block_is_refused)
{
    fr_span whole = FR_SPAN("\xf2\x48\xcd\xc9\xc9\x07\x00");
    EQUAL(result_of(whole), 0);
    for (size_t len = 1; len < whole.len; len++)
        EQUAL(result_of(fr_span_slice(whole, 0, len)), FR_E_DEFLATE);
    /* Of a stored block: the tail makes an empty block of one byte, and just completes the data after six. */
    fr_span stored = FR_SPAN("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00");
    for (size_t len = 1; len < stored.len; len++)
        EQUAL(result_of(fr_span_slice(stored, 0, len)), len == 1 || len == 6 ? 0 : FR_E_DEFLATE);
}
