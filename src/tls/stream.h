/* tls/stream.h - One connection's TLS: records in, plaintext out, and back; the handshake.
 *
 * Works on memory: records come as spans, and leave through an outbox that the caller writes to a socket whenever
 * any of these calls has returned. One that has failed has queued its alert there, unless the bytes were refused before
 * they were read (tls/wire.h); nothing else may be asked of it then but its state and close. RFC 8446, RFC 5246. */
#ifndef FR_TLS_STREAM_H
#define FR_TLS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/outbox.h"
#include "base/span.h"
#include "base/tls_facts.h"
#include "tls/context.h"

struct fr_tls_stream;

enum fr_tls_state {
    FR_TLS_HANDSHAKE, /* neither side may speak yet */
    FR_TLS_OPEN,
    FR_TLS_ENDED, /* the peer said close_notify: it will send no more, and may still read */
    FR_TLS_LEFT,  /* the same in the middle of the handshake: nothing was agreed on, and nothing is to be said */
    FR_TLS_FAILED
};

/* The most plaintext that one call of unseal can bring: one record. */
#define FR_TLS_PLAIN_BYTES 16384

/* A server's stream that waits for a ClientHello; queues its records in `records`, which outlives it. With
 * `http1_only` ALPN offers nothing else. Never NULL. */
struct fr_tls_stream *fr_tls_stream_open(struct fr_tls_context *context, struct fr_outbox *records, bool http1_only);

/* Takes records from the front of `bytes` until there is plaintext: how much was written to `plain`, which has room
 * for `size` >= FR_TLS_PLAIN_BYTES (several records, if there are); 0 when all bytes are taken and more are needed, or
 * the peer has ended; negative: FR_E_TLS (broken; the alert is queued), FR_E_TLS_PLAIN_HTTP (the first bytes were those
 * of an HTTP request in plain text; nothing is taken, nothing queued). Look at the state afterwards. */
FR_CHECKED ssize_t fr_tls_stream_unseal(struct fr_tls_stream *stream, fr_span *bytes, char *plain, size_t size);

/* Seals what is at the front of `plain` into records, full ones but for small ones at the start of an answer (so that
 * the peer can open the first without waiting for 16 KiB; RFC 8446 section 5.1), until `plain` is empty or
 * `records_max` bytes wait. `now_ms` tells a new answer from the rest of one. Only when OPEN or ENDED. 0, or FR_E_TLS;
 * FR_E_SYSTEM when a file piece cannot be read. */
FR_CHECKED int fr_tls_stream_seal(struct fr_tls_stream *stream, struct fr_outbox *plain, size_t records_max,
                                  uint64_t now_ms);

/* Queues close_notify, once; nothing is sealed afterwards. Does nothing in HANDSHAKE, LEFT and FAILED. */
void fr_tls_stream_end(struct fr_tls_stream *stream);

enum fr_tls_state fr_tls_stream_state(const struct fr_tls_stream *stream);

/* What was agreed on by ALPN, "h2" or "http/1.1"; empty: nothing. Once OPEN. */
fr_span fr_tls_stream_alpn(const struct fr_tls_stream *stream);

/* Once OPEN; valid until close. */
const struct fr_tls_facts *fr_tls_stream_facts(const struct fr_tls_stream *stream);

/* Why it failed, for the log: "certificate verify failed: certificate has expired". */
const char *fr_tls_stream_complaint(const struct fr_tls_stream *stream);

/* Frees it; nothing is queued by this. */
void fr_tls_stream_close(struct fr_tls_stream *stream);

#endif
