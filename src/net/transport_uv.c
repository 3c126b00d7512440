/* net/transport_uv.c - Sockets by libuv: it says when, and the system calls are ours.
 *
 * Rules of the file: a system call is made only when it is likely to do something. A read that did not fill
 * the scratch buffer, and a write that was taken only in part, are not repeated until the poll says so. What
 * the kernel watches for is changed as late as possible, so that read(false) and read(true) between two
 * events cost nothing.
 *
 * sendfile knows no MSG_NOSIGNAL: the process must ignore SIGPIPE, as Python does. */
#include "net/transport.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/sendfile.h>
#endif

#include "net/loop_internal.h"

/* One socket may read this often, then the others get their turn: a megabyte. */
#define READS_PER_EVENT_MAX 4

/* And may write this much before it waits for the next event, even if the peer is as fast as we are. */
#define WRITE_BYTES_MAX (1u << 20)

#define VECTORS_MAX 64

/* Where file pieces are read to when the kernel cannot send them. */
#define FILE_COPY_BYTES 16384

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0
#endif
#if !defined(MSG_MORE)
#define MSG_MORE 0
#endif

struct uv_socket {
    uv_poll_t poll; /* data: the struct fr_socket */
    int fd;
    uint8_t watched;    /* UV_READABLE, UV_WRITABLE, UV_DISCONNECT: what the kernel has been asked for */
    bool handling : 1;  /* on_poll is at work and will settle what is watched */
    bool reading : 1;   /* the user wants bytes */
    bool ended : 1;     /* the peer's end has been read */
    bool hung_up : 1;   /* the peer's end has been seen, behind bytes that nobody wants yet */
    bool stuck : 1;     /* the kernel took no more: writability is awaited */
    bool owing : 1;     /* a flush left bytes behind: drained() is due */
    bool gathering : 1; /* TCP gathers short pieces while earlier ones are on their way (RFC 896) */
    bool broken : 1;    /* failed() was called, or flush() answered FR_E_GONE */
    bool closing : 1;
};

static void on_poll(uv_poll_t *poll, int status, int events);

/* What has to be watched. Watching for bytes goes on while none are wanted, until some have come and were
 * refused; from then on a hang-up still tells an application that answers slowly that nobody listens any more. */
static int choose_events(const struct uv_socket *own, bool refused)
{
    int events = own->stuck ? UV_WRITABLE : 0;
    if (own->broken)
        return 0;
    if (own->ended)
        return events;
    if (own->reading || (own->watched & UV_READABLE && !refused))
        return events | UV_READABLE;
    return own->hung_up ? events : events | UV_DISCONNECT;
}

static void settle(struct fr_socket *socket, struct uv_socket *own, bool refused)
{
    int events = choose_events(own, refused);
    if (events == own->watched)
        return;
    own->watched = (uint8_t)events;
    fr_loop_poll(socket->loop, &own->poll, events, on_poll);
}

static void fail(struct fr_socket *socket, struct uv_socket *own, int error)
{
    own->broken = true;
    own->reading = false;
    socket->events->failed(socket, error);
}

static void tell_end(struct fr_socket *socket, struct uv_socket *own)
{
    own->ended = true;
    own->reading = false;
    socket->events->ended(socket);
}

static void read_some(struct fr_socket *socket, struct uv_socket *own)
{
    char *scratch = socket->loop->scratch;
    for (int reads = 0; reads < READS_PER_EVENT_MAX && own->reading; reads++) {
        ssize_t count = recv(own->fd, scratch, FR_LOOP_SCRATCH_BYTES, 0);
        if (count > 0) {
            socket->events->received(socket, fr_span_of(scratch, (size_t)count));
            if (count < FR_LOOP_SCRATCH_BYTES)
                return;
        } else if (count == 0) {
            tell_end(socket, own);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            fail(socket, own, errno);
        }
    }
}

/* `more`: the next call brings what follows, so a short segment now gains nothing. */
static ssize_t send_vectors(int fd, struct iovec *vectors, int count, bool more)
{
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    if (count == 1)
        return send(fd, vectors[0].iov_base, vectors[0].iov_len, flags);
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, flags);
}

/* Read and sent by hand, where sendfile does not exist or does not know the kind of file. */
static ssize_t send_file_copy(int fd, int file, int64_t offset, size_t len, bool more, size_t *asked)
{
    char bytes[FILE_COPY_BYTES];
    ssize_t count = pread(file, bytes, len < sizeof bytes ? len : sizeof bytes, (off_t)offset);
    if (count <= 0) {
        errno = count == 0 ? EIO : errno;
        return -1;
    }
    *asked = (size_t)count;
    return send(fd, bytes, (size_t)count, MSG_NOSIGNAL | (more || *asked < len ? MSG_MORE : 0));
}

/* A file that has become shorter than was promised cannot be sent: EIO. */
static ssize_t send_file(int fd, const struct fr_outbox *outbox, size_t *asked)
{
    int file = -1;
    int64_t offset = 0;
    size_t len = 0;
    (void)fr_outbox_file(outbox, &file, &offset, &len);
#if defined(__linux__)
    off_t from = (off_t)offset;
    *asked = len < WRITE_BYTES_MAX ? len : WRITE_BYTES_MAX;
    ssize_t count = sendfile(fd, file, &from, *asked);
    if (count > 0)
        return count;
    if (count < 0 && errno != EINVAL && errno != ENOSYS)
        return -1;
#endif
    return send_file_copy(fd, file, offset, len, len < outbox->bytes, asked);
}

/* One system call's worth of what is in front. `asked` is how much the kernel might have taken. */
static ssize_t write_front(int fd, const struct fr_outbox *outbox, size_t *asked)
{
    struct iovec vectors[VECTORS_MAX];
    int count = fr_outbox_gather(outbox, vectors, VECTORS_MAX);
    if (count == 0)
        return send_file(fd, outbox, asked);
    *asked = 0;
    for (int i = 0; i < count; i++)
        *asked += vectors[i].iov_len;
    return send_vectors(fd, vectors, count, *asked < outbox->bytes);
}

/* As much as the kernel takes; 0 or an errno. */
static int write_out(struct uv_socket *own, struct fr_outbox *outbox)
{
    size_t written = 0;
    while (!fr_outbox_is_empty(outbox)) {
        size_t asked = 0;
        ssize_t count = write_front(own->fd, outbox, &asked);
        if (count < 0 && errno == EINTR)
            continue;
        own->stuck = count < 0 || (size_t)count < asked;
        if (count < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
        fr_outbox_consume(outbox, (size_t)count);
        written += (size_t)count;
        if (written >= WRITE_BYTES_MAX && !fr_outbox_is_empty(outbox))
            own->stuck = true;
        if (own->stuck)
            return 0;
    }
    return 0;
}

static void continue_writing(struct fr_socket *socket, struct uv_socket *own)
{
    own->stuck = false;
    int error = write_out(own, socket->outbox);
    if (error) {
        fail(socket, own, error);
    } else if (own->owing && socket->outbox->bytes <= socket->low_bytes) {
        own->owing = false;
        socket->events->drained(socket);
    }
}

/* libuv has stopped watching. What came before the error is read first; the read also finds the error. */
static void on_error(struct fr_socket *socket, struct uv_socket *own)
{
    own->watched = 0;
    read_some(socket, own);
    if (own->broken || own->closing)
        return;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(own->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0)
        fail(socket, own, error);
}

/* The end can be told to a user who wants no bytes, when there are none before it. */
static void hear_hang_up(struct fr_socket *socket, struct uv_socket *own)
{
    char byte;
    own->hung_up = true;
    if (own->broken || own->ended || own->closing || recv(own->fd, &byte, 1, MSG_PEEK) != 0)
        return;
    tell_end(socket, own);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct fr_socket *socket = poll->data;
    struct uv_socket *own = socket->transport;
    fr_loop_woke(socket->loop);
    bool refused = events & UV_READABLE && !own->reading;
    own->handling = true;
    if (status < 0)
        on_error(socket, own);
    if (events & UV_WRITABLE && own->stuck)
        continue_writing(socket, own);
    if (events & UV_READABLE)
        read_some(socket, own);
    if (events & UV_DISCONNECT)
        hear_hang_up(socket, own);
    own->handling = false;
    if (!own->closing)
        settle(socket, own, refused && !own->reading);
}

static void on_closed(uv_handle_t *handle)
{
    struct fr_socket *socket = handle->data;
    fr_loop_woke(socket->loop);
    socket->events->closed(socket);
}

/* Errors that mean the peer. Others (a file that cannot be read, no memory) are met again and told by the
 * loop. */
static bool is_peer_gone(int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ETIMEDOUT:
    case ENOTCONN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
        return true;
    default:
        return false;
    }
}

/* Setting TCP_NODELAY sends what was held back. A piece is held until the one before is acknowledged, so hardly
 * ever for 40 ms, where MSG_MORE would hold it for 200. A unix socket holds nothing back, and refuses. */
static void set_gathering(struct uv_socket *own, bool gathering)
{
    int no_delay = !gathering;
    own->gathering = gathering;
    (void)setsockopt(own->fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
}

static int open_loop(struct fr_loop *loop, void **state)
{
    (void)loop;
    *state = NULL;
    return 0;
}

static void close_loop(struct fr_loop *loop, void *state)
{
    (void)loop;
    (void)state;
}

static int open_socket(struct fr_socket *socket, int fd)
{
    struct uv_socket *own = socket->transport;
    assert(own->poll.data == NULL);
    if (uv_poll_init(&socket->loop->uv, &own->poll, fd) < 0) {
        close(fd);
        return FR_E_SYSTEM;
    }
#if defined(SO_NOSIGPIPE)
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    own->poll.data = socket;
    own->fd = fd;
    return 0;
}

static void read_socket(struct fr_socket *socket, bool wanted)
{
    struct uv_socket *own = socket->transport;
    if (own->ended || own->broken || own->closing)
        return;
    own->reading = wanted;
    if (wanted && !own->handling)
        settle(socket, own, false);
}

static int flush_socket(struct fr_socket *socket, bool more)
{
    struct uv_socket *own = socket->transport;
    struct fr_outbox *outbox = socket->outbox;
    if (own->broken || own->closing)
        return FR_E_GONE;
    if (more && !own->gathering)
        set_gathering(own, true);
    if (!fr_outbox_is_empty(outbox) && !own->stuck) {
        int error = write_out(own, outbox);
        if (error && is_peer_gone(error)) {
            own->broken = true;
            own->reading = false;
            return FR_E_GONE;
        }
    }
    if (!more && own->gathering)
        set_gathering(own, false);
    own->owing = own->stuck;
    if (own->stuck && !own->handling)
        settle(socket, own, false);
    return 0;
}

static void end_socket(struct fr_socket *socket)
{
    struct uv_socket *own = socket->transport;
    assert(fr_outbox_is_empty(socket->outbox));
    if (!own->broken && !own->closing)
        (void)shutdown(own->fd, SHUT_WR);
}

/* libuv forgets the descriptor at once, also in the batch of events that it is handing out, so it may be
 * closed here; its memory is libuv's until on_closed. */
static void close_socket(struct fr_socket *socket)
{
    struct uv_socket *own = socket->transport;
    if (own->closing)
        return;
    own->closing = true;
    own->reading = false;
    fr_loop_close_handle(socket->loop, (uv_handle_t *)&own->poll, on_closed);
    close(own->fd);
}

const struct fr_transport_ops fr_transport_uv = {
    .name = "uv",
    .socket_size = sizeof(struct uv_socket),
    .loop_open = open_loop,
    .loop_close = close_loop,
    .open = open_socket,
    .read = read_socket,
    .flush = flush_socket,
    .end = end_socket,
    .close = close_socket,
};
