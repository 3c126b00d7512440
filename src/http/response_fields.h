/* http/response_fields.h - What the fields of a response say, and whether they may be sent; for every version.
 *
 * RFC 9110 sections 5, 6.5 and 7.6.1. Response splitting ends here: no protocol writes a name or a value that these
 * functions have not seen. */
#ifndef FR_HTTP_RESPONSE_FIELDS_H
#define FR_HTTP_RESPONSE_FIELDS_H

#include "base/error.h"
#include "http/message.h"

enum fr_response_field {
    FR_RESPONSE_FIELD_PLAIN,   /* sent as it is */
    FR_RESPONSE_FIELD_DROPPED, /* the protocol's own affair: taken as a wish, not sent */
    FR_RESPONSE_FIELD_REFUSED
};

/* What the fields of the application say, in one look. */
struct fr_response_survey {
    size_t bytes; /* of all names and values */
    bool has_date, has_server, has_length;
    bool wants_close, upgrades;
};

/* What becomes of one field, and what it adds to the survey. */
enum fr_response_field fr_response_field_look(struct fr_response_survey *survey,
                                              const struct fr_response_header *header, int status);

/* Looks at all fields of a head: 0, or FR_E_RESPONSE_HEAD when one has a name or a value that may not be sent. */
FR_CHECKED int fr_response_fields_survey(struct fr_response_survey *survey, const struct fr_response_head *head);

/* The same for trailers, among which framing and routing have no place; adds up their bytes. */
FR_CHECKED int fr_response_trailers_survey(const struct fr_response_header *trailers, size_t count, size_t *bytes);

#endif
