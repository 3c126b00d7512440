/* tests/fuzz/websocket.c - Any bytes as a handshake, as frames, or as what frames carry: what is heard and said does
 * not depend on the cuts, nothing is lost or told twice, and all memory comes back, whatever happens in between.
 *
 * The first byte says what the rest is, the second what else happens and where. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/websocket_application.h"
#include "fakes/wire.h"
#include "http1/connection.h"
#include "websocket/frame.h"
#include "websocket/mask.h"

#define PIECES_MAX 256 /* so that a long input does not take quadratic time */
#define MESSAGE_BYTES_MAX 2000

#define BEGINNING "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
#define REQUEST                                                                              \
    BEGINNING "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" \
              "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"

enum kind {
    KIND_HANDSHAKE, /* fields of the request, and what follows */
    KIND_FRAMES,    /* what follows an accepted request */
    KIND_PAYLOADS,  /* for each frame its first byte, its length and its payload, which are masked here */
    KIND_COUNT
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

struct talk {
    struct websocket_application application;
    struct wire wire;
};

static void on_message(struct websocket_application *application, fr_span bytes)
{
    (void)application;
    require(bytes.len <= MESSAGE_BYTES_MAX);
}

static void open_talk(struct talk *talk, unsigned how)
{
    websocket_application_open(&talk->application, &talk->wire.limits);
    wire_open(&talk->wire, &fr_http1, &talk->application.base);
    talk->application.on_message = on_message;
    talk->application.echoes = !(how & 4);
    talk->wire.limits.ws_message_bytes_max = MESSAGE_BYTES_MAX;
    talk->wire.limits.ws_deflate_window_bits = 9 + how % 7;
    talk->wire.limits.write_high_bytes = 1 << 24;
}

static void close_talk(struct talk *talk)
{
    if (!talk->wire.is_closed)
        wire_drop(&talk->wire, FR_CLOSE_STOP);
    websocket_application_close(&talk->application);
    require(talk->wire.begun == talk->wire.ended);
    wire_close(&talk->wire);
}

static void append(struct fr_buffer *out, fr_span bytes)
{
    require(fr_buffer_append(out, bytes) == 0);
}

static void append_frame(struct fr_buffer *out, unsigned char first, fr_span payload)
{
    static const unsigned char key[FR_FRAME_KEY_BYTES] = {1, 2, 3, 4};
    char head[FR_FRAME_WRITE_BYTES_MAX];
    size_t len = fr_frame_write(head, FR_FRAME_BINARY, true, false, payload.len);
    head[0] = (char)first;
    head[1] = (char)(head[1] | 0x80);
    append(out, fr_span_of(head, len));
    append(out, fr_span_of((const char *)key, sizeof key));
    char *room = fr_buffer_reserve(out, payload.len + 1);
    require(room);
    fr_mask_apply(room, payload.data, payload.len, key, 0);
    out->len += payload.len;
}

static void append_payloads(struct fr_buffer *out, fr_span input)
{
    while (input.len >= 2) {
        unsigned char first = (unsigned char)input.data[0];
        size_t len = (unsigned char)input.data[1];
        input = fr_span_skip(input, 2);
        len = len < input.len ? len : input.len;
        append_frame(out, first, fr_span_slice(input, 0, len));
        input = fr_span_skip(input, len);
    }
}

/* All that the peer sends. */
static struct fr_buffer write_script(enum kind kind, fr_span input)
{
    struct fr_buffer out;
    fr_buffer_init(&out, 1 << 20);
    append(&out, kind == KIND_HANDSHAKE ? FR_SPAN(BEGINNING) : FR_SPAN(REQUEST));
    if (kind == KIND_PAYLOADS)
        append_payloads(&out, input);
    else
        append(&out, input);
    return out;
}

static void send_in_pieces(struct talk *talk, fr_span input, size_t cut, size_t step)
{
    wire_send(&talk->wire, fr_span_slice(input, 0, cut));
    for (size_t at = cut; at < input.len; at += step)
        wire_send(&talk->wire, fr_span_slice(input, at, input.len - at < step ? input.len : at + step));
}

static void compare(fr_span script, unsigned how, size_t cut, size_t step)
{
    struct talk whole, pieces;
    open_talk(&whole, how);
    open_talk(&pieces, how);
    send_in_pieces(&whole, script, script.len, 1);
    send_in_pieces(&pieces, script, cut, step);
    require(fr_span_equal(fr_buffer_span(&whole.application.record), fr_buffer_span(&pieces.application.record)));
    require(fr_span_equal(fr_buffer_span(&whole.wire.output), fr_buffer_span(&pieces.wire.output)));
    require(whole.application.messages == pieces.application.messages);
    require(whole.wire.protocol->finished == pieces.wire.protocol->finished);
    close_talk(&whole);
    close_talk(&pieces);
}

static void disturb(struct talk *talk, unsigned what)
{
    struct fr_websocket *websocket = talk->application.websocket;
    switch (what % 8) {
    case 0:
        if (websocket)
            fr_websocket_want(websocket, false);
        return;
    case 1:
        talk->application.now_ms += 25000;
        if (websocket)
            fr_websocket_tick(websocket, talk->application.now_ms);
        return;
    case 2:
        wire_drop(&talk->wire, FR_CLOSE_PEER_RESET);
        return;
    case 3:
        talk->wire.is_stuck = true;
        return;
    case 4:
        wire_signal(&talk->wire, FR_SIGNAL_DRAIN);
        return;
    case 5:
        if (websocket)
            require(fr_websocket_close(websocket, 1000 + what / 8, FR_SPAN("why"), talk->application.now_ms) <= 0);
        return;
    default:
        talk->application.takes = talk->application.messages + what / 8;
        return;
    }
}

static void converse(fr_span script, unsigned how, unsigned what)
{
    struct talk talk;
    size_t cut = script.len * (what >> 3) / 32;
    open_talk(&talk, how);
    talk.application.waits = how & 8;
    if (how & 16) {
        talk.wire.limits.write_high_bytes = 500;
        talk.wire.limits.write_low_bytes = 100;
    }
    wire_send(&talk.wire, fr_span_slice(script, 0, cut));
    disturb(&talk, what);
    for (unsigned part = 0; part < 4 && !talk.wire.is_closed; part++) {
        size_t from = cut + (script.len - cut) * part / 4, to = cut + (script.len - cut) * (part + 1) / 4;
        wire_send(&talk.wire, fr_span_slice(script, from, to));
        if (talk.application.exchange && !talk.application.websocket)
            require(websocket_application_accept(&talk.application) == 0);
    }
    talk.wire.is_stuck = false;
    talk.application.takes = UINT32_MAX;
    if (!talk.wire.is_closed) {
        wire_turn(&talk.wire);
        wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
        if (talk.application.websocket)
            fr_websocket_want(talk.application.websocket, true);
        wire_turn(&talk.wire);
        require(!talk.application.websocket); /* who listens hears the end */
    }
    close_talk(&talk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    unsigned how = data[0] / KIND_COUNT;
    struct fr_buffer buffer = write_script(data[0] % KIND_COUNT, fr_span_of((const char *)data + 2, len - 2));
    fr_span script = fr_buffer_span(&buffer);
    converse(script, how, data[1]);
    compare(script, how, 0, 1 + script.len / PIECES_MAX);
    for (unsigned cut = 1; cut < 4; cut++)
        compare(script, how, script.len * cut / 4, script.len + 1);
    fr_buffer_free(&buffer);
    return 0;
}
