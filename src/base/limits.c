/* base/limits.c - The defaults of base/limits.h; they protect a server that nobody has configured. */
#include "base/limits.h"

void fr_limits_init(struct fr_limits *limits)
{
    *limits = (struct fr_limits){
        .request_line_bytes_max = 8190,
        .field_bytes_max = 8190,
        .head_bytes_max = 65536,
        .fields_max = 100,
        .body_bytes_max = UINT64_C(1) << 30,
        .chunk_extension_bytes_max = 256,
        .trailer_bytes_max = 8190,
        .connections_max = 10000,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .write_timeout_ms = 30000,
        .keep_alive_timeout_ms = 5000,
        .linger_timeout_ms = 2000,
        .tls_handshake_timeout_ms = 10000,
        .tls_handshakes_max = 1024,
        .h2_streams_max = 100,
        .h2_window_bytes = 262144,
        .h2_header_table_bytes = 4096,
        .ws_message_bytes_max = 16 << 20,
        .ws_ping_interval_ms = 20000,
        .ws_ping_timeout_ms = 20000,
        .ws_close_timeout_ms = 10000,
        .ws_deflate_window_bits = 12,
        .ws_deflate_takeover = 1,
        .ws_queue_messages_max = 32,
        .write_high_bytes = 65536,
        .write_low_bytes = 16384,
    };
}
