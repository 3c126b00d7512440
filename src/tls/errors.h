/* tls/errors.h - OpenSSL's queue of errors: empty before we ask, empty when we leave; and complaints in a sentence.
 *
 * The queue belongs to the thread, and Python's ssl module looks into the same one. */
#ifndef FR_TLS_ERRORS_H
#define FR_TLS_ERRORS_H

#include <stddef.h>

/* Where a sentence for the user goes; the first one said stays. */
struct fr_tls_complaint {
    char *text;
    size_t size;
};

/* Says it, unless something has been said already. */
__attribute__((format(printf, 2, 3))) void fr_tls_complain(const struct fr_tls_complaint *complaint, const char *format,
                                                           ...);

/* Forgets whatever somebody has left in the queue. */
void fr_tls_errors_clear(void);

/* The latest reason in the queue, in OpenSSL's words and perhaps with what it adds, which is cut to fit; empties the
 * queue. "unknown" when there is none. */
void fr_tls_errors_take(char *text, size_t size);

/* What OpenSSL has made, which is NULL only when there is no memory; then aborts, as base/alloc.h does. */
void *fr_tls_needed(void *object);

#endif
