/* websocket/frame.h - The head of a WebSocket frame, read as a server and written as one (RFC 6455 section 5.2).
 *
 * Knows one frame at a time: what may follow what is for the session to say. */
#ifndef FR_WEBSOCKET_FRAME_H
#define FR_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum fr_frame_opcode {
    FR_FRAME_CONTINUATION = 0,
    FR_FRAME_TEXT = 1,
    FR_FRAME_BINARY = 2,
    FR_FRAME_CLOSE = 8,
    FR_FRAME_PING = 9,
    FR_FRAME_PONG = 10
};

#define FR_FRAME_KEY_BYTES 4
#define FR_FRAME_READ_BYTES_MAX 14     /* the longest head that a client sends */
#define FR_FRAME_WRITE_BYTES_MAX 10    /* the longest head that a server sends */
#define FR_FRAME_CONTROL_BYTES_MAX 125 /* the payload of a control frame */

/* What a head says; the payload follows it. */
struct fr_frame {
    uint64_t len;                          /* of the payload, in bytes; below 2^63 */
    unsigned char opcode;                  /* an enum fr_frame_opcode */
    bool last;                             /* FIN: the message ends with this frame */
    bool compressed;                       /* RSV1: begins a compressed message (RFC 7692 section 6) */
    unsigned char key[FR_FRAME_KEY_BYTES]; /* the payload is masked with it (websocket/mask.h) */
};

/* A control frame: close, ping, pong. */
static inline bool fr_frame_is_control(unsigned char opcode);

/* Reads the head at the beginning of `bytes`. Returns its length; 0: not all of it is there, to be called again with
 * the same bytes and more; or FR_E_FRAME, as soon as the bytes that are there are wrong: a reserved bit (RSV1 is
 * allowed on text and binary frames when `compression` was agreed on), a reserved opcode, a control frame that is a
 * fragment or longer than 125 bytes, no mask, a length that is not written in the fewest bytes or has its top bit
 * set. `frame` is filled only when all of the head is there. */
FR_CHECKED int fr_frame_parse(fr_span bytes, bool compression, struct fr_frame *frame);

/* Writes the head of an unmasked frame with `len` bytes of payload, below 2^63; returns its length: 2, 4 or 10. */
size_t fr_frame_write(char head[FR_FRAME_WRITE_BYTES_MAX], enum fr_frame_opcode opcode, bool last, bool compressed,
                      uint64_t len);

/* ---- inline definitions ---- */

static inline bool fr_frame_is_control(unsigned char opcode)
{
    return opcode >= FR_FRAME_CLOSE;
}

#endif
