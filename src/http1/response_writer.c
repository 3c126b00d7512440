/* http1/response_writer.c - Response heads and body framing as bytes in the outbox. RFC 9112 sections 4, 6, 7.
 *
 * A head is written in one go: look at every field once to plan the framing and add up the size, reserve that much
 * of the outbox's page, write, commit. Nothing is committed before every name and value has been checked, so a
 * refused head leaves no byte behind. What the application may not decide (Connection, Transfer-Encoding) is not
 * copied from it but taken as its wish. */
#include "http1/response_writer.h"

#include "http/headers.h"
#include "http/response_fields.h"
#include "http/status.h"

#define STATUS_LINE_BYTES 15    /* "HTTP/1.1 200 " and CR LF */
#define FIELD_BYTES 4           /* ": " and CR LF */
#define OWN_FIELDS_BYTES 192    /* the longest set of fields below, without the value of Server */
#define DECIMAL_DIGITS_MAX 20   /* of 64 bits */
#define CHUNK_LINE_BYTES_MAX 20 /* sixteen hex digits, CR LF before the data and CR LF behind it */

static enum fr_framing choose_framing(const struct fr_exchange *exchange, int status)
{
    if (exchange->head_only || status < 200)
        return FR_FRAMING_NONE;
    if (exchange->response_left >= 0)
        return FR_FRAMING_LENGTH;
    return exchange->version == FR_HTTP_1_0 ? FR_FRAMING_UNTIL_CLOSE : FR_FRAMING_CHUNKED;
}

/* ---- writing ---- */

static char *put(char *out, fr_span bytes)
{
    if (bytes.len)
        memcpy(out, bytes.data, bytes.len);
    return out + bytes.len;
}

#define PUT(out, literal) ((char *)memcpy((out), "" literal, sizeof(literal) - 1) + sizeof(literal) - 1)

static char *put_decimal(char *out, uint64_t number)
{
    char digits[DECIMAL_DIGITS_MAX];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    return put(out, fr_span_of(digits + at, sizeof digits - at));
}

static char *put_hexadecimal(char *out, uint64_t number)
{
    char digits[16];
    size_t at = sizeof digits;
    do
        digits[--at] = "0123456789abcdef"[number & 15];
    while (number >>= 4);
    return put(out, fr_span_of(digits + at, sizeof digits - at));
}

static char *put_field(char *out, fr_span name, fr_span value)
{
    out = put(out, name);
    out = PUT(out, ": ");
    out = put(out, value);
    return PUT(out, "\r\n");
}

static char *put_status_line(char *out, int status, fr_span reason)
{
    out = PUT(out, "HTTP/1.1 ");
    *out++ = (char)('0' + status / 100);
    *out++ = (char)('0' + status / 10 % 10);
    *out++ = (char)('0' + status % 10);
    *out++ = ' '; /* also when no reason follows: RFC 9112 section 4 */
    out = put(out, reason);
    return PUT(out, "\r\n");
}

/* HTTP/1.1 goes on unless told otherwise, HTTP/1.0 the other way round (RFC 9112 section 9.3). */
static char *put_connection(char *out, const struct fr_exchange *exchange, bool keep_alive, bool upgrades)
{
    if (upgrades && keep_alive)
        return PUT(out, "Connection: upgrade\r\n");
    if (upgrades)
        return PUT(out, "Connection: upgrade, close\r\n");
    if (!keep_alive)
        return PUT(out, "Connection: close\r\n");
    if (exchange->version == FR_HTTP_1_0)
        return PUT(out, "Connection: keep-alive\r\n");
    return out;
}

/* The fields that only a final answer has. */
static char *put_own_fields(char *out, const struct fr_exchange *exchange, const struct fr_response_survey *survey,
                            enum fr_framing framing, int status)
{
    if (framing == FR_FRAMING_CHUNKED)
        return PUT(out, "Transfer-Encoding: chunked\r\n");
    if (survey->has_length || exchange->response_left < 0 || status == 204)
        return out;
    out = PUT(out, "Content-Length: ");
    out = put_decimal(out, (uint64_t)exchange->response_left);
    return PUT(out, "\r\n");
}

static char *put_fields(char *out, const struct fr_response_head *head)
{
    struct fr_response_survey unused = {0};
    for (size_t i = 0; i < head->header_count; i++)
        if (fr_response_field_look(&unused, &head->headers[i], head->status) == FR_RESPONSE_FIELD_PLAIN)
            out = put_field(out, head->headers[i].name, head->headers[i].value);
    return out;
}

int fr_response_write_head(struct fr_outbox *outbox, const struct fr_exchange *exchange,
                           const struct fr_response_head *head, const struct fr_response_policy *policy,
                           struct fr_clock *clock, struct fr_response_plan *plan)
{
    struct fr_response_survey survey = {0};
    if (head->status < 100 || head->status > 999 || !fr_is_field_value(head->reason))
        return FR_E_RESPONSE_HEAD;
    int error = fr_response_fields_survey(&survey, head);
    if (error)
        return error;
    bool is_final = head->status >= 200, switches = head->status == 101;
    fr_span reason = head->reason.len ? head->reason : fr_status_reason(head->status);
    plan->framing = choose_framing(exchange, head->status);
    if (survey.wants_close || plan->framing == FR_FRAMING_UNTIL_CLOSE)
        plan->keep_alive = false;

    char *start =
        fr_outbox_reserve(outbox, STATUS_LINE_BYTES + reason.len + survey.bytes + head->header_count * FIELD_BYTES +
                                      policy->server.len + OWN_FIELDS_BYTES);
    char *out = put_status_line(start, head->status, reason);
    if (is_final && policy->server.len && !survey.has_server)
        out = put_field(out, FR_SPAN("Server"), policy->server);
    if (is_final && policy->date && !survey.has_date)
        out = put_field(out, FR_SPAN("Date"), fr_clock_date(clock));
    out = put_fields(out, head);
    if (is_final)
        out = put_own_fields(out, exchange, &survey, plan->framing, head->status);
    if (is_final || switches)
        out = put_connection(out, exchange, plan->keep_alive || switches, survey.upgrades);
    out = PUT(out, "\r\n");
    fr_outbox_commit(outbox, (size_t)(out - start));
    return 0;
}

/* A piece that is copied anyway goes out with its framing in one run. */
static void write_small_chunk(struct fr_outbox *outbox, const struct fr_chunk *chunk)
{
    char *start = fr_outbox_reserve(outbox, chunk->bytes.len + CHUNK_LINE_BYTES_MAX);
    char *out = put_hexadecimal(start, chunk->bytes.len);
    out = PUT(out, "\r\n");
    out = put(out, chunk->bytes);
    out = PUT(out, "\r\n");
    fr_outbox_commit(outbox, (size_t)(out - start));
    if (chunk->release)
        chunk->release(chunk->owner);
}

void fr_response_write_body(struct fr_outbox *outbox, enum fr_framing framing, const struct fr_chunk *chunk)
{
    if (framing == FR_FRAMING_NONE || chunk->bytes.len == 0) {
        if (chunk->release)
            chunk->release(chunk->owner);
    } else if (framing != FR_FRAMING_CHUNKED) {
        fr_outbox_push(outbox, chunk);
    } else if (chunk->file < 0 && chunk->bytes.len <= FR_OUTBOX_COPY_BYTES_MAX) {
        write_small_chunk(outbox, chunk);
    } else {
        char *start = fr_outbox_reserve(outbox, CHUNK_LINE_BYTES_MAX);
        char *out = put_hexadecimal(start, chunk->bytes.len);
        out = PUT(out, "\r\n");
        fr_outbox_commit(outbox, (size_t)(out - start));
        fr_outbox_push(outbox, chunk);
        fr_outbox_copy(outbox, FR_SPAN("\r\n"));
    }
}

int fr_response_write_end(struct fr_outbox *outbox, enum fr_framing framing, const struct fr_response_header *trailers,
                          size_t count)
{
    size_t bytes = 0;
    int error = fr_response_trailers_survey(trailers, count, &bytes);
    if (error)
        return error;
    if (framing != FR_FRAMING_CHUNKED)
        return 0; /* no place for trailers; they are meant to be dispensable */
    char *start = fr_outbox_reserve(outbox, bytes + count * FIELD_BYTES + 5);
    char *out = PUT(start, "0\r\n");
    for (size_t i = 0; i < count; i++)
        out = put_field(out, trailers[i].name, trailers[i].value);
    out = PUT(out, "\r\n");
    fr_outbox_commit(outbox, (size_t)(out - start));
    return 0;
}
