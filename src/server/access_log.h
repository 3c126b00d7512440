/* server/access_log.h - One line per exchange, in the common or combined format, written in batches.
 *
 * The line is that of Apache and gunicorn:
 *   host - - [day/Mon/year:hh:mm:ss +zone] "request line" status bytes "referer" "user agent"
 * the last two in the combined format only. What the peer chose is escaped (quote, backslash, control and
 * non-ASCII bytes as \xHH), so that it can end neither its quotes nor the line. A response without body logs "-" as
 * bytes; one that was never answered, because the peer left, logs 499; a refused request logs "-" as its line.
 *
 * The loop does not wait for a slow reader: what a pipe does not take is kept, up to 1 MiB; beyond, lines
 * are dropped and counted in the server's log. */
#ifndef FR_SERVER_ACCESS_LOG_H
#define FR_SERVER_ACCESS_LOG_H

#include "base/log.h"
#include "http/exchange.h"
#include "net/loop.h"
#include "server/config.h"

/* Written when this much is gathered, or one second after the first line of it. */
#define FR_ACCESS_LOG_BATCH_BYTES (32 * 1024)
#define FR_ACCESS_LOG_AGE_MS 1000

/* Kept at most, while the descriptor takes nothing. */
#define FR_ACCESS_LOG_KEPT_BYTES_MAX (1024 * 1024)

struct fr_access_log;

/* Writes to `fd`, which stays the caller's. `format` is not FR_ACCESS_OFF. */
struct fr_access_log *fr_access_log_open(struct fr_loop *loop, int fd, enum fr_access_format format,
                                         const struct fr_log *log);

/* The head has arrived: keeps a copy of what the line needs in exchange->observer_data. */
void fr_access_log_begin(struct fr_access_log *access, struct fr_exchange *exchange);

/* The exchange is over: one line. Frees what begin kept. The exchange may have left its protocol, and with it
 * `peer`, which is therefore given. */
void fr_access_log_end(struct fr_access_log *access, const struct fr_peer *peer, struct fr_exchange *exchange);

/* A request that was refused before it could begin. */
void fr_access_log_refuse(struct fr_access_log *access, const struct fr_peer *peer, int status);

/* Writes what is gathered, as far as the descriptor takes it now. */
void fr_access_log_flush(struct fr_access_log *access);

/* Lines that were dropped so far. */
uint64_t fr_access_log_dropped(const struct fr_access_log *access);

/* Writes what is left, waiting half a second for a slow reader, and frees. */
void fr_access_log_close(struct fr_access_log *access);

#endif
