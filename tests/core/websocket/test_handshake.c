#include "websocket/handshake.h"

#include "http/exchange.h"
#include "http/headers.h"
#include "http/names.h"
#include "websocket/client.h"

#define FIELDS_MAX 20

struct request {
    struct fr_request_head head;
    struct fr_header fields[FIELDS_MAX];
    struct fr_websocket_handshake handshake;
    const char *why;
};

static void add_field(struct request *request, const char *name, const char *value)
{
    struct fr_header *field = &request->fields[request->head.header_count++];
    field->name = fr_span_of_string(name);
    field->value = fr_span_of_string(value);
    field->known = fr_header_lookup(field->name);
}

static void replace_field(struct request *request, const char *name, const char *value)
{
    for (size_t i = 0; i < request->head.header_count; i++)
        if (fr_span_equal_nocase(request->fields[i].name, fr_span_of_string(name))) {
            if (value)
                request->fields[i].value = fr_span_of_string(value);
            else
                request->fields[i] = request->fields[--request->head.header_count];
            return;
        }
    UNIT_FAIL("there is no %s", name);
}

/* The request of RFC 6455 section 1.3. */
static struct request *good_request(struct request *request)
{
    memset(request, 0, sizeof *request);
    request->head.method = FR_METHOD_GET;
    request->head.version = FR_HTTP_1_1;
    request->head.headers = request->fields;
    request->head.upgrade = true;
    add_field(request, "Host", "server.example.com");
    add_field(request, "Upgrade", "websocket");
    add_field(request, "Connection", "Upgrade");
    add_field(request, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    add_field(request, "Sec-WebSocket-Version", "13");
    return request;
}

static int read_request(struct request *request)
{
    IS(fr_is_websocket_request(&request->head));
    return fr_websocket_handshake_read(&request->handshake, &request->head, &request->why);
}

static void refused(struct request *request, int status)
{
    request->why = NULL;
    EQUAL(read_request(request), status);
    IS(request->why && request->why[strlen(request->why) - 1] == '\n');
}

TEST(what_the_rfc_shows_is_accepted)
{
    struct request request;
    EQUAL(read_request(good_request(&request)), 0);
    SAME(fr_span_of(request.handshake.accept, FR_WEBSOCKET_ACCEPT_BYTES), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    IS(!request.handshake.connect && !request.handshake.deflate.present);
}

TEST(tokens_are_found_in_lists_whatever_their_case)
{
    struct request request;
    good_request(&request);
    replace_field(&request, "Upgrade", "h2c , WebSocket");
    replace_field(&request, "Connection", "keep-alive");
    add_field(&request, "connection", "foo,UPGRADE");
    EQUAL(read_request(&request), 0);
}

TEST(other_requests_are_none)
{
    struct request request;
    good_request(&request)->head.method = FR_METHOD_POST;
    IS(!fr_is_websocket_request(&request.head));
    replace_field(good_request(&request), "Upgrade", "h2c");
    IS(!fr_is_websocket_request(&request.head));
    replace_field(good_request(&request), "Upgrade", "websocketx");
    IS(!fr_is_websocket_request(&request.head));
    replace_field(good_request(&request), "Upgrade", NULL);
    IS(!fr_is_websocket_request(&request.head));
}

TEST(bad_requests_are_refused)
{
    struct request request;
    good_request(&request)->head.version = FR_HTTP_1_0;
    refused(&request, 400);
    replace_field(good_request(&request), "Connection", "close");
    refused(&request, 400);
    good_request(&request)->head.body_length = 1;
    refused(&request, 400);
    good_request(&request)->head.body_length = FR_BODY_CHUNKED;
    refused(&request, 400);
    add_field(good_request(&request), "Sec-WebSocket-Extensions", "permessage-deflate;");
    refused(&request, 400);
    add_field(good_request(&request), "Sec-WebSocket-Protocol", "chat, a b");
    refused(&request, 400);
}

TEST(the_key_is_sixteen_bytes_once)
{
    static const char *const keys[] = {
        NULL,
        "",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25jZTEy",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZQ== ",
        "dGhlIHNhbXBsZSBub25j!Q==",
        "====dGhlIHNhbXBsZSBub25j",
    };
    struct request request;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        replace_field(good_request(&request), "Sec-WebSocket-Key", keys[i]);
        refused(&request, 400);
    }
    add_field(good_request(&request), "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    refused(&request, 400);
}

TEST(the_version_is_13)
{
    static const char *const versions[] = {"", "8", "12", "014", "13, 8", "130", "x"};
    struct request request;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        replace_field(good_request(&request), "Sec-WebSocket-Version", versions[i]);
        refused(&request, 426);
    }
    replace_field(good_request(&request), "Sec-WebSocket-Version", NULL);
    refused(&request, 400);
    add_field(good_request(&request), "Sec-WebSocket-Version", "13");
    refused(&request, 400);
}

TEST(over_http2_it_is_a_connect)
{
    struct request request;
    good_request(&request)->head.method = FR_METHOD_CONNECT;
    request.head.version = FR_HTTP_2;
    request.head.body_length = FR_BODY_CHUNKED;
    request.head.protocol = FR_SPAN("websocket");
    replace_field(&request, "Upgrade", NULL);
    replace_field(&request, "Connection", NULL);
    replace_field(&request, "Sec-WebSocket-Key", NULL);
    EQUAL(read_request(&request), 0);
    IS(request.handshake.connect);
    replace_field(&request, "Sec-WebSocket-Version", "12");
    refused(&request, 400);
    request.head.protocol = FR_SPAN("connect-udp");
    IS(!fr_is_websocket_request(&request.head));
}

TEST(the_first_offer_of_compression_counts_whatever_field_it_is_in)
{
    struct request request;
    add_field(good_request(&request), "Sec-WebSocket-Extensions", "foo, permessage-deflate; server_max_window_bits=8");
    add_field(&request, "Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10");
    add_field(&request, "Sec-WebSocket-Extensions", "permessage-deflate");
    EQUAL(read_request(&request), 0);
    EQUAL(request.handshake.deflate.server_max_window_bits, 10);
}

struct names {
    char text[100];
    unsigned stop_after;
};

static bool collect(void *owner, fr_span name)
{
    struct names *names = owner;
    size_t len = strlen(names->text);
    snprintf(names->text + len, sizeof names->text - len, "%.*s;", (int)name.len, name.data);
    return --names->stop_after;
}

TEST(subprotocols_come_in_the_clients_order)
{
    struct request request;
    struct names names = {.stop_after = 100};
    add_field(good_request(&request), "Sec-WebSocket-Protocol", "soap, ,wamp");
    add_field(&request, "Sec-WebSocket-Protocol", "chat");
    IS(fr_websocket_subprotocols(&request.head, collect, &names));
    SAME(fr_span_of_string(names.text), "soap;wamp;chat;");
    names = (struct names){.stop_after = 2};
    IS(fr_websocket_subprotocols(&request.head, collect, &names));
    SAME(fr_span_of_string(names.text), "soap;wamp;");
    add_field(&request, "Sec-WebSocket-Protocol", "no/token");
    names = (struct names){.stop_after = 100};
    IS(!fr_websocket_subprotocols(&request.head, collect, &names));
}

/* ---- the answer ---- */

static int respond(struct client *client, fr_span subprotocol, size_t extra, unsigned window_bits)
{
    static struct fr_response_header headers[50];
    for (size_t i = 0; i < extra; i++)
        headers[i] = (struct fr_response_header){FR_SPAN("X-More"), FR_SPAN("yes")};
    return fr_websocket_handshake_respond(&client->application.handshake, client->application.exchange, subprotocol,
                                          headers, extra, window_bits);
}

static void ask(struct client *client, const char *request)
{
    open_client(client);
    client->application.waits = true;
    send_bytes(client, request);
    IS(client->application.exchange);
}

TEST(a_handshake_is_answered)
{
    struct client client;
    ask(&client, REQUEST);
    EQUAL(respond(&client, FR_SPAN(""), 0, 12), 0);
    wire_turn(&client.wire);
    SAME(wire_take(&client.wire), ACCEPTED);
    close_client(&client);
    ask(&client, REQUEST_WITH("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"));
    EQUAL(respond(&client, FR_SPAN("chat"), 1, 12), 0);
    wire_turn(&client.wire);
    SAME(wire_take(&client.wire), ACCEPTED_WITH("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: "
                                                "permessage-deflate; server_max_window_bits=12; "
                                                "client_max_window_bits=12\r\nX-More: yes\r\n"));
    close_client(&client);
    ask(&client, REQUEST_WITH("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    EQUAL(respond(&client, FR_SPAN(""), 0, 0), 0);
    wire_turn(&client.wire);
    SAME(wire_take(&client.wire), ACCEPTED);
    close_client(&client);
}

TEST(many_fields_have_room)
{
    for (size_t extra = 10; extra < 50; extra += 1) {
        struct client client;
        ask(&client, REQUEST);
        EQUAL(respond(&client, FR_SPAN(""), extra, 0), 0);
        wire_turn(&client.wire);
        EQUAL(wire_take(&client.wire).len, sizeof(ACCEPTED) - 1 + extra * (sizeof("X-More: yes\r\n") - 1));
        close_client(&client);
    }
}

TEST(a_field_that_may_not_be_sent_leaves_the_request_unanswered)
{
    struct client client;
    ask(&client, REQUEST);
    EQUAL(respond(&client, FR_SPAN("a\r\nb"), 0, 12), FR_E_RESPONSE_HEAD);
    EQUAL(client.application.exchange->state, FR_EXCHANGE_BEGUN);
    EQUAL(respond(&client, FR_SPAN("ab"), 0, 12), 0);
    close_client(&client);
}

TEST(a_bad_handshake_is_answered_and_the_connection_goes_on)
{
    struct client client;
    open_client(&client);
    send_bytes(&client, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" REQUEST);
    EQUAL(client.application.refused, 400);
    fr_span bytes = wire_take(&client.wire);
    SAME(fr_span_slice(bytes, 0, 24), "HTTP/1.1 400 Bad Request");
    SAME(fr_span_skip(bytes, bytes.len - (sizeof(ACCEPTED) - 1)), ACCEPTED);
    close_client(&client);
}
