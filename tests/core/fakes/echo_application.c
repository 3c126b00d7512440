/* tests/core/fakes/echo_application.c - Answers from inside the calls, as a synchronous gateway would. */
#include "fakes/echo_application.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

#define REMEMBERED_BYTES_MAX (64u << 20)
#define PIECE_BYTES 1000

/* What one exchange needs until it is let go. */
struct work {
    enum echo_mode mode;   /* of the application when the request came */
    struct fr_buffer body; /* to be sent back */
    size_t stream_left;
    unsigned inside; /* calls of ours on the stack: the exchange is let go when the last returns */
    bool done;
};

static struct echo_application *echo_of(struct fr_exchange *exchange)
{
    return (struct echo_application *)(void *)exchange->application;
}

static void note(struct fr_exchange *exchange, int error)
{
    if (error)
        echo_of(exchange)->last_error = error;
}

static void remember(struct fr_buffer *memory, fr_span bytes)
{
    int error = fr_buffer_append(memory, bytes);
    assert(!error);
    (void)error;
}

static void respond(struct fr_exchange *exchange, int status, int64_t length)
{
    const struct fr_response_head head = {.status = status, .content_length = length};
    note(exchange, fr_exchange_respond(exchange, &head));
}

static void send_bytes(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    note(exchange, fr_exchange_send(exchange, &FR_CHUNK_COPY(bytes), last));
}

void echo_let_go(struct fr_exchange *exchange)
{
    struct echo_application *echo = echo_of(exchange);
    struct work *work = exchange->application_data;
    fr_buffer_free(&work->body);
    fr_free(work);
    exchange->application_data = NULL;
    if (echo->exchange == exchange)
        echo->exchange = NULL;
    echo->kept--;
    fr_exchange_let_go(exchange);
}

static struct work *enter(struct fr_exchange *exchange)
{
    struct work *work = exchange->application_data;
    work->inside++;
    return work;
}

static void leave(struct fr_exchange *exchange)
{
    struct work *work = exchange->application_data;
    if (--work->inside == 0 && work->done)
        echo_let_go(exchange);
}

static void finish(struct fr_exchange *exchange)
{
    struct work *work = exchange->application_data;
    work->done = true;
}

static void answer_fixed(struct fr_exchange *exchange, int64_t length)
{
    respond(exchange, 200, length);
    send_bytes(exchange, echo_of(exchange)->text, true);
    finish(exchange);
}

static void stream(struct fr_exchange *exchange)
{
    static const char piece[PIECE_BYTES] = {'s'};
    struct work *work = exchange->application_data;
    while (work->stream_left && fr_exchange_is_writable(exchange)) {
        size_t len = work->stream_left < sizeof piece ? work->stream_left : sizeof piece;
        work->stream_left -= len;
        send_bytes(exchange, fr_span_of(piece, len), work->stream_left == 0);
        if (echo_of(exchange)->flushes)
            fr_exchange_flush(exchange);
    }
    if (work->stream_left == 0)
        finish(exchange);
}

static void ask(struct fr_exchange *exchange)
{
    uint64_t credit = echo_of(exchange)->credit;
    fr_exchange_credit(exchange, credit ? credit : UINT64_MAX);
}

static void answer_body(struct fr_exchange *exchange)
{
    struct work *work = exchange->application_data;
    respond(exchange, 200, (int64_t)work->body.len);
    send_bytes(exchange, fr_buffer_span(&work->body), true);
    finish(exchange);
}

/* What a request gets at once. */
static void start(struct fr_exchange *exchange, const struct work *work)
{
    const struct echo_application *echo = echo_of(exchange);
    bool has_body = exchange->body_expected;
    switch (work->mode) {
    case ECHO_FIXED:
        answer_fixed(exchange, (int64_t)echo->text.len);
        return;
    case ECHO_SHORT:
        answer_fixed(exchange, (int64_t)echo->text.len + 1);
        return;
    case ECHO_LONG:
        answer_fixed(exchange, (int64_t)echo->text.len - 1);
        return;
    case ECHO_LEAVE:
        finish(exchange);
        return;
    case ECHO_STREAM:
        respond(exchange, 200, -1);
        stream(exchange);
        return;
    case ECHO_BODY:
        if (has_body)
            ask(exchange);
        else
            answer_body(exchange);
        return;
    case ECHO_CHUNKS:
        respond(exchange, 200, -1);
        if (has_body) {
            ask(exchange);
        } else {
            send_bytes(exchange, FR_SPAN(""), true);
            finish(exchange);
        }
        return;
    case ECHO_TUNNEL:
        respond(exchange, 101, -1);
        ask(exchange);
        return;
    case ECHO_ASK:
        ask(exchange);
        return;
    case ECHO_LATE:
        return;
    }
}

static void on_request(struct fr_application *application, struct fr_exchange *exchange)
{
    struct echo_application *echo = (struct echo_application *)(void *)application;
    struct work *work = fr_alloc_zero(sizeof *work);
    work->mode = echo->mode;
    fr_buffer_init(&work->body, REMEMBERED_BYTES_MAX);
    work->stream_left = echo->stream_bytes;
    exchange->application_data = work;
    echo->exchange = exchange;
    echo->requests++;
    echo->kept++;
    remember(&echo->heads, exchange->head->method_text);
    remember(&echo->heads, FR_SPAN(" "));
    remember(&echo->heads, exchange->head->target);
    remember(&echo->heads, FR_SPAN("\n"));
    enter(exchange);
    start(exchange, work);
    leave(exchange);
}

static void on_body(struct fr_exchange *exchange, fr_span bytes, bool last)
{
    struct echo_application *echo = echo_of(exchange);
    struct work *work = enter(exchange);
    echo->bodies++;
    echo->lasts += last;
    if (bytes.len)
        remember(&echo->body, bytes);
    if (work->mode == ECHO_BODY && bytes.len)
        remember(&work->body, bytes);
    if (work->mode == ECHO_CHUNKS || work->mode == ECHO_TUNNEL)
        send_bytes(exchange, bytes, last);
    if (last && work->mode == ECHO_BODY)
        answer_body(exchange);
    else if (last && (work->mode == ECHO_CHUNKS || work->mode == ECHO_TUNNEL))
        finish(exchange);
    else if (!last && exchange->credit == 0 && work->mode != ECHO_LATE)
        ask(exchange);
    leave(exchange);
}

static void on_writable(struct fr_exchange *exchange)
{
    const struct work *work = enter(exchange);
    echo_of(exchange)->writables++;
    if (work->mode == ECHO_STREAM)
        stream(exchange);
    leave(exchange);
}

static void on_aborted(struct fr_exchange *exchange, enum fr_close_reason reason)
{
    struct echo_application *echo = echo_of(exchange);
    const struct work *work = enter(exchange);
    echo->aborts++;
    echo->reason = reason;
    if (work->mode != ECHO_LATE && work->mode != ECHO_ASK)
        finish(exchange);
    leave(exchange);
}

static void on_draining(struct fr_exchange *exchange)
{
    echo_of(exchange)->drains++;
}

static void on_peer_ended(struct fr_exchange *exchange)
{
    echo_of(exchange)->peer_ends++;
}

static const struct fr_application_ops echo_application = {
    .name = "echo",
    .request = on_request,
    .body = on_body,
    .writable = on_writable,
    .aborted = on_aborted,
    .draining = on_draining,
    .peer_ended = on_peer_ended,
};

void echo_open(struct echo_application *echo, enum echo_mode mode)
{
    memset(echo, 0, sizeof *echo);
    echo->base.ops = &echo_application;
    echo->mode = mode;
    echo->text = FR_SPAN("hello\n");
    fr_buffer_init(&echo->heads, REMEMBERED_BYTES_MAX);
    fr_buffer_init(&echo->body, REMEMBERED_BYTES_MAX);
}

void echo_close(struct echo_application *echo)
{
    assert(echo->kept == 0);
    fr_buffer_free(&echo->heads);
    fr_buffer_free(&echo->body);
}
