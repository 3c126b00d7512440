/* tests/core/websocket/client.h - The client's end of a WebSocket over HTTP/1.1: masked frames out, plain frames in. */
#ifndef FR_TESTS_CLIENT_H
#define FR_TESTS_CLIENT_H

#include "fakes/websocket_application.h"
#include "fakes/wire.h"
#include "http1/connection.h"
#include "unit.h"
#include "websocket/frame.h"
#include "websocket/mask.h"

#define REQUEST_WITH(fields)                                                         \
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" fields "\r\n"
#define REQUEST REQUEST_WITH("")
#define ACCEPTED_WITH(fields)                                    \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" fields "Connection: upgrade\r\n\r\n"
#define ACCEPTED ACCEPTED_WITH("")

#define FIN 0x80
#define RSV1 0x40
#define TEXT (FIN | FR_FRAME_TEXT)
#define BINARY (FIN | FR_FRAME_BINARY)
#define CLOSE (FIN | FR_FRAME_CLOSE)
#define PING (FIN | FR_FRAME_PING)
#define PONG (FIN | FR_FRAME_PONG)
#define CONTINUED (FIN | FR_FRAME_CONTINUATION)
#define BYTES_MAX (64u << 20)

struct client {
    struct websocket_application application;
    struct wire wire;
    struct fr_buffer script; /* frames to be sent together */
    struct fr_buffer seen;   /* a listing of the frames that came */
};

static inline void open_client(struct client *client)
{
    memset(client, 0, sizeof *client);
    websocket_application_open(&client->application, &client->wire.limits);
    wire_open(&client->wire, &fr_http1, &client->application.base);
    fr_buffer_init(&client->script, BYTES_MAX);
    fr_buffer_init(&client->seen, BYTES_MAX);
}

static inline void close_client(struct client *client)
{
    if (!client->wire.is_closed)
        wire_drop(&client->wire, FR_CLOSE_STOP);
    websocket_application_close(&client->application);
    EQUAL(client->wire.begun, client->wire.ended);
    wire_close(&client->wire);
    fr_buffer_free(&client->script);
    fr_buffer_free(&client->seen);
}

static inline void send_bytes(struct client *client, const char *text)
{
    wire_send(&client->wire, fr_span_of_string(text));
}

/* Opens it and reads the response. */
static inline void connect_client(struct client *client)
{
    send_bytes(client, REQUEST);
    SAME(wire_take(&client->wire), ACCEPTED);
}

static inline void append(struct fr_buffer *buffer, fr_span bytes)
{
    EQUAL(fr_buffer_append(buffer, bytes), 0);
}

/* Adds a masked frame; `announced` is the length its head claims. */
static inline void add_frame_of(struct fr_buffer *out, unsigned char first, fr_span payload, uint64_t announced)
{
    static const unsigned char key[4] = {0x9d, 0x02, 0xfe, 0x61};
    char head[10];
    size_t len = fr_frame_write(head, (enum fr_frame_opcode)(first & 15), true, false, announced);
    head[0] = (char)first;
    head[1] = (char)(head[1] | 0x80);
    append(out, fr_span_of(head, len));
    append(out, fr_span_of((const char *)key, sizeof key));
    char *room = fr_buffer_reserve(out, payload.len + 1);
    if (payload.len)
        fr_mask_apply(room, payload.data, payload.len, key, 0);
    out->len += payload.len;
}

static inline void add_frame(struct client *client, unsigned char first, fr_span payload)
{
    add_frame_of(&client->script, first, payload, payload.len);
}

/* Sends what was added, in pieces of `step` bytes. */
static inline void send_script_by(struct client *client, size_t step)
{
    fr_span bytes = fr_buffer_span(&client->script);
    for (size_t at = 0; at < bytes.len; at += step)
        wire_send(&client->wire, fr_span_slice(bytes, at, bytes.len - at < step ? bytes.len : at + step));
    client->script.len = 0;
}

static inline void send_script(struct client *client)
{
    send_script_by(client, client->script.len);
}

static inline void send_frame(struct client *client, unsigned char first, const char *payload)
{
    add_frame(client, first, fr_span_of_string(payload));
    send_script(client);
}

static inline fr_span close_payload(char *room, unsigned code, const char *reason)
{
    room[0] = (char)(code >> 8);
    room[1] = (char)code;
    memcpy(room + 2, reason, strlen(reason));
    return fr_span_of(room, 2 + strlen(reason));
}

static inline void send_close(struct client *client, unsigned code, const char *reason)
{
    char room[200];
    add_frame(client, CLOSE, close_payload(room, code, reason));
    send_script(client);
}

static inline size_t frame_head(fr_span bytes, uint64_t *len)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t more = at[1] == 127 ? 8 : at[1] == 126 ? 2 : 0;
    *len = more ? 0 : at[1];
    for (size_t i = 0; i < more; i++)
        *len = *len << 8 | at[2 + i];
    return 2 + more;
}

/* The frames in `bytes`, which must be whole, as " 81:payload" and, for a close, " 88:1000:reason". */
static inline void list_frames(struct fr_buffer *seen, fr_span bytes)
{
    char word[32];
    while (bytes.len) {
        uint64_t len;
        size_t head_len = frame_head(bytes, &len);
        unsigned char first = (unsigned char)bytes.data[0];
        IS(bytes.len >= head_len + len);
        fr_span payload = fr_span_slice(bytes, head_len, head_len + (size_t)len);
        snprintf(word, sizeof word, " %02x:", first);
        append(seen, fr_span_of_string(word));
        if (first == CLOSE && payload.len >= 2) {
            snprintf(word, sizeof word, "%u:", (unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1]);
            append(seen, fr_span_of_string(word));
            payload = fr_span_skip(payload, 2);
        }
        append(seen, payload);
        bytes = fr_span_skip(bytes, head_len + (size_t)len);
    }
}

/* What the server has sent since the last time, listed. */
static inline fr_span frames(struct client *client)
{
    client->seen.len = 0;
    list_frames(&client->seen, wire_take(&client->wire));
    return client->seen.len ? fr_buffer_span(&client->seen) : FR_SPAN("");
}

#define FRAMES(client, text) SAME(frames(client), text)
#define HEARD(client, text) SAME(websocket_application_take(&(client)->application), text)

#endif
