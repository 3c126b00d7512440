/* python/wsgi_response.h - What the application returned, sent: head, pieces, end (PEP 3333, "Buffering and
 * Streaming", "Handling the Content-Length Header"). */
#ifndef FR_PYTHON_WSGI_RESPONSE_H
#define FR_PYTHON_WSGI_RESPONSE_H

#include "python/wsgi_application.h"

enum fr_wsgi_outcome {
    FR_WSGI_DONE,   /* nothing more to do but to give the request up */
    FR_WSGI_WAITING /* writable() or the next turn goes on, by fr_wsgi_response_resume */
};

/* Answers with request->result. */
enum fr_wsgi_outcome fr_wsgi_response_answer(struct fr_wsgi_request *request);

/* Goes on where answer or resume left off. */
enum fr_wsgi_outcome fr_wsgi_response_resume(struct fr_wsgi_request *request);

/* Reports the exception in flight and answers 500, or cuts the answer when its head is gone. */
enum fr_wsgi_outcome fr_wsgi_response_fail(struct fr_wsgi_request *request);

/* write(): queues a copy of, or a reference to, `bytes`, and sends what the socket takes. 0, or -1 and an
 * exception. It cannot wait for a slow peer, so what that peer has not taken stays in memory. */
int fr_wsgi_response_write(struct fr_wsgi_request *request, PyObject *bytes);

#endif
