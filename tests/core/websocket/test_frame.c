/* websocket/frame.h: the examples of RFC 6455 section 5.7, every first and second byte, every length at its edges, and
 * every head cut at every place. */
#include "websocket/frame.h"

#include "unit.h"

static const unsigned char key[] = {0x37, 0xfa, 0x21, 0x3d};

/* Parses from memory of exactly this size, for the sanitizer. */
static int parse(const void *bytes, size_t len, bool compression, struct fr_frame *frame)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, bytes, len);
    int result = fr_frame_parse(fr_span_of(exact, len), compression, frame);
    free(exact);
    return result;
}

/* The head of a masked frame; its length. `shape` is how many bytes the length has, 0, 2 or 8, fitting or not. */
static size_t make_head(unsigned char *head, unsigned char first, uint64_t len, size_t shape)
{
    head[0] = first;
    head[1] = (unsigned char)(0x80 | (shape == 0 ? len : shape == 2 ? 126 : 127));
    for (size_t i = 0; i < shape; i++)
        head[2 + i] = (unsigned char)(len >> (8 * (shape - 1 - i)));
    memcpy(head + 2 + shape, key, sizeof key);
    return 2 + shape + sizeof key;
}

TEST(a_masked_hello)
{
    static const unsigned char hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
    struct fr_frame frame;
    EQUAL(parse(hello, sizeof hello, false, &frame), 6);
    EQUAL(frame.opcode, FR_FRAME_TEXT);
    EQUAL(frame.len, 5);
    IS(frame.last && !frame.compressed);
    IS(memcmp(frame.key, key, sizeof key) == 0);
}

TEST(lengths_at_their_edges)
{
    static const struct {
        uint64_t len;
        size_t shape;
        bool right;
    } cases[] = {{0, 0, true},          {1, 0, true},
                 {125, 0, true},        {0, 2, false},
                 {125, 2, false},       {126, 2, true},
                 {127, 2, true},        {256, 2, true},
                 {65535, 2, true},      {0, 8, false},
                 {125, 8, false},       {126, 8, false},
                 {65535, 8, false},     {65536, 8, true},
                 {1u << 31, 8, true},   {(uint64_t)1 << 32, 8, true},
                 {INT64_MAX, 8, true},  {(uint64_t)1 << 63, 8, false},
                 {UINT64_MAX, 8, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char head[FR_FRAME_READ_BYTES_MAX];
        struct fr_frame frame = {0};
        size_t head_len = make_head(head, 0x82, cases[i].len, cases[i].shape);
        int result = parse(head, head_len, false, &frame);
        EQUAL(result, cases[i].right ? (int)head_len : FR_E_FRAME);
        IS(!cases[i].right || frame.len == cases[i].len);
    }
}

/* What the first byte may be, written down once more: FIN, reserved bits, opcode. */
static bool may_begin(unsigned byte, bool compression)
{
    unsigned opcode = byte & 0x0f, reserved = byte >> 4 & 7;
    bool last = byte >= 0x80;
    if (opcode == 1 || opcode == 2)
        return reserved == 0 || (reserved == 4 && compression);
    if (opcode == 0)
        return reserved == 0;
    return last && reserved == 0 && (opcode == 8 || opcode == 9 || opcode == 10);
}

TEST(every_first_byte)
{
    for (unsigned compression = 0; compression < 2; compression++)
        for (unsigned byte = 0; byte < 256; byte++) {
            unsigned char head[FR_FRAME_READ_BYTES_MAX];
            struct fr_frame frame;
            size_t len = make_head(head, (unsigned char)byte, 5, 0);
            bool right = may_begin(byte, compression);
            EQUAL(parse(head, len, compression, &frame), right ? (int)len : FR_E_FRAME);
            EQUAL(parse(head, 1, compression, &frame), right ? 0 : FR_E_FRAME);
            if (right) {
                parse(head, len, compression, &frame);
                EQUAL(frame.opcode, byte & 0x0f);
                EQUAL(frame.last, byte >= 0x80);
                EQUAL(frame.compressed, (byte & 0x40) != 0);
            }
        }
}

TEST(every_second_byte)
{
    static const unsigned char firsts[] = {0x00, 0x81, 0x82, 0x88, 0x89, 0x8a};
    for (size_t i = 0; i < sizeof firsts; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            unsigned char head[] = {firsts[i], (unsigned char)byte, 0, 0, 0, 0};
            struct fr_frame frame;
            bool control = firsts[i] >= 0x88;
            bool right = byte >= 0x80 && (byte <= 0x80 + 125 || !control);
            EQUAL(parse(head, 2, false, &frame), right ? 0 : FR_E_FRAME);
            if (right && byte <= 0x80 + 125)
                EQUAL(parse(head, sizeof head, false, &frame), 6);
        }
}

TEST(a_head_cut_anywhere_wants_more)
{
    static const struct {
        uint64_t len;
        size_t shape;
    } cases[] = {{0, 0}, {125, 0}, {126, 2}, {65535, 2}, {65536, 8}, {INT64_MAX, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char head[FR_FRAME_READ_BYTES_MAX];
        size_t len = make_head(head, 0x81, cases[i].len, cases[i].shape);
        struct fr_frame untouched, frame;
        memset(&untouched, 0xee, sizeof untouched);
        for (size_t cut = 0; cut < len; cut++) {
            memcpy(&frame, &untouched, sizeof frame);
            EQUAL(parse(head, cut, false, &frame), 0);
            IS(memcmp(&frame, &untouched, sizeof frame) == 0);
        }
        EQUAL(parse(head, len, false, &frame), (int)len);
    }
}

/* A bad head is refused by the byte that makes it bad. */
TEST(bad_lengths_are_refused_early)
{
    unsigned char head[FR_FRAME_READ_BYTES_MAX];
    struct fr_frame frame;
    make_head(head, 0x82, (uint64_t)1 << 63, 8);
    EQUAL(parse(head, 2, false, &frame), 0);
    EQUAL(parse(head, 3, false, &frame), FR_E_FRAME);
    make_head(head, 0x82, 65535, 8);
    EQUAL(parse(head, 7, false, &frame), 0);
    EQUAL(parse(head, 8, false, &frame), FR_E_FRAME);
    make_head(head, 0x82, 125, 2);
    EQUAL(parse(head, 3, false, &frame), 0);
    EQUAL(parse(head, 4, false, &frame), FR_E_FRAME);
}

static void expect_written(enum fr_frame_opcode opcode, bool last, bool compressed, uint64_t len, fr_span wanted)
{
    char head[FR_FRAME_WRITE_BYTES_MAX];
    size_t head_len = fr_frame_write(head, opcode, last, compressed, len);
    IS(fr_span_equal(fr_span_of(head, head_len), wanted));
}

TEST(heads_are_written)
{
    expect_written(FR_FRAME_TEXT, true, false, 5, FR_SPAN("\x81\x05"));
    expect_written(FR_FRAME_TEXT, false, false, 3, FR_SPAN("\x01\x03"));
    expect_written(FR_FRAME_CONTINUATION, true, false, 2, FR_SPAN("\x80\x02"));
    expect_written(FR_FRAME_PONG, true, false, 5, FR_SPAN("\x8a\x05"));
    expect_written(FR_FRAME_CLOSE, true, false, 125, FR_SPAN("\x88\x7d"));
    expect_written(FR_FRAME_TEXT, true, true, 7, FR_SPAN("\xc1\x07"));
    expect_written(FR_FRAME_BINARY, true, false, 126, FR_SPAN("\x82\x7e\x00\x7e"));
    expect_written(FR_FRAME_BINARY, true, false, 256, FR_SPAN("\x82\x7e\x01\x00"));
    expect_written(FR_FRAME_BINARY, true, false, 65535, FR_SPAN("\x82\x7e\xff\xff"));
    expect_written(FR_FRAME_BINARY, true, false, 65536, FR_SPAN("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"));
    expect_written(FR_FRAME_BINARY, true, false, INT64_MAX, FR_SPAN("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"));
}

/* With the mask bit and a key put in, what is written is what is read. */
TEST(what_is_written_is_read)
{
    for (unsigned shift = 0; shift < 63; shift++)
        for (int more = -1; more <= 1; more++) {
            char head[FR_FRAME_READ_BYTES_MAX];
            uint64_t len = ((uint64_t)1 << shift) + (uint64_t)(int64_t)more;
            size_t head_len = fr_frame_write(head, FR_FRAME_BINARY, shift % 2, shift % 3 == 0, len);
            head[1] = (char)(head[1] | 0x80);
            memcpy(head + head_len, key, sizeof key);
            struct fr_frame frame;
            EQUAL(parse(head, head_len + sizeof key, true, &frame), (int)(head_len + sizeof key));
            IS(frame.len == len && frame.last == (shift % 2) && frame.compressed == (shift % 3 == 0));
        }
}
