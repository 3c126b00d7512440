/* websocket/session.c - Frames in, messages out, and the closing handshake (RFC 6455 sections 5 to 7).
 *
 * The rules of the file: bytes are worked on in order, one frame at a time, by `work`; what it cannot use yet is kept
 * in `pending`, which is never more than the credit given. The payload of a message that is whole and here is unmasked
 * on the stack; what comes in pieces is unmasked, checked and collected piece by piece. Received bytes are borrowed
 * and const, so nothing is unmasked in place: to read from one place and write to another costs the same. A function
 * that says OVER has told closed(), perhaps to an owner that has freed the WebSocket: it is not touched any more.
 * fr_exchange_send never calls back; message() may do anything. */
#include "websocket/session.h"

#include <assert.h>
#include <string.h>
#include <sys/types.h> /* ssize_t */

#include "base/alloc.h"
#include "websocket/frame.h"
#include "websocket/mask.h"
#include "websocket/utf8.h"

/* What a peer may send that nobody wants yet; given in windows, so that the exchange is seldom asked. */
#define CREDIT_BYTES 65536

/* A whole message up to this size needs no memory. */
#define ON_STACK_BYTES 8192

/* A payload up to this size is copied behind its head: the outbox would copy it as well. */
#define SMALL_BYTES (FR_OUTBOX_COPY_BYTES_MAX - FR_FRAME_WRITE_BYTES_MAX)

#define CODE_BYTES 2 /* at the beginning of a close frame */

/* In place of a number of bytes. */
#define OVER (-1)

_Static_assert(sizeof(struct fr_websocket) <= 128, "an idle WebSocket owns nothing else");

/* A message that comes in pieces: of frames, of reads, or compressed. */
struct fr_websocket_partial {
    struct fr_buffer bytes; /* without mask and compression */
    struct fr_frame frame;  /* the last that has begun */
    fr_utf8_state utf8;     /* of text, as far as it is here */
    bool text, compressed;
};

/* ---- the end ---- */

/* The message in progress will not be completed, or has been. */
static void forget_message(struct fr_websocket *websocket)
{
    if (websocket->partial)
        fr_buffer_free(&websocket->partial->bytes);
    fr_free(websocket->partial);
    websocket->partial = NULL;
}

static void give_back(struct fr_websocket *websocket)
{
    forget_message(websocket);
    fr_buffer_free(&websocket->pending);
    fr_free(websocket->pong);
    websocket->pong = NULL;
    if (websocket->deflate)
        fr_deflate_close(websocket->deflate);
    websocket->deflate = NULL;
}

static int tell_closed(struct fr_websocket *websocket, unsigned code, fr_span reason)
{
    websocket->state = FR_WEBSOCKET_OVER;
    websocket->due_ms = UINT64_MAX;
    websocket->busy = false;
    give_back(websocket);
    websocket->events->closed(websocket, code, reason);
    return OVER;
}

/* Nothing follows: the answer is complete, and the connection closes as after any other. */
static int finish(struct fr_websocket *websocket, unsigned code, fr_span reason)
{
    websocket->state = FR_WEBSOCKET_OVER;
    int gone = fr_exchange_send(websocket->exchange, NULL, true);
    (void)gone; /* then nothing is left to be ended */
    return tell_closed(websocket, code, reason);
}

static int lose(struct fr_websocket *websocket)
{
    return finish(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
}

/* ---- sending ---- */

/* Sends one frame; takes over the payload's release. */
static int send_frame(struct fr_websocket *websocket, enum fr_frame_opcode opcode, bool compressed,
                      const struct fr_chunk *payload)
{
    char room[FR_FRAME_WRITE_BYTES_MAX + SMALL_BYTES];
    size_t len = payload->bytes.len, head_len = fr_frame_write(room, opcode, true, compressed, len);
    bool small = len <= SMALL_BYTES;
    if (small && len)
        memcpy(room + head_len, payload->bytes.data, len);
    const struct fr_chunk first = FR_CHUNK_COPY(fr_span_of(room, small ? head_len + len : head_len));
    int error = fr_exchange_send(websocket->exchange, &first, false);
    if (!small && !error)
        error = fr_exchange_send(websocket->exchange, payload, false);
    else if (payload->release)
        payload->release(payload->owner);
    return error ? FR_E_GONE : 0;
}

static int send_control(struct fr_websocket *websocket, enum fr_frame_opcode opcode, fr_span payload)
{
    assert(payload.len <= FR_FRAME_CONTROL_BYTES_MAX);
    return send_frame(websocket, opcode, false, &FR_CHUNK_COPY(payload));
}

/* The compressed message is all that is kept: the outbox holds it by reference when it is large. */
static int send_compressed(struct fr_websocket *websocket, enum fr_frame_opcode opcode, const struct fr_chunk *payload)
{
    struct fr_buffer out;
    fr_buffer_init(&out, SIZE_MAX);
    int error = fr_deflate_compress(websocket->deflate, payload->bytes, &out);
    assert(!error); /* a buffer without a limit has none to reach */
    (void)error;
    if (payload->release)
        payload->release(payload->owner);
    const struct fr_chunk chunk = {.bytes = fr_buffer_span(&out), .file = -1, .release = fr_free, .owner = out.data};
    return send_frame(websocket, opcode, true, &chunk);
}

int fr_websocket_send(struct fr_websocket *websocket, bool text, const struct fr_chunk *payload)
{
    enum fr_frame_opcode opcode = text ? FR_FRAME_TEXT : FR_FRAME_BINARY;
    assert(payload->file < 0);
    if (websocket->state != FR_WEBSOCKET_OPEN) {
        if (payload->release)
            payload->release(payload->owner);
        return FR_E_GONE;
    }
    if (websocket->deflate && payload->bytes.len >= FR_DEFLATE_BYTES_MIN)
        return send_compressed(websocket, opcode, payload);
    return send_frame(websocket, opcode, false, payload);
}

static void send_pong(struct fr_websocket *websocket)
{
    char *payload = websocket->pong;
    if (!payload || websocket->state != FR_WEBSOCKET_OPEN || !fr_exchange_is_writable(websocket->exchange))
        return;
    websocket->pong = NULL;
    (void)send_control(websocket, FR_FRAME_PONG,
                       fr_span_of(payload, websocket->pong_len)); /* gone: aborted() follows */
    fr_free(payload);
}

/* A peer that sends pings and reads no pongs gets one, for the newest (section 5.5.3), when it reads again. */
static void answer_ping(struct fr_websocket *websocket, fr_span payload)
{
    if (fr_exchange_is_writable(websocket->exchange)) {
        (void)send_control(websocket, FR_FRAME_PONG, payload); /* gone: aborted() follows */
        return;
    }
    if (!websocket->pong)
        websocket->pong = fr_alloc(FR_FRAME_CONTROL_BYTES_MAX);
    if (payload.len)
        memcpy(websocket->pong, payload.data, payload.len);
    websocket->pong_len = (unsigned char)payload.len;
}

/* ---- closing ---- */

/* A code that may stand in a close frame: those of section 7.4.1, those registered since, and those for others. */
static bool is_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void send_close(struct fr_websocket *websocket, unsigned code, fr_span reason)
{
    char payload[FR_FRAME_CONTROL_BYTES_MAX] = {(char)(code >> 8), (char)code};
    size_t len = code == FR_WEBSOCKET_NO_CODE ? 0 : CODE_BYTES + reason.len;
    if (reason.len)
        memcpy(payload + CODE_BYTES, reason.data, reason.len);
    (void)send_control(websocket, FR_FRAME_CLOSE, fr_span_of(payload, len)); /* gone: aborted() follows */
}

/* The peer is told why and not waited for (section 7.1.7). One that has our close frame already is told nothing. */
static int fail(struct fr_websocket *websocket, unsigned code, fr_span reason)
{
    if (websocket->state != FR_WEBSOCKET_OPEN)
        return lose(websocket);
    send_close(websocket, code, reason);
    return finish(websocket, code, reason);
}

static int fail_for(struct fr_websocket *websocket, int error)
{
    unsigned code = error == FR_E_FRAME   ? FR_WEBSOCKET_PROTOCOL_ERROR
                    : error == FR_E_LIMIT ? FR_WEBSOCKET_TOO_BIG
                                          : FR_WEBSOCKET_INVALID_DATA;
    return fail(websocket, code,
                error == FR_E_LIMIT ? FR_SPAN("message too big") : fr_span_of_string(fr_error_text(error)));
}

static int take_close(struct fr_websocket *websocket, fr_span payload)
{
    unsigned code = FR_WEBSOCKET_NO_CODE;
    if (payload.len >= CODE_BYTES) {
        code = (unsigned)(unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1];
        payload = fr_span_skip(payload, CODE_BYTES);
        if (!is_code(code))
            return fail_for(websocket, FR_E_FRAME);
        if (!fr_utf8_is_valid(payload))
            return fail_for(websocket, FR_E_UTF8);
    } else if (payload.len) {
        return fail_for(websocket, FR_E_FRAME);
    }
    if (websocket->state == FR_WEBSOCKET_OPEN)
        send_close(websocket, code, FR_SPAN(""));
    return finish(websocket, code, payload);
}

/* ---- messages ---- */

/* A whole message, in one frame that is all here. */
static int deliver_frame(struct fr_websocket *websocket, const struct fr_frame *frame, fr_span payload)
{
    char on_stack[ON_STACK_BYTES];
    char *plain = payload.len <= ON_STACK_BYTES ? on_stack : fr_alloc(payload.len);
    bool text = frame->opcode == FR_FRAME_TEXT;
    fr_mask_apply(plain, payload.data, payload.len, frame->key, 0);
    bool valid = !text || fr_utf8_is_valid(fr_span_of(plain, payload.len));
    if (valid)
        websocket->events->message(websocket, text, fr_span_of(plain, payload.len));
    if (plain != on_stack)
        fr_free(plain);
    return valid ? 0 : fail_for(websocket, FR_E_UTF8);
}

static void begin_message(struct fr_websocket *websocket, const struct fr_frame *frame)
{
    struct fr_websocket_partial *partial = fr_alloc(sizeof *partial);
    *partial = (struct fr_websocket_partial){
        .text = frame->opcode == FR_FRAME_TEXT,
        .compressed = frame->compressed,
    };
    fr_buffer_init(&partial->bytes, websocket->limits->ws_message_bytes_max);
    websocket->partial = partial;
}

/* The message in progress is complete. */
static int deliver_partial(struct fr_websocket *websocket)
{
    struct fr_websocket_partial *partial = websocket->partial;
    if (partial->text && partial->utf8 != 0)
        return fail_for(websocket, FR_E_UTF8); /* ends inside a character */
    websocket->partial = NULL;
    websocket->events->message(websocket, partial->text, fr_buffer_span(&partial->bytes));
    fr_buffer_free(&partial->bytes);
    fr_free(partial);
    return 0;
}

static int add_plain(struct fr_websocket_partial *partial, fr_span piece, uint64_t offset)
{
    char *room = piece.len ? fr_buffer_reserve(&partial->bytes, piece.len) : NULL;
    if (!room)
        return piece.len ? FR_E_LIMIT : 0;
    fr_mask_apply(room, piece.data, piece.len, partial->frame.key, offset);
    partial->bytes.len += piece.len;
    return 0;
}

static int add_compressed(struct fr_websocket *websocket, fr_span piece, uint64_t offset, bool last)
{
    char on_stack[ON_STACK_BYTES];
    char *plain = piece.len <= ON_STACK_BYTES ? on_stack : fr_alloc(piece.len);
    struct fr_websocket_partial *partial = websocket->partial;
    fr_mask_apply(plain, piece.data, piece.len, partial->frame.key, offset);
    int error = fr_deflate_decompress(websocket->deflate, fr_span_of(plain, piece.len), last, &partial->bytes);
    if (plain != on_stack)
        fr_free(plain);
    return error;
}

/* Text is checked as it comes: what is wrong is not waited for to the end. */
static int check_text(struct fr_websocket_partial *partial, size_t had)
{
    if (!partial->text || partial->bytes.len == had)
        return 0;
    return fr_utf8_feed(&partial->utf8, fr_span_skip(fr_buffer_span(&partial->bytes), had)) ? 0 : FR_E_UTF8;
}

/* The next piece of the data frame in progress; all of it when it is empty. */
static ssize_t take_payload(struct fr_websocket *websocket, fr_span bytes)
{
    struct fr_websocket_partial *partial = websocket->partial;
    size_t len = websocket->frame_left < bytes.len ? (size_t)websocket->frame_left : bytes.len;
    fr_span piece = fr_span_slice(bytes, 0, len);
    if (websocket->state != FR_WEBSOCKET_OPEN) {
        websocket->frame_left -= len;
        return (ssize_t)len;
    }
    uint64_t offset = partial->frame.len - websocket->frame_left;
    websocket->frame_left -= len;
    bool last = partial->frame.last && websocket->frame_left == 0;
    size_t had = partial->bytes.len;
    int error =
        partial->compressed ? add_compressed(websocket, piece, offset, last) : add_plain(partial, piece, offset);
    int bad_text = check_text(partial, had); /* which came before whatever else is wrong */
    if (error || bad_text)
        return fail_for(websocket, bad_text ? bad_text : error);
    return last && deliver_partial(websocket) == OVER ? OVER : (ssize_t)len;
}

/* ---- frames ---- */

/* The frame makes its message larger than the limit. What a compressed one comes to is not announced. */
static bool is_too_big(const struct fr_websocket *websocket, const struct fr_frame *frame)
{
    const struct fr_websocket_partial *partial = websocket->partial;
    bool compressed = partial ? partial->compressed : frame->compressed;
    return !compressed && frame->len > websocket->limits->ws_message_bytes_max - (partial ? partial->bytes.len : 0);
}

static ssize_t take_data_frame(struct fr_websocket *websocket, const struct fr_frame *frame, fr_span bytes,
                               size_t head_len)
{
    fr_span payload = fr_span_skip(bytes, head_len);
    if (websocket->state == FR_WEBSOCKET_OPEN) {
        if (!websocket->wanted)
            return 0;
        /* The first frame of a message begins one, and the others continue it (section 5.4). */
        if ((frame->opcode == FR_FRAME_CONTINUATION) != (websocket->partial != NULL))
            return fail_for(websocket, FR_E_FRAME);
        if (is_too_big(websocket, frame))
            return fail_for(websocket, FR_E_LIMIT);
        if (!websocket->partial && frame->last && !frame->compressed && frame->len <= payload.len) {
            payload.len = (size_t)frame->len;
            return deliver_frame(websocket, frame, payload) == OVER ? OVER : (ssize_t)(head_len + payload.len);
        }
        if (!websocket->partial)
            begin_message(websocket, frame);
        websocket->partial->frame = *frame;
    }
    websocket->frame_left = frame->len;
    /* An empty payload is complete here and now; it may end the message. */
    return frame->len == 0 && take_payload(websocket, FR_SPAN("")) == OVER ? OVER : (ssize_t)head_len;
}

/* Control frames are short, and taken whole. */
static ssize_t take_control_frame(struct fr_websocket *websocket, const struct fr_frame *frame, fr_span bytes,
                                  size_t head_len)
{
    char plain[FR_FRAME_CONTROL_BYTES_MAX];
    size_t len = (size_t)frame->len;
    if (bytes.len < head_len + len)
        return 0;
    fr_mask_apply(plain, bytes.data + head_len, len, frame->key, 0);
    fr_span payload = fr_span_of(plain, len);
    if (frame->opcode == FR_FRAME_CLOSE)
        return take_close(websocket, payload);
    if (frame->opcode == FR_FRAME_PING && websocket->state == FR_WEBSOCKET_OPEN)
        answer_ping(websocket, payload);
    return (ssize_t)(head_len + len);
}

/* The next step with what is at the front of `bytes`: how much it used; 0 when it cannot go on; or OVER. */
static ssize_t take_some(struct fr_websocket *websocket, fr_span bytes)
{
    struct fr_frame frame;
    if (websocket->frame_left)
        return websocket->wanted || websocket->state != FR_WEBSOCKET_OPEN ? take_payload(websocket, bytes) : 0;
    int head_len = fr_frame_parse(bytes, websocket->deflate != NULL, &frame);
    if (head_len < 0)
        return fail_for(websocket, head_len);
    if (head_len == 0)
        return 0;
    return fr_frame_is_control(frame.opcode) ? take_control_frame(websocket, &frame, bytes, (size_t)head_len)
                                             : take_data_frame(websocket, &frame, bytes, (size_t)head_len);
}

/* Goes as far into `bytes` as it can now; 0 or OVER. */
static int work(struct fr_websocket *websocket, fr_span bytes, size_t *used)
{
    *used = 0;
    while (*used < bytes.len) {
        ssize_t taken = take_some(websocket, fr_span_skip(bytes, *used));
        if (taken == OVER)
            return OVER;
        if (websocket->state == FR_WEBSOCKET_OVER) /* aborted from inside message() */
            return tell_closed(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
        if (taken == 0)
            return 0;
        *used += (size_t)taken;
    }
    return 0;
}

/* ---- received bytes ---- */

static void keep(struct fr_websocket *websocket, fr_span bytes)
{
    int error = fr_buffer_append(&websocket->pending, bytes);
    assert(!error); /* nobody may send more than the credit */
    (void)error;
}

static fr_span pending_span(const struct fr_websocket *websocket)
{
    return fr_span_skip(fr_buffer_span(&websocket->pending), websocket->pending_used);
}

/* What is used stays in its place until it is the larger part: an owner that takes one short message at a time must
 * not have all the others moved each time. */
static void use_pending(struct fr_websocket *websocket, size_t used)
{
    struct fr_buffer *pending = &websocket->pending;
    websocket->pending_used += (uint32_t)used;
    if (websocket->pending_used <= pending->len / 2)
        return;
    fr_buffer_consume(pending, websocket->pending_used);
    websocket->pending_used = 0;
    if (pending->len == 0)
        fr_buffer_free(pending);
}

static int work_pending(struct fr_websocket *websocket)
{
    size_t used;
    if (work(websocket, pending_span(websocket), &used) == OVER)
        return OVER;
    use_pending(websocket, used);
    return 0;
}

static bool is_reading(const struct fr_websocket *websocket)
{
    return websocket->wanted || websocket->state == FR_WEBSOCKET_CLOSING;
}

/* Works on what was kept and on `bytes` behind it; 0 or OVER. */
static int process(struct fr_websocket *websocket, fr_span bytes)
{
    size_t used;
    assert(!websocket->busy);
    websocket->busy = true;
    if (websocket->pending.len == 0) {
        if (work(websocket, bytes, &used) == OVER)
            return OVER;
        if (used < bytes.len)
            keep(websocket, fr_span_skip(bytes, used));
    } else {
        keep(websocket, bytes);
        if (work_pending(websocket) == OVER)
            return OVER;
    }
    websocket->busy = false;
    /* What is left is no whole frame, unless it waits to be wanted. */
    if (websocket->peer_ended && (is_reading(websocket) || websocket->pending.len == 0))
        return lose(websocket);
    return 0;
}

/* The last thing in each call: bytes that wait below come in from inside, and may be the last. */
static void refill(struct fr_websocket *websocket)
{
    struct fr_exchange *exchange = websocket->exchange;
    uint64_t held = exchange->credit + pending_span(websocket).len;
    if (held <= CREDIT_BYTES / 2)
        fr_exchange_credit(exchange, CREDIT_BYTES - held);
}

static void go_on(struct fr_websocket *websocket, fr_span bytes)
{
    if (process(websocket, bytes) != OVER)
        refill(websocket);
}

/* ---- from accept to free ---- */

int fr_websocket_accept(struct fr_websocket *websocket, struct fr_exchange *exchange,
                        const struct fr_websocket_handshake *handshake, fr_span subprotocol,
                        const struct fr_response_header *headers, size_t header_count, const struct fr_limits *limits,
                        const struct fr_websocket_events *events, uint64_t now_ms)
{
    unsigned window_bits = limits->ws_deflate_window_bits;
    struct fr_websocket_handshake agreed = *handshake;
    if (!limits->ws_deflate_takeover) /* either side may ask for it, offered or not: RFC 7692 section 7.1.1 */
        agreed.deflate.server_no_context_takeover = agreed.deflate.client_no_context_takeover = true;
    int error = fr_websocket_handshake_respond(&agreed, exchange, subprotocol, headers, header_count, window_bits);
    if (error)
        return error;
    *websocket = (struct fr_websocket){
        .exchange = exchange,
        .events = events,
        .limits = limits,
        .state = FR_WEBSOCKET_OPEN,
        .heard_ms = now_ms,
        .due_ms = limits->ws_ping_interval_ms ? now_ms + limits->ws_ping_interval_ms : UINT64_MAX,
    };
    fr_buffer_init(&websocket->pending, 2 * CREDIT_BYTES); /* also what is used, never the larger part */
    if (agreed.deflate.present && window_bits)
        websocket->deflate = fr_deflate_open(&agreed.deflate, window_bits);
    return 0;
}

void fr_websocket_want(struct fr_websocket *websocket, bool wanted)
{
    websocket->wanted = wanted;
    if (wanted && !websocket->busy && websocket->state != FR_WEBSOCKET_OVER)
        go_on(websocket, FR_SPAN(""));
}

int fr_websocket_close(struct fr_websocket *websocket, unsigned code, fr_span reason, uint64_t now_ms)
{
    bool empty = code == FR_WEBSOCKET_NO_CODE && reason.len == 0;
    if (!empty && (!is_code(code) || reason.len > FR_FRAME_CONTROL_BYTES_MAX - CODE_BYTES || !fr_utf8_is_valid(reason)))
        return FR_E_CLOSE_CODE;
    if (websocket->state != FR_WEBSOCKET_OPEN)
        return 0;
    send_close(websocket, code, reason);
    websocket->state = FR_WEBSOCKET_CLOSING;
    websocket->due_ms = now_ms + websocket->limits->ws_close_timeout_ms;
    forget_message(websocket);
    if (!websocket->busy)
        go_on(websocket, FR_SPAN(""));
    return 0;
}

/* A peer that we do not read from may have answered long ago; one that does not read is seen to by the deadline of
 * its connection. */
static void tick_open(struct fr_websocket *websocket, uint64_t now_ms)
{
    const struct fr_limits *limits = websocket->limits;
    uint64_t due_ms = websocket->heard_ms + limits->ws_ping_interval_ms;
    if (websocket->ping_awaits && websocket->wanted) {
        (void)fail(websocket, FR_WEBSOCKET_INTERNAL_ERROR, FR_SPAN("no pong came in time"));
    } else if (websocket->ping_awaits) {
        websocket->due_ms = now_ms + limits->ws_ping_timeout_ms;
    } else if (due_ms > now_ms) {
        websocket->due_ms = due_ms;
    } else if (!fr_exchange_is_writable(websocket->exchange)) {
        websocket->due_ms = now_ms + limits->ws_ping_interval_ms;
    } else {
        websocket->due_ms = now_ms + limits->ws_ping_timeout_ms;
        websocket->ping_awaits = send_control(websocket, FR_FRAME_PING, FR_SPAN("")) == 0;
    }
}

void fr_websocket_tick(struct fr_websocket *websocket, uint64_t now_ms)
{
    if (now_ms < websocket->due_ms || websocket->busy)
        return;
    if (websocket->state == FR_WEBSOCKET_OPEN)
        tick_open(websocket, now_ms);
    else
        (void)lose(websocket); /* not over: that is never due */
}

void fr_websocket_on_body(struct fr_websocket *websocket, fr_span bytes, bool last, uint64_t now_ms)
{
    if (websocket->state == FR_WEBSOCKET_OVER)
        return;
    websocket->heard_ms = now_ms;
    websocket->ping_awaits = false;
    websocket->peer_ended |= last;
    send_pong(websocket);
    go_on(websocket, bytes);
}

void fr_websocket_on_writable(struct fr_websocket *websocket)
{
    send_pong(websocket);
}

void fr_websocket_on_aborted(struct fr_websocket *websocket, enum fr_close_reason reason)
{
    (void)reason; /* of the connection: the owner knows it, and receivers are told 1006 for all of them */
    if (websocket->state == FR_WEBSOCKET_OVER)
        return;
    websocket->state = FR_WEBSOCKET_OVER;
    if (!websocket->busy)
        (void)tell_closed(websocket, FR_WEBSOCKET_ABNORMAL, FR_SPAN(""));
}

void fr_websocket_free(struct fr_websocket *websocket)
{
    assert(!websocket->busy);
    give_back(websocket);
    if (websocket->exchange && websocket->state != FR_WEBSOCKET_OVER) {
        websocket->state = FR_WEBSOCKET_OVER;
        fr_exchange_reset(websocket->exchange);
    }
}
