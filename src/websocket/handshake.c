/* websocket/handshake.c - Reads the request that opens a WebSocket, and writes the response that accepts it
 * (RFC 6455 section 4.2; RFC 8441 section 5). */
#include "websocket/handshake.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/sha1.h"
#include "http/headers.h"

#define KEY_DATA_BYTES 16
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/* Upgrade, Connection, Sec-WebSocket-Accept, -Protocol, -Extensions. */
#define OWN_HEADERS_MAX 5

/* Fields that come with most accepted WebSockets find room here. */
#define HEADERS_ON_STACK 16

static bool is_connect(const struct fr_request_head *head)
{
    return head->method == FR_METHOD_CONNECT;
}

/* Some field of that number has `token` in its list. */
static bool any_has_token(const struct fr_request_head *head, enum fr_header_name known, fr_span token)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (head->headers[i].known == known && fr_list_has_token(head->headers[i].value, token))
            return true;
    return false;
}

bool fr_is_websocket_request(const struct fr_request_head *head)
{
    if (is_connect(head))
        return fr_span_equal_nocase(head->protocol, FR_SPAN("websocket"));
    return head->method == FR_METHOD_GET && any_has_token(head, FR_HEADER_UPGRADE, FR_SPAN("websocket"));
}

/* ---- reading ---- */

/* The one field of that number; NULL when there is none, or more than one. */
static const struct fr_header *find_single(const struct fr_request_head *head, enum fr_header_name known)
{
    const struct fr_header *found = NULL;
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].known != known)
            continue;
        if (found)
            return NULL;
        found = &head->headers[i];
    }
    return found;
}

static bool is_key(fr_span text)
{
    char data[FR_BASE64_DATA_BYTES_MAX(FR_WEBSOCKET_KEY_BYTES)];
    size_t len;
    return text.len == FR_WEBSOCKET_KEY_BYTES && fr_base64_decode(text, data, &len) && len == KEY_DATA_BYTES;
}

static void write_accept(char *accept, fr_span key)
{
    char text[FR_WEBSOCKET_KEY_BYTES + sizeof(GUID) - 1];
    unsigned char digest[FR_SHA1_BYTES];
    memcpy(text, key.data, FR_WEBSOCKET_KEY_BYTES);
    memcpy(text + FR_WEBSOCKET_KEY_BYTES, GUID, sizeof(GUID) - 1);
    fr_sha1_digest(fr_span_of(text, sizeof text), digest);
    size_t len = fr_base64_encode(fr_span_of((const char *)digest, sizeof digest), accept);
    assert(len == FR_WEBSOCKET_ACCEPT_BYTES);
    (void)len;
}

static int refuse(const char **why, int status, const char *sentence)
{
    *why = sentence;
    return status;
}

/* What only HTTP/1.1 needs: the request must switch protocols, and is proven not to be some other one. */
static int read_upgrade(struct fr_websocket_handshake *handshake, const struct fr_request_head *head, const char **why)
{
    if (head->version == FR_HTTP_1_0)
        return refuse(why, 400, "A WebSocket needs HTTP/1.1; this request came as HTTP/1.0.\n");
    if (!any_has_token(head, FR_HEADER_CONNECTION, FR_SPAN("upgrade")))
        return refuse(why, 400, "Connection does not name Upgrade.\n");
    if (head->body_length != FR_BODY_NONE)
        return refuse(why, 400, "A request that opens a WebSocket has no body.\n");
    const struct fr_header *key = find_single(head, FR_HEADER_SEC_WEBSOCKET_KEY);
    if (!key)
        return refuse(why, 400, "Sec-WebSocket-Key is missing or repeated.\n");
    if (!is_key(key->value))
        return refuse(why, 400, "Sec-WebSocket-Key is not 16 bytes in base64.\n");
    write_accept(handshake->accept, key->value);
    return 0;
}

static bool read_extensions(struct fr_deflate_offer *offer, const struct fr_request_head *head)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (head->headers[i].known == FR_HEADER_SEC_WEBSOCKET_EXTENSIONS &&
            !fr_deflate_offer_read(offer, head->headers[i].value))
            return false;
    return true;
}

static bool pass_over(void *owner, fr_span name)
{
    (void)owner;
    (void)name;
    return true;
}

int fr_websocket_handshake_read(struct fr_websocket_handshake *handshake, const struct fr_request_head *head,
                                const char **why)
{
    *handshake = (struct fr_websocket_handshake){.connect = is_connect(head)};
    const struct fr_header *version = find_single(head, FR_HEADER_SEC_WEBSOCKET_VERSION);
    if (!version)
        return refuse(why, 400, "Sec-WebSocket-Version is missing or repeated.\n");
    if (!fr_span_equal(version->value, FR_SPAN("13")))
        return refuse(why, handshake->connect ? 400 : 426, "Only version 13 of WebSocket is spoken here.\n");
    int status = handshake->connect ? 0 : read_upgrade(handshake, head, why);
    if (status)
        return status;
    if (!read_extensions(&handshake->deflate, head))
        return refuse(why, 400, "Sec-WebSocket-Extensions is malformed.\n");
    if (!fr_websocket_subprotocols(head, pass_over, NULL))
        return refuse(why, 400, "Sec-WebSocket-Protocol is malformed.\n");
    return 0;
}

bool fr_websocket_subprotocols(const struct fr_request_head *head, bool (*each)(void *owner, fr_span name), void *owner)
{
    for (size_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].known != FR_HEADER_SEC_WEBSOCKET_PROTOCOL)
            continue;
        fr_span list = head->headers[i].value, name;
        while (fr_list_next(&list, &name)) {
            if (!fr_is_token(name))
                return false;
            if (!each(owner, name))
                return true;
        }
    }
    return true;
}

/* ---- answering ---- */

int fr_websocket_handshake_respond(const struct fr_websocket_handshake *handshake, struct fr_exchange *exchange,
                                   fr_span subprotocol, const struct fr_response_header *headers, size_t header_count,
                                   unsigned window_bits)
{
    struct fr_response_header on_stack[HEADERS_ON_STACK], *all = on_stack;
    char extensions[FR_DEFLATE_ANSWER_BYTES];
    size_t count = 0;
    if (header_count > HEADERS_ON_STACK - OWN_HEADERS_MAX)
        all = fr_alloc((header_count + OWN_HEADERS_MAX) * sizeof *all);
    if (!handshake->connect) {
        all[count++] = (struct fr_response_header){FR_SPAN("Upgrade"), FR_SPAN("websocket")};
        all[count++] = (struct fr_response_header){FR_SPAN("Connection"), FR_SPAN("Upgrade")};
        all[count++] = (struct fr_response_header){FR_SPAN("Sec-WebSocket-Accept"),
                                                   fr_span_of(handshake->accept, FR_WEBSOCKET_ACCEPT_BYTES)};
    }
    if (subprotocol.len)
        all[count++] = (struct fr_response_header){FR_SPAN("Sec-WebSocket-Protocol"), subprotocol};
    if (handshake->deflate.present && window_bits) {
        size_t len = fr_deflate_answer(&handshake->deflate, window_bits, extensions);
        all[count++] = (struct fr_response_header){FR_SPAN("Sec-WebSocket-Extensions"), fr_span_of(extensions, len)};
    }
    for (size_t i = 0; i < header_count; i++)
        all[count++] = headers[i];
    const struct fr_response_head head = {
        .status = handshake->connect ? 200 : 101, .headers = all, .header_count = count, .content_length = -1};
    int error = fr_exchange_respond(exchange, &head);
    if (all != on_stack)
        fr_free(all);
    return error;
}
