/* http2/engine.c - nghttp2: its options, its callbacks, bytes in and frames out. RFC 9113, RFC 9218, RFC 8441.
 *
 * The rule of the file: a callback writes down what happened and calls nobody; applications are called by the session
 * when nghttp2 is off the stack. Memory is that of base/alloc. */
#include "http2/session_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

/* What every stream may send before its body is asked for: the default of the protocol (RFC 9113 section 6.9.2). */
#define WINDOW_BYTES_AT_FIRST 65535u

/* The window of the connection, in those of its streams: it bounds what waits on one connection, and so many streams
 * that nobody reads from can stand before the others have to wait. */
#define CONNECTION_WINDOWS 4u

/* SETTINGS and PING that are not acknowledged because the peer does not read. */
#define UNSENT_ACKS_MAX 200

/* Heads of answers may be as long as this; nghttp2 would stop at 64 KiB. */
#define ANSWER_HEAD_BYTES_MAX (1u << 20)

/* A block that decodes to so many times what is allowed is no mistake (HPACK bombs). */
#define BLOCK_FACTOR 4

/* ---- memory ---- */

static void *on_malloc(size_t size, void *unused)
{
    (void)unused;
    return fr_alloc(size);
}

static void *on_calloc(size_t count, size_t size, void *unused)
{
    (void)unused;
    return count && size > SIZE_MAX / count ? NULL : fr_alloc_zero(count * size);
}

static void *on_realloc(void *memory, size_t size, void *unused)
{
    (void)unused;
    return fr_realloc(memory, size);
}

static void on_free(void *memory, void *unused)
{
    (void)unused;
    fr_free(memory);
}

/* ---- what comes in ---- */

static struct fr_http2_stream *stream_of(nghttp2_session *nghttp2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(nghttp2, id);
}

void fr_http2_engine_drop_draft(struct fr_http2_session *session)
{
    if (session->draft)
        fr_head_draft_close(session->draft);
    session->draft = NULL;
    session->drafted = NULL;
}

/* One stream too many. The block is decoded all the same, and belongs to nobody. */
static int refuse_stream(struct fr_http2_session *session, int32_t id)
{
    if (fr_guard_mistake(&session->guard) != 0)
        session->flooded = true;
    return nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct fr_http2_session *session = user;
    session->block_bytes = 0;
    fr_http2_engine_drop_draft(session);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (session->stream_count >= session->base->limits->h2_streams_max)
        return refuse_stream(session, frame->hd.stream_id);
    struct fr_http2_stream *stream = fr_http2_stream_open(session, frame->hd.stream_id);
    session->draft = fr_head_draft_open(session->base->pool, session->base->limits);
    session->drafted = stream;
    return nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id, stream);
}

static fr_span span_of(nghttp2_rcbuf *buffer)
{
    nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return fr_span_of((const char *)bytes.base, bytes.len);
}

/* What is beyond the limits is still decoded, for the table must stay in step, but looked at no more. */
static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
                     uint8_t flags, void *user)
{
    struct fr_http2_session *session = user;
    const struct fr_limits *limits = session->base->limits;
    fr_span name_span = span_of(name), value_span = span_of(value);
    (void)flags;
    session->block_bytes += name_span.len + value_span.len;
    if (session->block_bytes > limits->head_bytes_max * BLOCK_FACTOR) {
        session->flooded = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (session->draft) {
        fr_head_draft_add(session->draft, name_span, value_span);
        return 0;
    }
    struct fr_http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
    if (stream && session->block_bytes > limits->trailer_bytes_max)
        stream->excess = true;
    return 0;
}

/* nghttp2 would pass over a name or a value with bytes that may not be there; the request is malformed. */
static int on_invalid_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                             nghttp2_rcbuf *value, uint8_t flags, void *user)
{
    (void)nghttp2, (void)frame, (void)name, (void)value, (void)flags, (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *bytes, size_t len,
                         void *user)
{
    struct fr_http2_session *session = user;
    (void)flags;
    assert(session->data.len == 0); /* a feed ends with the frame */
    session->fed = stream_of(nghttp2, id);
    if (!session->fed) /* we have let go of the stream, and nghttp2 soon will */
        return nghttp2_session_consume(nghttp2, id, len);
    session->data = fr_span_of((const char *)bytes, len);
    return 0;
}

static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct fr_http2_session *session = user;
    if (frame->hd.type == NGHTTP2_PRIORITY_UPDATE) {
        const nghttp2_ext_priority_update *update = frame->ext.payload;
        session->has_priorities = true;
        if (update->stream_id == 0) /* RFC 9218 section 7.1; nghttp2 lets it pass */
            session->fault = NGHTTP2_PROTOCOL_ERROR;
        return 0;
    }
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct fr_http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
    if (!stream)
        return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        stream->request_ended = true;
    if (session->drafted == stream)
        session->entered = stream;
    else
        session->fed = stream;
    return 0;
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t error_code, void *user)
{
    struct fr_http2_session *session = user;
    struct fr_http2_stream *stream = stream_of(nghttp2, id);
    if (!stream)
        return 0;
    if (session->drafted == stream)
        fr_http2_engine_drop_draft(session);
    if (session->entered == stream)
        session->entered = NULL;
    stream->closed = true;
    stream->error_code = error_code;
    if (fr_list_is_linked(&stream->event))
        fr_list_remove(&stream->event);
    fr_list_append(&session->closed, &stream->event);
    return 0;
}

/* ---- what goes out ---- */

/* Bytes of the answer that may go into one frame, or why there are none. */
static ssize_t on_read_data(nghttp2_session *nghttp2, int32_t id, uint8_t *unused, size_t len_max, uint32_t *flags,
                            nghttp2_data_source *source, void *user)
{
    struct fr_http2_session *session = user;
    struct fr_http2_stream *stream = stream_of(nghttp2, id);
    (void)source, (void)unused;
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (session->finishing)
        return NGHTTP2_ERR_DEFERRED;
    size_t len = stream->outbox.bytes < len_max ? stream->outbox.bytes : len_max;
    if (len == 0 && stream->cut)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream with INTERNAL_ERROR */
    if (len == 0 && !stream->ended) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream->ended && len == stream->outbox.bytes) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (stream->trailers) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            fr_http2_stream_submit_trailers(stream);
        }
    }
    return (ssize_t)len;
}

/* A frame of DATA: its head, then the pieces themselves, moved from one queue to the other. */
static int on_send_data(nghttp2_session *nghttp2, nghttp2_frame *frame, const uint8_t *frame_head, size_t len,
                        nghttp2_data_source *source, void *user)
{
    struct fr_http2_session *session = user;
    struct fr_http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
    const struct fr_limits *limits = session->base->limits;
    struct fr_outbox *outbox = session->base->outbox;
    (void)source;
    assert(frame->data.padlen == 0);
    if (!stream)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (outbox->bytes >= limits->write_high_bytes && !session->finishing)
        return NGHTTP2_ERR_WOULDBLOCK;
    fr_outbox_copy(outbox, fr_span_of((const char *)frame_head, FR_FRAME_HEAD_BYTES));
    fr_outbox_move(&stream->outbox, outbox, len);
    fr_guard_earn_bytes(&session->guard, len);
    stream->sent_ms = fr_clock_latest_ms(session->base->clock);
    if (stream->exchange.blocked && stream->outbox.bytes <= limits->write_low_bytes &&
        !fr_list_is_linked(&stream->event))
        fr_list_append(&session->roomy, &stream->event);
    return 0;
}

/* The resets that nghttp2 sends by itself are answers to mistakes; ours are these. */
static bool is_for_a_mistake(uint32_t error_code)
{
    return error_code != NGHTTP2_NO_ERROR && error_code != NGHTTP2_CANCEL && error_code != NGHTTP2_INTERNAL_ERROR &&
           error_code != NGHTTP2_REFUSED_STREAM;
}

static int on_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    struct fr_http2_session *session = user;
    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM:
        if (is_for_a_mistake(frame->rst_stream.error_code) && fr_guard_mistake(&session->guard) != 0)
            session->flooded = true;
        return 0;
    case NGHTTP2_GOAWAY:
        session->broken |= frame->goaway.error_code != NGHTTP2_NO_ERROR;
        return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        break;
    default:
        return 0;
    }
    struct fr_http2_stream *stream = stream_of(nghttp2, frame->hd.stream_id);
    if (!stream || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    stream->end_sent = true;
    fr_guard_earn_answer(&session->guard);
    if (!stream->request_ended)
        fr_http2_stream_linger(stream);
    return 0;
}

/* A head that is too long to be sent would be waited for without end. What was for a stream that is over is no
 * matter. */
static int on_frame_not_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error, void *user)
{
    (void)user;
    bool is_over = error == NGHTTP2_ERR_STREAM_CLOSED || error == NGHTTP2_ERR_STREAM_CLOSING;
    if (frame->hd.type != NGHTTP2_HEADERS || is_over || !stream_of(nghttp2, frame->hd.stream_id))
        return 0;
    return nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
}

nghttp2_data_provider fr_http2_engine_source(void)
{
    return (nghttp2_data_provider){.read_callback = on_read_data};
}

/* ---- from birth to death ---- */

/* nghttp2 fails here only for want of memory, and that aborts, as in base/alloc. */
static void require(int error)
{
    if (error)
        abort();
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *callbacks;
    require(nghttp2_session_callbacks_new(&callbacks));
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
    return callbacks;
}

static nghttp2_option *make_options(const struct fr_limits *limits)
{
    nghttp2_option *option;
    require(nghttp2_option_new(&option));
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, ANSWER_HEAD_BYTES_MAX);
    nghttp2_option_set_max_outbound_ack(option, UNSENT_ACKS_MAX);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, limits->h2_header_table_bytes);
    nghttp2_option_set_builtin_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
    return option;
}

/* nghttp2 would end the connection for one stream too many, and counts those whose reset is still to be sent. So we
 * count, it is told of no limit, and the peer of ours: in the bytes of the frame. */
enum { STREAMS_MAX_AT = 1, SETTINGS_COUNT = 6, SETTING_BYTES = 6, SETTING_NAME_BYTES = 2 };

static void send_settings(struct fr_http2_session *session)
{
    const uint8_t *bytes;
    char frame[FR_FRAME_HEAD_BYTES + SETTINGS_COUNT * SETTING_BYTES];
    ssize_t len = nghttp2_session_mem_send(session->nghttp2, &bytes);
    require(len != (ssize_t)sizeof frame);
    memcpy(frame, bytes, sizeof frame);
    char *value = frame + FR_FRAME_HEAD_BYTES + STREAMS_MAX_AT * SETTING_BYTES + SETTING_NAME_BYTES;
    for (int i = 0; i < 4; i++)
        value[i] = (char)(session->base->limits->h2_streams_max >> (24 - 8 * i));
    fr_outbox_copy(session->base->outbox, fr_span_of(frame, sizeof frame));
}

static int submit_settings(nghttp2_session *nghttp2, const struct fr_limits *limits)
{
    uint32_t window = limits->h2_window_bytes < WINDOW_BYTES_AT_FIRST ? limits->h2_window_bytes : WINDOW_BYTES_AT_FIRST;
    uint32_t head = limits->head_bytes_max < UINT32_MAX ? (uint32_t)limits->head_bytes_max : UINT32_MAX;
    const nghttp2_settings_entry settings[SETTINGS_COUNT] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits->h2_header_table_bytes},
        [STREAMS_MAX_AT] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, INT32_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    return nghttp2_submit_settings(nghttp2, NGHTTP2_FLAG_NONE, settings, SETTINGS_COUNT);
}

void fr_http2_engine_open(struct fr_http2_session *session)
{
    const struct fr_limits *limits = session->base->limits;
    nghttp2_mem memory = {NULL, on_malloc, on_free, on_calloc, on_realloc};
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = make_options(limits);
    require(nghttp2_session_server_new3(&session->nghttp2, callbacks, session, option, &memory));
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    require(submit_settings(session->nghttp2, limits));
    send_settings(session);
    uint64_t window = (uint64_t)limits->h2_window_bytes * CONNECTION_WINDOWS;
    if (window > INT32_MAX)
        window = INT32_MAX;
    if (window > WINDOW_BYTES_AT_FIRST)
        require(nghttp2_session_set_local_window_size(session->nghttp2, NGHTTP2_FLAG_NONE, 0, (int32_t)window));
}

void fr_http2_engine_close(struct fr_http2_session *session)
{
    fr_http2_engine_drop_draft(session);
    nghttp2_session_del(session->nghttp2);
    session->nghttp2 = NULL;
}

/* ---- bytes ---- */

int fr_http2_engine_feed(struct fr_http2_session *session, fr_span bytes)
{
    session->entered = session->fed = NULL;
    session->data = (fr_span){NULL, 0};
    ssize_t used = nghttp2_session_mem_recv(session->nghttp2, (const uint8_t *)bytes.data, bytes.len);
    if (used == NGHTTP2_ERR_FLOODED || session->flooded)
        return FR_E_FLOOD;
    return used == (ssize_t)bytes.len && !session->fault ? 0 : FR_E_HTTP2;
}

int fr_http2_engine_pump(struct fr_http2_session *session)
{
    struct fr_outbox *outbox = session->base->outbox;
    size_t high = session->base->limits->write_high_bytes;
    while (outbox->bytes < high || session->finishing) {
        const uint8_t *bytes;
        ssize_t len = nghttp2_session_mem_send(session->nghttp2, &bytes);
        if (len <= 0)
            return len < 0 ? FR_E_HTTP2 : 0;
        fr_outbox_copy(outbox, fr_span_of((const char *)bytes, (size_t)len));
    }
    return 0;
}
