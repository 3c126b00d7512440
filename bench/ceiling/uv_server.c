/* bench/ceiling/uv_server.c - The same as epoll_server.c by libuv's own streams: uv_tcp_t and uv_try_write.
 *
 * Usage: uv_server --port N --size BYTES */
#include <uv.h>

#include "fixed_answer.h"

#define READ_BYTES 65536

static struct {
    struct fixed_answer answer;
    char scratch[READ_BYTES];
} server;

struct client {
    uv_tcp_t tcp;
    uv_write_t rest;
    unsigned char matched; /* of the end of a head */
    unsigned owed;         /* answers that have not been begun */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_client(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->tcp))
        uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void lend_scratch(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle, (void)suggested;
    *buffer = uv_buf_init(server.scratch, READ_BYTES);
}

static void answer(struct client *client);

static void on_written(uv_write_t *request, int status)
{
    struct client *client = request->handle->data;
    if (status < 0)
        close_client(client);
    else
        answer(client);
}

/* The remainder for a slow reader is queued; the next answer waits until it is gone. */
static void answer(struct client *client)
{
    uv_stream_t *stream = (uv_stream_t *)&client->tcp;
    while (client->owed > 0 && uv_stream_get_write_queue_size(stream) == 0) {
        uv_buf_t buffer = uv_buf_init(server.answer.bytes, (unsigned)server.answer.len);
        int sent = uv_try_write(stream, &buffer, 1);
        size_t done = sent < 0 ? 0 : (size_t)sent;
        uv_buf_t rest = uv_buf_init(server.answer.bytes + done, (unsigned)(server.answer.len - done));
        client->owed--;
        if ((sent < 0 && sent != UV_EAGAIN) ||
            (rest.len > 0 && uv_write(&client->rest, stream, &rest, 1, on_written) < 0)) {
            close_client(client);
            return;
        }
    }
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    if (len < 0) {
        close_client(client);
        return;
    }
    client->owed += count_heads(buffer->base, (size_t)len, &client->matched);
    answer(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *client = status < 0 ? NULL : calloc(1, sizeof *client);
    if (!client)
        return;
    client->tcp.data = client;
    (void)uv_tcp_init(listener->loop, &client->tcp);
    if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&client->tcp, lend_scratch, on_read) < 0)
        close_client(client);
    else
        (void)uv_tcp_nodelay(&client->tcp, 1);
}

int main(int argc, char **argv)
{
    server.answer = read_options(argc, argv);
    struct sockaddr_in address = local_address(server.answer.port);
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    (void)uv_tcp_init(loop, &listener);
    if (uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&listener, 1024, on_connection) < 0)
        die("listen");
    return uv_run(loop, UV_RUN_DEFAULT);
}
