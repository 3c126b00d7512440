/* tls/context.h - What all TLS connections of a worker share: certificates, trust, ALPN, tickets.
 *
 * Read from its files when it is opened and never again: new certificates are a new context. Streams keep the one
 * they began with alive, so that it may be closed as soon as the next one is there. One thread; it may be opened in
 * another one, but has to be closed where its streams were: OpenSSL keeps random numbers by thread, in the context. */
#ifndef FR_TLS_CONTEXT_H
#define FR_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "tls/options.h"

struct fr_tls_context;

/* Reads and checks everything. NULL, and in `complaint` (of `size` bytes) one sentence that names the file and what is
 * wrong with it: not there, not PEM, a key that does not belong, a wrong password, no certificate. When it can be used
 * and will yet disappoint somebody (it has expired, its chain is out of order), the sentence is a warning; else it is
 * empty. */
struct fr_tls_context *fr_tls_context_open(const struct fr_tls_options *options, char *complaint, size_t size);

/* Some file that it was read from is another one now (time, size or inode), or has gone. */
bool fr_tls_context_is_stale(const struct fr_tls_context *context);

/* Lets go of it; freed with the last stream that was opened from it. */
void fr_tls_context_close(struct fr_tls_context *context);

#endif
