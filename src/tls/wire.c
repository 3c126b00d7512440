/* tls/wire.c - The BIO between OpenSSL and our spans and outboxes.
 *
 * OpenSSL asks for the five bytes in front of a record and then for exactly the rest (read-ahead is off), so nothing
 * of a later record lies in its buffers. RFC 8446 section 5.1. */
#include "tls/wire.h"

#include "tls/errors.h"

/* A type of record, and one of message; RFC 8446 appendix B. */
#define HANDSHAKE 22
#define CLIENT_HELLO 1

/* Until another message comes, all of them are hellos: one, or two when the first was not to our liking. Wherever
 * records are cut, four bytes in front of a message say what it is and how long it is going to be. */
static void follow_hellos(struct fr_tls_wire *wire, fr_span bytes)
{
    while (bytes.len && !wire->greeted) {
        size_t len = bytes.len < wire->message_left ? bytes.len : wire->message_left;
        if (len) {
            wire->message_left -= (uint32_t)len;
            bytes = fr_span_skip(bytes, len);
            continue;
        }
        wire->message = wire->message << 8 | (uint8_t)bytes.data[0];
        bytes = fr_span_skip(bytes, 1);
        if (++wire->message_seen < 4)
            continue;
        wire->message_seen = 0;
        wire->message_left = wire->message & 0xffffff;
        wire->greeted = wire->message >> 24 != CLIENT_HELLO;
        if (!wire->greeted && wire->message_left > FR_TLS_WIRE_HELLO_MAX)
            wire->refused = "a hello of more than 32 KiB";
    }
}

/* Follows the framing, for the sake of counting. */
static void note(struct fr_tls_wire *wire, fr_span bytes)
{
    while (bytes.len) {
        if (wire->body_left) {
            size_t len = bytes.len < wire->body_left ? bytes.len : wire->body_left;
            if (!wire->greeted && wire->head[0] == HANDSHAKE)
                follow_hellos(wire, fr_span_slice(bytes, 0, len));
            wire->body_left -= (uint32_t)len;
            bytes = fr_span_skip(bytes, len);
            continue;
        }
        wire->head[wire->head_len++] = (uint8_t)bytes.data[0];
        bytes = fr_span_skip(bytes, 1);
        if (wire->head_len == sizeof wire->head) {
            wire->head_len = 0;
            wire->body_left = (uint32_t)wire->head[3] << 8 | wire->head[4];
            wire->fruitless += FR_TLS_WIRE_COST;
            if (wire->head[0] & 0x80) /* OpenSSL would take it, framed as it is; RFC 8446 appendix D.5 */
                wire->refused = "a hello of SSL 2.0";
        }
    }
}

static int on_read(BIO *bio, char *into, size_t size, size_t *count)
{
    struct fr_tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->fruitless > wire->fruitless_max)
        wire->refused = "too many records that carry nothing";
    if (wire->refused)
        return 0;
    size_t len = size < wire->incoming.len ? size : wire->incoming.len;
    if (len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(into, wire->incoming.data, len);
    note(wire, fr_span_slice(wire->incoming, 0, len));
    wire->incoming = fr_span_skip(wire->incoming, len);
    *count = len;
    return wire->refused == NULL;
}

static int on_write(BIO *bio, const char *data, size_t len, size_t *count)
{
    struct fr_tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    fr_outbox_copy(wire->records, fr_span_of(data, len));
    *count = len;
    return 1;
}

/* OpenSSL insists on an answer to the flush at the end of a flight; 0 to all else says "unknown". */
static long on_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *fr_tls_wire_method(void)
{
    BIO_METHOD *method = fr_tls_needed(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "records"));
    BIO_meth_set_read_ex(method, on_read);
    BIO_meth_set_write_ex(method, on_write);
    BIO_meth_set_ctrl(method, on_control);
    return method;
}

BIO *fr_tls_wire_bio(BIO_METHOD *method, struct fr_tls_wire *wire)
{
    BIO *bio = fr_tls_needed(BIO_new(method));
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}
