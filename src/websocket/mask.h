/* websocket/mask.h - Taking the mask off a payload, many bytes at a time (RFC 6455 section 5.3).
 *
 * Masking is its own inverse. One function per instruction set, all of which answer alike; which one is used is a
 * load and a test for each call (base/cpu.h). */
#ifndef FR_WEBSOCKET_MASK_H
#define FR_WEBSOCKET_MASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "websocket/frame.h"

/* Writes `len` bytes at `from`, without the mask, to `to`: the same place, or one that does not overlap it. `offset`
 * is how many bytes of the payload came before these. */
void fr_mask_apply(char *to, const char *from, size_t len, const unsigned char key[FR_FRAME_KEY_BYTES],
                   uint64_t offset);

/* The same by a given instruction set: `key` is as four bytes in memory and already turned to where the bytes begin. */
typedef void fr_mask_function(char *to, const char *from, size_t len, uint32_t key);

/* The one for `simd`, or NULL when this build or this machine lacks it. */
fr_mask_function *fr_mask_of(enum fr_cpu_simd simd);

#endif
