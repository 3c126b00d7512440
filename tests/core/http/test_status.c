/* Phrases, bodiless statuses, and a status for every error. */
#include "unit.h"

#include "base/error.h"
#include "http/status.h"

TEST(phrases)
{
    SAME(fr_status_reason(200), "OK");
    SAME(fr_status_reason(304), "Not Modified");
    SAME(fr_status_reason(413), "Content Too Large");
    SAME(fr_status_reason(431), "Request Header Fields Too Large");
    EQUAL(fr_status_reason(299).len, 0);
    EQUAL(fr_status_reason(0).len, 0);
    EQUAL(fr_status_reason(-1).len, 0);
}

TEST(statuses_without_a_body)
{
    for (int status = 100; status < 1000; status++)
        EQUAL(fr_status_is_bodiless(status), status < 200 || status == 204 || status == 304);
}

TEST(limits_have_their_own_status)
{
    EQUAL(fr_status_of_error(FR_E_REQUEST_LINE_TOO_LONG), 414);
    EQUAL(fr_status_of_error(FR_E_HEAD_TOO_LARGE), 431);
    EQUAL(fr_status_of_error(FR_E_TOO_MANY_FIELDS), 431);
    EQUAL(fr_status_of_error(FR_E_BODY_TOO_LARGE), 413);
    EQUAL(fr_status_of_error(FR_E_HEAD_TIMEOUT), 408);
    EQUAL(fr_status_of_error(FR_E_BODY_TIMEOUT), 408);
    EQUAL(fr_status_of_error(FR_E_OVERLOAD), 503);
}

TEST(what_we_do_not_implement_is_not_the_peers_mistake)
{
    EQUAL(fr_status_of_error(FR_E_METHOD_REFUSED), 501);
    EQUAL(fr_status_of_error(FR_E_TRANSFER_CODING), 501);
    EQUAL(fr_status_of_error(FR_E_VERSION), 505);
    EQUAL(fr_status_of_error(FR_E_EXPECTATION), 417);
}

TEST(rules_that_a_request_breaks_are_400)
{
    static const int errors[] = {
        FR_E_REQUEST_LINE, FR_E_METHOD,    FR_E_TARGET,       FR_E_HEADER_NAME,     FR_E_HEADER_VALUE,
        FR_E_LINE_ENDING,  FR_E_HOST,      FR_E_LINE_FOLDING, FR_E_CONTENT_LENGTH,  FR_E_TRANSFER_ENCODING,
        FR_E_CHUNK_SIZE,   FR_E_CHUNK_END, FR_E_TRAILER,      FR_E_CHUNK_EXTENSION, FR_E_BODY_CUT,
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        EQUAL(fr_status_of_error(errors[i]), 400);
}

TEST(everything_else_is_ours)
{
    EQUAL(fr_status_of_error(FR_E_APPLICATION), 500);
    EQUAL(fr_status_of_error(FR_E_RESPONSE_HEAD), 500);
    EQUAL(fr_status_of_error(-1), 500);
}

TEST(every_error_has_a_status_with_a_phrase)
{
    for (int error = FR_E_FIRST_ + 1; error < FR_E_END_; error++)
        IS(fr_status_reason(fr_status_of_error(error)).len > 0);
}
