#include "base/alloc.h"
#include "websocket/client.h"
#include "websocket/deflate.h"
#include "websocket/session.h"

#define OFFER "permessage-deflate; client_max_window_bits"
#define PACKED_REQUEST REQUEST_WITH("Sec-WebSocket-Extensions: " OFFER "\r\n")
#define BIG (1u << 20)

/* A client with the compressor and the decompressor of its side. */
struct packer {
    struct client client;
    struct fr_deflate *deflate;
};

static void open_packer(struct packer *packer)
{
    struct fr_deflate_offer offer = {0};
    open_client(&packer->client);
    packer->client.application.echoes = true;
    send_bytes(&packer->client, PACKED_REQUEST);
    wire_take(&packer->client.wire);
    IS(fr_deflate_offer_read(&offer, FR_SPAN(OFFER)));
    packer->deflate = fr_deflate_open(&offer, 12);
}

static void close_packer(struct packer *packer)
{
    fr_deflate_close(packer->deflate);
    close_client(&packer->client);
}

static struct fr_buffer pack(struct packer *packer, fr_span message)
{
    struct fr_buffer packed;
    fr_buffer_init(&packed, 2 * BIG);
    EQUAL(fr_deflate_compress(packer->deflate, message, &packed), 0);
    return packed;
}

static void add_packed(struct packer *packer, unsigned char first, fr_span message)
{
    struct fr_buffer packed = pack(packer, message);
    add_frame(&packer->client, first | RSV1, fr_buffer_span(&packed));
    fr_buffer_free(&packed);
}

/* What the server sent is this one message, compressed. */
static void expect_packed(struct packer *packer, unsigned char first, fr_span message)
{
    struct fr_buffer out;
    uint64_t len;
    fr_span bytes = wire_take(&packer->client.wire);
    IS(bytes.len > 2);
    size_t head_len = frame_head(bytes, &len);
    EQUAL((unsigned char)bytes.data[0], first | RSV1);
    EQUAL(bytes.len, head_len + len);
    fr_buffer_init(&out, message.len);
    EQUAL(fr_deflate_decompress(packer->deflate, fr_span_skip(bytes, head_len), true, &out), 0);
    IS(fr_span_equal(fr_buffer_span(&out), message));
    fr_buffer_free(&out);
}

TEST(compressed_messages_are_read_and_answered_so)
{
    static char text[5000];
    struct packer packer;
    memset(text, 't', sizeof text);
    for (size_t step = 1; step < 40; step += 4) {
        open_packer(&packer);
        for (size_t len = 64; len <= sizeof text; len += 1234) {
            add_packed(&packer, TEXT, fr_span_of(text, len));
            send_script_by(&packer.client, step);
            EQUAL(packer.client.application.largest, len);
            expect_packed(&packer, TEXT, fr_span_of(text, len));
        }
        close_packer(&packer);
    }
}

TEST(short_messages_are_sent_as_they_are)
{
    struct packer packer;
    open_packer(&packer);
    add_packed(&packer, BINARY, FR_SPAN("short"));
    send_script(&packer.client);
    HEARD(&packer.client, " binary:short");
    FRAMES(&packer.client, " 82:short");
    send_frame(&packer.client, TEXT, "plain");
    HEARD(&packer.client, " text:plain");
    FRAMES(&packer.client, " 81:plain");
    close_packer(&packer);
}

TEST(a_large_message_that_does_not_compress_is_sent_all_the_same)
{
    char *noise = fr_alloc(BIG);
    struct packer packer;
    unsigned seed = 1;
    for (size_t i = 0; i < BIG; i++) {
        seed = seed * 1103515245 + 12345;
        noise[i] = (char)(seed >> 16);
    }
    open_packer(&packer);
    add_packed(&packer, BINARY, fr_span_of(noise, BIG));
    send_script_by(&packer.client, 60000);
    EQUAL(packer.client.application.largest, BIG);
    expect_packed(&packer, BINARY, fr_span_of(noise, BIG));
    close_packer(&packer);
    fr_free(noise);
}

TEST(only_the_first_fragment_says_that_it_is_compressed)
{
    struct packer packer;
    open_packer(&packer);
    struct fr_buffer packed = pack(&packer, FR_SPAN("in three parts, with a ping between"));
    fr_span bytes = fr_buffer_span(&packed);
    add_frame(&packer.client, FR_FRAME_TEXT | RSV1, fr_span_slice(bytes, 0, 5));
    add_frame(&packer.client, FR_FRAME_CONTINUATION, FR_SPAN(""));
    add_frame(&packer.client, PING, FR_SPAN("p"));
    add_frame(&packer.client, FR_FRAME_CONTINUATION, fr_span_slice(bytes, 5, 11));
    add_frame(&packer.client, FR_FRAME_CONTINUATION, fr_span_skip(bytes, 11));
    add_frame(&packer.client, CONTINUED, FR_SPAN("")); /* empty, and yet the end */
    send_script(&packer.client);
    HEARD(&packer.client, " text:in three parts, with a ping between");
    add_frame(&packer.client, FR_FRAME_TEXT | RSV1, FR_SPAN(""));
    add_frame(&packer.client, CONTINUED | RSV1, FR_SPAN(""));
    send_script(&packer.client);
    HEARD(&packer.client, " closed:1002:malformed WebSocket frame");
    fr_buffer_free(&packed);
    close_packer(&packer);
}

TEST(without_agreement_nothing_may_be_compressed)
{
    struct client client;
    open_client(&client);
    client.wire.limits.ws_deflate_window_bits = 0;
    send_bytes(&client, PACKED_REQUEST);
    SAME(wire_take(&client.wire), ACCEPTED);
    send_frame(&client, TEXT | RSV1, "x");
    HEARD(&client, " closed:1002:malformed WebSocket frame");
    close_client(&client);
}

TEST(without_context_takeover_each_message_begins_anew)
{
    struct client client;
    open_client(&client);
    client.wire.limits.ws_deflate_takeover = 0;
    send_bytes(&client, PACKED_REQUEST);
    fr_span answer = wire_take(&client.wire);
    IS(memmem(answer.data, answer.len, "; server_no_context_takeover; client_no_context_takeover", 56) != NULL);
    close_client(&client);
}

TEST(a_bomb_is_refused_before_it_is_unpacked)
{
    char *zeros = fr_alloc_zero(BIG);
    struct packer packer;
    open_packer(&packer);
    packer.client.wire.limits.ws_message_bytes_max = 100000;
    struct client *client = &packer.client;
    add_packed(&packer, BINARY, fr_span_of(zeros, BIG));
    IS(client->script.len < 10000);
    send_script(client);
    HEARD(client, " closed:1009:message too big");
    FRAMES(client, " 88:1009:message too big");
    close_packer(&packer);
    fr_free(zeros);
}

TEST(compressed_text_is_checked_as_it_comes)
{
    struct packer packer;
    open_packer(&packer);
    add_packed(&packer, TEXT, FR_SPAN("a text that begins well and then \xff is none"));
    send_script(&packer.client);
    HEARD(&packer.client, " closed:1007:text that is not UTF-8");
    close_packer(&packer);
    open_packer(&packer);
    add_packed(&packer, TEXT, FR_SPAN("a text that ends inside \xe2\x82"));
    send_script(&packer.client);
    HEARD(&packer.client, " closed:1007:text that is not UTF-8");
    close_packer(&packer);
}

TEST(of_two_mistakes_the_first_counts)
{
    struct packer packer;
    open_packer(&packer);
    struct fr_buffer packed = pack(&packer, FR_SPAN("bad \xff text, and then"));
    append(&packed, FR_SPAN("\xff\xff\xff"));
    add_frame(&packer.client, TEXT | RSV1, fr_buffer_span(&packed));
    send_script(&packer.client);
    HEARD(&packer.client, " closed:1007:text that is not UTF-8");
    fr_buffer_free(&packed);
    close_packer(&packer);
}

TEST(the_limit_is_that_of_the_message_not_of_its_compressed_form)
{
    static const char noise[] = "4fQz!k0@Zr^x8Lw#Tm2&Yb7*Hc5(Nv3)Jd9_Sg1+Pf6=Ru%WqXeAiOo~";
    struct packer packer;
    open_packer(&packer);
    packer.client.wire.limits.ws_message_bytes_max = sizeof noise;
    struct fr_buffer packed = pack(&packer, fr_span_of(noise, sizeof noise));
    IS(packed.len > sizeof noise);
    add_frame(&packer.client, FR_FRAME_BINARY | RSV1, FR_SPAN(""));
    add_frame(&packer.client, CONTINUED, fr_buffer_span(&packed));
    send_script(&packer.client);
    EQUAL(packer.client.application.largest, sizeof noise);
    fr_buffer_free(&packed);
    close_packer(&packer);
}

TEST(what_is_no_deflate_fails_the_connection)
{
    struct packer packer;
    open_packer(&packer);
    add_frame(&packer.client, BINARY | RSV1, FR_SPAN("\xff\xff\xff"));
    send_script(&packer.client);
    HEARD(&packer.client, " closed:1007:malformed compressed data");
    FRAMES(&packer.client, " 88:1007:malformed compressed data");
    close_packer(&packer);
}

TEST(after_our_close_frame_compressed_data_is_dropped_as_well)
{
    struct packer packer;
    open_packer(&packer);
    EQUAL(fr_websocket_close(packer.client.application.websocket, 1000, FR_SPAN(""), 0), 0);
    add_frame(&packer.client, BINARY | RSV1, FR_SPAN("\xff\xff\xff"));
    send_script(&packer.client);
    HEARD(&packer.client, "");
    send_close(&packer.client, 1000, "");
    HEARD(&packer.client, " closed:1000:");
    close_packer(&packer);
}
