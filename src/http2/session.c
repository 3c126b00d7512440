/* http2/session.c - One connection's HTTP/2: bytes in order, what follows from them, and the end. RFC 9113.
 *
 * The rules of the file: what is received is fed to nghttp2 up to each frame that means something, and acted on before
 * the next; so a head and a piece of body are shown where they lie. What follows from it (frames to be made, streams
 * that are over, phase) is settled once, when the outermost call returns. Nothing is ever paused: what waits is bounded
 * by windows, streams and the guard, and a peer that writes must be read from, or two that are full wait forever. */
#include "http2/session.h"

#include <assert.h>

#include "http2/session_internal.h"

/* The storage in the connection, which was made for HTTP/1.1. */
struct connection {
    struct fr_protocol base;
    struct fr_http2_session *session; /* NULL once closed */
};

_Static_assert(sizeof(struct connection) <= 200, "no larger than the connection of HTTP/1.1");

static struct fr_http2_session *session_of(struct fr_protocol *base)
{
    return ((struct connection *)(void *)base)->session;
}

/* ---- the end ---- */

static void drop_streams(struct fr_http2_session *session, enum fr_close_reason reason)
{
    while (!fr_list_is_empty(&session->streams))
        fr_http2_stream_drop(FR_LIST_OWNER(session->streams.next, struct fr_http2_stream, node), reason);
}

/* Nothing more will be answered. The peer is told up to where it was, and gets the time to read it. */
static void finish(struct fr_http2_session *session, enum fr_close_reason reason, uint32_t error_code)
{
    struct fr_protocol *base = session->base;
    if (base->finished)
        return;
    base->finished = true;
    base->close_reason = reason;
    base->phase = session->peer_ended ? FR_PHASE_ANSWER : FR_PHASE_LINGER;
    base->paused = base->resume = base->awaits_writable = false;
    session->finishing = true;
    if (nghttp2_session_terminate_session(session->nghttp2, error_code) != 0 || fr_http2_engine_pump(session) != 0)
        base->phase = FR_PHASE_ANSWER; /* nghttp2 has given up; so does the connection */
    drop_streams(session, reason);
}

static void finish_for(struct fr_http2_session *session, int error)
{
    if (error == FR_E_FLOOD)
        finish(session, FR_CLOSE_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
    else
        finish(session, FR_CLOSE_BAD_REQUEST, session->fault ? session->fault : NGHTTP2_PROTOCOL_ERROR);
}

static void free_session(struct fr_http2_session *session)
{
    struct fr_pool *pool = session->base->pool;
    ((struct connection *)(void *)session->base)->session = NULL;
    fr_http2_engine_close(session);
    fr_pool_give(pool, session, sizeof *session);
}

/* ---- what follows ---- */

static enum fr_close_reason reason_of(uint32_t error_code)
{
    switch (error_code) {
    case NGHTTP2_NO_ERROR:
    case NGHTTP2_CANCEL:
        return FR_CLOSE_PEER_RESET;
    default:
        return FR_CLOSE_BAD_REQUEST;
    }
}

/* Everything that was to be said is said, though the application is not done saying it. */
static bool is_only_unfinished(const struct fr_http2_stream *stream)
{
    return stream->begun && !stream->ended && !stream->cut && stream->end_sent &&
           stream->error_code == NGHTTP2_NO_ERROR;
}

/* Lets go of the streams that nghttp2 has closed. */
static void reap(struct fr_http2_session *session)
{
    struct fr_list *event;
    while (!session->dead && (event = fr_list_take_first(&session->closed))) {
        struct fr_http2_stream *stream = FR_LIST_OWNER(event, struct fr_http2_stream, event);
        if (!is_only_unfinished(stream))
            fr_http2_stream_drop(stream, reason_of(stream->error_code));
    }
}

/* Makes frames of what there is, and sees to what that changes. */
static void pump(struct fr_http2_session *session)
{
    if (session->base->finished)
        return;
    int error = fr_http2_engine_pump(session);
    if (!error && session->flooded)
        error = FR_E_FLOOD;
    if (error)
        finish_for(session, error);
    reap(session);
}

static void tell_roomy(struct fr_http2_session *session)
{
    struct fr_list batch, *event;
    fr_list_init(&batch);
    fr_list_move_all(&session->roomy, &batch);
    while ((event = fr_list_take_first(&batch)))
        fr_exchange_writable(&FR_LIST_OWNER(event, struct fr_http2_stream, event)->exchange);
}

static enum fr_phase phase_of(const struct fr_http2_session *session)
{
    if (session->stream_count > (session->draft ? 1u : 0u))
        return FR_PHASE_STREAMS;
    if (session->reader.in_block || (!session->served && !session->base->draining))
        return FR_PHASE_HEAD;
    return FR_PHASE_IDLE;
}

/* The ends that come by themselves, when no stream is open any more. */
static void end_if_over(struct fr_http2_session *session)
{
    if (nghttp2_session_want_read(session->nghttp2) == 0 && nghttp2_session_want_write(session->nghttp2) == 0)
        finish(session, session->broken ? FR_CLOSE_BAD_REQUEST : FR_CLOSE_FINISHED, NGHTTP2_NO_ERROR);
    else if (session->stream_count == 0 && session->base->draining && session->drained)
        finish(session, FR_CLOSE_DRAIN, NGHTTP2_NO_ERROR);
    else if (session->stream_count == 0 && session->peer_ended)
        finish(session, FR_CLOSE_FINISHED, NGHTTP2_NO_ERROR);
}

/* A peer that sends no more opens no window any more: what waits for one is waited for by nobody. */
static void drop_stuck(struct fr_http2_session *session)
{
    struct fr_list *node = session->streams.next, *next;
    for (; !session->dead && node != &session->streams; node = next) {
        struct fr_http2_stream *stream = FR_LIST_OWNER(node, struct fr_http2_stream, node);
        next = node->next;
        if (fr_http2_stream_is_held_back(stream))
            fr_http2_stream_give_up(stream);
    }
}

static void settle(struct fr_http2_session *session)
{
    struct fr_protocol *base = session->base;
    if (session->peer_ended && !base->finished)
        drop_stuck(session);
    if (session->dead)
        return;
    if (!base->finished)
        end_if_over(session);
    if (base->finished || session->dead)
        return;
    const struct fr_outbox *outbox = base->outbox;
    bool is_full = outbox->bytes >= base->limits->write_high_bytes;
    base->awaits_writable |= !fr_list_is_empty(&session->roomy);
    base->awaits_writable |= is_full && nghttp2_session_want_write(session->nghttp2) != 0;
    base->phase = phase_of(session);
    if (session->stream_count == 0)
        base->due_ms = 0;
}

/* Inside receive() and signal(): whoever has room again is told, and what that brings goes out too. */
static void settle_entry(struct fr_http2_session *session)
{
    do {
        pump(session);
        tell_roomy(session);
    } while (!session->dead && !session->base->finished && !fr_list_is_empty(&session->roomy));
    pump(session);
    settle(session);
}

/* Enters the session from outside; leave() is its counterpart. */
static void enter(struct fr_http2_session *session)
{
    assert(!session->busy);
    session->busy = true;
}

static void leave(struct fr_http2_session *session)
{
    session->busy = false;
    if (session->dead)
        free_session(session);
}

void fr_http2_session_settle_later(struct fr_http2_session *session)
{
    struct fr_protocol *base = session->base;
    if (session->busy)
        return;
    enter(session);
    pump(session);
    settle(session);
    bool dead = session->dead;
    leave(session);
    if (!dead)
        base->events->output(base);
}

void fr_http2_session_pump_now(struct fr_http2_session *session)
{
    if (!session->base->finished && !session->dead && fr_http2_engine_pump(session) != 0)
        session->broken = true; /* found again, and acted upon, when this is settled */
}

void fr_http2_session_arm(struct fr_http2_session *session, uint64_t due_ms)
{
    struct fr_protocol *base = session->base;
    if (due_ms && (base->due_ms == 0 || due_ms < base->due_ms))
        base->due_ms = due_ms;
}

/* ---- the wire side ---- */

static int open_session(struct fr_protocol *base)
{
    struct connection *connection = (struct connection *)(void *)base;
    struct fr_http2_session *session = fr_pool_take(base->pool, sizeof *session);
    *session = (struct fr_http2_session){.base = base};
    connection->session = session;
    fr_list_init(&session->streams);
    fr_list_init(&session->closed);
    fr_list_init(&session->roomy);
    fr_frame_reader_init(&session->reader);
    fr_guard_init(&session->guard, base->clock);
    fr_http2_engine_open(session);
    base->phase = FR_PHASE_HEAD;
    enter(session);
    pump(session);
    leave(session);
    return 0;
}

/* The frame that has just ended is one after which there is something to act upon. A stream that is taken back makes
 * room for the one that may follow at once. */
static bool is_meant(const struct fr_frame_reader *frame)
{
    bool is_head = frame->type == NGHTTP2_HEADERS || frame->type == NGHTTP2_CONTINUATION;
    return frame->type == NGHTTP2_DATA || frame->type == NGHTTP2_RST_STREAM || (is_head && !frame->in_block);
}

/* What nghttp2 does not look at: the size of CONTINUATION (RFC 9113 section 4.2), and the stream of PRIORITY when it
 * takes no notice of it otherwise (section 6.3). 0, or the error code. */
static uint32_t fault_of(const struct fr_frame_reader *frame)
{
    if (frame->length > FR_FRAME_BYTES_MAX)
        return NGHTTP2_FRAME_SIZE_ERROR;
    if (frame->type == NGHTTP2_PRIORITY && frame->stream == 0)
        return NGHTTP2_PROTOCOL_ERROR;
    return NGHTTP2_NO_ERROR;
}

/* A frame has begun that we may not want. */
static int examine(struct fr_http2_session *session)
{
    int error = fr_guard_frame(&session->guard, &session->reader);
    if (error)
        return error;
    session->fault = fault_of(&session->reader);
    return session->fault ? FR_E_HTTP2 : 0;
}

/* The bytes up to the next frame that means something, or all that there are; FR_E_FLOOD or FR_E_HTTP2. */
static ssize_t measure(struct fr_http2_session *session, fr_span bytes)
{
    size_t len = 0;
    for (;;) {
        enum fr_frame_event event;
        len += fr_frame_reader_take(&session->reader, fr_span_skip(bytes, len), &event);
        if (event == FR_FRAME_MORE || event == FR_FRAME_PREFACE) /* a wrong one is found out before what follows */
            return (ssize_t)len;
        if (event == FR_FRAME_BEGUN) {
            int error = examine(session);
            if (error)
                return error;
        } else if (is_meant(&session->reader)) {
            return (ssize_t)len;
        }
    }
}

/* Acts on what the last feed has brought. */
static void heed(struct fr_http2_session *session)
{
    struct fr_http2_stream *entered = session->entered;
    fr_span data = session->data;
    session->entered = NULL;
    session->data = (fr_span){NULL, 0};
    if (entered) {
        session->served = true;
        fr_http2_stream_enter(entered);
    }
    if (!session->dead && session->fed)
        fr_http2_stream_take(session->fed, data);
    session->fed = NULL;
    if (!session->dead)
        reap(session);
}

/* nghttp2 counts a CONTINUATION each time that it looks for its head, and a head that comes byte by byte is soon one
 * too many: it is held back until it is whole. How many bytes at the end of `bytes` that is now. */
static size_t count_to_hold(const struct fr_http2_session *session, fr_span bytes)
{
    size_t head_len = session->reader.head_len;
    if (!session->reader.in_block || head_len == FR_FRAME_HEAD_BYTES)
        return 0;
    return head_len < bytes.len ? head_len : bytes.len;
}

/* What has been held back, with the rest of it, which is taken off the front of `bytes`. */
static int feed_held(struct fr_http2_session *session, fr_span *bytes)
{
    size_t held = session->held_len, rest = FR_FRAME_HEAD_BYTES - held;
    if (held == 0)
        return 0;
    memcpy(session->held + held, bytes->data, rest);
    session->held_len = 0;
    *bytes = fr_span_skip(*bytes, rest);
    return fr_http2_engine_feed(session, fr_span_of(session->held, FR_FRAME_HEAD_BYTES));
}

static int feed(struct fr_http2_session *session, fr_span bytes)
{
    size_t hold = count_to_hold(session, bytes);
    int error = 0;
    if (hold < bytes.len) {
        error = feed_held(session, &bytes);
        if (!error && hold < bytes.len) /* there may be no payload, and what the head has brought is to be acted upon */
            error = fr_http2_engine_feed(session, fr_span_slice(bytes, 0, bytes.len - hold));
    }
    memcpy(session->held + session->held_len, bytes.data + bytes.len - hold, hold);
    session->held_len += (uint8_t)hold;
    return error;
}

static int take(struct fr_http2_session *session, fr_span bytes)
{
    while (bytes.len && !session->base->finished && !session->dead) {
        ssize_t len = measure(session, bytes);
        int error = len < 0 ? (int)len : feed(session, fr_span_slice(bytes, 0, (size_t)len));
        if (error) {
            finish_for(session, error);
            return error;
        }
        heed(session);
        bytes = fr_span_skip(bytes, (size_t)len);
    }
    return 0;
}

/* A header block that is not complete holds up all streams. */
static void watch_block(struct fr_http2_session *session)
{
    if (!session->reader.in_block) {
        session->head_due_ms = 0;
        return;
    }
    if (session->head_due_ms == 0)
        session->head_due_ms = fr_clock_latest_ms(session->base->clock) + session->base->limits->head_timeout_ms;
    fr_http2_session_arm(session, session->head_due_ms);
}

static int receive(struct fr_protocol *base, fr_span bytes)
{
    struct fr_http2_session *session = session_of(base);
    if (base->finished)
        return 0; /* lingering */
    enter(session);
    int error = take(session, bytes);
    if (!session->dead) {
        watch_block(session);
        settle_entry(session);
    }
    leave(session);
    return error;
}

/* An expiry of many: ends what is late, and finds out when the next is due. */
static void expire_streams(struct fr_http2_session *session)
{
    struct fr_protocol *base = session->base;
    base->due_ms = 0;
    if (session->head_due_ms && base->clock->now_ms >= session->head_due_ms) {
        finish(session, FR_CLOSE_HEAD_TIMEOUT, NGHTTP2_NO_ERROR);
        return;
    }
    fr_http2_session_arm(session, session->head_due_ms);
    struct fr_list *node = session->streams.next, *next;
    for (; !session->dead && node != &session->streams; node = next) {
        next = node->next;
        struct fr_http2_stream *stream = FR_LIST_OWNER(node, struct fr_http2_stream, node);
        fr_http2_stream_expire(stream);
        if (!session->dead)
            fr_http2_session_arm(session, fr_http2_stream_due_ms(stream));
    }
}

static void on_expired(struct fr_http2_session *session)
{
    struct fr_protocol *base = session->base;
    switch (base->phase) {
    case FR_PHASE_STREAMS:
        expire_streams(session);
        return;
    case FR_PHASE_IDLE:
        finish(session, base->draining ? FR_CLOSE_DRAIN : FR_CLOSE_KEEP_ALIVE_TIMEOUT, NGHTTP2_NO_ERROR);
        return;
    case FR_PHASE_HEAD:
        finish(session, FR_CLOSE_HEAD_TIMEOUT, NGHTTP2_NO_ERROR);
        return;
    case FR_PHASE_LINGER:
        base->phase = FR_PHASE_ANSWER;
        return;
    case FR_PHASE_BODY:
    case FR_PHASE_ANSWER:
    case FR_PHASE_TUNNEL:
        return;
    }
}

/* The first word says that nothing new should come; what is on its way is still answered. The last one follows when
 * no stream is open any more (RFC 9113 section 6.8). */
static void on_drain(struct fr_http2_session *session)
{
    if (session->base->draining)
        return;
    session->base->draining = true;
    if (nghttp2_submit_shutdown_notice(session->nghttp2) != 0)
        session->broken = true;
    struct fr_list *node = session->streams.next, *next;
    for (; !session->dead && node != &session->streams; node = next) {
        struct fr_http2_stream *stream = FR_LIST_OWNER(node, struct fr_http2_stream, node);
        next = node->next;
        if (stream->begun)
            fr_exchange_drain(&stream->exchange);
    }
}

static void on_peer_ended(struct fr_http2_session *session)
{
    session->peer_ended = true;
    session->head_due_ms = 0; /* half a head stays one, and nobody waits for the rest */
    struct fr_list *node = session->streams.next, *next;
    for (; !session->dead && node != &session->streams; node = next) {
        next = node->next;
        fr_http2_stream_peer_end(FR_LIST_OWNER(node, struct fr_http2_stream, node));
    }
}

static void signal_session(struct fr_protocol *base, enum fr_protocol_signal signal)
{
    struct fr_http2_session *session = session_of(base);
    if (base->finished) {
        if (signal != FR_SIGNAL_WRITABLE && signal != FR_SIGNAL_DRAIN && base->phase == FR_PHASE_LINGER)
            base->phase = FR_PHASE_ANSWER;
        return;
    }
    enter(session);
    switch (signal) {
    case FR_SIGNAL_PEER_ENDED:
        on_peer_ended(session);
        break;
    case FR_SIGNAL_WRITABLE:
        base->awaits_writable = false;
        break;
    case FR_SIGNAL_EXPIRED:
        on_expired(session);
        break;
    case FR_SIGNAL_DRAIN:
        on_drain(session);
        break;
    }
    bool dead = session->dead;
    if (!dead) {
        settle_entry(session);
        dead = session->dead;
    }
    leave(session);
    if (!dead)
        base->events->output(base);
}

static void close_session(struct fr_protocol *base, enum fr_close_reason reason)
{
    struct fr_http2_session *session = session_of(base);
    if (!base->finished) {
        base->finished = true;
        base->close_reason = reason;
        base->phase = FR_PHASE_ANSWER;
    }
    base->paused = base->resume = base->awaits_writable = false;
    session->finishing = session->dead = true;
    bool was_busy = session->busy;
    session->busy = true; /* what applications say to their end is not acted upon */
    drop_streams(session, reason);
    session->busy = was_busy;
    if (!was_busy) /* else somebody below is still at work, and frees it */
        free_session(session);
}

const struct fr_protocol_ops fr_http2 = {
    .name = "h2",
    .size = sizeof(struct connection),
    .open = open_session,
    .receive = receive,
    .signal = signal_session,
    .close = close_session,
    .respond = fr_http2_stream_respond,
    .send = fr_http2_stream_send,
    .trailers = fr_http2_stream_trailers,
    .credit = fr_http2_stream_credit,
    .reset = fr_http2_stream_reset,
    .release = fr_http2_stream_release,
};
