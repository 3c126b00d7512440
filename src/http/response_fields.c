/* http/response_fields.c - The fields of a response, told apart by length first: most are dismissed by one comparison.
 *
 * Knows what a field means to whoever frames the message; does not know how it is framed. */
#include "http/response_fields.h"

#include "http/headers.h"

static enum fr_response_field look_at_connection(struct fr_response_survey *survey,
                                                 const struct fr_response_header *header)
{
    if (fr_span_equal_nocase(header->name, FR_SPAN("keep-alive")))
        return FR_RESPONSE_FIELD_DROPPED;
    if (!fr_span_equal_nocase(header->name, FR_SPAN("connection")))
        return FR_RESPONSE_FIELD_PLAIN;
    survey->wants_close |= fr_list_has_token(header->value, FR_SPAN("close"));
    return FR_RESPONSE_FIELD_DROPPED;
}

enum fr_response_field fr_response_field_look(struct fr_response_survey *survey,
                                              const struct fr_response_header *header, int status)
{
    fr_span name = header->name;
    switch (name.len) {
    case 4:
        survey->has_date |= fr_span_equal_nocase(name, FR_SPAN("date"));
        return FR_RESPONSE_FIELD_PLAIN;
    case 6:
        survey->has_server |= fr_span_equal_nocase(name, FR_SPAN("server"));
        return FR_RESPONSE_FIELD_PLAIN;
    case 7:
        survey->upgrades |= fr_span_equal_nocase(name, FR_SPAN("upgrade"));
        return FR_RESPONSE_FIELD_PLAIN;
    case 10:
        return look_at_connection(survey, header);
    case 14:
        if (!fr_span_equal_nocase(name, FR_SPAN("content-length")))
            return FR_RESPONSE_FIELD_PLAIN;
        survey->has_length = true;
        return status < 200 || status == 204 ? FR_RESPONSE_FIELD_DROPPED : FR_RESPONSE_FIELD_PLAIN; /* RFC 9110, 8.6 */
    case 17:
        if (!fr_span_equal_nocase(name, FR_SPAN("transfer-encoding")))
            return FR_RESPONSE_FIELD_PLAIN;
        return fr_span_equal_nocase(header->value, FR_SPAN("chunked")) ? FR_RESPONSE_FIELD_DROPPED
                                                                       : FR_RESPONSE_FIELD_REFUSED;
    default:
        return FR_RESPONSE_FIELD_PLAIN;
    }
}

int fr_response_fields_survey(struct fr_response_survey *survey, const struct fr_response_head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct fr_response_header *header = &head->headers[i];
        enum fr_response_field kind = fr_response_field_look(survey, header, head->status);
        if (kind == FR_RESPONSE_FIELD_REFUSED || !fr_is_token(header->name) || !fr_is_field_value(header->value))
            return FR_E_RESPONSE_HEAD;
        survey->bytes += header->name.len + header->value.len;
    }
    return 0;
}

/* Framing and routing may not come behind the body (RFC 9110 section 6.5.1). */
static bool may_trail(fr_span name)
{
    switch (fr_header_lookup(name)) {
    case FR_HEADER_CONTENT_LENGTH:
    case FR_HEADER_TRANSFER_ENCODING:
    case FR_HEADER_CONNECTION:
    case FR_HEADER_HOST:
    case FR_HEADER_TRAILER:
        return false;
    default:
        return fr_is_token(name);
    }
}

int fr_response_trailers_survey(const struct fr_response_header *trailers, size_t count, size_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        if (!may_trail(trailers[i].name) || !fr_is_field_value(trailers[i].value))
            return FR_E_RESPONSE_HEAD;
        *bytes += trailers[i].name.len + trailers[i].value.len;
    }
    return 0;
}
