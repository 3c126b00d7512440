/* http2/frame_reader.h - Where one frame ends and the next begins. RFC 9113 section 4.1.
 *
 * Looks at frames before nghttp2 does: for the guard, which counts them, and so that the session can stop after each
 * frame that means something. Takes no notice of what is in them, and never disagrees about lengths. */
#ifndef FR_HTTP2_FRAME_READER_H
#define FR_HTTP2_FRAME_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define FR_FRAME_HEAD_BYTES 9
#define FR_FRAME_BYTES_MAX 16384 /* of a payload: what we announce is the least (section 6.5.2) */

enum fr_frame_event {
    FR_FRAME_MORE,    /* all bytes are taken; nothing new */
    FR_FRAME_PREFACE, /* what lies before the first frame is complete, whatever it is */
    FR_FRAME_BEGUN,   /* the head of a frame is complete */
    FR_FRAME_ENDED    /* its payload is */
};

struct fr_frame_reader {
    uint32_t length; /* of the payload of this frame, as are the next three */
    uint32_t stream;
    uint8_t type;
    uint8_t flags;
    uint8_t preface_left; /* bytes of the preface to be skipped */
    uint8_t head_len;     /* bytes of the head that have come */
    uint8_t head[FR_FRAME_HEAD_BYTES];
    bool in_block;         /* between HEADERS and the frame with END_HEADERS, where no other frame may come */
    uint32_t payload_left; /* bytes of the payload to come */
};

/* At the start of a connection: the preface comes first. */
void fr_frame_reader_init(struct fr_frame_reader *reader);

/* Takes bytes up to and with the next event, and says how many. A frame without payload has both events, the second
 * with no bytes. */
size_t fr_frame_reader_take(struct fr_frame_reader *reader, fr_span bytes, enum fr_frame_event *event);

#endif
