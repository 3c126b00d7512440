/* python/process_copy.h - The end of a process that an application has forked.
 *
 * It comes back to the server when it ends by sys.exit() or fails. It must not answer in place of its parent, whose
 * sockets it shares: it ends, as it wanted to, without letting go of anything. */
#ifndef FR_PYTHON_PROCESS_COPY_H
#define FR_PYTHON_PROCESS_COPY_H

#include "python/compat.h"

/* Ends the process with the status that a SystemExit says, or 1 for any other `exception`, which is given to
 * `log_exception`(sentence, exception), or, when that is NULL, to sys.unraisablehook. */
_Noreturn void fr_process_copy_end(PyObject *exception, PyObject *log_exception);

#endif
