/* websocket/utf8_blocks.h - UTF-8 that is not ASCII, a vector of bytes at a time.
 *
 * A help for utf8.c, which says whether a text is valid; this says how far that needs no further look. One function per
 * instruction set. */
#ifndef FR_WEBSOCKET_UTF8_BLOCKS_H
#define FR_WEBSOCKET_UTF8_BLOCKS_H

#include "base/cpu.h"
#include "base/span.h"

/* Whole characters, all valid, that `text` begins with, in bytes. Of a text that is valid fewer than 35 bytes are left,
 * of another at least the character that is wrong. */
typedef size_t fr_utf8_skip_function(fr_span text);

/* The one for `simd`; NULL when this build or this machine lacks it, and for FR_CPU_SCALAR. */
fr_utf8_skip_function *fr_utf8_skip_of(enum fr_cpu_simd simd);

#endif
