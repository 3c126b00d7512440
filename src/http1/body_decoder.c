/* http1/body_decoder.c - Where the body of a request ends, byte by byte. RFC 9112 sections 6 and 7.
 *
 * The rules of the file: body bytes are never looked at, only counted; everything around them is a machine that
 * takes one byte at a time and refuses what the grammar does not allow, because a lenient reading here and a
 * different one in a proxy is how requests are smuggled. Chunk extensions and trailers are checked, then
 * dropped. */
#include "http1/body_decoder.h"

#include <assert.h>

#include "http/headers.h"
#include "http/message.h"

enum state {
    STATE_LENGTH,      /* `left` bytes of a sized body */
    STATE_SIZE_START,  /* the first digit of a chunk size */
    STATE_SIZE,        /* another digit, or what may follow it */
    STATE_SIZE_SPACE,  /* white space behind the size: an extension must come */
    STATE_EXTENSION,   /* outside quotes */
    STATE_QUOTED,      /* inside a quoted extension value */
    STATE_QUOTED_PAIR, /* behind a backslash in it */
    STATE_SIZE_END,    /* LF of the size line */
    STATE_DATA,        /* `left` bytes of a chunk */
    STATE_DATA_CR,     /* CR behind the chunk */
    STATE_DATA_LF,     /* and its LF */
    STATE_LINE,        /* start of a trailer line, or CR of the last line */
    STATE_NAME,        /* in a trailer's name */
    STATE_VALUE,       /* in a trailer's value */
    STATE_VALUE_LF,    /* LF of a trailer line */
    STATE_LAST_LF,     /* LF of the last line */
    STATE_DONE
};

#define SIZE_DIGITS_MAX 16 /* of 64 bits; leading zeros count, or they could go on for ever */

void fr_body_decoder_init(struct fr_body_decoder *decoder, int64_t length)
{
    assert(length == FR_BODY_CHUNKED || length > 0);
    *decoder = (struct fr_body_decoder){.chunked = length == FR_BODY_CHUNKED};
    decoder->state = decoder->chunked ? STATE_SIZE_START : STATE_LENGTH;
    decoder->left = decoder->chunked ? 0 : (uint64_t)length;
}

bool fr_body_decoder_is_done(const struct fr_body_decoder *decoder)
{
    return decoder->state == STATE_DONE;
}

static int hex_value(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool is_control(unsigned char byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

static bool is_token_byte(unsigned char byte)
{
    return fr_is_token(fr_span_of((const char *)&byte, 1));
}

static int take_size_digit(struct fr_body_decoder *decoder, int digit)
{
    if (decoder->line_bytes >= SIZE_DIGITS_MAX)
        return FR_E_CHUNK_SIZE;
    decoder->line_bytes++;
    decoder->left = decoder->left << 4 | (unsigned)digit;
    decoder->state = STATE_SIZE;
    return 0;
}

/* Behind the digits: the extension's bytes are counted from here. */
static int end_size(struct fr_body_decoder *decoder, unsigned char byte)
{
    decoder->line_bytes = 0;
    if (byte == '\r')
        decoder->state = STATE_SIZE_END;
    else if (byte == ';')
        decoder->state = STATE_EXTENSION;
    else if (byte == ' ' || byte == '\t')
        decoder->state = STATE_SIZE_SPACE;
    else
        return byte == '\n' ? FR_E_LINE_ENDING : FR_E_CHUNK_SIZE;
    return 0;
}

static int take_extension_byte(struct fr_body_decoder *decoder, const struct fr_limits *limits, unsigned char byte)
{
    if (byte == '\r' && decoder->state == STATE_EXTENSION) {
        decoder->state = STATE_SIZE_END;
        return 0;
    }
    if (byte == '\n')
        return FR_E_LINE_ENDING;
    if (++decoder->line_bytes > limits->chunk_extension_bytes_max || is_control(byte))
        return FR_E_CHUNK_EXTENSION;
    switch (decoder->state) {
    case STATE_SIZE_SPACE:
        if (byte == ';')
            decoder->state = STATE_EXTENSION;
        else if (byte != ' ' && byte != '\t')
            return FR_E_CHUNK_EXTENSION;
        return 0;
    case STATE_EXTENSION:
        if (byte == '"')
            decoder->state = STATE_QUOTED;
        else if (byte != ';' && byte != '=' && byte != ' ' && byte != '\t' && !is_token_byte(byte))
            return FR_E_CHUNK_EXTENSION;
        return 0;
    case STATE_QUOTED:
        if (byte == '"')
            decoder->state = STATE_EXTENSION;
        else if (byte == '\\')
            decoder->state = STATE_QUOTED_PAIR;
        return 0;
    default: /* STATE_QUOTED_PAIR */
        decoder->state = STATE_QUOTED;
        return 0;
    }
}

static int end_size_line(struct fr_body_decoder *decoder, const struct fr_limits *limits, unsigned char byte)
{
    if (byte != '\n')
        return FR_E_LINE_ENDING;
    decoder->line_bytes = 0;
    if (decoder->left == 0) {
        decoder->state = STATE_LINE;
        return 0;
    }
    if (decoder->left > limits->body_bytes_max - decoder->total)
        return FR_E_BODY_TOO_LARGE;
    decoder->state = STATE_DATA;
    return 0;
}

static int take_trailer_byte(struct fr_body_decoder *decoder, const struct fr_limits *limits, unsigned char byte)
{
    if (++decoder->line_bytes > limits->trailer_bytes_max)
        return FR_E_HEAD_TOO_LARGE;
    switch (decoder->state) {
    case STATE_LINE:
        if (byte == '\r') {
            decoder->state = STATE_LAST_LF;
            return 0;
        }
        if (byte == ' ' || byte == '\t')
            return FR_E_LINE_FOLDING;
        decoder->state = STATE_NAME;
        break;
    case STATE_NAME:
        if (byte == ':') {
            decoder->state = STATE_VALUE;
            return 0;
        }
        break;
    default: /* STATE_VALUE */
        if (byte == '\r')
            decoder->state = STATE_VALUE_LF;
        else if (is_control(byte))
            return byte == '\n' ? FR_E_LINE_ENDING : FR_E_TRAILER;
        return 0;
    }
    if (is_token_byte(byte))
        return 0;
    return byte == '\n' || byte == '\r' ? FR_E_LINE_ENDING : FR_E_TRAILER;
}

static int take_exactly(struct fr_body_decoder *decoder, unsigned char byte, unsigned char wanted, int error,
                        enum state next)
{
    if (byte != wanted)
        return error;
    decoder->state = (uint8_t)next;
    return 0;
}

/* One byte of framing. */
static int take_framing(struct fr_body_decoder *decoder, const struct fr_limits *limits, unsigned char byte)
{
    int digit;
    switch (decoder->state) {
    case STATE_SIZE_START:
        digit = hex_value(byte);
        return digit < 0 ? FR_E_CHUNK_SIZE : take_size_digit(decoder, digit);
    case STATE_SIZE:
        digit = hex_value(byte);
        return digit < 0 ? end_size(decoder, byte) : take_size_digit(decoder, digit);
    case STATE_SIZE_END:
        return end_size_line(decoder, limits, byte);
    case STATE_DATA_CR:
        return take_exactly(decoder, byte, '\r', FR_E_CHUNK_END, STATE_DATA_LF);
    case STATE_DATA_LF:
        decoder->line_bytes = 0;
        return take_exactly(decoder, byte, '\n', FR_E_CHUNK_END, STATE_SIZE_START);
    case STATE_VALUE_LF:
        return take_exactly(decoder, byte, '\n', FR_E_LINE_ENDING, STATE_LINE);
    case STATE_LAST_LF:
        return take_exactly(decoder, byte, '\n', FR_E_LINE_ENDING, STATE_DONE);
    case STATE_LINE:
    case STATE_NAME:
    case STATE_VALUE:
        return take_trailer_byte(decoder, limits, byte);
    default:
        return take_extension_byte(decoder, limits, byte);
    }
}

static bool is_at_data(const struct fr_body_decoder *decoder)
{
    return decoder->state == STATE_LENGTH || decoder->state == STATE_DATA;
}

/* The run of body bytes at the front of `input`. */
static fr_span take_data(struct fr_body_decoder *decoder, fr_span input, uint64_t body_max)
{
    uint64_t len = decoder->left < body_max ? decoder->left : body_max;
    if (len > input.len)
        len = input.len;
    decoder->left -= len;
    decoder->total += len;
    if (decoder->left == 0)
        decoder->state = decoder->chunked ? STATE_DATA_CR : STATE_DONE;
    return fr_span_slice(input, 0, (size_t)len);
}

ssize_t fr_body_decode(struct fr_body_decoder *decoder, const struct fr_limits *limits, fr_span input,
                       uint64_t body_max, fr_span *body)
{
    size_t at = 0;
    *body = (fr_span){NULL, 0};
    while (at < input.len && decoder->state != STATE_DONE) {
        if (is_at_data(decoder)) {
            if (body->len || body_max == 0)
                break; /* one run a call */
            *body = take_data(decoder, fr_span_skip(input, at), body_max);
            at += body->len;
            continue;
        }
        struct fr_body_decoder before = *decoder;
        int error = take_framing(decoder, limits, (unsigned char)input.data[at]);
        if (error) {
            if (body->len == 0)
                return error;
            *decoder = before; /* first what is good; the next call refuses */
            break;
        }
        at++;
    }
    return (ssize_t)at;
}
