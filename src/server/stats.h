/* server/stats.h - A worker's counters: one writer per slot, any number of readers.
 *
 * A slot may live in a mapping shared with the parent, so it holds plain 64-bit numbers, is written by
 * one thread with relaxed stores and read without locks. Append only: readers know the order. */
#ifndef FR_SERVER_STATS_H
#define FR_SERVER_STATS_H

#include <stdint.h>

/* X(name) */
#define FR_STATS_LIST(X)                                                                        \
    X(connections_accepted) /* since start */                                                   \
    X(connections_open)     /* now */                                                           \
    X(connections_refused)  /* over the limit */                                                \
    X(requests_begun)       /* heads handed to the application */                               \
    X(requests_open)        /* now */                                                           \
    X(requests_refused)     /* answered by the protocol itself */                               \
    X(responses_1xx)        /* by the status of the final head sent */                          \
    X(responses_2xx)                                                                            \
    X(responses_3xx)                                                                            \
    X(responses_4xx)                                                                            \
    X(responses_5xx)                                                                            \
    X(responses_cut)  /* aborted after the head, or never answered */                           \
    X(bytes_received) /* these two without what TLS adds */                                     \
    X(bytes_sent)                                                                               \
    X(turns)                 /* of the loop */                                                  \
    X(beat_ms)               /* the loop's clock when it last turned, once a second at least */ \
    X(tls_handshakes)        /* completed */                                                    \
    X(tls_handshakes_failed) /* broken, too slow, or given up for others */                     \
    X(tls_handshakes_open)   /* now */                                                          \
    X(tls_resumed)           /* of those completed, by a session ticket */

struct fr_stats {
#define X(name) uint64_t name;
    FR_STATS_LIST(X)
#undef X
};

/* One store that a reader in another process sees whole. */
#define FR_STATS_ADD(stats, name, amount) \
    __atomic_store_n(&(stats)->name, (stats)->name + (uint64_t)(amount), __ATOMIC_RELAXED)
#define FR_STATS_SET(stats, name, value) __atomic_store_n(&(stats)->name, (uint64_t)(value), __ATOMIC_RELAXED)

#endif
