/* http1/error_response.h - The complete small answer to a request that no application will answer. */
#ifndef FR_HTTP1_ERROR_RESPONSE_H
#define FR_HTTP1_ERROR_RESPONSE_H

#include "base/error.h"
#include "http/protocol.h"

/* Queues a whole response in plain text: the status that `error` earns, its sentence, Connection: close.
 * Returns the status. */
int fr_error_response_write(struct fr_protocol *protocol, int error);

/* Why the connection closes after such an answer. */
enum fr_close_reason fr_error_response_reason(int error);

#endif
