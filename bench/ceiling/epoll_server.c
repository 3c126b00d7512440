/* bench/ceiling/epoll_server.c - The ceiling: epoll, recv, send, and nothing that HTTP would want besides.
 *
 * It looks for the end of a head and answers with bytes that were ready before; it keeps connections alive,
 * answers pipelined requests and survives slow readers. Every server in C pays at least this much.
 * Usage: epoll_server --port N --size BYTES */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "fixed_answer.h"
#include "local_epoll.h"

#define EVENTS_MAX 256
#define READ_BYTES 65536

struct client {
    int fd;
    unsigned char matched; /* of the end of a head */
    bool stuck;            /* EPOLLOUT is awaited */
    size_t owed;           /* bytes of answers that have not been sent */
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

/* False when the client is gone. */
static bool send_owed(int epoll, struct client *client, const struct fixed_answer *answer)
{
    while (client->owed > 0) {
        size_t left = (client->owed - 1) % answer->len + 1; /* of the answer that is on its way */
        ssize_t sent = send(client->fd, answer->bytes + answer->len - left, left, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        if (sent > 0)
            client->owed -= (size_t)sent;
        if (sent < 0 || (size_t)sent < left)
            break;
    }
    if (client->stuck != (client->owed > 0)) {
        client->stuck = client->owed > 0;
        watch(epoll, EPOLL_CTL_MOD, client->fd, client->stuck ? EPOLLOUT : EPOLLIN, client);
    }
    return true;
}

/* False when the client is gone. */
static bool serve(int epoll, struct client *client, const struct fixed_answer *answer, char *bytes)
{
    if (!client->stuck) {
        ssize_t len = recv(client->fd, bytes, READ_BYTES, 0);
        if (len <= 0)
            return len < 0 && errno == EAGAIN;
        client->owed += count_heads(bytes, (size_t)len, &client->matched) * answer->len;
    }
    return send_owed(epoll, client, answer);
}

int main(int argc, char **argv)
{
    struct fixed_answer answer = read_options(argc, argv);
    int listener = listen_locally(answer.port);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        die("epoll_create1");
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    char *bytes = malloc(READ_BYTES);
    struct epoll_event events[EVENTS_MAX];
    while (bytes) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (!client) {
                accept_clients(epoll, listener);
            } else if (!serve(epoll, client, &answer, bytes)) {
                close(client->fd);
                free(client);
            }
        }
    }
    return 1;
}
