#include "websocket/session.h"

#include "base/alloc.h"
#include "websocket/client.h"

/* ---- messages ---- */

TEST(messages_are_echoed)
{
    struct client client;
    open_client(&client);
    client.application.echoes = true;
    connect_client(&client);
    send_frame(&client, TEXT, "Hello");
    HEARD(&client, " text:Hello");
    FRAMES(&client, " 81:Hello");
    send_frame(&client, BINARY, "\xff\xfe");
    HEARD(&client, " binary:\xff\xfe");
    FRAMES(&client, " 82:\xff\xfe");
    send_frame(&client, TEXT, "");
    HEARD(&client, " text:");
    FRAMES(&client, " 81:");
    close_client(&client);
    HEARD(&client, "");
}

TEST(fragments_become_one_message)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_frame(&client, FR_FRAME_TEXT, "a");
    send_frame(&client, FR_FRAME_CONTINUATION, "");
    send_frame(&client, PING, "p");
    FRAMES(&client, " 8a:p");
    send_frame(&client, FR_FRAME_CONTINUATION, "b");
    HEARD(&client, "");
    send_frame(&client, CONTINUED, "c");
    HEARD(&client, " text:abc");
    send_frame(&client, FR_FRAME_BINARY, "");
    send_frame(&client, CONTINUED, "");
    HEARD(&client, " binary:");
    IS(!client.application.websocket->partial && !client.application.websocket->pending.data);
    close_client(&client);
}

TEST(a_character_may_be_cut_by_fragments_but_not_by_the_end)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_frame(&client, FR_FRAME_TEXT, "\xe2");
    send_frame(&client, FR_FRAME_CONTINUATION, "\x82");
    send_frame(&client, CONTINUED, "\xac");
    HEARD(&client, " text:\xe2\x82\xac");
    send_frame(&client, FR_FRAME_TEXT, "\xe2");
    send_frame(&client, CONTINUED, "\x82");
    HEARD(&client, " closed:1007:text that is not UTF-8");
    FRAMES(&client, " 88:1007:text that is not UTF-8");
    IS(client.wire.protocol->finished);
    close_client(&client);
}

/* One of everything; what comes of it must not depend on how it is cut. */
static void write_conversation(struct client *client)
{
    static char big[3000];
    char room[20];
    memset(big, 'b', sizeof big);
    add_frame(client, TEXT, FR_SPAN("one"));
    add_frame(client, PING, FR_SPAN("ping"));
    add_frame(client, FR_FRAME_TEXT, FR_SPAN("\xe2\x82"));
    add_frame(client, PONG, FR_SPAN(""));
    add_frame(client, FR_FRAME_CONTINUATION, FR_SPAN("\xac"));
    add_frame(client, PING, FR_SPAN(""));
    add_frame(client, CONTINUED, FR_SPAN("!"));
    add_frame(client, BINARY, fr_span_of(big, 200));
    add_frame(client, BINARY, FR_SPAN(""));
    add_frame(client, FR_FRAME_BINARY, fr_span_of(big, 126));
    add_frame(client, CONTINUED, fr_span_of(big, sizeof big));
    add_frame(client, CLOSE, close_payload(room, 4001, "bye"));
    add_frame(client, TEXT, FR_SPAN("never heard"));
}

static void converse(struct client *client, size_t first, size_t step)
{
    open_client(client);
    client->application.echoes = true;
    write_conversation(client);
    fr_span bytes = fr_buffer_span(&client->script);
    struct fr_buffer all;
    fr_buffer_init(&all, BYTES_MAX);
    append(&all, FR_SPAN(REQUEST));
    append(&all, bytes);
    bytes = fr_buffer_span(&all);
    wire_send(&client->wire, fr_span_slice(bytes, 0, first));
    for (size_t at = first; at < bytes.len; at += step)
        wire_send(&client->wire, fr_span_slice(bytes, at, bytes.len - at < step ? bytes.len : at + step));
    fr_buffer_free(&all);
}

static void converse_alike(struct client *whole, size_t first, size_t step)
{
    struct client client;
    converse(&client, first, step);
    IS(fr_span_equal(fr_buffer_span(&client.application.record), fr_buffer_span(&whole->application.record)));
    IS(fr_span_equal(fr_buffer_span(&client.wire.output), fr_buffer_span(&whole->wire.output)));
    IS(client.wire.protocol->finished && client.wire.ended_state == FR_EXCHANGE_ANSWERED);
    close_client(&client);
}

TEST(a_conversation_is_the_same_however_it_is_cut)
{
    struct client whole;
    converse(&whole, 0, SIZE_MAX / 2);
    EQUAL(whole.application.messages, 5);
    EQUAL(whole.application.largest, 3126);
    fr_span record = websocket_application_take(&whole.application);
    fr_span closed = FR_SPAN(" closed:4001:bye");
    IS(fr_span_equal(fr_span_skip(record, record.len - closed.len), closed));
    size_t len = sizeof(REQUEST) - 1 + whole.script.len;
    for (size_t cut = 0; cut < len; cut++)
        converse_alike(&whole, cut, SIZE_MAX / 2);
    for (size_t step = 1; step < 30; step++)
        converse_alike(&whole, step, step);
    close_client(&whole);
}

TEST(what_comes_with_the_request_is_heard_when_it_is_accepted)
{
    struct client client;
    open_client(&client);
    client.application.waits = true;
    append(&client.script, FR_SPAN(REQUEST));
    add_frame(&client, TEXT, FR_SPAN("early"));
    add_frame(&client, PING, FR_SPAN("bird"));
    send_script(&client);
    HEARD(&client, "");
    IS(client.wire.protocol->paused);
    EQUAL(websocket_application_accept(&client.application), 0);
    wire_turn(&client.wire);
    HEARD(&client, " text:early");
    IS(!client.wire.protocol->paused);
    fr_span bytes = wire_take(&client.wire);
    SAME(fr_span_slice(bytes, 0, sizeof(ACCEPTED) - 1), ACCEPTED);
    SAME(fr_span_skip(bytes, sizeof(ACCEPTED) - 1), "\x8a\x04"
                                                    "bird");
    close_client(&client);
}

TEST(a_large_message_comes_through_whole)
{
    static char big[300000];
    struct client client;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 % 251);
    open_client(&client);
    client.application.echoes = true;
    connect_client(&client);
    for (size_t len = 8190; len <= sizeof big; len += len < 8195 ? 1 : 97301) {
        add_frame(&client, BINARY, fr_span_of(big, len));
        send_script_by(&client, 65536);
        EQUAL(client.application.largest, len);
        fr_span bytes = wire_take(&client.wire);
        uint64_t said;
        size_t head_len = frame_head(bytes, &said);
        EQUAL(said, len);
        IS(fr_span_equal(fr_span_skip(bytes, head_len), fr_span_of(big, len)));
    }
    close_client(&client);
}

/* ---- wanting ---- */

TEST(nothing_is_heard_before_it_is_wanted)
{
    struct client client;
    open_client(&client);
    client.application.takes = 0;
    connect_client(&client);
    send_frame(&client, TEXT, "a");
    HEARD(&client, "");
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, " text:a");
    close_client(&client);
}

TEST(several_messages_are_heard_as_long_as_they_are_wanted)
{
    struct client client;
    open_client(&client);
    client.application.takes = 2;
    connect_client(&client);
    add_frame(&client, TEXT, FR_SPAN("a"));
    add_frame(&client, PING, FR_SPAN("1"));
    add_frame(&client, TEXT, FR_SPAN("b"));
    add_frame(&client, PING, FR_SPAN("2"));
    add_frame(&client, TEXT, FR_SPAN("c"));
    add_frame(&client, PING, FR_SPAN("3"));
    send_script(&client);
    HEARD(&client, " text:a text:b");
    FRAMES(&client, " 8a:1 8a:2");
    send_frame(&client, TEXT, "d");
    HEARD(&client, "");
    client.application.takes = 3;
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, " text:c");
    wire_turn(&client.wire);
    FRAMES(&client, " 8a:3");
    client.application.takes = UINT32_MAX;
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, " text:d");
    IS(!client.application.websocket->pending.data);
    close_client(&client);
}

TEST(a_peer_that_nobody_listens_to_is_read_up_to_its_credit)
{
    static char big[30000];
    struct client client;
    memset(big, 'x', sizeof big);
    open_client(&client);
    client.application.takes = 1;
    connect_client(&client);
    for (unsigned i = 0; i < 8; i++) {
        add_frame(&client, TEXT, fr_span_of(big, sizeof big));
        send_script(&client);
    }
    EQUAL(client.application.messages, 1);
    IS(client.wire.protocol->paused);
    IS(client.wire.unread.len > 100000);
    EQUAL(client.wire.protocol->phase, FR_PHASE_TUNNEL);
    IS(client.application.websocket->pending.len <= 65536);
    client.application.takes = UINT32_MAX;
    fr_websocket_want(client.application.websocket, true);
    wire_turn(&client.wire);
    EQUAL(client.application.messages, 8);
    EQUAL(client.wire.unread.len, 0);
    IS(!client.wire.protocol->paused);
    close_client(&client);
}

TEST(what_is_kept_counts_against_the_credit)
{
    static char big[40000];
    struct client client;
    open_client(&client);
    connect_client(&client);
    const struct fr_exchange *exchange = client.application.exchange;
    EQUAL(exchange->credit, 65536);
    fr_websocket_want(client.application.websocket, false);
    add_frame(&client, BINARY, fr_span_of(big, sizeof big));
    send_script(&client);
    EQUAL(exchange->credit, 65536 - sizeof big - 8);
    fr_websocket_want(client.application.websocket, true);
    EQUAL(client.application.messages, 1);
    EQUAL(exchange->credit, 65536);
    close_client(&client);
}

TEST(a_message_that_has_begun_is_not_told_before_it_is_wanted_again)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    add_frame(&client, TEXT, FR_SPAN("begun and ended"));
    size_t len = client.script.len;
    wire_send(&client.wire, fr_span_of(client.script.data, 10));
    fr_websocket_want(client.application.websocket, false);
    wire_send(&client.wire, fr_span_of(client.script.data + 10, len - 10));
    HEARD(&client, "");
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, " text:begun and ended");
    close_client(&client);
}

TEST(messages_may_be_taken_one_by_one)
{
    struct client client;
    char word[20];
    open_client(&client);
    client.application.takes = 0;
    connect_client(&client);
    for (unsigned i = 0; i < 8000; i++) {
        snprintf(word, sizeof word, "%u", i);
        add_frame(&client, TEXT, fr_span_of_string(word));
    }
    IS(client.script.len > 65536); /* the rest comes when there is credit again */
    send_script(&client);
    for (unsigned i = 0; i < 8000; i++) {
        client.application.takes = i + 1;
        fr_websocket_want(client.application.websocket, true);
        wire_turn(&client.wire);
        snprintf(word, sizeof word, " text:%u", i);
        HEARD(&client, word);
    }
    client.application.takes = UINT32_MAX;
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, "");
    IS(!client.application.websocket->pending.data);
    close_client(&client);
}

static void on_message_want_again(struct websocket_application *application, fr_span bytes)
{
    (void)bytes;
    fr_websocket_want(application->websocket, false);
    fr_websocket_want(application->websocket, true);
}

TEST(wanting_from_inside_a_message_does_not_nest)
{
    struct client client;
    open_client(&client);
    client.application.on_message = on_message_want_again;
    connect_client(&client);
    for (unsigned i = 0; i < 100000; i++)
        add_frame(&client, TEXT, FR_SPAN("a"));
    send_script_by(&client, 65536);
    EQUAL(client.application.messages, 100000);
    close_client(&client);
}

/* ---- sending ---- */

static void count_release(void *owner)
{
    ++*(unsigned *)owner;
}

TEST(a_payload_is_let_go_once_whatever_its_size)
{
    static char bytes[70000];
    unsigned released = 0, sent = 0;
    struct client client;
    open_client(&client);
    connect_client(&client);
    memset(bytes, 'y', sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len = len < 2000 ? len + 125 : len < 2060 ? len + 1 : len * 2 + 1) {
        struct fr_chunk chunk = {
            .bytes = fr_span_of(bytes, len), .file = -1, .release = count_release, .owner = &released};
        EQUAL(fr_websocket_send(client.application.websocket, false, &chunk), 0);
        sent++;
        wire_turn(&client.wire);
        EQUAL(released, sent);
        fr_span out = wire_take(&client.wire);
        uint64_t said;
        size_t head_len = frame_head(out, &said);
        EQUAL(said, len);
        EQUAL(out.len, head_len + len);
        IS(len == 0 || memcmp(out.data + head_len, bytes, len) == 0);
    }
    close_client(&client);
}

TEST(nothing_is_sent_after_close_and_the_payload_is_let_go)
{
    unsigned released = 0;
    struct client client;
    open_client(&client);
    connect_client(&client);
    EQUAL(fr_websocket_close(client.application.websocket, 1000, FR_SPAN(""), 0), 0);
    struct fr_chunk chunk = {.bytes = FR_SPAN("late"), .file = -1, .release = count_release, .owner = &released};
    EQUAL(fr_websocket_send(client.application.websocket, true, &chunk), FR_E_GONE);
    EQUAL(released, 1);
    wire_turn(&client.wire);
    FRAMES(&client, " 88:1000:");
    close_client(&client);
}

TEST(a_peer_that_does_not_read_makes_the_exchange_not_writable)
{
    static char bytes[50000];
    struct client client;
    open_client(&client);
    connect_client(&client);
    client.wire.is_stuck = true;
    struct fr_websocket *websocket = client.application.websocket;
    EQUAL(fr_websocket_send(websocket, false, &FR_CHUNK_COPY(fr_span_of(bytes, sizeof bytes))), 0);
    IS(fr_exchange_is_writable(websocket->exchange));
    EQUAL(fr_websocket_send(websocket, false, &FR_CHUNK_COPY(fr_span_of(bytes, sizeof bytes))), 0);
    IS(!fr_exchange_is_writable(websocket->exchange));
    client.wire.is_stuck = false;
    wire_turn(&client.wire);
    IS(fr_exchange_is_writable(websocket->exchange));
    close_client(&client);
}

/* ---- ping and pong ---- */

TEST(a_peer_that_reads_no_pongs_gets_the_newest_when_it_reads_again)
{
    static char bytes[70000];
    struct client client;
    open_client(&client);
    connect_client(&client);
    client.wire.is_stuck = true;
    struct fr_websocket *websocket = client.application.websocket;
    EQUAL(fr_websocket_send(websocket, false, &FR_CHUNK_COPY(fr_span_of(bytes, sizeof bytes))), 0);
    size_t queued = client.wire.outbox.bytes;
    for (unsigned i = 0; i < 1000; i++) {
        char payload[20];
        snprintf(payload, sizeof payload, "ping %u", i);
        send_frame(&client, PING, payload);
    }
    EQUAL(client.wire.outbox.bytes, queued);
    client.wire.is_stuck = false;
    wire_turn(&client.wire);
    fr_span out = wire_take(&client.wire);
    SAME(fr_span_skip(out, out.len - 10), "\x8a\x08"
                                          "ping 999");
    IS(!websocket->pong);
    send_frame(&client, PING, "more");
    FRAMES(&client, " 8a:more");
    close_client(&client);
}

TEST(a_quiet_peer_is_pinged_and_given_up)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    struct fr_websocket *websocket = client.application.websocket;
    uint64_t start = client.application.now_ms;
    EQUAL(websocket->due_ms, start + 20000);
    fr_websocket_tick(websocket, start + 19999);
    wire_turn(&client.wire);
    FRAMES(&client, "");
    fr_websocket_tick(websocket, start + 20000);
    wire_turn(&client.wire);
    FRAMES(&client, " 89:");
    EQUAL(websocket->due_ms, start + 40000);
    fr_websocket_tick(websocket, start + 40000);
    wire_turn(&client.wire);
    FRAMES(&client, " 88:1011:no pong came in time");
    HEARD(&client, " closed:1011:no pong came in time");
    IS(client.wire.protocol->finished);
    close_client(&client);
}

TEST(a_peer_that_is_heard_of_is_not_pinged)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    struct fr_websocket *websocket = client.application.websocket;
    uint64_t start = client.application.now_ms;
    client.application.now_ms = start + 15000;
    send_frame(&client, TEXT, "here");
    EQUAL(websocket->due_ms, start + 20000);
    fr_websocket_tick(websocket, start + 20000);
    EQUAL(websocket->due_ms, start + 35000);
    fr_websocket_tick(websocket, start + 35000);
    wire_turn(&client.wire);
    FRAMES(&client, " 89:");
    client.application.now_ms = start + 36000;
    send_frame(&client, PONG, "");
    fr_websocket_tick(websocket, start + 55000);
    EQUAL(websocket->due_ms, start + 56000);
    fr_websocket_tick(websocket, start + 56000);
    EQUAL(websocket->due_ms, start + 76000);
    HEARD(&client, " text:here");
    close_client(&client);
}

TEST(a_peer_that_is_not_read_is_not_blamed_for_its_silence)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    struct fr_websocket *websocket = client.application.websocket;
    fr_websocket_want(websocket, false);
    fr_websocket_tick(websocket, websocket->due_ms);
    wire_turn(&client.wire);
    FRAMES(&client, " 89:");
    for (unsigned i = 0; i < 3; i++)
        fr_websocket_tick(websocket, websocket->due_ms);
    EQUAL(websocket->state, FR_WEBSOCKET_OPEN);
    fr_websocket_want(websocket, true);
    fr_websocket_tick(websocket, websocket->due_ms);
    HEARD(&client, " closed:1011:no pong came in time");
    close_client(&client);
}

TEST(a_peer_that_does_not_read_is_not_pinged)
{
    static char bytes[70000];
    struct client client;
    open_client(&client);
    connect_client(&client);
    client.wire.is_stuck = true;
    struct fr_websocket *websocket = client.application.websocket;
    EQUAL(fr_websocket_send(websocket, false, &FR_CHUNK_COPY(fr_span_of(bytes, sizeof bytes))), 0);
    size_t queued = client.wire.outbox.bytes;
    for (unsigned i = 0; i < 10; i++)
        fr_websocket_tick(websocket, websocket->due_ms);
    EQUAL(client.wire.outbox.bytes, queued);
    EQUAL(websocket->state, FR_WEBSOCKET_OPEN);
    close_client(&client);
}

TEST(without_an_interval_nothing_is_ever_due)
{
    struct client client;
    open_client(&client);
    client.wire.limits.ws_ping_interval_ms = 0;
    connect_client(&client);
    IS(client.application.websocket->due_ms == UINT64_MAX);
    close_client(&client);
}

TEST(an_idle_one_owns_nothing)
{
    struct client client;
    open_client(&client);
    client.application.echoes = true;
    connect_client(&client);
    for (unsigned i = 0; i < 3; i++) {
        add_frame(&client, FR_FRAME_TEXT, FR_SPAN("a"));
        add_frame(&client, PING, FR_SPAN("b"));
        add_frame(&client, CONTINUED, FR_SPAN("c"));
        send_script_by(&client, 3);
    }
    const struct fr_websocket *websocket = client.application.websocket;
    IS(!websocket->pending.data && !websocket->partial && !websocket->pong && !websocket->deflate);
    EQUAL(fr_pool_taken(client.wire.pool), 1); /* the exchange */
    close_client(&client);
}
