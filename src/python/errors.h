/* python/errors.h - From enum fr_error to a Python exception; the only converter of that direction. */
#ifndef FR_PYTHON_ERRORS_H
#define FR_PYTHON_ERRORS_H

#include "base/error.h"
#include "python/compat.h"

/* Raises the exception that `error` stands for: "<doing>: <sentence>". */
void fr_errors_raise(int error, const char *doing);

/* Room for what the core complains of: one sentence, in UTF-8. */
#define FR_COMPLAINT_BYTES 512

/* Raises a ValueError that says what the core has complained of, in UTF-8. */
void fr_errors_complain(const char *complaint);

/* Hands the exception in flight to sys.unraisablehook, when there is one: for callbacks from the loop, which
 * nobody can raise through. `culprit` is named there; it may be NULL. */
void fr_errors_drop(PyObject *culprit);

#endif
