/* base/log.c - Formats a line for whoever listens; it does not know where lines go. */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_BYTES_MAX 1024

/* A message may quote the peer, who must not be able to forge a line or to move the reader's cursor. */
static void replace_control_bytes(char *line)
{
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
}

void fr_log_print(const struct fr_log *log, enum fr_log_level level, const char *format, ...)
{
    if (!log || !log->write || level < log->level)
        return;
    char line[LINE_BYTES_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len < 0)
        return; /* an argument that cannot be encoded: there is nothing to say */
    replace_control_bytes(line);
    log->write(log->sink, level, line);
}
