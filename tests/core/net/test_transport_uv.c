/* The libuv transport keeps the contract, on unix sockets and on TCP. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#if defined(__linux__)
#include <linux/tcp.h> /* knows more of struct tcp_info than netinet/tcp.h */
#else
#include <netinet/tcp.h>
#endif

#include "contract_transport.h"

/* So small that some hundred KiB do not fit on the way. */
#define KERNEL_BUFFER_BYTES 32768

static void set_up(int fd)
{
    int bytes = KERNEL_BUFFER_BYTES;
    EQUAL(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
    EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    EQUAL(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void make_unix_pair(struct fr_loop *loop, int fds[2])
{
    (void)loop;
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    set_up(fds[0]);
    set_up(fds[1]);
}

static void make_tcp_pair(struct fr_loop *loop, int fds[2])
{
    (void)loop;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    EQUAL(bind(listener, (struct sockaddr *)&address, len), 0);
    EQUAL(listen(listener, 1), 0);
    EQUAL(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    EQUAL(connect(fds[0], (struct sockaddr *)&address, len), 0);
    fds[1] = accept(listener, NULL, NULL);
    IS(fds[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        set_up(fds[i]);
        EQUAL(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    }
}

/* Closing with bytes unread resets, on unix sockets and on TCP. */
static void reset(struct fr_loop *loop, int fd)
{
    (void)loop;
    struct pollfd arrival = {.fd = fd, .events = POLLIN};
    EQUAL(poll(&arrival, 1, 10000), 1);
    EQUAL(close(fd), 0);
}

static const struct contract_transport unix_pair = {&fr_transport_uv, make_unix_pair, reset};
static const struct contract_transport tcp_pair = {&fr_transport_uv, make_tcp_pair, reset};

CONTRACT_TRANSPORT(unix_pair)
CONTRACT_TRANSPORT(tcp_pair)

/* Nothing makes the loop turn: what cannot be used yet is not watched. */
static void is_quiet(struct talk *talk)
{
    settle_down(talk);
    struct pollfd events = {.fd = fr_loop_fd(talk->loop), .events = POLLIN};
    EQUAL(poll(&events, 1, 0), 0);
}

static const struct contract_transport *const both[] = {&unix_pair, &tcp_pair};

TEST(bytes_that_nobody_wants_do_not_keep_the_loop_awake)
{
    for (int i = 0; i < 2; i++) {
        struct talk talk;
        begin(&talk, both[i]);
        read_on(&talk.a);
        settle_down(&talk);
        read_off(&talk.a);
        send_now(&talk.b, 1000);
        is_quiet(&talk);
        talk.b.ops->end(&talk.b.socket);
        is_quiet(&talk);
        EQUAL(talk.a.received + talk.a.ended, 0);
        read_on(&talk.a);
        TURN_UNTIL(&talk, talk.a.ended);
        is_whole(&talk.a, &talk.b);
        is_quiet(&talk);
        finish(&talk);
    }
}

TEST(a_peer_that_ended_does_not_keep_the_loop_awake)
{
    for (int i = 0; i < 2; i++) {
        struct talk talk;
        begin(&talk, both[i]);
        read_on(&talk.a);
        read_on(&talk.b);
        talk.a.ops->end(&talk.a.socket);
        TURN_UNTIL(&talk, talk.b.ended);
        is_quiet(&talk);
        talk.b.ops->end(&talk.b.socket);
        TURN_UNTIL(&talk, talk.a.ended);
        is_quiet(&talk);
        finish(&talk);
    }
}

TEST(bytes_before_a_reset_are_delivered)
{
    for (int i = 0; i < 2; i++) {
        struct talk talk;
        begin_alone(&talk, both[i]);
        read_on(&talk.a);
        send_now(&talk.a, 1);
        settle_down(&talk);
        EQUAL(write(talk.fds[1], "farewell", 8), 8);
        both[i]->reset(talk.loop, talk.fds[1]);
        TURN_UNTIL(&talk, talk.a.failed);
        SAME(fr_buffer_span(&talk.a.got), "farewell");
        EQUAL(talk.a.error, ECONNRESET);
        finish(&talk);
    }
}

TEST(a_reset_behind_bytes_that_nobody_wants_is_heard)
{
    for (int i = 0; i < 2; i++) {
        struct talk talk;
        begin_alone(&talk, both[i]);
        read_on(&talk.a);
        send_now(&talk.a, 1);
        settle_down(&talk);
        read_off(&talk.a);
        EQUAL(write(talk.fds[1], "unwanted", 8), 8);
        is_quiet(&talk);
        both[i]->reset(talk.loop, talk.fds[1]);
        TURN_UNTIL(&talk, talk.a.failed);
        EQUAL(talk.a.error, ECONNRESET);
        EQUAL(talk.a.received, 0);
        finish(&talk);
    }
}

static void *read_everything(void *fd)
{
    static char bytes[1 << 20];
    fcntl(*(int *)fd, F_SETFL, 0);
    while (read(*(int *)fd, bytes, sizeof bytes) > 0)
        continue;
    return NULL;
}

/* However much the kernel takes, one socket does not keep the others waiting. */
TEST(one_flush_has_its_limit)
{
    struct talk talk;
    begin_alone(&talk, &unix_pair);
    pthread_t reader;
#if defined(SO_SNDBUFFORCE)
    int bytes = 16 << 20; /* refused to ordinary users: then only a fast reader could break the limit */
    (void)setsockopt(talk.fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
#endif
    EQUAL(pthread_create(&reader, NULL, read_everything, &talk.fds[1]), 0);
    for (int i = 0; i < 1024; i++)
        push(&talk.a, 32768);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    IS(talk.a.outbox.bytes >= (28u << 20));
    TURN_UNTIL(&talk, talk.a.drained);
    EQUAL(talk.a.outbox.bytes, 0);
    talk.a.ops->end(&talk.a.socket);
    EQUAL(pthread_join(reader, NULL), 0);
    finish(&talk);
    close(talk.fds[1]);
}

#if defined(__linux__)
static unsigned count_segments(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    EQUAL(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_data_segs_out;
}

TEST(a_head_leaves_with_the_file_behind_it)
{
    struct talk talk;
    begin(&talk, &tcp_pair);
    unsigned released = 0, before = count_segments(talk.fds[0]);
    push(&talk.a, 300);
    int file = make_file(talk.a.sent_bytes, 0, 300);
    push_file(&talk.a, file, 0, 300, &released);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    EQUAL(released, 1);
    EQUAL(count_segments(talk.fds[0]), before + 1);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.got.len == 600);
    is_whole(&talk.b, &talk.a);
    close(file);
    finish(&talk);
}

/* The kernel acknowledges the first segments of a connection at once; from then on short pieces wait for one
 * another. */
TEST(more_gathers_short_pieces)
{
    enum { PIECES = 200 };
    struct talk talk;
    begin(&talk, &tcp_pair);
    unsigned before = count_segments(talk.fds[0]);
    for (int i = 0; i < PIECES; i++) {
        push(&talk.a, 30);
        EQUAL(talk.a.ops->flush(&talk.a.socket, true), 0);
        IS(fr_outbox_is_empty(&talk.a.outbox));
    }
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    IS(count_segments(talk.fds[0]) - before < PIECES / 2);
    unsigned after = count_segments(talk.fds[0]);
    push(&talk.a, 30);
    EQUAL(talk.a.ops->flush(&talk.a.socket, false), 0);
    EQUAL(count_segments(talk.fds[0]), after + 1);
    read_on(&talk.b);
    TURN_UNTIL(&talk, talk.b.got.len == (PIECES + 1) * 30);
    is_whole(&talk.b, &talk.a);
    finish(&talk);
}
#endif

TEST(what_cannot_be_opened_is_closed)
{
    struct talk talk;
    begin(&talk, &unix_pair);
    FILE *file = tmpfile();
    int fd = dup(fileno(file));
    struct fr_socket socket = talk.a.socket;
    socket.transport = fr_alloc_zero(fr_transport_uv.socket_size);
    EQUAL(fr_transport_uv.open(&socket, fd), FR_E_SYSTEM);
    EQUAL(fcntl(fd, F_GETFD), -1);
    fr_free(socket.transport);
    fclose(file);
    finish(&talk);
}
