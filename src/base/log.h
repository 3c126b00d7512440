/* base/log.h - Where the core says what went wrong: one function pointer per process of logging.
 *
 * The core never writes to a descriptor of its own accord. The sink belongs to the worker's
 * configuration, so two workers in one process may log apart. */
#ifndef FR_BASE_LOG_H
#define FR_BASE_LOG_H

enum fr_log_level { FR_LOG_DEBUG, FR_LOG_INFO, FR_LOG_WARNING, FR_LOG_ERROR };

struct fr_log {
    void (*write)(void *sink, enum fr_log_level level, const char *message); /* NULL: silent */
    void *sink;
    enum fr_log_level level; /* quieter messages are not formatted */
};

/* Formats one line (cut at 1 KiB, no newline at the end, control bytes replaced by '?') and hands it to
 * the sink. `log` may be NULL. */
void fr_log_print(const struct fr_log *log, enum fr_log_level level, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#endif
