/* base/error.c - Turns the numbers of base/error.h into words; the table itself is in the header. */
#include "base/error.h"

#include <stddef.h>

struct words {
    const char *name, *sentence;
};

/* clang-format off */
#define X(name, sentence) {#name, sentence},
static const struct words errors[] = {FR_ERROR_LIST(X)};
static const struct words reasons[] = {{"NONE", "not closed"}, FR_CLOSE_LIST(X)};
#undef X
/* clang-format on */

static const struct words no_error = {"OK", "no error"};
static const struct words unknown = {"UNKNOWN", "unknown"};

static const struct words *describe_error(int error)
{
    if (error == FR_OK)
        return &no_error;
    return error > FR_E_FIRST_ && error < FR_E_END_ ? &errors[error - FR_E_FIRST_ - 1] : &unknown;
}

static const struct words *describe_reason(enum fr_close_reason reason)
{
    return (size_t)reason < FR_CLOSE_END_ ? &reasons[reason] : &unknown;
}

const char *fr_error_text(int error)
{
    return describe_error(error)->sentence;
}

const char *fr_error_name(int error)
{
    return describe_error(error)->name;
}

const char *fr_close_reason_text(enum fr_close_reason reason)
{
    return describe_reason(reason)->sentence;
}

const char *fr_close_reason_name(enum fr_close_reason reason)
{
    return describe_reason(reason)->name;
}
