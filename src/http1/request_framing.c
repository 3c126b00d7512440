/* http1/request_framing.c - Where a request's body ends, whom it is for, and whether more may follow.
 *
 * The rules of this file: whatever two readers could understand differently is refused, never repaired. A
 * length is one run of digits in one field; a coding is the one word "chunked" in one field of an HTTP/1.1
 * request; both together are refused. RFC 9112 sections 3.2, 6 and 9. */
#include "http1/request_framing.h"

#include "http/headers.h"
#include "http/target.h"

/* What the fields said so far. */
struct findings {
    const struct fr_header *host, *length, *encoding;
    bool close, keep_alive, upgrade_named; /* elements of Connection */
    bool upgrade;                          /* there is an Upgrade */
    bool expect_continue;
    int error; /* the first rule that was broken */
};

/* The fields that are read here; most are not, and looking that up costs less than a switch. */
static const bool matters[FR_HEADER_COUNT] = {
    [FR_HEADER_HOST] = true,       [FR_HEADER_CONTENT_LENGTH] = true, [FR_HEADER_TRANSFER_ENCODING] = true,
    [FR_HEADER_CONNECTION] = true, [FR_HEADER_UPGRADE] = true,        [FR_HEADER_EXPECT] = true,
};

static void take_once(struct findings *found, const struct fr_header **slot, const struct fr_header *field, int error)
{
    if (*slot && !found->error)
        found->error = error;
    *slot = field;
}

static void read_connection(struct findings *found, fr_span list)
{
    if (list.len == 10 && memcmp(list.data, "keep-alive", 10) == 0) { /* as nearly everybody writes it */
        found->keep_alive = true;
        return;
    }
    fr_span element;
    while (fr_list_next(&list, &element)) {
        found->close |= fr_span_equal_nocase(element, FR_SPAN("close"));
        found->keep_alive |= fr_span_equal_nocase(element, FR_SPAN("keep-alive"));
        found->upgrade_named |= fr_span_equal_nocase(element, FR_SPAN("upgrade"));
    }
}

/* An HTTP/1.0 client cannot know 100, so its expectation is void (RFC 9110 section 10.1.1). */
static void read_expectation(struct findings *found, const struct fr_request_head *head, fr_span value)
{
    if (head->version == FR_HTTP_1_0)
        return;
    found->expect_continue = true;
    if (!fr_span_equal_nocase(value, FR_SPAN("100-continue")) && !found->error)
        found->error = FR_E_EXPECTATION;
}

static void read_field(struct findings *found, const struct fr_request_head *head, const struct fr_header *field)
{
    switch (field->known) {
    case FR_HEADER_HOST:
        take_once(found, &found->host, field, FR_E_HOST);
        break;
    case FR_HEADER_CONTENT_LENGTH:
        take_once(found, &found->length, field, FR_E_CONTENT_LENGTH);
        break;
    case FR_HEADER_TRANSFER_ENCODING:
        take_once(found, &found->encoding, field, FR_E_TRANSFER_ENCODING);
        break;
    case FR_HEADER_CONNECTION:
        read_connection(found, field->value);
        break;
    case FR_HEADER_UPGRADE:
        found->upgrade = true;
        break;
    case FR_HEADER_EXPECT:
        read_expectation(found, head, field->value);
        break;
    default:
        break;
    }
}

/* The name of a transfer coding, which parameters may follow. */
static fr_span coding_name(fr_span coding)
{
    return fr_span_trim(fr_span_slice(coding, 0, fr_span_find(coding, ';')));
}

/* "chunked" is what we can read. Other codings before a final "chunked" are well-formed, and not implemented;
 * with anything else nobody knows where the body ends. */
static int check_coding(fr_span list)
{
    if (fr_span_equal_nocase(list, FR_SPAN("chunked")))
        return 0;
    fr_span coding, last = {NULL, 0};
    unsigned count = 0, chunked = 0;
    while (fr_list_next(&list, &coding)) {
        if (!fr_is_token(coding_name(coding)))
            return FR_E_TRANSFER_ENCODING;
        chunked += fr_span_equal_nocase(coding_name(coding), FR_SPAN("chunked"));
        count++;
        last = coding;
    }
    bool is_final = chunked == 1 && fr_span_equal_nocase(last, FR_SPAN("chunked"));
    return is_final && count > 1 ? FR_E_TRANSFER_CODING : FR_E_TRANSFER_ENCODING;
}

static int apply_body(struct fr_request_head *head, const struct findings *found)
{
    head->body_length = FR_BODY_NONE;
    if (found->encoding) {
        if (head->version == FR_HTTP_1_0)
            return FR_E_TRANSFER_ENCODING;
        if (found->length)
            return FR_E_CONTENT_LENGTH;
        head->body_length = FR_BODY_CHUNKED;
        return check_coding(found->encoding->value);
    }
    if (found->length) {
        int64_t length = fr_parse_content_length(found->length->value);
        if (length < 0)
            return (int)length;
        head->body_length = length;
    }
    return 0;
}

/* The authority of an absolute target wins over Host (RFC 9112 section 3.2.2), which must be valid all the
 * same. */
static int apply_host(struct fr_request_head *head, const struct findings *found)
{
    if (!found->host)
        return head->version == FR_HTTP_1_0 ? 0 : FR_E_HOST;
    if (!fr_is_host(found->host->value))
        return FR_E_HOST;
    if (head->form != FR_TARGET_ABSOLUTE)
        head->authority = found->host->value;
    return 0;
}

int fr_request_framing_apply(struct fr_request_head *head)
{
    struct findings found = {0};
    for (size_t i = 0; i < head->header_count; i++)
        if (matters[head->headers[i].known])
            read_field(&found, head, &head->headers[i]);
    if (found.error)
        return found.error;

    int error = apply_host(head, &found);
    if (error == 0)
        error = apply_body(head, &found);
    bool is_1_1 = head->version == FR_HTTP_1_1;
    head->keep_alive = !found.close && (is_1_1 || found.keep_alive);
    head->upgrade = is_1_1 && found.upgrade && found.upgrade_named;
    head->expect_continue = found.expect_continue && head->body_length != FR_BODY_NONE;
    return error;
}
