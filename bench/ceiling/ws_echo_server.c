/* bench/ceiling/ws_echo_server.c - The ceiling of WebSocket echo: epoll, one recv, the mask taken off, one send.
 *
 * It accepts every handshake that has a key, echoes data frames as they are fragmented, answers ping and close, and
 * survives cut frames and slow readers. It checks neither heads nor UTF-8, and wants a frame to fit in 64 KiB.
 * Usage: ws_echo_server --port N */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/sha1.h"
#include "local_epoll.h"

#define EVENTS_MAX 256
#define FRAME_BYTES_MAX (65536 + 14)
#define CLOSE 8
#define PING 9
#define PONG 10

/* What a client cannot take now, or has not said to the end. */
struct rest {
    char *bytes;
    size_t len;
};

struct client {
    int fd;
    bool open;           /* the handshake is done */
    bool over;           /* to be closed when all is sent */
    struct rest in, out; /* with something in `out`, EPOLLOUT is awaited and nothing is read */
};

/* Of all clients, one at a time: what has come, how much of it is answered, and the answer. */
struct desk {
    char in[FRAME_BYTES_MAX + 1], out[FRAME_BYTES_MAX + 256];
    size_t in_len, taken, out_len;
};

static void accept_clients(int epoll, int listener)
{
    int fd;
    while ((fd = accept_client(listener)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        if (!client)
            die("calloc");
        client->fd = fd;
        watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, client);
    }
}

static void keep(struct rest *rest, const char *bytes, size_t len)
{
    if (len > 0 && !rest->bytes && !(rest->bytes = malloc(sizeof(((struct desk *)0)->out))))
        die("malloc");
    if (len > 0)
        memmove(rest->bytes, bytes, len);
    rest->len = len;
}

/* Answers the handshake; anything else with 426, so that somebody can ask whether the server is up. */
static void shake_hands(struct client *client, struct desk *desk)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", name[] = "\r\nSec-WebSocket-Key:";
    desk->in[desk->in_len] = '\0';
    const char *end = strstr(desk->in, "\r\n\r\n"), *key = strcasestr(desk->in, name);
    if (!end)
        return;
    desk->taken = (size_t)(end + 4 - desk->in);
    if (!key || key > end) {
        desk->out_len = (size_t)sprintf(desk->out, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
        client->over = true;
        return;
    }
    char text[24 + sizeof guid], accept[FR_BASE64_TEXT_BYTES(FR_SHA1_BYTES) + 1] = {0};
    unsigned char digest[FR_SHA1_BYTES];
    key += sizeof name - 1;
    key += strspn(key, " \t");
    int len = snprintf(text, sizeof text, "%.24s%s", key, guid);
    fr_sha1_digest(fr_span_of(text, (size_t)len), digest);
    fr_base64_encode(fr_span_of((char *)digest, sizeof digest), accept);
    desk->out_len = (size_t)sprintf(desk->out,
                                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: %s\r\n\r\n",
                                    accept);
    client->open = true;
}

static void unmask(char *to, const char *from, size_t len, const unsigned char *key)
{
    uint64_t keys, bytes;
    memcpy(&keys, key, 4);
    memcpy((char *)&keys + 4, key, 4);
    for (; len >= sizeof bytes; len -= sizeof bytes, to += sizeof bytes, from += sizeof bytes) {
        memcpy(&bytes, from, sizeof bytes);
        bytes ^= keys;
        memcpy(to, &bytes, sizeof bytes);
    }
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(from[i] ^ key[i % 4]);
}

/* The next frame and its answer. False when it is not all there. */
static bool echo_frame(struct client *client, struct desk *desk)
{
    const unsigned char *at = (unsigned char *)desk->in + desk->taken;
    size_t left = desk->in_len - desk->taken;
    if (left < 6)
        return false;
    uint64_t len = at[1] & 0x7f;
    size_t head_len = 2 + (len == 126 ? 2 : len == 127 ? 8 : 0);
    if (left < head_len + 4)
        return false;
    for (size_t i = 2; i < head_len; i++)
        len = (i > 2 ? len << 8 : 0) | at[i];
    client->over |= len > FRAME_BYTES_MAX - 14;
    if (client->over || left < head_len + 4 + len)
        return false;

    unsigned char opcode = at[0] & 0x0f;
    char *out = desk->out + desk->out_len;
    desk->taken += head_len + 4 + (size_t)len;
    if (opcode == PONG)
        return true;
    memcpy(out, at, head_len);
    out[0] = opcode == PING ? (char)(0x80 | PONG) : out[0];
    out[1] &= 0x7f;
    unmask(out + head_len, (const char *)at + head_len + 4, (size_t)len, at + head_len);
    desk->out_len += head_len + (size_t)len;
    client->over = opcode == CLOSE;
    return true;
}

/* Sends what it can and keeps the rest. False when the client is gone. */
static bool send_all(int epoll, struct client *client, const char *bytes, size_t len)
{
    bool was_stuck = client->out.len > 0;
    while (len > 0) {
        ssize_t sent = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent < 0)
            break;
        bytes += sent;
        len -= (size_t)sent;
    }
    keep(&client->out, bytes, len);
    if (was_stuck != (len > 0))
        watch(epoll, EPOLL_CTL_MOD, client->fd, len > 0 ? EPOLLOUT : EPOLLIN, client);
    return len > 0 || !client->over;
}

/* False when the client is gone. */
static bool serve(int epoll, struct client *client, struct desk *desk)
{
    if (client->out.len > 0)
        return send_all(epoll, client, client->out.bytes, client->out.len);
    if (client->in.len > 0)
        memcpy(desk->in, client->in.bytes, client->in.len);
    ssize_t len = recv(client->fd, desk->in + client->in.len, FRAME_BYTES_MAX - client->in.len, 0);
    if (len <= 0)
        return len < 0 && errno == EAGAIN;
    desk->in_len = client->in.len + (size_t)len;
    desk->taken = desk->out_len = 0;
    if (!client->open)
        shake_hands(client, desk);
    while (client->open && !client->over && echo_frame(client, desk))
        ;
    keep(&client->in, desk->in + desk->taken, desk->in_len - desk->taken);
    return send_all(epoll, client, desk->out, desk->out_len);
}

int main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--port") != 0) {
        fprintf(stderr, "usage: %s --port N\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_locally((int)strtol(argv[2], NULL, 10)), epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die("epoll_create1");
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    static struct desk desk;
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client) {
                accept_clients(epoll, listener);
            } else if (!serve(epoll, client, &desk)) {
                close(client->fd);
                free(client->in.bytes);
                free(client->out.bytes);
                free(client);
            }
        }
    }
}
