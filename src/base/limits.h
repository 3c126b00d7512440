/* base/limits.h - Every limit and timeout of the server, with its unit, in one struct.
 *
 * All are on by default. 0 means "no limit" only where the comment says so. Reaching one is an ordinary
 * answer or a named close reason, never a dropped socket without a word. */
#ifndef FR_BASE_LIMITS_H
#define FR_BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct fr_limits {
    size_t request_line_bytes_max;    /* 8190     414 beyond */
    size_t field_bytes_max;           /* 8190     one header line, name to value; 431 beyond */
    size_t head_bytes_max;            /* 65536    request line, fields and the empty line; 431 beyond */
    unsigned fields_max;              /* 100      431 beyond */
    uint64_t body_bytes_max;          /* 1 GiB    413 beyond */
    size_t chunk_extension_bytes_max; /* 256      of one chunk; 400 beyond */
    size_t trailer_bytes_max;         /* 8190     all trailers of one body; 431 beyond */
    unsigned connections_max;         /* 10000    per worker; 503 and Retry-After beyond; 0: no limit */

    unsigned head_timeout_ms;       /* 10000    first byte to end of head; 408 */
    unsigned body_timeout_ms;       /* 30000    without progress while a body is awaited; 408 */
    unsigned write_timeout_ms;      /* 30000    without progress while an answer is stuck; close */
    unsigned keep_alive_timeout_ms; /* 5000     between requests; close; 0: no keep-alive */
    unsigned linger_timeout_ms;     /* 2000     reading what the peer still sends after an early end */

    unsigned tls_handshake_timeout_ms; /* 10000   from accept to the end of the TLS handshake; close */
    unsigned tls_handshakes_max;       /* 1024    in progress, per worker; the oldest is closed beyond; 0: no limit */

    unsigned h2_streams_max;        /* 100      open at once, per connection; REFUSED_STREAM beyond */
    unsigned h2_window_bytes;       /* 262144   of a body that the application has asked for, per stream */
    unsigned h2_header_table_bytes; /* 4096  of HPACK, each way */

    size_t ws_message_bytes_max;     /* 16 MiB   one WebSocket message, decompressed; close 1009 beyond */
    unsigned ws_ping_interval_ms;    /* 20000    between pings to a quiet peer; 0: none */
    unsigned ws_ping_timeout_ms;     /* 20000    for the pong; close 1011 */
    unsigned ws_close_timeout_ms;    /* 10000    for the peer's close frame; then the connection is closed */
    unsigned ws_deflate_window_bits; /* 12       of permessage-deflate, 9 to 15: memory per connection; 0: off */
    unsigned ws_deflate_takeover;    /* 1        a message may refer to earlier ones; 0: no memory between messages */
    unsigned ws_queue_messages_max;  /* 32       received and not taken; then the peer has to wait */

    size_t write_high_bytes; /* 65536    an exchange is not writable above */
    size_t write_low_bytes;  /* 16384    and writable again at or below */
};

/* The defaults above. */
void fr_limits_init(struct fr_limits *limits);

#endif
