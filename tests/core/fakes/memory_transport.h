/* tests/core/fakes/memory_transport.h - Pairs of sockets in memory: every byte, and every moment, is the test's.
 *
 * An end is a small number, like a descriptor. It is either opened as a socket (fr_transport_memory.open) or
 * played by the test with the functions below. Nothing happens outside of a turn: fr_loop_turn(loop, 0) hands out
 * what there is. What is received lies in a block of exactly its size, so reading past it is seen by ASan. */
#ifndef FR_TESTS_MEMORY_TRANSPORT_H
#define FR_TESTS_MEMORY_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "net/loop.h"
#include "net/transport.h"

extern const struct fr_transport_ops fr_transport_memory;

/* As many bytes may be on their way to an end until memory_set_capacity says otherwise. */
#define MEMORY_CAPACITY_BYTES 65536

/* A connected pair in a loop of fr_transport_memory. Ends that are never opened go with the loop. */
void memory_pair(struct fr_loop *loop, int ends[2]);

/* How many bytes `end` holds unread before the other end's flush() has to wait; 0: it takes nothing. */
void memory_set_capacity(struct fr_loop *loop, int end, size_t bytes);

/* As the peer that plays `end`: sends (whatever the capacity), shuts down its direction, tears the connection. */
void memory_send(struct fr_loop *loop, int end, fr_span bytes);
void memory_end(struct fr_loop *loop, int end);
void memory_reset(struct fr_loop *loop, int end);

/* Takes at most `len_max` bytes of what has arrived; borrowed until the next call for this end. */
fr_span memory_take(struct fr_loop *loop, int end, size_t len_max);

/* The other end has shut down or closed, and everything before that was taken. */
bool memory_has_ended(struct fr_loop *loop, int end);

/* The other end has been closed. */
bool memory_has_closed(struct fr_loop *loop, int end);

/* How often a flush() has moved bytes to this end. */
unsigned memory_flushes(struct fr_loop *loop, int end);

/* The socket on the other end is being read from. */
bool memory_is_read(struct fr_loop *loop, int end);

#endif
