/* tls/buffers.h - Which streams keep OpenSSL's buffers of 33 KiB between two records: those that were used last.
 *
 * Busy ones need not ask for memory with every record, and any number of idle ones costs no more than a few. */
#ifndef FR_TLS_BUFFERS_H
#define FR_TLS_BUFFERS_H

#include <openssl/ssl.h>

#include "base/list.h"
#include "tls/wire.h"

/* So many keep them: two megabytes. */
#define FR_TLS_BUFFERS_WARM_MAX 64

/* All streams of a context; lists are made by open. */
struct fr_tls_buffers {
    struct fr_list warm; /* the one that has rested longest first */
    unsigned warm_count;
};

/* A stream's part in it; `ssl` and `wire` are given, the rest zeroed. */
struct fr_tls_buffers_user {
    struct fr_list node;
    SSL *ssl;
    const struct fr_tls_wire *wire; /* says whether a part of a record is in them */
};

void fr_tls_buffers_open(struct fr_tls_buffers *buffers);

/* It has been used just now; another one may lose its buffers for that. */
void fr_tls_buffers_use(struct fr_tls_buffers *buffers, struct fr_tls_buffers_user *user);

/* It will be freed, with its buffers. */
void fr_tls_buffers_leave(struct fr_tls_buffers *buffers, struct fr_tls_buffers_user *user);

#endif
