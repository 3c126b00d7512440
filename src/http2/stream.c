/* http2/stream.c - One exchange on one stream: its body in, its answer out, its end. RFC 9113 sections 5, 6.9, 8.1.
 *
 * Knows nghttp2 only by what it submits; frames are made later, when nobody is being called. */
#include "http2/session_internal.h"

#include <assert.h>
#include <stdio.h>

#include "http/headers.h"
#include "http/response_fields.h"
#include "http/status.h"
#include "http2/response_head.h"

/* Trailers that wait for the end of the body, copied: spans first, then their bytes. */
struct fr_field_block {
    size_t size; /* of the block */
    size_t count;
    struct fr_response_header fields[];
};

static struct fr_http2_stream *own(struct fr_exchange *exchange)
{
    return (struct fr_http2_stream *)(void *)exchange;
}

static uint64_t now_ms(const struct fr_http2_stream *stream)
{
    return fr_clock_latest_ms(stream->session->base->clock);
}

/* ---- from birth to death ---- */

struct fr_http2_stream *fr_http2_stream_open(struct fr_http2_session *session, int32_t id)
{
    struct fr_pool *pool = session->base->pool;
    struct fr_http2_stream *stream = fr_pool_take(pool, sizeof *stream);
    *stream = (struct fr_http2_stream){.session = session, .pool = pool, .id = id};
    fr_exchange_init(&stream->exchange, session->base);
    fr_outbox_init(&stream->outbox, pool);
    fr_outbox_init(&stream->waiting, pool);
    stream->exchange.outbox = &stream->outbox;
    fr_list_append(&session->streams, &stream->node);
    session->stream_count++;
    return stream;
}

static void drop_trailers(struct fr_http2_stream *stream)
{
    if (stream->trailers)
        fr_pool_give(stream->pool, stream->trailers, stream->trailers->size);
    stream->trailers = NULL;
}

/* `count` bytes are no longer kept: the peer may send as many more. */
static void consume(struct fr_http2_stream *stream, size_t count)
{
    nghttp2_session *nghttp2 = stream->session->nghttp2;
    if (count == 0)
        return;
    int error = stream->closed ? nghttp2_session_consume_connection(nghttp2, count)
                               : nghttp2_session_consume(nghttp2, stream->id, count);
    assert(!error);
    (void)error;
}

/* Nobody will ask for the body any more. */
static void drop_body(struct fr_http2_stream *stream)
{
    stream->body_unwanted = true;
    consume(stream, stream->waiting.bytes);
    fr_outbox_clear(&stream->waiting);
}

void fr_http2_stream_drop(struct fr_http2_stream *stream, enum fr_close_reason reason)
{
    struct fr_http2_session *session = stream->session;
    struct fr_exchange *exchange = &stream->exchange;
    fr_list_remove(&stream->node);
    if (fr_list_is_linked(&stream->event))
        fr_list_remove(&stream->event);
    session->stream_count--;
    session->drained |= session->base->draining;
    if (session->entered == stream)
        session->entered = NULL;
    if (session->fed == stream)
        session->fed = NULL;
    if (session->drafted == stream)
        fr_http2_engine_drop_draft(session);
    drop_body(stream);
    drop_trailers(stream);
    if (!stream->closed)
        nghttp2_session_set_stream_user_data(session->nghttp2, stream->id, NULL);
    if (stream->begun && !stream->ended) /* the state follows when this call returns */
        fr_exchange_abort(exchange, reason);
    fr_outbox_clear(&stream->outbox);
    fr_exchange_protocol_let_go(exchange);
}

void fr_http2_stream_release(struct fr_exchange *exchange)
{
    struct fr_http2_stream *stream = own(exchange);
    fr_pool_give(stream->pool, stream, sizeof *stream);
}

/* ---- heads ---- */

/* Once: it may have to wait until the peer reads, and what is late stays so. */
static void submit_reset(struct fr_http2_stream *stream, uint32_t error_code)
{
    if (stream->was_reset)
        return;
    stream->was_reset = true;
    int error = nghttp2_submit_rst_stream(stream->session->nghttp2, NGHTTP2_FLAG_NONE, stream->id, error_code);
    assert(!error);
    (void)error;
}

/* A head that nothing follows ends the stream by itself, unless that would also end a body that may be asked for. */
static bool is_whole(const struct fr_http2_stream *stream)
{
    const struct fr_exchange *exchange = &stream->exchange;
    return stream->request_ended && !exchange->trailers_follow && (exchange->head_only || exchange->response_left == 0);
}

static int submit_head(struct fr_http2_stream *stream, const struct fr_response_head *head)
{
    nghttp2_session *nghttp2 = stream->session->nghttp2;
    struct fr_field_list list;
    int error = fr_field_list_of_head(&list, &stream->exchange, head);
    if (!error && head->status < 200) {
        int32_t refused =
            nghttp2_submit_headers(nghttp2, NGHTTP2_FLAG_NONE, stream->id, NULL, list.fields, list.count, NULL);
        error = refused < 0 ? FR_E_GONE : 0;
    } else if (!error) {
        nghttp2_data_provider source = fr_http2_engine_source();
        int refused =
            nghttp2_submit_response(nghttp2, stream->id, list.fields, list.count, is_whole(stream) ? NULL : &source);
        stream->headed = true;
        error = refused < 0 ? FR_E_GONE : 0;
    }
    fr_field_list_close(&list);
    return error;
}

/* The body's next bytes, or its end, are there for nghttp2 to ask for. */
static void offer(struct fr_http2_stream *stream)
{
    if (!stream->deferred)
        return;
    stream->deferred = false;
    if (nghttp2_session_resume_data(stream->session->nghttp2, stream->id) != 0)
        assert(stream->closed || stream->session->finishing);
}

static void stop_lingering(struct fr_http2_stream *stream)
{
    stream->lingering = false;
    submit_reset(stream, NGHTTP2_NO_ERROR);
}

/* Nobody will read the rest of the body, and RFC 9113 section 8.1 has a word for that. But clients that are reset in
 * the middle of a sentence take it for a failure and pass over the answer (curl, and httpx when only an empty frame is
 * missing). So the rest is read and dropped for a while, as on HTTP/1.1; most clients end or reset the stream then. */
void fr_http2_stream_linger(struct fr_http2_stream *stream)
{
    unsigned linger_ms = stream->session->base->limits->linger_timeout_ms;
    stream->received_ms = now_ms(stream);
    stream->lingering = true;
    if (linger_ms == 0)
        stop_lingering(stream);
    else
        fr_http2_session_arm(stream->session, stream->received_ms + linger_ms);
}

/* What the protocol says by itself: a whole answer in plain text. Returns the status. */
static int answer_error(struct fr_http2_stream *stream, int error)
{
    const struct fr_response_header type = {FR_SPAN("content-type"), FR_SPAN("text/plain; charset=utf-8")};
    char text[128];
    int status = fr_status_of_error(error);
    int len = snprintf(text, sizeof text, "%s\n", fr_error_text(error));
    assert(len > 0 && (size_t)len < sizeof text);
    stream->exchange.response_left = len;
    struct fr_response_head head = {.status = status, .headers = &type, .header_count = 1, .content_length = len};
    int refused = submit_head(stream, &head);
    assert(!refused);
    (void)refused;
    if (!stream->exchange.head_only)
        fr_outbox_copy(&stream->outbox, fr_span_of(text, (size_t)len));
    stream->ended = true;
    stream->sent_ms = now_ms(stream);
    fr_http2_session_arm(stream->session, stream->sent_ms + stream->session->base->limits->write_timeout_ms);
    return status;
}

static enum fr_close_reason reason_of(int error)
{
    switch (error) {
    case FR_E_BODY_TIMEOUT:
        return FR_CLOSE_BODY_TIMEOUT;
    case FR_E_STREAM_TIMEOUT:
        return FR_CLOSE_WRITE_TIMEOUT;
    case FR_E_BODY_TOO_LARGE:
    case FR_E_HEAD_TOO_LARGE:
        return FR_CLOSE_LIMIT;
    default:
        return FR_CLOSE_BAD_REQUEST;
    }
}

/* A request that was begun and went wrong. The peer is told, unless the application was faster. */
static void break_off(struct fr_http2_stream *stream, int error)
{
    struct fr_exchange *exchange = &stream->exchange;
    bool unanswered = exchange->state == FR_EXCHANGE_BEGUN && !stream->closed && error != FR_E_STREAM_TIMEOUT;
    bool is_open = stream->begun && !stream->ended;
    drop_body(stream);
    if (unanswered)
        exchange->status = answer_error(stream, error);
    else if (!stream->closed)
        submit_reset(stream, NGHTTP2_CANCEL);
    if (is_open)
        fr_exchange_abort(exchange, reason_of(error));
}

/* ---- the request ---- */

static void refuse(struct fr_http2_stream *stream, int error)
{
    struct fr_protocol *base = stream->session->base;
    stream->body_unwanted = true;
    int status = answer_error(stream, error);
    base->events->refused(base, error, status);
}

/* What RFC 9218 takes for granted, one answer after the other, is for clients that know of it: behind an endless answer
 * nothing of the others would ever come. Who says nothing of priorities has the answers take turns. */
static void choose_turn(struct fr_http2_stream *stream, const struct fr_request_head *head)
{
    struct fr_http2_session *session = stream->session;
    const nghttp2_extpri in_turns = {.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
    session->has_priorities |= fr_headers_find(head, FR_HEADER_PRIORITY) != NULL;
    if (session->has_priorities)
        return;
    int error = nghttp2_session_change_extpri_stream_priority(session->nghttp2, stream->id, &in_turns, 0);
    assert(!error);
    (void)error;
}

void fr_http2_stream_enter(struct fr_http2_stream *stream)
{
    struct fr_http2_session *session = stream->session;
    struct fr_head_draft *draft = session->draft;
    session->draft = NULL;
    session->drafted = NULL;
    int error = fr_head_draft_finish(draft, stream->request_ended);
    stream->exchange.head_only = fr_span_equal(draft->head.method_text, FR_SPAN("HEAD"));
    stream->exchange.request_length = draft->head.body_length;
    fr_guard_earn_request(&session->guard);
    choose_turn(stream, &draft->head);
    if (error) {
        refuse(stream, error);
    } else {
        stream->begun = true;
        stream->awaits_continue = draft->head.expect_continue;
        fr_exchange_begin(&stream->exchange, &draft->head);
    }
    fr_head_draft_close(draft);
}

/* The application may still ask for the body; before a tunnel is accepted, for its first bytes. */
static bool is_wanted(const struct fr_http2_stream *stream)
{
    const struct fr_exchange *exchange = &stream->exchange;
    bool opening = exchange->method == FR_METHOD_CONNECT && exchange->state == FR_EXCHANGE_BEGUN;
    return stream->begun && !stream->body_unwanted && (!exchange->body_ended || opening);
}

/* How many of `count` bytes may be given now, and whether the body ends with them. */
static size_t count_to_give(const struct fr_http2_stream *stream, size_t count, bool *last)
{
    const struct fr_exchange *exchange = &stream->exchange;
    bool is_open = !exchange->body_ended && !stream->body_unwanted;
    size_t len = exchange->credit < count ? (size_t)exchange->credit : count;
    *last = is_open && stream->request_ended && len == count;
    return is_open ? len : 0;
}

/* Hands on what waits, as far as the credit goes. The bytes are taken out first, for the application may end the
 * exchange while it looks at them. */
static void give_waiting(struct fr_http2_stream *stream)
{
    struct fr_http2_session *session = stream->session;
    struct fr_outbox run;
    struct iovec bytes = {NULL, 0};
    bool last;
    stream->giving = true;
    fr_outbox_init(&run, stream->pool);
    for (;;) {
        size_t len = count_to_give(stream, stream->waiting.bytes, &last);
        if (fr_outbox_gather(&stream->waiting, &bytes, 1) && len > bytes.iov_len) {
            len = bytes.iov_len;
            last = false;
        }
        if (len == 0 && !last)
            break;
        fr_outbox_move(&stream->waiting, &run, len);
        consume(stream, len);
        fr_span span = fr_outbox_gather(&run, &bytes, 1) ? fr_span_of(bytes.iov_base, bytes.iov_len) : FR_SPAN("");
        assert(span.len == len);
        fr_exchange_body(&stream->exchange, span, last);
        fr_outbox_clear(&run);
        if (session->dead)
            return;
    }
    stream->giving = false;
}

/* The same with what has just come, where it lies; the rest waits. */
static void give_or_keep(struct fr_http2_stream *stream, fr_span bytes)
{
    struct fr_http2_session *session = stream->session;
    bool last;
    stream->giving = true;
    while (fr_outbox_is_empty(&stream->waiting)) {
        size_t len = count_to_give(stream, bytes.len, &last);
        if (len == 0 && !last)
            break;
        consume(stream, len);
        fr_exchange_body(&stream->exchange, fr_span_slice(bytes, 0, len), last);
        if (session->dead)
            return;
        bytes = fr_span_skip(bytes, len);
    }
    stream->giving = false;
    if (is_wanted(stream))
        fr_outbox_copy(&stream->waiting, bytes);
    else
        consume(stream, bytes.len);
}

/* A body that is asked for gets a wider window, once it shows that it has more to it than one frame. */
static void widen(struct fr_http2_stream *stream)
{
    nghttp2_session *nghttp2 = stream->session->nghttp2;
    if (stream->is_wide || stream->request_ended || stream->closed || stream->body_bytes == 0)
        return;
    int32_t window = (int32_t)stream->session->base->limits->h2_window_bytes;
    int32_t now = nghttp2_session_get_stream_local_window_size(nghttp2, stream->id);
    int64_t length = stream->exchange.request_length;
    if (window <= now || (length >= 0 && length - (int64_t)stream->body_bytes <= now))
        return;
    stream->is_wide = true;
    if (nghttp2_session_set_local_window_size(nghttp2, NGHTTP2_FLAG_NONE, stream->id, window) != 0)
        assert(stream->closed);
}

void fr_http2_stream_take(struct fr_http2_stream *stream, fr_span bytes)
{
    const struct fr_limits *limits = stream->session->base->limits;
    bool is_tunnel = stream->exchange.method == FR_METHOD_CONNECT;
    if (stream->lingering) {
        consume(stream, bytes.len);
        return;
    }
    stream->received_ms = now_ms(stream);
    stream->awaits_continue &= bytes.len == 0;
    stream->body_bytes += bytes.len;
    int error = stream->excess ? FR_E_HEAD_TOO_LARGE : 0;
    if (stream->body_bytes > limits->body_bytes_max && !is_tunnel)
        error = FR_E_BODY_TOO_LARGE;
    if (!is_wanted(stream)) {
        consume(stream, bytes.len);
    } else if (error) {
        consume(stream, bytes.len);
        break_off(stream, error);
    } else {
        if (stream->exchange.credit)
            widen(stream);
        give_or_keep(stream, bytes);
    }
}

/* ---- deadlines ---- */

static uint64_t body_due_ms(const struct fr_http2_stream *stream)
{
    const struct fr_exchange *exchange = &stream->exchange;
    bool awaited = is_wanted(stream) && !stream->request_ended && exchange->credit && !exchange->body_ended;
    if (!awaited || exchange->state == FR_EXCHANGE_TUNNEL)
        return 0;
    return stream->received_ms + stream->session->base->limits->body_timeout_ms;
}

/* Bytes, or the end alone: nghttp2 asks for neither as long as a window is shut. */
static bool has_to_send(const struct fr_http2_stream *stream)
{
    bool is_open = !stream->closed && !stream->was_reset;
    return is_open && (stream->outbox.bytes || ((stream->ended || stream->cut) && !stream->end_sent));
}

static uint64_t answer_due_ms(const struct fr_http2_stream *stream)
{
    if (!has_to_send(stream))
        return 0;
    return stream->sent_ms + stream->session->base->limits->write_timeout_ms;
}

uint64_t fr_http2_stream_due_ms(const struct fr_http2_stream *stream)
{
    if (stream->lingering)
        return stream->received_ms + stream->session->base->limits->linger_timeout_ms;
    uint64_t body = body_due_ms(stream), answer = answer_due_ms(stream);
    return body && (!answer || body < answer) ? body : answer;
}

bool fr_http2_stream_is_held_back(const struct fr_http2_stream *stream)
{
    nghttp2_session *nghttp2 = stream->session->nghttp2;
    if (!has_to_send(stream))
        return false;
    return nghttp2_session_get_remote_window_size(nghttp2) <= 0 ||
           nghttp2_session_get_stream_remote_window_size(nghttp2, stream->id) <= 0;
}

void fr_http2_stream_expire(struct fr_http2_stream *stream)
{
    uint64_t answer = answer_due_ms(stream), body = body_due_ms(stream), now = now_ms(stream);
    if (stream->lingering && !stream->closed && now >= fr_http2_stream_due_ms(stream))
        stop_lingering(stream);
    else if (answer && now >= answer && fr_http2_stream_is_held_back(stream))
        break_off(stream, FR_E_STREAM_TIMEOUT);
    else if (body && now >= body)
        break_off(stream, FR_E_BODY_TIMEOUT);
    else if (answer && now >= answer)
        stream->sent_ms = now; /* others go first, or the connection is full: that has a deadline of its own */
}

void fr_http2_stream_give_up(struct fr_http2_stream *stream)
{
    if (!stream->closed)
        submit_reset(stream, NGHTTP2_CANCEL);
    fr_http2_stream_drop(stream, FR_CLOSE_PEER_CLOSED);
}

void fr_http2_stream_peer_end(struct fr_http2_stream *stream)
{
    if (stream->request_ended && stream->exchange.state != FR_EXCHANGE_TUNNEL) {
        if (stream->begun)
            fr_exchange_peer_end(&stream->exchange);
    } else {
        fr_http2_stream_give_up(stream);
    }
}

/* ---- the answering side ---- */

/* From now on the answer has to move. */
static void watch_answer(struct fr_http2_stream *stream)
{
    stream->sent_ms = now_ms(stream);
    fr_http2_session_arm(stream->session, answer_due_ms(stream));
}

/* The answer is as complete as it will be. A stream that nghttp2 has closed before has only waited for that. */
static void end_answer(struct fr_http2_stream *stream)
{
    drop_body(stream);
    if (stream->closed && !fr_list_is_linked(&stream->event))
        fr_list_append(&stream->session->closed, &stream->event);
    if (stream->outbox.bytes == 0)
        watch_answer(stream);
    offer(stream);
}

int fr_http2_stream_respond(struct fr_exchange *exchange, const struct fr_response_head *head)
{
    struct fr_http2_stream *stream = own(exchange);
    struct fr_http2_session *session = stream->session;
    int error = submit_head(stream, head);
    if (error)
        return error;
    if (head->status == 100)
        stream->awaits_continue = false;
    fr_http2_session_settle_later(session);
    return 0;
}

int fr_http2_stream_send(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last)
{
    struct fr_http2_stream *stream = own(exchange);
    struct fr_http2_session *session = stream->session;
    bool was_empty = stream->outbox.bytes == 0, in_pieces = stream->in_pieces;
    if (chunk)
        fr_outbox_push(&stream->outbox, chunk);
    if (was_empty && stream->outbox.bytes)
        watch_answer(stream);
    stream->in_pieces |= !last;
    if (last) {
        stream->ended = true;
        end_answer(stream);
    } else {
        offer(stream);
    }
    if (session->busy && (in_pieces || !last))
        fr_http2_session_pump_now(session);
    fr_http2_session_settle_later(session);
    return 0;
}

static fr_span copy_span(char **to, fr_span span)
{
    char *at = *to;
    if (span.len)
        memcpy(at, span.data, span.len);
    *to += span.len;
    return fr_span_of(at, span.len);
}

static struct fr_field_block *copy_trailers(struct fr_pool *pool, const struct fr_response_header *trailers,
                                            size_t count, size_t bytes)
{
    size_t size = sizeof(struct fr_field_block) + count * sizeof *trailers + bytes;
    struct fr_field_block *block = fr_pool_take(pool, size);
    char *text = (char *)(block->fields + count);
    block->size = size;
    block->count = count;
    for (size_t i = 0; i < count; i++) {
        block->fields[i].name = copy_span(&text, trailers[i].name);
        block->fields[i].value = copy_span(&text, trailers[i].value);
    }
    return block;
}

int fr_http2_stream_trailers(struct fr_exchange *exchange, const struct fr_response_header *trailers, size_t count)
{
    struct fr_http2_stream *stream = own(exchange);
    struct fr_http2_session *session = stream->session;
    size_t bytes = 0;
    int error = fr_response_trailers_survey(trailers, count, &bytes);
    if (error)
        return error;
    if (count && !exchange->head_only)
        stream->trailers = copy_trailers(stream->pool, trailers, count, bytes);
    stream->ended = true;
    end_answer(stream);
    fr_http2_session_settle_later(session);
    return 0;
}

void fr_http2_stream_submit_trailers(struct fr_http2_stream *stream)
{
    struct fr_field_list list;
    fr_field_list_of_trailers(&list, stream->pool, stream->trailers->fields, stream->trailers->count);
    int error = nghttp2_submit_trailer(stream->session->nghttp2, stream->id, list.fields, list.count);
    assert(!error);
    (void)error;
    fr_field_list_close(&list);
    drop_trailers(stream);
}

void fr_http2_stream_credit(struct fr_exchange *exchange)
{
    struct fr_http2_stream *stream = own(exchange);
    struct fr_http2_session *session = stream->session;
    if (stream->awaits_continue && exchange->state == FR_EXCHANGE_BEGUN) {
        const struct fr_response_head go_on = {.status = 100, .content_length = -1};
        stream->awaits_continue = false;
        if (submit_head(stream, &go_on) != 0)
            assert(stream->closed);
    }
    widen(stream);
    if (!stream->request_ended) {
        stream->received_ms = now_ms(stream);
        fr_http2_session_arm(session, body_due_ms(stream));
    }
    if (stream->giving)
        return; /* whoever gives looks at the credit after each piece */
    bool was_busy = session->busy;
    session->busy = true;
    give_waiting(stream);
    session->busy = was_busy;
    fr_http2_session_settle_later(session);
}

/* Before its head nothing of the answer was seen; behind it, the peer gets what was said so far, and the cut. */
void fr_http2_stream_reset(struct fr_exchange *exchange)
{
    struct fr_http2_stream *stream = own(exchange);
    struct fr_http2_session *session = stream->session;
    stream->cut = true;
    if ((!stream->headed || stream->outbox.bytes == 0) && !stream->closed)
        submit_reset(stream, NGHTTP2_INTERNAL_ERROR);
    end_answer(stream);
    fr_http2_session_settle_later(session);
}
