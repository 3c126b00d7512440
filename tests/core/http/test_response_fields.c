/* http/response_fields.c: what is sent, what is not, and what is refused. */
#include "http/response_fields.h"

#include "unit.h"

static enum fr_response_field look(struct fr_response_survey *survey, const char *name, const char *value, int status)
{
    const struct fr_response_header header = {fr_span_of_string(name), fr_span_of_string(value)};
    return fr_response_field_look(survey, &header, status);
}

static int survey_one(const char *name, fr_span value)
{
    const struct fr_response_header header = {fr_span_of_string(name), value};
    const struct fr_response_head head = {.status = 200, .headers = &header, .header_count = 1};
    struct fr_response_survey survey = {0};
    return fr_response_fields_survey(&survey, &head);
}

TEST(most_fields_are_plain)
{
    struct fr_response_survey survey = {0};
    const char *const names[] = {"X", "Etag", "Vary-X", "Trailer", "X-Anything", "X-Content-Type", "Access-Control-Ab"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        EQUAL(look(&survey, names[i], "1", 200), FR_RESPONSE_FIELD_PLAIN);
    IS(!survey.has_date && !survey.has_server && !survey.has_length && !survey.wants_close && !survey.upgrades);
}

TEST(what_the_server_adds_is_noticed)
{
    struct fr_response_survey survey = {0};
    EQUAL(look(&survey, "DATE", "now", 200), FR_RESPONSE_FIELD_PLAIN);
    EQUAL(look(&survey, "Server", "mine", 200), FR_RESPONSE_FIELD_PLAIN);
    EQUAL(look(&survey, "content-LENGTH", "5", 200), FR_RESPONSE_FIELD_PLAIN);
    EQUAL(look(&survey, "upgrade", "x", 101), FR_RESPONSE_FIELD_PLAIN);
    IS(survey.has_date && survey.has_server && survey.has_length && survey.upgrades);
}

TEST(framing_is_a_wish_or_refused)
{
    struct fr_response_survey survey = {0};
    EQUAL(look(&survey, "Connection", "keep-alive", 200), FR_RESPONSE_FIELD_DROPPED);
    IS(!survey.wants_close);
    EQUAL(look(&survey, "connection", "x, Close", 200), FR_RESPONSE_FIELD_DROPPED);
    IS(survey.wants_close);
    EQUAL(look(&survey, "Keep-Alive", "5", 200), FR_RESPONSE_FIELD_DROPPED);
    EQUAL(look(&survey, "Transfer-Encoding", "chunked", 200), FR_RESPONSE_FIELD_DROPPED);
    EQUAL(look(&survey, "Transfer-Encoding", "gzip", 200), FR_RESPONSE_FIELD_REFUSED);
    EQUAL(look(&survey, "Content-Length", "0", 204), FR_RESPONSE_FIELD_DROPPED);
    EQUAL(look(&survey, "Content-Length", "0", 103), FR_RESPONSE_FIELD_DROPPED);
    EQUAL(look(&survey, "Content-Length", "9", 304), FR_RESPONSE_FIELD_PLAIN);
}

TEST(names_and_values_are_checked)
{
    EQUAL(survey_one("X-A", FR_SPAN("b\tc \xe4")), 0);
    EQUAL(survey_one("X-A", FR_SPAN("b\r\nSet-Cookie: c")), FR_E_RESPONSE_HEAD);
    EQUAL(survey_one("X-A", FR_SPAN("b\0")), FR_E_RESPONSE_HEAD);
    EQUAL(survey_one("X A", FR_SPAN("b")), FR_E_RESPONSE_HEAD);
    EQUAL(survey_one("", FR_SPAN("b")), FR_E_RESPONSE_HEAD);
    EQUAL(survey_one(":status", FR_SPAN("200")), FR_E_RESPONSE_HEAD);
    EQUAL(survey_one("Transfer-Encoding", FR_SPAN("gzip")), FR_E_RESPONSE_HEAD);
}

TEST(bytes_are_added_up)
{
    const struct fr_response_header headers[] = {{FR_SPAN("a"), FR_SPAN("bc")}, {FR_SPAN("def"), FR_SPAN("")}};
    const struct fr_response_head head = {.status = 200, .headers = headers, .header_count = 2};
    struct fr_response_survey survey = {0};
    size_t bytes = 0;
    EQUAL(fr_response_fields_survey(&survey, &head), 0);
    EQUAL(survey.bytes, 6);
    EQUAL(fr_response_trailers_survey(headers, 2, &bytes), 0);
    EQUAL(bytes, 6);
}

TEST(trailers_say_nothing_of_framing_or_routing)
{
    const char *const names[] = {"Content-Length", "transfer-encoding", "Connection", "host", "Trailer", "a b",
                                 ":path"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct fr_response_header trailer = {fr_span_of_string(names[i]), FR_SPAN("1")};
        size_t bytes = 0;
        EQUAL(fr_response_trailers_survey(&trailer, 1, &bytes), FR_E_RESPONSE_HEAD);
    }
    const struct fr_response_header split = {FR_SPAN("x"), FR_SPAN("a\nb")};
    size_t bytes = 0;
    EQUAL(fr_response_trailers_survey(&split, 1, &bytes), FR_E_RESPONSE_HEAD);
}
