#include "base/alloc.h"
#include "websocket/client.h"
#include "websocket/session.h"

/* ---- the closing handshake ---- */

TEST(the_peers_close_frame_is_echoed_and_the_connection_ends)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_close(&client, 1000, "bye");
    FRAMES(&client, " 88:1000:");
    HEARD(&client, " closed:1000:bye");
    IS(client.wire.protocol->finished);
    EQUAL(client.wire.protocol->close_reason, FR_CLOSE_FINISHED);
    EQUAL(client.wire.protocol->phase, FR_PHASE_LINGER);
    EQUAL(client.wire.ended_state, FR_EXCHANGE_ANSWERED);
    EQUAL(client.wire.ended_status, 101);
    close_client(&client);
    HEARD(&client, "");
}

TEST(a_close_frame_without_a_code_is_answered_by_one)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_frame(&client, CLOSE, "");
    FRAMES(&client, " 88:");
    HEARD(&client, " closed:1005:");
    close_client(&client);
}

TEST(codes_and_reasons_of_close_frames_are_checked)
{
    static const unsigned good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const unsigned bad[] = {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535};
    struct client client;
    char expected[100];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        open_client(&client);
        connect_client(&client);
        send_close(&client, good[i], "");
        snprintf(expected, sizeof expected, " closed:%u:", good[i]);
        HEARD(&client, expected);
        close_client(&client);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        open_client(&client);
        connect_client(&client);
        send_close(&client, bad[i], "reason");
        FRAMES(&client, " 88:1002:malformed WebSocket frame");
        HEARD(&client, " closed:1002:malformed WebSocket frame");
        close_client(&client);
    }
    open_client(&client);
    connect_client(&client);
    send_frame(&client, CLOSE, "x"); /* half a code */
    HEARD(&client, " closed:1002:malformed WebSocket frame");
    close_client(&client);
    open_client(&client);
    connect_client(&client);
    send_close(&client, 1000, "\xc3\x28");
    FRAMES(&client, " 88:1007:text that is not UTF-8");
    HEARD(&client, " closed:1007:text that is not UTF-8");
    close_client(&client);
}

TEST(our_close_frame_is_followed_by_silence_until_the_peers)
{
    struct client client;
    open_client(&client);
    client.application.echoes = true;
    connect_client(&client);
    struct fr_websocket *websocket = client.application.websocket;
    EQUAL(fr_websocket_close(websocket, 1001, FR_SPAN("going"), client.application.now_ms), 0);
    EQUAL(websocket->due_ms, client.application.now_ms + 10000);
    wire_turn(&client.wire);
    FRAMES(&client, " 88:1001:going");
    EQUAL(fr_websocket_close(websocket, 1000, FR_SPAN(""), client.application.now_ms), 0);
    send_frame(&client, TEXT, "dropped");
    send_frame(&client, PING, "dropped");
    send_frame(&client, FR_FRAME_TEXT, "\xff");
    send_frame(&client, FR_FRAME_TEXT, "out of order");
    FRAMES(&client, "");
    HEARD(&client, "");
    IS(!client.wire.protocol->finished);
    send_close(&client, 1001, "");
    FRAMES(&client, "");
    HEARD(&client, " closed:1001:");
    IS(client.wire.protocol->finished);
    close_client(&client);
}

TEST(more_than_the_credit_is_dropped_while_the_peers_close_frame_is_awaited)
{
    static char big[30000];
    struct client client;
    memset(big, 'x', sizeof big);
    open_client(&client);
    client.application.takes = 1;
    connect_client(&client);
    for (unsigned i = 0; i < 10; i++)
        add_frame(&client, TEXT, fr_span_of(big, sizeof big));
    send_script_by(&client, 20000);
    IS(client.wire.protocol->paused);
    EQUAL(fr_websocket_close(client.application.websocket, 1000, FR_SPAN(""), 0), 0);
    wire_turn(&client.wire);
    EQUAL(client.wire.unread.len, 0);
    EQUAL(client.application.messages, 1);
    IS(!client.application.websocket->pending.data);
    send_close(&client, 1000, "");
    websocket_application_take(&client.application);
    IS(!client.application.websocket);
    close_client(&client);
}

TEST(close_frames_that_cross_end_it_as_well)
{
    struct client client;
    open_client(&client);
    client.application.takes = 0;
    connect_client(&client);
    send_close(&client, 1000, "mine"); /* is read, though no message is wanted: there is credit for none */
    HEARD(&client, "");
    EQUAL(fr_websocket_close(client.application.websocket, 1001, FR_SPAN(""), 0), 0);
    wire_turn(&client.wire);
    FRAMES(&client, " 88:1001:");
    HEARD(&client, " closed:1000:mine");
    close_client(&client);
}

static void on_message_close(struct websocket_application *application, fr_span bytes)
{
    (void)bytes;
    EQUAL(fr_websocket_close(application->websocket, 1008, FR_SPAN("enough"), application->now_ms), 0);
}

TEST(it_may_be_closed_from_inside_a_message)
{
    for (size_t step = 1; step < 40; step++) {
        struct client client;
        char room[20];
        open_client(&client);
        client.application.on_message = on_message_close;
        connect_client(&client);
        add_frame(&client, TEXT, FR_SPAN("one"));
        add_frame(&client, TEXT, FR_SPAN("two"));
        add_frame(&client, CLOSE, close_payload(room, 1008, ""));
        send_script_by(&client, step);
        HEARD(&client, " text:one closed:1008:");
        FRAMES(&client, " 88:1008:enough");
        close_client(&client);
    }
}

TEST(a_peer_that_does_not_close_is_given_up)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    struct fr_websocket *websocket = client.application.websocket;
    EQUAL(fr_websocket_close(websocket, 1000, FR_SPAN(""), client.application.now_ms), 0);
    fr_websocket_tick(websocket, client.application.now_ms + 9999);
    HEARD(&client, "");
    fr_websocket_tick(websocket, client.application.now_ms + 10000);
    HEARD(&client, " closed:1006:");
    IS(client.wire.protocol->finished);
    close_client(&client);
}

TEST(what_may_not_be_sent_is_refused)
{
    static char long_reason[124];
    struct client client;
    open_client(&client);
    connect_client(&client);
    memset(long_reason, 'r', sizeof long_reason);
    struct fr_websocket *websocket = client.application.websocket;
    static const unsigned bad[] = {0, 999, 1004, 1006, 1015, 2999, 5000, 70000};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EQUAL(fr_websocket_close(websocket, bad[i], FR_SPAN(""), 0), FR_E_CLOSE_CODE);
    EQUAL(fr_websocket_close(websocket, 1005, FR_SPAN("x"), 0), FR_E_CLOSE_CODE);
    EQUAL(fr_websocket_close(websocket, 1000, FR_SPAN("\xff"), 0), FR_E_CLOSE_CODE);
    EQUAL(fr_websocket_close(websocket, 1000, fr_span_of(long_reason, 124), 0), FR_E_CLOSE_CODE);
    EQUAL(websocket->state, FR_WEBSOCKET_OPEN);
    EQUAL(fr_websocket_close(websocket, 1000, fr_span_of(long_reason, 123), 0), 0);
    wire_turn(&client.wire);
    EQUAL(wire_take(&client.wire).len, 2 + 2 + 123);
    close_client(&client);
}

TEST(without_a_code_the_frame_is_empty)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    EQUAL(fr_websocket_close(client.application.websocket, FR_WEBSOCKET_NO_CODE, FR_SPAN(""), 0), 0);
    wire_turn(&client.wire);
    FRAMES(&client, " 88:");
    close_client(&client);
}

TEST(a_draining_worker_says_so)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    wire_signal(&client.wire, FR_SIGNAL_DRAIN);
    FRAMES(&client, " 88:1012:restart");
    HEARD(&client, " drained");
    IS(!client.wire.protocol->finished);
    send_close(&client, 1012, "");
    HEARD(&client, " closed:1012:");
    IS(client.wire.protocol->finished);
    EQUAL(client.wire.protocol->close_reason, FR_CLOSE_DRAIN);
    close_client(&client);
}

/* ---- what a peer does wrong ---- */

static void fails(struct client *client, const char *expected)
{
    send_script(client);
    HEARD(client, expected);
    IS(client->wire.protocol->finished);
    IS(!client->application.websocket);
    wire_send(&client->wire, FR_SPAN("\x81\x80whatever comes now"));
    HEARD(client, "");
    close_client(client);
}

#define MALFORMED " closed:1002:malformed WebSocket frame"

TEST(frames_out_of_order_are_refused)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    add_frame(&client, CONTINUED, FR_SPAN("of nothing"));
    fails(&client, MALFORMED);
    open_client(&client);
    connect_client(&client);
    add_frame(&client, FR_FRAME_TEXT, FR_SPAN("begun"));
    add_frame(&client, TEXT, FR_SPAN("begun again"));
    fails(&client, MALFORMED);
    open_client(&client);
    connect_client(&client);
    add_frame(&client, FR_FRAME_TEXT, FR_SPAN("begun"));
    add_frame(&client, CONTINUED, FR_SPAN("ended"));
    add_frame(&client, CONTINUED, FR_SPAN("ended again"));
    fails(&client, " text:begunended" MALFORMED);
}

TEST(frames_that_are_none_are_refused)
{
    static const unsigned char firsts[] = {0x83,        0x8b,        0x8f,          TEXT | RSV1,
                                           TEXT | 0x20, TEXT | 0x10, FR_FRAME_PING, FR_FRAME_CLOSE};
    for (size_t i = 0; i < sizeof firsts; i++) {
        struct client client;
        open_client(&client);
        connect_client(&client);
        add_frame(&client, firsts[i], FR_SPAN("abc"));
        fails(&client, MALFORMED);
    }
    struct client client;
    open_client(&client);
    connect_client(&client);
    append(&client.script, FR_SPAN("\x81\x03"
                                   "abc")); /* no mask */
    fails(&client, MALFORMED);
}

TEST(text_that_is_not_utf8_is_refused_as_soon_as_it_is_seen)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    add_frame(&client, TEXT, FR_SPAN("ok\xff"));
    fails(&client, " closed:1007:text that is not UTF-8");
    open_client(&client);
    connect_client(&client);
    add_frame_of(&client.script, TEXT, FR_SPAN("\xce\xba\xe1\xbd\xb9\xcf\x83\xf4\x90"), 1000); /* above U+10FFFF */
    fails(&client, " closed:1007:text that is not UTF-8");
}

TEST(a_message_may_be_as_large_as_the_limit_and_no_larger)
{
    for (unsigned fragments = 1; fragments < 4; fragments++) {
        static char bytes[1001];
        struct client client;
        open_client(&client);
        client.wire.limits.ws_message_bytes_max = 1000;
        connect_client(&client);
        for (size_t total = 1000; total <= 1001; total++) {
            for (unsigned i = 0; i < fragments; i++) {
                size_t part = i == fragments - 1 ? total - i * 300 : 300;
                unsigned char first = i ? FR_FRAME_CONTINUATION : FR_FRAME_BINARY;
                add_frame(&client, i == fragments - 1 ? FIN | first : first, fr_span_of(bytes, part));
            }
            send_script(&client);
            EQUAL(client.application.largest, 1000);
        }
        EQUAL(client.application.messages, 1);
        FRAMES(&client, " 88:1009:message too big");
        IS(!client.application.websocket);
        close_client(&client);
    }
}

TEST(what_is_announced_too_big_is_not_waited_for)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    add_frame_of(&client.script, BINARY, FR_SPAN(""), (uint64_t)1 << 62);
    fails(&client, " closed:1009:message too big");
}

/* ---- a peer that goes ---- */

TEST(a_peer_that_ends_without_a_close_frame_is_told_so)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    wire_signal(&client.wire, FR_SIGNAL_PEER_ENDED);
    HEARD(&client, " closed:1006:");
    IS(client.wire.protocol->finished);
    EQUAL(client.wire.ended_state, FR_EXCHANGE_ANSWERED);
    close_client(&client);
}

TEST(a_peer_that_ends_is_told_also_when_nothing_is_wanted)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    fr_websocket_want(client.application.websocket, false);
    wire_signal(&client.wire, FR_SIGNAL_PEER_ENDED);
    HEARD(&client, " closed:1006:");
    close_client(&client);
}

TEST(what_has_come_of_a_message_is_given_back_when_we_close)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_frame(&client, FR_FRAME_TEXT, "begun");
    IS(client.application.websocket->partial);
    EQUAL(fr_websocket_close(client.application.websocket, 1000, FR_SPAN(""), 0), 0);
    IS(!client.application.websocket->partial);
    close_client(&client);
}

TEST(a_peer_that_ends_inside_a_frame_is_told_so)
{
    for (size_t cut = 1; cut < 15; cut++) {
        struct client client;
        open_client(&client);
        connect_client(&client);
        add_frame(&client, FR_FRAME_TEXT, FR_SPAN("a"));
        add_frame(&client, PING, FR_SPAN("b"));
        client.script.len = cut;
        send_script(&client);
        wire_signal(&client.wire, FR_SIGNAL_PEER_ENDED);
        HEARD(&client, " closed:1006:");
        close_client(&client);
    }
}

TEST(what_came_before_the_end_is_still_heard_when_it_is_wanted)
{
    struct client client;
    char room[20];
    open_client(&client);
    client.application.takes = 1;
    connect_client(&client);
    add_frame(&client, TEXT, FR_SPAN("a"));
    add_frame(&client, TEXT, FR_SPAN("b"));
    add_frame(&client, CLOSE, close_payload(room, 1000, "c"));
    send_script(&client);
    wire_signal(&client.wire, FR_SIGNAL_PEER_ENDED);
    HEARD(&client, " text:a");
    client.application.takes = UINT32_MAX;
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, " text:b closed:1000:c");
    wire_turn(&client.wire);
    FRAMES(&client, " 88:1000:");
    close_client(&client);
}

TEST(what_came_before_the_end_may_be_without_a_close_frame)
{
    struct client client;
    open_client(&client);
    client.application.takes = 1;
    connect_client(&client);
    add_frame(&client, TEXT, FR_SPAN("a"));
    add_frame(&client, TEXT, FR_SPAN("b"));
    send_script(&client);
    wire_signal(&client.wire, FR_SIGNAL_PEER_ENDED);
    HEARD(&client, " text:a");
    client.application.takes = UINT32_MAX;
    fr_websocket_want(client.application.websocket, true);
    HEARD(&client, " text:b closed:1006:");
    close_client(&client);
}

TEST(a_peer_that_is_gone_ends_it)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_frame(&client, FR_FRAME_TEXT, "a");
    wire_drop(&client.wire, FR_CLOSE_PEER_RESET);
    HEARD(&client, " aborted closed:1006:");
    close_client(&client);
}

TEST(a_peer_that_is_gone_ends_the_closing_too)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    EQUAL(fr_websocket_close(client.application.websocket, 1000, FR_SPAN(""), 0), 0);
    wire_drop(&client.wire, FR_CLOSE_PEER_RESET);
    HEARD(&client, " aborted closed:1006:");
    close_client(&client);
}

static void on_message_flush(struct websocket_application *application, fr_span bytes)
{
    (void)bytes;
    fr_exchange_flush(application->exchange);
    application->on_message = NULL;
}

TEST(a_peer_may_turn_out_to_be_gone_inside_a_message)
{
    for (unsigned fragmented = 0; fragmented < 2; fragmented++) {
        struct client client;
        open_client(&client);
        client.application.on_message = on_message_flush;
        connect_client(&client);
        client.wire.drops_on_flush = true;
        if (fragmented) {
            add_frame(&client, FR_FRAME_TEXT, FR_SPAN("a"));
            add_frame(&client, CONTINUED, FR_SPAN("b"));
        } else {
            add_frame(&client, TEXT, FR_SPAN("ab"));
        }
        add_frame(&client, TEXT, FR_SPAN("not heard"));
        send_script(&client);
        HEARD(&client, " text:ab aborted closed:1006:");
        close_client(&client);
    }
}

TEST(freeing_an_open_one_cuts_it_without_a_word)
{
    struct client client;
    open_client(&client);
    connect_client(&client);
    send_frame(&client, FR_FRAME_TEXT, "a");
    websocket_application_close(&client.application);
    IS(client.wire.protocol->finished);
    EQUAL(client.wire.ended_state, FR_EXCHANGE_ABORTED);
    struct fr_websocket zeroed = {0};
    fr_websocket_free(&zeroed);
    close_client(&client);
}
