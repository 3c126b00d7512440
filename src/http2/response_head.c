/* http2/response_head.c - Status, server, date, what the application says, its length. RFC 9113 section 8.
 *
 * Names are handed on in any case: nghttp2 lowers them while it copies. */
#include "http2/response_head.h"

#include "http/headers.h"
#include "http/response_fields.h"

#define OWN_FIELDS 4 /* :status, server, date, content-length */

static void open_list(struct fr_field_list *list, struct fr_pool *pool, size_t capacity)
{
    list->pool = pool;
    list->count = 0;
    list->capacity = capacity;
    list->fields = capacity > FR_FIELD_LIST_FEW ? fr_pool_take(pool, capacity * sizeof *list->fields) : list->few;
}

void fr_field_list_close(struct fr_field_list *list)
{
    if (list->fields != list->few)
        fr_pool_give(list->pool, list->fields, list->capacity * sizeof *list->fields);
}

/* White space around a value, which readers of HTTP/1.1 cut off, spoils the answer (RFC 9113 section 8.2.1). */
static void add(struct fr_field_list *list, fr_span name, fr_span text)
{
    fr_span value = fr_span_trim(text);
    list->fields[list->count++] = (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.data,
        .value = (uint8_t *)(uintptr_t)value.data,
        .namelen = name.len,
        .valuelen = value.len,
        .flags = NGHTTP2_NV_FLAG_NONE,
    };
}

static fr_span write_status(char *out, int status)
{
    out[0] = (char)('0' + status / 100);
    out[1] = (char)('0' + status / 10 % 10);
    out[2] = (char)('0' + status % 10);
    return fr_span_of(out, 3);
}

static fr_span write_decimal(char *out, size_t size, uint64_t number)
{
    size_t at = size;
    do
        out[--at] = (char)('0' + number % 10);
    while (number /= 10);
    return fr_span_of(out + at, size - at);
}

/* What HTTP/1.1 knows and HTTP/2 does not (RFC 9113 section 8.2.2), besides what the survey drops. */
static bool belongs_to_connection(fr_span name)
{
    switch (name.len) {
    case 2:
        return fr_span_equal_nocase(name, FR_SPAN("te"));
    case 7:
        return fr_span_equal_nocase(name, FR_SPAN("upgrade"));
    case 10:
        return fr_span_equal_nocase(name, FR_SPAN("keep-alive"));
    case 16:
        return fr_span_equal_nocase(name, FR_SPAN("proxy-connection"));
    default:
        return false;
    }
}

static void add_fields(struct fr_field_list *list, const struct fr_response_head *head)
{
    struct fr_response_survey unused = {0};
    for (size_t i = 0; i < head->header_count; i++) {
        const struct fr_response_header *header = &head->headers[i];
        if (fr_response_field_look(&unused, header, head->status) == FR_RESPONSE_FIELD_PLAIN &&
            !belongs_to_connection(header->name))
            add(list, header->name, header->value);
    }
}

int fr_field_list_of_head(struct fr_field_list *list, const struct fr_exchange *exchange,
                          const struct fr_response_head *head)
{
    const struct fr_protocol *protocol = exchange->protocol;
    const struct fr_response_policy *policy = protocol->policy;
    struct fr_response_survey survey = {0};
    bool is_final = head->status >= 200;
    open_list(list, protocol->pool, head->header_count + OWN_FIELDS);
    if (head->status < 100 || head->status > 999 || head->status == 101 || !fr_is_field_value(head->reason))
        return FR_E_RESPONSE_HEAD;
    int error = fr_response_fields_survey(&survey, head);
    if (error)
        return error;
    add(list, FR_SPAN(":status"), write_status(list->status, head->status));
    if (is_final && policy->server.len && !survey.has_server)
        add(list, FR_SPAN("server"), policy->server);
    if (is_final && policy->date && !survey.has_date)
        add(list, FR_SPAN("date"), fr_clock_date(protocol->clock));
    add_fields(list, head);
    if (is_final && !survey.has_length && exchange->response_left >= 0 && head->status != 204)
        add(list, FR_SPAN("content-length"),
            write_decimal(list->length, sizeof list->length, (uint64_t)exchange->response_left));
    return 0;
}

void fr_field_list_of_trailers(struct fr_field_list *list, struct fr_pool *pool,
                               const struct fr_response_header *trailers, size_t count)
{
    open_list(list, pool, count);
    for (size_t i = 0; i < count; i++)
        if (!belongs_to_connection(trailers[i].name))
            add(list, trailers[i].name, trailers[i].value);
}
