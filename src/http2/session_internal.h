/* http2/session_internal.h - What the files of http2/ know of one connection together.
 *
 * nghttp2 is never on the stack while an application, or anybody else, is called: its callbacks (engine.c) only write
 * down here what has happened, and when it has returned the session acts on that. */
#ifndef FR_HTTP2_SESSION_INTERNAL_H
#define FR_HTTP2_SESSION_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "base/list.h"
#include "http/protocol.h"
#include "http2/frame_reader.h"
#include "http2/guard.h"
#include "http2/request_head.h"
#include "http2/stream.h"

struct fr_http2_session {
    struct fr_protocol *base;
    nghttp2_session *nghttp2;
    struct fr_list streams; /* all that are open, in order of arrival */
    size_t stream_count;
    struct fr_list closed; /* those of them that nghttp2 has done with */
    struct fr_list roomy;  /* those whose application may write again */
    struct fr_frame_reader reader;
    struct fr_guard guard;
    char held[FR_FRAME_HEAD_BYTES]; /* part of a frame's head that nghttp2 has not been given */
    uint8_t held_len;

    struct fr_head_draft *draft;     /* of the block that is being decoded; NULL: none, or trailers */
    struct fr_http2_stream *drafted; /* whose draft that is */
    size_t block_bytes;              /* decoded so far, of that block */
    struct fr_http2_stream *entered; /* its head was complete in the last feed */
    struct fr_http2_stream *fed;     /* DATA came for it in the last feed, or its end */
    fr_span data;                    /* borrowed from what was fed */
    uint64_t head_due_ms;            /* when a header block that is not complete has to be */

    uint32_t fault; /* the error code of what we have found out ourselves; 0: nothing */

    bool busy;           /* receive() or signal() is on the stack, and settles when it returns */
    bool dead;           /* close() was called while busy: freed when that returns */
    bool flooded;        /* the guard has said so */
    bool finishing;      /* no DATA any more, only the last words */
    bool served;         /* a request was complete once */
    bool has_priorities; /* the peer has said which answers it wants first */
    bool drained;        /* a stream has ended since the drain */
    bool peer_ended;     /* of the connection */
    bool broken;         /* nghttp2 has found the peer out, and says GOAWAY */
};

/* ---- engine.c: nghttp2 ---- */

/* Opens nghttp2's side and queues our SETTINGS. */
void fr_http2_engine_open(struct fr_http2_session *session);

void fr_http2_engine_close(struct fr_http2_session *session);

/* Has nghttp2 read `bytes`; what happened is written down. 0, FR_E_HTTP2 or FR_E_FLOOD. */
FR_CHECKED int fr_http2_engine_feed(struct fr_http2_session *session, fr_span bytes);

/* Moves frames into the outbox as long as there is room. 0, or FR_E_HTTP2 when nghttp2 cannot go on. */
FR_CHECKED int fr_http2_engine_pump(struct fr_http2_session *session);

/* The head that is being decoded is nobody's any more. */
void fr_http2_engine_drop_draft(struct fr_http2_session *session);

/* Where nghttp2 gets the bytes of answers from. */
nghttp2_data_provider fr_http2_engine_source(void);

/* ---- session.c ---- */

/* At the end of each call of the answering side: what follows from it, unless somebody below will see to that. */
void fr_http2_session_settle_later(struct fr_http2_session *session);

/* What is queued for this stream goes into frames now, so that a flush finds it. */
void fr_http2_session_pump_now(struct fr_http2_session *session);

/* EXPIRED shall come at `due_ms` or before. */
void fr_http2_session_arm(struct fr_http2_session *session, uint64_t due_ms);

#endif
