/* http2/request_head.c - A request head out of pseudo-headers and fields. RFC 9113 section 8, RFC 8441 section 4.
 *
 * The rules of the file: limits come before faults; crumbs of Cookie become one field (section 8.2.3), which counts
 * as one; what two readers could understand differently (another Host than :authority) is refused. */
#include "http2/request_head.h"

#include <string.h>

#include "http/headers.h"
#include "http/target.h"

/* The heads of most requests fit; more is taken twofold. */
#define BYTES_AT_FIRST 2032

/* RFC 9113 section 10.5.1: of every field, for what it costs to keep. */
#define FIELD_OVERHEAD_BYTES 32

/* What HTTP/1.1 would write around method and target (" " and " HTTP/1.1") and in a field line (": "), so that one
 * limit means the same in both versions. */
#define REQUEST_LINE_BYTES 10
#define FIELD_LINE_BYTES 2

/* The longest method of the IANA registry, UPDATEREDIRECTREF, has 17. */
#define METHOD_BYTES_MAX 24

/* Cookies that are moved to be joined leave holes; beyond, nobody means well. */
#define HOLES_FACTOR 2

static size_t size_of(const struct fr_limits *limits)
{
    return sizeof(struct fr_head_draft) + limits->fields_max * sizeof(struct fr_header);
}

struct fr_head_draft *fr_head_draft_open(struct fr_pool *pool, const struct fr_limits *limits)
{
    struct fr_head_draft *draft = fr_pool_take(pool, size_of(limits));
    *draft = (struct fr_head_draft){.limits = limits, .pool = pool, .capacity = BYTES_AT_FIRST};
    draft->bytes = fr_pool_take(pool, draft->capacity);
    draft->head = (struct fr_request_head){
        .version = FR_HTTP_2,
        .keep_alive = true,
        .header_capacity = limits->fields_max,
        .headers = draft->fields,
    };
    return draft;
}

void fr_head_draft_close(struct fr_head_draft *draft)
{
    struct fr_pool *pool = draft->pool;
    fr_pool_give(pool, draft->bytes, draft->capacity);
    fr_pool_give(pool, draft, size_of(draft->limits));
}

/* ---- bytes ---- */

static void move_span(fr_span *span, const char *from, const char *to)
{
    if (span->len)
        span->data = to + (span->data - from);
}

static void grow(struct fr_head_draft *draft, size_t wanted)
{
    struct fr_request_head *head = &draft->head;
    size_t capacity = draft->capacity;
    while (capacity < wanted)
        capacity *= 2;
    char *bytes = fr_pool_take(draft->pool, capacity);
    memcpy(bytes, draft->bytes, draft->used);
    for (size_t i = 0; i < head->header_count; i++) {
        move_span(&head->headers[i].name, draft->bytes, bytes);
        move_span(&head->headers[i].value, draft->bytes, bytes);
    }
    fr_span *others[] = {&head->method_text, &head->target, &head->authority, &head->scheme, &head->protocol};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        move_span(others[i], draft->bytes, bytes);
    fr_pool_give(draft->pool, draft->bytes, draft->capacity);
    draft->bytes = bytes;
    draft->capacity = capacity;
}

/* Room is there: see keep(). */
static fr_span append(struct fr_head_draft *draft, fr_span bytes)
{
    char *at = draft->bytes + draft->used;
    if (bytes.len)
        memcpy(at, bytes.data, bytes.len);
    draft->used += bytes.len;
    return fr_span_of(at, bytes.len);
}

static void make_room(struct fr_head_draft *draft, size_t count)
{
    if (draft->capacity - draft->used < count)
        grow(draft, draft->used + count);
}

/* ---- one field ---- */

static void fail(struct fr_head_draft *draft, int error)
{
    if (!draft->error)
        draft->error = error;
}

/* Where a pseudo-header goes; NULL for one that nobody knows, which nghttp2 does not let through. */
static fr_span *pseudo_header(struct fr_request_head *head, fr_span name)
{
    if (fr_span_equal(name, FR_SPAN(":method")))
        return &head->method_text;
    if (fr_span_equal(name, FR_SPAN(":path")))
        return &head->target;
    if (fr_span_equal(name, FR_SPAN(":scheme")))
        return &head->scheme;
    if (fr_span_equal(name, FR_SPAN(":authority")))
        return &head->authority;
    return fr_span_equal(name, FR_SPAN(":protocol")) ? &head->protocol : NULL;
}

/* Appends a crumb to the cookie, which is moved to the end when other fields came in between. */
static void add_crumb(struct fr_head_draft *draft, fr_span crumb)
{
    struct fr_header *cookie = draft->cookie;
    size_t len = cookie->value.len + 2 + crumb.len;
    if (cookie->name.len + len + FIELD_LINE_BYTES > draft->limits->field_bytes_max ||
        draft->used + len > draft->limits->head_bytes_max * HOLES_FACTOR) {
        fail(draft, FR_E_HEAD_TOO_LARGE);
        return;
    }
    make_room(draft, len);
    if (cookie->value.data + cookie->value.len != draft->bytes + draft->used)
        cookie->value = append(draft, cookie->value);
    append(draft, FR_SPAN("; "));
    append(draft, crumb);
    cookie->value.len = len;
}

static void add_field(struct fr_head_draft *draft, fr_span name, fr_span value)
{
    struct fr_request_head *head = &draft->head;
    enum fr_header_name known = fr_header_lookup(name);
    if (known == FR_HEADER_COOKIE && draft->cookie) {
        add_crumb(draft, value);
        return;
    }
    if (name.len + value.len + FIELD_LINE_BYTES > draft->limits->field_bytes_max) {
        fail(draft, FR_E_HEAD_TOO_LARGE);
        return;
    }
    if (head->header_count == head->header_capacity) {
        fail(draft, FR_E_TOO_MANY_FIELDS);
        return;
    }
    make_room(draft, name.len + value.len);
    struct fr_header *field = &head->headers[head->header_count++];
    *field = (struct fr_header){.known = known};
    field->name = append(draft, name);
    field->value = append(draft, value);
    if (known == FR_HEADER_COOKIE)
        draft->cookie = field;
}

void fr_head_draft_add(struct fr_head_draft *draft, fr_span name, fr_span value)
{
    draft->list_bytes += name.len + value.len + FIELD_OVERHEAD_BYTES;
    if (draft->list_bytes > draft->limits->head_bytes_max)
        fail(draft, FR_E_HEAD_TOO_LARGE);
    if (draft->error)
        return;
    if (name.len == 0 || name.data[0] != ':') {
        add_field(draft, name, value);
        return;
    }
    fr_span *slot = pseudo_header(&draft->head, name);
    if (!slot) {
        fail(draft, FR_E_HEADER_NAME);
        return;
    }
    if (slot == &draft->head.target && value.len + REQUEST_LINE_BYTES > draft->limits->request_line_bytes_max) {
        fail(draft, FR_E_REQUEST_LINE_TOO_LONG);
        return;
    }
    make_room(draft, value.len);
    *slot = append(draft, value);
}

/* ---- the whole ---- */

/* Method and target; CONNECT is known only in its extended form, for WebSockets (RFC 8441 section 4). */
static int finish_target(struct fr_request_head *head, const struct fr_limits *limits)
{
    fr_span scheme = head->scheme, authority = head->authority;
    size_t line = head->method_text.len + head->target.len + REQUEST_LINE_BYTES;
    if (line > limits->request_line_bytes_max)
        return FR_E_REQUEST_LINE_TOO_LONG;
    head->method = fr_method_lookup(head->method_text);
    if (!fr_is_token(head->method_text))
        return FR_E_METHOD;
    if (head->method_text.len > METHOD_BYTES_MAX)
        return FR_E_METHOD_REFUSED;
    bool connects = head->method == FR_METHOD_CONNECT;
    if (connects && !fr_span_equal_nocase(head->protocol, FR_SPAN("websocket")))
        return FR_E_METHOD_REFUSED;
    if (head->protocol.len && !connects)
        return FR_E_METHOD;
    if (!fr_span_equal_nocase(scheme, FR_SPAN("https")) && !fr_span_equal_nocase(scheme, FR_SPAN("http")))
        return FR_E_TARGET;
    if (connects)
        head->method = FR_METHOD_GET; /* its target is that of a GET */
    int error = fr_target_parse(head);
    if (connects)
        head->method = FR_METHOD_CONNECT;
    head->scheme = scheme;
    head->authority = authority;
    return !error && head->form == FR_TARGET_ABSOLUTE ? FR_E_TARGET : error;
}

/* :authority is what Host was (RFC 9113 section 8.3.1); one may stand for the other, and both must say the same. */
static int finish_host(struct fr_request_head *head, const struct fr_header *host)
{
    if (!host && head->authority.len == 0)
        return FR_E_HOST;
    if (host && head->authority.len == 0)
        head->authority = host->value;
    else if (host && !fr_span_equal_nocase(host->value, head->authority))
        return FR_E_HOST;
    return head->authority.len && fr_is_host(head->authority) ? 0 : FR_E_HOST;
}

/* What follows a CONNECT is the tunnel's, not a body. */
static int finish_body(struct fr_request_head *head, const struct fr_header *length, bool ended)
{
    if (head->method == FR_METHOD_CONNECT)
        return 0;
    int64_t declared = length ? fr_parse_content_length(length->value) : FR_BODY_CHUNKED;
    if (length && declared < 0)
        return (int)declared;
    if (ended && declared > 0)
        return FR_E_CONTENT_LENGTH;
    head->body_length = ended ? FR_BODY_NONE : declared;
    return 0;
}

static int take_once(const struct fr_header **slot, const struct fr_header *field, int error)
{
    int repeated = *slot ? error : 0;
    *slot = field;
    return repeated;
}

int fr_head_draft_finish(struct fr_head_draft *draft, bool ended)
{
    struct fr_request_head *head = &draft->head;
    const struct fr_header *host = NULL, *length = NULL;
    int error = draft->error;
    for (size_t i = 0; i < head->header_count && !error; i++) {
        const struct fr_header *field = &head->headers[i];
        if (field->known == FR_HEADER_HOST) {
            error = take_once(&host, field, FR_E_HOST);
        } else if (field->known == FR_HEADER_CONTENT_LENGTH) {
            error = take_once(&length, field, FR_E_CONTENT_LENGTH);
        } else if (field->known == FR_HEADER_EXPECT) {
            head->expect_continue = true;
            if (!fr_span_equal_nocase(field->value, FR_SPAN("100-continue")))
                error = FR_E_EXPECTATION;
        }
    }
    if (!error)
        error = finish_target(head, draft->limits);
    if (!error)
        error = finish_host(head, host);
    if (!error)
        error = finish_body(head, length, ended);
    head->expect_continue &= head->body_length != FR_BODY_NONE;
    if (!error && head->body_length > 0 && (uint64_t)head->body_length > draft->limits->body_bytes_max)
        error = FR_E_BODY_TOO_LARGE;
    return error;
}
