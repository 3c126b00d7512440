/* http1/body_decoder.h - Framed bytes to body bytes: Content-Length, chunked, trailers. RFC 9112 sections 6, 7.
 *
 * Resumable at every byte, keeps no bytes itself, allocates nothing. */
#ifndef FR_HTTP1_BODY_DECODER_H
#define FR_HTTP1_BODY_DECODER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/span.h"

struct fr_body_decoder {
    uint64_t left;       /* of the body, or of this chunk */
    uint64_t total;      /* body bytes handed out */
    uint32_t line_bytes; /* of this chunk's extension, or of all trailers */
    uint8_t state;
    bool chunked;
};

/* `length` as fr_request_head.body_length, not FR_BODY_NONE. */
void fr_body_decoder_init(struct fr_body_decoder *decoder, int64_t length);

/* Takes bytes off the front of `input` and points `*body` at the body bytes among them (perhaps none;
 * at most `body_max`, and part of `input`). Returns how many bytes were taken, framing included (0 is
 * possible only when input is empty or body_max is 0), or a negative enum fr_error. Call until it takes nothing or is
 * done. Trailers are checked and dropped. */
FR_CHECKED ssize_t fr_body_decode(struct fr_body_decoder *decoder, const struct fr_limits *limits, fr_span input,
                                  uint64_t body_max, fr_span *body);

/* The end was reached; what follows belongs to the next request. */
bool fr_body_decoder_is_done(const struct fr_body_decoder *decoder);

#endif
