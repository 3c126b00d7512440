/* tls/errors.c - OpenSSL's queue of errors, and complaints in a sentence.
 *
 * Does not know what was attempted; whoever complains puts that in front. */
#include "tls/errors.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fr_tls_complain(const struct fr_tls_complaint *complaint, const char *format, ...)
{
    if (complaint->size == 0 || complaint->text[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint->text, complaint->size, format, arguments);
    va_end(arguments);
}

/* To clear is a loop over all places of the queue; to look is not. */
void fr_tls_errors_clear(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

void fr_tls_errors_take(char *text, size_t size)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long error = ERR_peek_last_error_data(&data, &flags);
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    if (reason && data && (flags & ERR_TXT_STRING) && *data)
        snprintf(text, size, "%s (%s)", reason, data);
    else
        snprintf(text, size, "%s", reason ? reason : "unknown");
    ERR_clear_error();
}

void *fr_tls_needed(void *object)
{
    if (!object)
        abort();
    return object;
}
