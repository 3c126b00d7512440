/* bench/load/websocket_load.c - Messages over many WebSockets, one at a time on each: the next goes out when the
 * echo of the last has come. Frames are masked before, and every byte of an echo is compared.
 *
 * After all handshakes it says "ready"; then each line on its input, a number of seconds, is a round of load, and it
 * answers with a line of JSON. Between rounds nothing is under way. Anything unexpected ends it with a sentence.
 * Usage: websocket_load --port N --connections N --bytes N */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

#define EVENTS_MAX 256
#define HEAD_BYTES_MAX 14
#define READ_BYTES 262144
#define LATENCY_US_MAX 200000 /* what takes longer counts as this */
#define PATIENCE_S 10

static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

struct peer {
    int fd;
    size_t sent, received; /* of the message that is under way */
    uint64_t began_ns;
    bool stuck; /* EPOLLOUT is awaited */
};

struct load {
    int epoll;
    struct peer *peers;
    unsigned peer_count;
    char *frame, *echo; /* what is sent, and what must come back */
    size_t frame_len, echo_len;
    char *bytes; /* to read into */
    bool sending;
    unsigned under_way;
    uint64_t messages;
    uint32_t *latencies; /* how many took so many microseconds */
};

static void give_up(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* The head of a text frame; its length. */
static size_t write_head(char *to, size_t len, bool masked)
{
    size_t len_bytes = len < 126 ? 0 : len < 65536 ? 2 : 8, at = 2;
    to[0] = (char)0x81;
    to[1] = (char)((masked ? 0x80 : 0) | (len_bytes == 0 ? len : len_bytes == 2 ? 126 : 127));
    for (size_t i = len_bytes; i-- > 0;)
        to[at++] = (char)((uint64_t)len >> (8 * i));
    if (masked)
        memcpy(to + at, mask, sizeof mask);
    return masked ? at + sizeof mask : at;
}

static void prepare(struct load *load, size_t len)
{
    load->frame = allocate(HEAD_BYTES_MAX + len);
    load->echo = allocate(HEAD_BYTES_MAX + len);
    load->bytes = allocate(READ_BYTES);
    load->latencies = allocate((LATENCY_US_MAX + 1) * sizeof *load->latencies);
    size_t frame_at = write_head(load->frame, len, true), echo_at = write_head(load->echo, len, false);
    for (size_t i = 0; i < len; i++) {
        load->echo[echo_at + i] = (char)('a' + i % 26);
        load->frame[frame_at + i] = (char)(load->echo[echo_at + i] ^ mask[i % 4]);
    }
    load->frame_len = frame_at + len;
    load->echo_len = echo_at + len;
}

static void shake_hands(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    char head[4096];
    size_t len = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
        die("send");
    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        ssize_t got = len < sizeof head - 1 ? recv(fd, head + len, sizeof head - 1 - len, 0) : 0;
        if (got <= 0)
            give_up("the handshake was not answered");
        len += (size_t)got;
    }
    head[len] = '\0';
    if (strncmp(head, "HTTP/1.1 101", 12) != 0 || !strstr(head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        give_up("the handshake was refused");
}

static void connect_peers(struct load *load, int port, unsigned count)
{
    struct sockaddr_in address = local_address(port);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int on = 1;
    load->peers = allocate(count * sizeof *load->peers);
    load->peer_count = count;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) {
        struct peer *peer = &load->peers[i];
        peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (peer->fd < 0 || connect(peer->fd, (struct sockaddr *)&address, sizeof address) != 0)
            die("connect");
        (void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        shake_hands(peer->fd);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, peer->fd, &event) != 0)
            die("epoll_ctl");
    }
}

static void send_more(struct load *load, struct peer *peer)
{
    while (peer->sent < load->frame_len) {
        ssize_t sent =
            send(peer->fd, load->frame + peer->sent, load->frame_len - peer->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            die("send");
        if (sent < 0)
            break;
        peer->sent += (size_t)sent;
    }
    bool stuck = peer->sent < load->frame_len;
    if (stuck != peer->stuck) {
        struct epoll_event event = {.events = EPOLLIN | (stuck ? EPOLLOUT : 0), .data.ptr = peer};
        peer->stuck = stuck;
        if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, peer->fd, &event) != 0)
            die("epoll_ctl");
    }
}

static void begin_message(struct load *load, struct peer *peer, uint64_t now)
{
    peer->sent = peer->received = 0;
    peer->began_ns = now;
    load->under_way++;
    send_more(load, peer);
}

static void end_message(struct load *load, struct peer *peer)
{
    uint64_t now = now_ns(), took_us = (now - peer->began_ns) / 1000;
    load->under_way--;
    load->messages++;
    load->latencies[took_us < LATENCY_US_MAX ? took_us : LATENCY_US_MAX]++;
    if (load->sending)
        begin_message(load, peer, now);
}

static void on_readable(struct load *load, struct peer *peer)
{
    ssize_t len = recv(peer->fd, load->bytes, READ_BYTES, MSG_DONTWAIT);
    if (len < 0 && errno == EAGAIN)
        return;
    if (len <= 0)
        give_up("a connection was closed");
    if ((size_t)len > load->echo_len - peer->received ||
        memcmp(load->bytes, load->echo + peer->received, (size_t)len) != 0)
        give_up("an echo is not what was sent");
    peer->received += (size_t)len;
    if (peer->received == load->echo_len)
        end_message(load, peer);
}

/* Handles what has happened; false when nothing does for a long time. */
static bool turn(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(load->epoll, events, EVENTS_MAX, PATIENCE_S * 1000);
    for (int i = 0; i < count; i++) {
        struct peer *peer = events[i].data.ptr;
        if (events[i].events & EPOLLOUT)
            send_more(load, peer);
        if (events[i].events & ~(unsigned)EPOLLOUT)
            on_readable(load, peer);
    }
    return count > 0 || (count < 0 && errno == EINTR);
}

static double percentile_ms(const struct load *load, double share)
{
    uint64_t wanted = (uint64_t)((double)load->messages * share), seen = 0;
    unsigned us = 0;
    while (us < LATENCY_US_MAX && (seen += load->latencies[us]) <= wanted)
        us++;
    return us / 1000.0;
}

static void run_round(struct load *load, double seconds)
{
    uint64_t began = now_ns(), end = began + (uint64_t)(seconds * 1e9), now;
    load->messages = 0;
    memset(load->latencies, 0, (LATENCY_US_MAX + 1) * sizeof *load->latencies);
    load->sending = true;
    for (unsigned i = 0; i < load->peer_count; i++)
        begin_message(load, &load->peers[i], now_ns());
    while (load->under_way > 0) {
        if (!turn(load))
            give_up("no echo came for a long time");
        now = now_ns();
        load->sending = now < end;
    }
    printf("{\"messages\": %llu, \"seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           (unsigned long long)load->messages, (double)(now_ns() - began) / 1e9, percentile_ms(load, 0.5),
           percentile_ms(load, 0.99));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"--port", "--connections", "--bytes"};
    unsigned long values[] = {0, 50, 64};
    for (int i = 1; i < argc; i += 2) {
        size_t which = 0;
        while (which < 3 && strcmp(argv[i], names[which]) != 0)
            which++;
        if (which == 3 || i + 1 == argc)
            give_up("usage: websocket_load --port N --connections N --bytes N");
        values[which] = strtoul(argv[i + 1], NULL, 10);
    }
    struct load load = {0};
    prepare(&load, values[2]);
    connect_peers(&load, (int)values[0], (unsigned)values[1]);
    puts("ready");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin))
        run_round(&load, strtod(line, NULL));
    return 0;
}
