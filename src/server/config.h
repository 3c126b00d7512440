/* server/config.h - Everything a worker is told, as plain C; filled by python/ or by a test.
 *
 * Read-only after fr_worker_open; the caller keeps it, and what it points to, alive until
 * fr_worker_close. */
#ifndef FR_SERVER_CONFIG_H
#define FR_SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"
#include "base/log.h"
#include "http/application.h"
#include "http/message.h"
#include "tls/options.h"

struct fr_loop;
struct fr_stats;

enum fr_access_format { FR_ACCESS_OFF, FR_ACCESS_COMMON, FR_ACCESS_COMBINED };

struct fr_bind {
    int fd;                   /* a listening socket, the caller's */
    struct fr_endpoint local; /* what SERVER_NAME and SERVER_PORT say */
    bool unix_socket;
    uint16_t redirect_port; /* plain HTTP whose every request is sent to https:// at this port; 0: an ordinary bind */
};

struct fr_config {
    const struct fr_bind *binds;
    size_t bind_count;
    struct fr_application *application;
    struct fr_limits limits;
    const struct fr_tls_options *tls;      /* NULL: plain */
    const struct fr_tls_options *tls_kept; /* to open with when these cannot be used; NULL: nothing. Read never again */
    bool tls_watch_files;                  /* files of `tls` are read again when they change */
    bool http1, http2;                     /* what is spoken; both: ALPN, or the preface, decides; neither: HTTP/1.1 */
    struct fr_log log;
    const char *transport;     /* "auto", "uv" or "uring" */
    const char *server_header; /* NULL: none */
    bool date_header;
    enum fr_access_format access_format;
    int access_fd;                /* where access lines go; -1 when off */
    struct fr_stats *stats;       /* the worker's slot in the shared mapping; NULL: a private one */
    struct fr_loop *loop;         /* somebody else's, who turns and closes it; NULL: a loop of the worker's own */
    void (*stopped)(void *owner); /* the worker is STOPPED; from inside a turn or a call of the worker's. May be NULL */
    void *owner;
};

#endif
