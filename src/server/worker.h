/* server/worker.h - One loop, its listeners, its connections, its counters. The only server header that
 * python/ needs, with config.h and stats.h for what goes in and comes out. */
#ifndef FR_SERVER_WORKER_H
#define FR_SERVER_WORKER_H

#include <stdbool.h>

#include "net/loop.h"
#include "server/config.h"
#include "server/stats.h"

struct fr_worker;

enum fr_worker_state { FR_WORKER_READY, FR_WORKER_SERVING, FR_WORKER_DRAINING, FR_WORKER_STOPPED };

/* A worker with its loop and listeners, not accepting yet; NULL, *error (enum fr_error) and a line in the
 * log on failure. */
struct fr_worker *fr_worker_open(const struct fr_config *config, int *error);

/* Begins to accept. */
void fr_worker_start(struct fr_worker *worker);

/* One turn of the worker's own loop, sleeping at most `timeout_ms` (-1: until something happens). */
void fr_worker_turn(struct fr_worker *worker, int timeout_ms);

/* Stops accepting and lets every connection finish what is open; STOPPED when the last is closed.
 * Long answers are told by application->draining. Idempotent. */
void fr_worker_drain(struct fr_worker *worker);

/* Stops accepting and closes every connection now (FR_CLOSE_STOP); STOPPED when the last is closed, a
 * turn or two later. Idempotent, also after drain. */
void fr_worker_stop(struct fr_worker *worker);

/* Reads certificates and keys again, for connections to come. 0; FR_E_CERTIFICATE and one sentence in `complaint`: the
 * old ones stay; FR_E_STATE: the worker speaks no TLS. */
FR_CHECKED int fr_worker_reload_tls(struct fr_worker *worker, char *complaint, size_t size);

/* Whether a worker could be opened with these: 0, or FR_E_CERTIFICATE and one sentence in `complaint`. */
FR_CHECKED int fr_worker_check_tls(const struct fr_tls_options *options, char *complaint, size_t size);

/* How much memory the keys of session tickets need; see tls/tickets.h. */
size_t fr_worker_ticket_ring_bytes(void);

enum fr_worker_state fr_worker_state(const struct fr_worker *worker);

/* For a guest in another loop, for timers and watches of the event loop, and for waking. */
struct fr_loop *fr_worker_loop(struct fr_worker *worker);

/* The counters; the slot given in the configuration, or the private one. */
const struct fr_stats *fr_worker_stats(const struct fr_worker *worker);

/* Frees a worker that is READY or STOPPED. */
void fr_worker_close(struct fr_worker *worker);

#endif
