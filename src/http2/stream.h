/* http2/stream.h - One exchange on one stream. RFC 9113 sections 5, 6.9 and 8.1.
 *
 * What the application sends waits in the stream's own outbox until nghttp2 asks for it; what the peer sends beyond
 * the credit waits here too, bounded by the windows. A stream is freed when nghttp2 has closed it, and the
 * application has let go. */
#ifndef FR_HTTP2_STREAM_H
#define FR_HTTP2_STREAM_H

#include "base/list.h"
#include "base/outbox.h"
#include "http/protocol.h"

struct fr_http2_session;
struct fr_field_block;

struct fr_http2_stream {
    struct fr_exchange exchange;
    struct fr_http2_session *session; /* valid as long as exchange.protocol */
    struct fr_pool *pool;             /* outlives the session */
    struct fr_outbox outbox;          /* body bytes on their way into frames */
    struct fr_outbox waiting;         /* body bytes that nobody has asked for yet */
    struct fr_list node;              /* in session->streams */
    struct fr_list event;             /* in session->closed or session->roomy */
    struct fr_field_block *trailers;  /* to be sent behind the body */
    uint64_t received_ms;             /* the body's last progress */
    uint64_t sent_ms;                 /* the answer's */
    uint64_t body_bytes;              /* all that came */
    int32_t id;
    uint32_t error_code;  /* of its end */
    bool begun;           /* the application knows of it */
    bool request_ended;   /* END_STREAM has come */
    bool body_unwanted;   /* what still comes is dropped */
    bool awaits_continue; /* it expects 100, which was not sent, and no byte of its body has come */
    bool headed;          /* the final head is submitted */
    bool ended;           /* all of the answer is in the outbox */
    bool cut;             /* the answer is to be seen cut, behind what is in the outbox */
    bool end_sent;        /* END_STREAM has gone */
    bool was_reset;       /* RST_STREAM is on its way */
    bool lingering;       /* and the request's is awaited, until `received_ms` is too long ago */
    bool deferred;        /* nghttp2 waits for bytes */
    bool is_wide;         /* its window has grown */
    bool giving;          /* its application is being given bytes of the body */
    bool in_pieces;       /* its answer did not come whole */
    bool excess;          /* its trailers are too long */
    bool closed;          /* nghttp2 has done with it */
};

/* ---- for the session ---- */

/* A stream that begins, in session->streams. */
struct fr_http2_stream *fr_http2_stream_open(struct fr_http2_session *session, int32_t id);

/* Its head is complete: begins the exchange, or refuses the request. */
void fr_http2_stream_enter(struct fr_http2_stream *stream);

/* Bytes of its body, and its end if that has come. */
void fr_http2_stream_take(struct fr_http2_stream *stream, fr_span bytes);

/* nghttp2 has closed it, or the session ends: aborts what is not complete, and lets go. */
void fr_http2_stream_drop(struct fr_http2_stream *stream, enum fr_close_reason reason);

/* When it has to make progress next; 0: nobody waits for the peer. */
uint64_t fr_http2_stream_due_ms(const struct fr_http2_stream *stream);

/* It made none in time: ends it, unless it is not the peer that is late. */
void fr_http2_stream_expire(struct fr_http2_stream *stream);

/* The peer sends no more, on any stream. */
void fr_http2_stream_peer_end(struct fr_http2_stream *stream);

/* Its answer has gone, and the request goes on: what is left of it is waited for a little, or not. */
void fr_http2_stream_linger(struct fr_http2_stream *stream);

/* Its answer waits for a window, its own or that of all. */
bool fr_http2_stream_is_held_back(const struct fr_http2_stream *stream);

/* The peer cannot be served any more on this stream: resets and drops it. */
void fr_http2_stream_give_up(struct fr_http2_stream *stream);

/* Trailers to be submitted when the body has been; gives back their memory. */
void fr_http2_stream_submit_trailers(struct fr_http2_stream *stream);

/* ---- the answering side of the protocol ---- */

FR_CHECKED int fr_http2_stream_respond(struct fr_exchange *exchange, const struct fr_response_head *head);
FR_CHECKED int fr_http2_stream_send(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last);
FR_CHECKED int fr_http2_stream_trailers(struct fr_exchange *exchange, const struct fr_response_header *trailers,
                                        size_t count);
void fr_http2_stream_credit(struct fr_exchange *exchange);
void fr_http2_stream_reset(struct fr_exchange *exchange);
void fr_http2_stream_release(struct fr_exchange *exchange);

#endif
