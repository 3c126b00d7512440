/* websocket/deflate.c - Owns zlib: reads offers of permessage-deflate, compresses and decompresses (RFC 7692).
 *
 * The rules of the file: what has been agreed is computed in one place (`agree`), for the answer and for the streams
 * alike; a stream exists from the first message that needs it; what a message comes to is never larger than the buffer
 * it goes to may become, and zlib is not asked for more than fits. */
#include "websocket/deflate.h"

#include <assert.h>
#include <string.h>

#define ZLIB_CONST /* what is read is const */
#include <zlib.h>

#include "base/alloc.h"
#include "http/headers.h"

#define WINDOW_BITS_MIN 9 /* of zlib's compressor; the RFC knows 8 */
#define WINDOW_BITS_MAX 15

/* Seen with 4 KiB of JSON and a window of 12 bits: 13 us, to a sixth; zlib's usual 6 takes twice as long and saves
 * three bytes in a hundred more. */
#define LEVEL 3

/* Room that is asked of the buffer at a time. */
#define STEP_BYTES_MIN 512
#define STEP_BYTES_MAX 65536

/* Beyond what the data takes: the marker of a flush, and never less than zlib wants in order to write it once. */
#define FLUSH_BYTES 16

/* The end of a flush, which is not sent (section 7.2.1), and is put back before the end of a message is read. */
#define TAIL FR_SPAN("\x00\x00\xff\xff")

/* How the streams are, once an offer is answered. */
struct agreement {
    unsigned server_window_bits, client_window_bits; /* of what is used */
    unsigned client_window_said;                     /* in the answer; 0: nothing is */
    bool server_no_context_takeover, client_no_context_takeover;
};

struct fr_deflate {
    z_stream *deflater, *inflater; /* NULL: not needed until now, or given back */
    unsigned char server_window_bits, client_window_bits;
    bool server_no_context_takeover, client_no_context_takeover;
    bool stream_ended; /* what was read last was a block that said it was the last of all (section 7.2.3.4) */
    bool at_block_end; /* what was read last, with Z_BLOCK, was all of a block */
};

/* ---- the offer ---- */

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static void skip_space(fr_span *text)
{
    while (text->len && is_space(text->data[0]))
        *text = fr_span_skip(*text, 1);
}

static bool take_byte(fr_span *text, char byte)
{
    if (text->len == 0 || text->data[0] != byte)
        return false;
    *text = fr_span_skip(*text, 1);
    skip_space(text);
    return true;
}

/* A token, up to whatever cannot be in one. */
static bool take_token(fr_span *text, fr_span *token)
{
    size_t len = 0;
    while (len < text->len && fr_is_token(fr_span_slice(*text, len, len + 1)))
        len++;
    *token = fr_span_slice(*text, 0, len);
    *text = fr_span_skip(*text, len);
    skip_space(text);
    return len > 0;
}

/* The value of a parameter: a token, also between quotes (section 9.1 of RFC 6455: which must still hold a token, so
 * that there is nothing to unescape). */
static bool take_value(fr_span *text, fr_span *value)
{
    if (text->len == 0 || text->data[0] != '"')
        return take_token(text, value);
    fr_span rest = fr_span_skip(*text, 1);
    size_t len = fr_span_find(rest, '"');
    if (len == rest.len)
        return false;
    *value = fr_span_slice(rest, 0, len);
    *text = fr_span_skip(rest, len + 1);
    skip_space(text);
    return fr_is_token(*value);
}

/* 8 to 15 without a leading zero, or 0. */
static unsigned char window_bits_of(fr_span value)
{
    if (value.len == 1 && (value.data[0] == '8' || value.data[0] == '9'))
        return (unsigned char)(value.data[0] - '0');
    if (value.len == 2 && value.data[0] == '1' && value.data[1] >= '0' && value.data[1] <= '5')
        return (unsigned char)(10 + value.data[1] - '0');
    return 0;
}

static bool read_flag(bool *flag, bool has_value)
{
    bool fresh = !*flag;
    *flag = true;
    return fresh && !has_value;
}

/* One parameter; false when it makes the offer unacceptable: unknown, twice, a wrong value (section 7.1). */
static bool read_parameter(struct fr_deflate_offer *offer, fr_span name, bool has_value, fr_span value)
{
    if (fr_span_equal_nocase(name, FR_SPAN("server_no_context_takeover")))
        return read_flag(&offer->server_no_context_takeover, has_value);
    if (fr_span_equal_nocase(name, FR_SPAN("client_no_context_takeover")))
        return read_flag(&offer->client_no_context_takeover, has_value);
    bool of_server = fr_span_equal_nocase(name, FR_SPAN("server_max_window_bits"));
    if (!of_server && !fr_span_equal_nocase(name, FR_SPAN("client_max_window_bits")))
        return false;
    unsigned char *field = of_server ? &offer->server_max_window_bits : &offer->client_max_window_bits;
    unsigned char bits = has_value ? window_bits_of(value) : of_server ? 0 : WINDOW_BITS_MAX;
    bool fresh = *field == 0;
    *field = bits;
    return fresh && bits >= (of_server ? WINDOW_BITS_MIN : WINDOW_BITS_MIN - 1);
}

/* One element of the list, with its parameters. False: malformed; else `offer` is present if it is ours and good. */
static bool read_extension(struct fr_deflate_offer *offer, fr_span *text)
{
    fr_span extension, name, value = FR_SPAN("");
    *offer = (struct fr_deflate_offer){0};
    if (!take_token(text, &extension))
        return false;
    bool acceptable = fr_span_equal_nocase(extension, FR_SPAN("permessage-deflate"));
    while (take_byte(text, ';')) {
        if (!take_token(text, &name))
            return false;
        bool has_value = take_byte(text, '=');
        if (has_value && !take_value(text, &value))
            return false;
        acceptable = acceptable && read_parameter(offer, name, has_value, value);
    }
    offer->present = acceptable;
    return text->len == 0 || text->data[0] == ',';
}

bool fr_deflate_offer_read(struct fr_deflate_offer *offer, fr_span value)
{
    skip_space(&value);
    while (value.len) {
        struct fr_deflate_offer found;
        if (take_byte(&value, ','))
            continue; /* also an empty element: RFC 9110 section 5.6.1 */
        if (!read_extension(&found, &value))
            return false;
        if (!offer->present && found.present)
            *offer = found;
    }
    return true;
}

/* ---- the answer ---- */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* A client that cannot be told to use a smaller window is told to begin each message anew instead, so that its full
 * window is only there while a message is read. One that promised 8 bits is read with the 9 that zlib has. */
static struct agreement agree(const struct fr_deflate_offer *offer, unsigned window_bits)
{
    assert(offer->present && window_bits >= WINDOW_BITS_MIN && window_bits <= WINDOW_BITS_MAX);
    struct agreement agreement = {
        .server_window_bits = least(window_bits, offer->server_max_window_bits ? offer->server_max_window_bits : 15),
        .client_window_bits = WINDOW_BITS_MAX,
        .server_no_context_takeover = offer->server_no_context_takeover,
        .client_no_context_takeover = offer->client_no_context_takeover,
    };
    if (offer->client_max_window_bits) {
        unsigned bits = least(window_bits, offer->client_max_window_bits);
        agreement.client_window_said = bits < WINDOW_BITS_MAX ? bits : 0;
        agreement.client_window_bits = bits < WINDOW_BITS_MIN ? WINDOW_BITS_MIN : bits;
    } else if (window_bits < WINDOW_BITS_MAX) {
        agreement.client_no_context_takeover = true;
    }
    return agreement;
}

static char *put(char *out, fr_span text)
{
    memcpy(out, text.data, text.len);
    return out + text.len;
}

static char *put_bits(char *out, fr_span name, unsigned bits)
{
    out = put(out, name);
    if (bits >= 10)
        *out++ = '1';
    *out++ = (char)('0' + bits % 10);
    return out;
}

size_t fr_deflate_answer(const struct fr_deflate_offer *offer, unsigned window_bits, char *answer)
{
    struct agreement agreement = agree(offer, window_bits);
    char *out = put(answer, FR_SPAN("permessage-deflate"));
    if (agreement.server_no_context_takeover)
        out = put(out, FR_SPAN("; server_no_context_takeover"));
    if (agreement.client_no_context_takeover)
        out = put(out, FR_SPAN("; client_no_context_takeover"));
    if (agreement.server_window_bits < WINDOW_BITS_MAX || offer->server_max_window_bits)
        out = put_bits(out, FR_SPAN("; server_max_window_bits="), agreement.server_window_bits);
    if (agreement.client_window_said)
        out = put_bits(out, FR_SPAN("; client_max_window_bits="), agreement.client_window_said);
    assert((size_t)(out - answer) <= FR_DEFLATE_ANSWER_BYTES);
    return (size_t)(out - answer);
}

/* ---- the streams ---- */

static void *allocate(void *owner, unsigned count, unsigned size)
{
    (void)owner;
    return fr_alloc((size_t)count * size);
}

static void give_back(void *owner, void *memory)
{
    (void)owner;
    fr_free(memory);
}

static z_stream *new_stream(void)
{
    z_stream *stream = fr_alloc_zero(sizeof *stream);
    stream->zalloc = allocate;
    stream->zfree = give_back;
    return stream;
}

/* Of a window of 2^w bytes zlib takes 2^(w+2), and of a level m of memory 2^(m+9): with these as much again. */
static int memory_level(unsigned window_bits)
{
    return (int)window_bits - 7;
}

static z_stream *open_deflater(unsigned window_bits)
{
    z_stream *stream = new_stream();
    int status =
        deflateInit2(stream, LEVEL, Z_DEFLATED, -(int)window_bits, memory_level(window_bits), Z_DEFAULT_STRATEGY);
    assert(status == Z_OK);
    (void)status;
    return stream;
}

static z_stream *open_inflater(unsigned window_bits)
{
    z_stream *stream = new_stream();
    int status = inflateInit2(stream, -(int)window_bits);
    assert(status == Z_OK);
    (void)status;
    return stream;
}

static void close_deflater(struct fr_deflate *deflate)
{
    if (!deflate->deflater)
        return;
    (void)deflateEnd(deflate->deflater); /* it says whether something was unfinished */
    fr_free(deflate->deflater);
    deflate->deflater = NULL;
}

static void close_inflater(struct fr_deflate *deflate)
{
    if (!deflate->inflater)
        return;
    (void)inflateEnd(deflate->inflater);
    fr_free(deflate->inflater);
    deflate->inflater = NULL;
    deflate->stream_ended = false;
}

struct fr_deflate *fr_deflate_open(const struct fr_deflate_offer *offer, unsigned window_bits)
{
    struct agreement agreement = agree(offer, window_bits);
    struct fr_deflate *deflate = fr_alloc_zero(sizeof *deflate);
    deflate->server_window_bits = (unsigned char)agreement.server_window_bits;
    deflate->client_window_bits = (unsigned char)agreement.client_window_bits;
    deflate->server_no_context_takeover = agreement.server_no_context_takeover;
    deflate->client_no_context_takeover = agreement.client_no_context_takeover;
    return deflate;
}

void fr_deflate_close(struct fr_deflate *deflate)
{
    close_deflater(deflate);
    close_inflater(deflate);
    fr_free(deflate);
}

/* zlib counts in 32 bits. */
static unsigned countable(size_t len)
{
    return len < (1u << 30) ? (unsigned)len : 1u << 30;
}

/* ---- compressing ---- */

/* Room for all of a small message at once, and for a large one in steps. */
static size_t compressed_room(z_stream *stream, size_t len)
{
    return len < STEP_BYTES_MAX ? (size_t)deflateBound(stream, (uLong)len) + FLUSH_BYTES : STEP_BYTES_MAX;
}

static int deflate_piece(z_stream *stream, fr_span piece, int flush, struct fr_buffer *out)
{
    stream->next_in = (const Bytef *)piece.data;
    stream->avail_in = (unsigned)piece.len;
    do {
        size_t room = compressed_room(stream, stream->avail_in);
        char *to = fr_buffer_reserve(out, room);
        if (!to)
            return FR_E_LIMIT;
        stream->next_out = (Bytef *)to;
        stream->avail_out = (unsigned)room;
        int status = deflate(stream, flush);
        assert(status == Z_OK || status == Z_BUF_ERROR);
        (void)status;
        out->len += room - stream->avail_out;
    } while (stream->avail_out == 0);
    assert(stream->avail_in == 0);
    return 0;
}

int fr_deflate_compress(struct fr_deflate *deflate, fr_span message, struct fr_buffer *out)
{
    if (message.len == 0) /* zlib does not flush twice; section 7.2.3.6 */
        return fr_buffer_append(out, FR_SPAN("\0"));
    if (!deflate->deflater)
        deflate->deflater = open_deflater(deflate->server_window_bits);
    int error = 0;
    while (!error && message.len) {
        fr_span piece = fr_span_slice(message, 0, countable(message.len));
        message = fr_span_skip(message, piece.len);
        error = deflate_piece(deflate->deflater, piece, message.len ? Z_NO_FLUSH : Z_SYNC_FLUSH, out);
    }
    /* After a failure it refers to bytes that the peer will never see. */
    if (error || deflate->server_no_context_takeover)
        close_deflater(deflate);
    if (error)
        return error;
    assert(out->len >= TAIL.len && memcmp(out->data + out->len - TAIL.len, TAIL.data, TAIL.len) == 0);
    out->len -= TAIL.len;
    return 0;
}

/* ---- decompressing ---- */

/* After a block that said it was the last, another stream follows, which may refer to what came before. */
static void continue_after_end(struct fr_deflate *deflate)
{
    Bytef *window = fr_alloc((size_t)1 << deflate->client_window_bits);
    unsigned len = 0;
    int status = inflateGetDictionary(deflate->inflater, window, &len);
    assert(status == Z_OK);
    status = inflateReset(deflate->inflater);
    assert(status == Z_OK);
    status = inflateSetDictionary(deflate->inflater, window, len);
    assert(status == Z_OK);
    (void)status;
    fr_free(window);
    deflate->stream_ended = false;
}

static size_t decompressed_room(const struct fr_buffer *out, size_t compressed_len)
{
    size_t left = out->len_max - out->len;
    size_t room = out->capacity - out->len > STEP_BYTES_MIN ? out->capacity - out->len : 4 * compressed_len;
    room = room < STEP_BYTES_MIN ? STEP_BYTES_MIN : room > STEP_BYTES_MAX ? STEP_BYTES_MAX : room;
    return room < left ? room : left;
}

/* One call of zlib. With the buffer at its limit, it gets one byte more: if it needs that, the message is too big. */
static int inflate_some(z_stream *stream, int flush, struct fr_buffer *out, int *status)
{
    Bytef excess;
    size_t room = decompressed_room(out, stream->avail_in);
    char *to = room ? fr_buffer_reserve(out, room) : NULL;
    stream->next_out = to ? (Bytef *)to : &excess;
    stream->avail_out = to ? (unsigned)room : 1;
    *status = inflate(stream, flush);
    if (to)
        out->len += room - stream->avail_out;
    else if (stream->avail_out == 0)
        return FR_E_LIMIT;
    return *status == Z_OK || *status == Z_STREAM_END || *status == Z_BUF_ERROR ? 0 : FR_E_DEFLATE;
}

/* Z_BUF_ERROR is no error here: all is read and said, and what it says of the place is no news. */
static int inflate_piece(struct fr_deflate *deflate, fr_span piece, int flush, struct fr_buffer *out)
{
    z_stream *stream = deflate->inflater;
    int error = 0, status = Z_OK;
    stream->next_in = (const Bytef *)piece.data;
    stream->avail_in = (unsigned)piece.len;
    stream->avail_out = 1;
    while (!error && status != Z_BUF_ERROR && (stream->avail_in || stream->avail_out == 0)) {
        if (deflate->stream_ended)
            continue_after_end(deflate);
        error = inflate_some(stream, flush, out, &status);
        deflate->stream_ended = status == Z_STREAM_END;
        if (status == Z_OK)
            deflate->at_block_end = stream->data_type & 128;
        if (deflate->stream_ended)
            stream->avail_out = 1; /* it has said all */
    }
    return error;
}

/* With Z_BLOCK zlib stops before the head of a block, and says so. Nothing else may be the end of a message: the next
 * one would be read as the rest of this. */
static int inflate_tail(struct fr_deflate *deflate, struct fr_buffer *out)
{
    if (deflate->stream_ended)
        return 0;
    int error = inflate_piece(deflate, TAIL, Z_BLOCK, out);
    if (error)
        return error;
    return deflate->at_block_end && deflate->inflater->avail_in == 0 ? 0 : FR_E_DEFLATE;
}

int fr_deflate_decompress(struct fr_deflate *deflate, fr_span piece, bool last, struct fr_buffer *out)
{
    int error = 0;
    if (!deflate->inflater)
        deflate->inflater = open_inflater(deflate->client_window_bits);
    while (!error && piece.len) {
        fr_span part = fr_span_slice(piece, 0, countable(piece.len));
        piece = fr_span_skip(piece, part.len);
        error = inflate_piece(deflate, part, Z_SYNC_FLUSH, out);
    }
    if (!error && last)
        error = inflate_tail(deflate, out);
    if (error || (last && deflate->client_no_context_takeover))
        close_inflater(deflate);
    return error;
}
