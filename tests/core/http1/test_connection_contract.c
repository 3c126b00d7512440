/* http1/connection.c as a protocol among others. */
#include "contract_protocol.h"
#include "http/headers.h"
#include "http1/body_decoder.h"
#include "http1/connection.h"

static void add(struct fr_buffer *out, const char *text)
{
    EQUAL(fr_buffer_append(out, fr_span_of_string(text)), 0);
}

static void greet(struct fr_buffer *out)
{
    (void)out;
}

static void ask(struct fr_buffer *out, unsigned number, const char *method, const char *path, size_t length)
{
    char head[256];
    (void)number;
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: a\r\n", method, path);
    add(out, head);
    snprintf(head, sizeof head, "Content-Length: %zu\r\n", length);
    add(out, length ? head : "");
    add(out, "\r\n");
}

static void pour(struct fr_buffer *out, unsigned number, fr_span bytes, bool last)
{
    (void)number;
    (void)last;
    EQUAL(fr_buffer_append(out, bytes), 0);
}

/* The head at the front of `written`: its length, or 0; its status; the length of its body as a request's. */
static size_t read_head(fr_span written, int *status, int64_t *length)
{
    *length = FR_BODY_NONE;
    size_t at = fr_span_find(written, '\n') + 1;
    if (at > written.len)
        return 0;
    IS(memcmp(written.data, "HTTP/1.1 ", 9) == 0);
    *status = (written.data[9] - '0') * 100 + (written.data[10] - '0') * 10 + written.data[11] - '0';
    while (at < written.len && written.data[at] != '\r') {
        fr_span line = fr_span_skip(written, at);
        line.len = fr_span_find(line, '\r');
        if (line.len > 16 && memcmp(line.data, "Content-Length: ", 16) == 0)
            *length = fr_parse_content_length(fr_span_skip(line, 16));
        if (fr_span_equal(line, FR_SPAN("Transfer-Encoding: chunked")))
            *length = FR_BODY_CHUNKED;
        at += line.len + 2;
    }
    return at + 2 <= written.len ? at + 2 : 0;
}

/* The body at the front of `written`: how many bytes it takes; says whether that is all of it. */
static size_t read_body(fr_span written, int64_t length, struct contract_answer *answer)
{
    struct fr_limits limits;
    struct fr_body_decoder decoder;
    size_t used = 0;
    fr_limits_init(&limits);
    answer->is_complete = length == FR_BODY_NONE;
    if (length == FR_BODY_NONE)
        return 0;
    fr_body_decoder_init(&decoder, length);
    while (!answer->is_complete && used < written.len) {
        fr_span body;
        ssize_t taken = fr_body_decode(&decoder, &limits, fr_span_skip(written, used), UINT64_MAX, &body);
        IS(taken > 0);
        used += (size_t)taken;
        EQUAL(fr_buffer_append(&answer->body, body), 0);
        answer->is_complete = fr_body_decoder_is_done(&decoder);
    }
    return used;
}

static void hear(fr_span written, const char *const *methods, unsigned number, struct contract_answer *answer)
{
    for (unsigned now = 1; now <= number; now++) {
        int64_t length;
        fr_buffer_free(&answer->body);
        answer->status = 0;
        answer->is_complete = false;
        size_t head = read_head(written, &answer->status, &length);
        if (head == 0)
            return;
        written = fr_span_skip(written, head);
        if (strcmp(methods[now], "HEAD") == 0)
            length = FR_BODY_NONE;
        written = fr_span_skip(written, read_body(written, length, answer));
    }
}

static const struct contract_protocol http1 = {&fr_http1, greet, ask, pour, hear};

CONTRACT_PROTOCOL(http1)
