/* http1/error_response.c: whole answers for every error that a request can earn. */
#include "http1/error_response.h"

#include "fakes/echo_application.h"
#include "fakes/wire.h"
#include "http/status.h"
#include "http1/connection.h"
#include "unit.h"

TEST(every_error_makes_a_whole_answer)
{
    struct echo_application echo;
    struct wire wire;
    echo_open(&echo, ECHO_FIXED);
    for (int error = FR_E_FIRST_ + 1; error < FR_E_END_; error++) {
        char expected[1024];
        const char *text = fr_error_text(error);
        int status = fr_status_of_error(error);
        fr_span reason = fr_status_reason(status);
        wire_open(&wire, &fr_http1, &echo.base);
        EQUAL(fr_error_response_write(wire.protocol, error), status);
        snprintf(expected, sizeof expected,
                 "HTTP/1.1 %d %.*s\r\nServer: freastal\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                 status, (int)reason.len, reason.data, strlen(text) + 1, text);
        wire_turn(&wire);
        SAME(wire_take(&wire), expected);
        wire_close(&wire);
    }
    echo_close(&echo);
}

TEST(the_peers_mistakes_are_the_peers)
{
    const int mistakes[] = {FR_E_CHUNK_SIZE, FR_E_CHUNK_EXTENSION, FR_E_CHUNK_END,
                            FR_E_TRAILER,    FR_E_LINE_ENDING,     FR_E_LINE_FOLDING};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        EQUAL(fr_status_of_error(mistakes[i]), 400);
        EQUAL(fr_error_response_reason(mistakes[i]), FR_CLOSE_BAD_REQUEST);
    }
}

TEST(the_reason_names_what_ran_out)
{
    EQUAL(fr_error_response_reason(FR_E_HEAD_TIMEOUT), FR_CLOSE_HEAD_TIMEOUT);
    EQUAL(fr_error_response_reason(FR_E_BODY_TIMEOUT), FR_CLOSE_BODY_TIMEOUT);
    EQUAL(fr_error_response_reason(FR_E_HEAD_TOO_LARGE), FR_CLOSE_LIMIT);
    EQUAL(fr_error_response_reason(FR_E_TOO_MANY_FIELDS), FR_CLOSE_LIMIT);
    EQUAL(fr_error_response_reason(FR_E_REQUEST_LINE_TOO_LONG), FR_CLOSE_LIMIT);
    EQUAL(fr_error_response_reason(FR_E_BODY_TOO_LARGE), FR_CLOSE_LIMIT);
}
