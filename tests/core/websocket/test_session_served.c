/* A WebSocket on a connection of the server: what its deadlines, its drain and its end mean for a tunnel. */
#include "http1/connection.h"
#include "server/stage.h"
#include "websocket/client.h"

/* What an idle WebSocket may cost, all told: the connection, the exchange, the session. */
#define IDLE_BYTES_MAX 1024

struct served {
    struct websocket_application application;
    struct stage stage;
    int end;
};

static void say(struct served *served, fr_span bytes)
{
    memory_send(served->stage.loop, served->end, bytes);
    stage_turn(&served->stage);
}

static void say_frame(struct served *served, unsigned char first, fr_span payload)
{
    struct fr_buffer frame;
    fr_buffer_init(&frame, BYTES_MAX);
    add_frame_of(&frame, first, payload, payload.len);
    say(served, fr_buffer_span(&frame));
    fr_buffer_free(&frame);
}

static fr_span take(struct served *served)
{
    return memory_take(served->stage.loop, served->end, SIZE_MAX);
}

static void ask_served(struct served *served, bool waits)
{
    memset(served, 0, sizeof *served);
    websocket_application_open(&served->application, &served->stage.limits);
    served->application.waits = waits;
    stage_open(&served->stage, &served->application.base);
    served->end = stage_connect(&served->stage, &fr_http1);
    say(served, FR_SPAN(REQUEST));
}

static void connect_served(struct served *served)
{
    ask_served(served, false);
    SAME(fr_span_slice(take(served), 0, 12), "HTTP/1.1 101");
}

/* The connection must be closed, or close now that the peer does. */
static void close_served(struct served *served)
{
    memory_end(served->stage.loop, served->end);
    stage_turn(&served->stage);
    IS(memory_has_closed(served->stage.loop, served->end));
    websocket_application_close(&served->application);
    stage_close(&served->stage);
}

/* Each part is a block of malloc, which adds 8 to 23 bytes; what libuv keeps for a descriptor, and memory that lies
 * between blocks, have been seen to be 48. What HTTP/1 keeps for an exchange is no more than 24 bytes beside it. */
TEST(an_idle_one_is_small)
{
    size_t parts[] = {fr_connection_bytes(&fr_http1, &fr_transport_uv), sizeof(struct fr_exchange) + 24,
                      sizeof(struct fr_websocket)};
    size_t bytes = 48;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        bytes += (parts[i] + 8 + 15) / 16 * 16;
    IS(bytes <= IDLE_BYTES_MAX);
}

TEST(an_idle_one_has_no_deadline_of_the_wire)
{
    struct served served;
    connect_served(&served);
    stage_wait(&served.stage, 600000);
    EQUAL(served.stage.shared.count, 1);
    say_frame(&served, TEXT, FR_SPAN("still here"));
    HEARD(&served, " text:still here");
    /* Nor has half a frame. */
    say(&served, FR_SPAN("\x81\x85"));
    stage_wait(&served.stage, 600000);
    EQUAL(served.stage.shared.count, 1);
    memory_end(served.stage.loop, served.end);
    stage_turn(&served.stage);
    HEARD(&served, " closed:1006:");
    close_served(&served);
}

TEST(a_peer_that_does_not_read_is_closed_by_the_write_timeout)
{
    struct served served;
    connect_served(&served);
    memory_set_capacity(served.stage.loop, served.end, 0);
    EQUAL(fr_websocket_send(served.application.websocket, true, &FR_CHUNK_COPY(FR_SPAN("unread"))), 0);
    stage_turn(&served.stage);
    stage_wait(&served.stage, served.stage.limits.write_timeout_ms - 2 * FR_TIMER_TICK_MS);
    EQUAL(served.stage.shared.count, 1);
    /* Also when it goes on talking. */
    say_frame(&served, TEXT, FR_SPAN("talk"));
    stage_wait(&served.stage, 6 * FR_TIMER_TICK_MS + served.stage.limits.write_timeout_ms / 4);
    EQUAL(served.stage.shared.count, 0);
    HEARD(&served, " text:talk aborted closed:1006:");
    IS(strstr(served.stage.said, "did not read"));
    close_served(&served);
}

TEST(a_peer_that_does_not_read_its_close_frame_is_closed_too)
{
    struct served served;
    connect_served(&served);
    memory_set_capacity(served.stage.loop, served.end, 0);
    say_frame(&served, CLOSE, FR_SPAN(""));
    HEARD(&served, " closed:1005:");
    EQUAL(served.stage.shared.count, 1);
    stage_wait(&served.stage, 2 * served.stage.limits.write_timeout_ms);
    EQUAL(served.stage.shared.count, 0);
    close_served(&served);
}

TEST(after_the_close_frames_our_direction_ends_and_the_peer_has_a_moment)
{
    struct served served;
    connect_served(&served);
    say_frame(&served, CLOSE, FR_SPAN("\x03\xe8"));
    SAME(take(&served), "\x88\x02\x03\xe8");
    IS(memory_has_ended(served.stage.loop, served.end));
    IS(!memory_has_closed(served.stage.loop, served.end));
    say(&served, FR_SPAN("what comes now is dropped"));
    stage_wait(&served.stage, served.stage.limits.linger_timeout_ms + 2 * FR_TIMER_TICK_MS);
    IS(memory_has_closed(served.stage.loop, served.end));
    HEARD(&served, " closed:1000:");
    close_served(&served);
}

TEST(draining_closes_it_in_order)
{
    struct served served;
    connect_served(&served);
    fr_connection_drain(stage_connection(&served.stage));
    stage_turn(&served.stage);
    HEARD(&served, " drained");
    SAME(take(&served), "\x88\x09\x03\xf4restart");
    stage_wait(&served.stage, 5000);
    EQUAL(served.stage.shared.count, 1); /* until its own timeout gives the peer up */
    fr_websocket_tick(served.application.websocket, served.application.now_ms + 10000);
    stage_turn(&served.stage);
    HEARD(&served, " closed:1006:");
    IS(memory_has_ended(served.stage.loop, served.end));
    close_served(&served);
}

TEST(draining_before_it_is_accepted_leaves_it_to_the_application)
{
    struct served served;
    ask_served(&served, true);
    fr_connection_drain(stage_connection(&served.stage));
    stage_turn(&served.stage);
    HEARD(&served, " drained");
    IS(served.application.exchange->draining);
    EQUAL(websocket_application_accept(&served.application), 0);
    EQUAL(fr_websocket_close(served.application.websocket, 1012, FR_SPAN(""), 0), 0);
    stage_turn(&served.stage);
    fr_span out = take(&served);
    SAME(fr_span_skip(out, out.len - 4), "\x88\x02\x03\xf4");
    memory_end(served.stage.loop, served.end);
    stage_turn(&served.stage);
    HEARD(&served, " closed:1006:");
    close_served(&served);
}

TEST(a_reset_is_told)
{
    struct served served;
    connect_served(&served);
    memory_reset(served.stage.loop, served.end);
    stage_turn(&served.stage);
    HEARD(&served, " aborted closed:1006:");
    EQUAL(served.stage.shared.count, 0);
    websocket_application_close(&served.application);
    stage_close(&served.stage);
}

TEST(stopping_now_is_told)
{
    struct served served;
    connect_served(&served);
    fr_connection_close(stage_connection(&served.stage), FR_CLOSE_STOP);
    stage_turn(&served.stage);
    HEARD(&served, " aborted closed:1006:");
    close_served(&served);
}

TEST(answers_to_one_read_leave_in_one_write)
{
    struct served served;
    struct fr_buffer frames;
    connect_served(&served);
    served.application.echoes = true;
    fr_buffer_init(&frames, BYTES_MAX);
    for (unsigned i = 0; i < 100; i++)
        add_frame_of(&frames, TEXT, FR_SPAN("a"), 1);
    unsigned before = memory_flushes(served.stage.loop, served.end);
    say(&served, fr_buffer_span(&frames));
    EQUAL(served.application.messages, 100);
    EQUAL(memory_flushes(served.stage.loop, served.end) - before, 1);
    EQUAL(take(&served).len, 300);
    /* What is sent in between leaves in one write as well, when the loop comes round. */
    for (unsigned i = 0; i < 100; i++)
        EQUAL(fr_websocket_send(served.application.websocket, true, &FR_CHUNK_COPY(FR_SPAN("b"))), 0);
    EQUAL(take(&served).len, 0);
    stage_turn(&served.stage);
    EQUAL(memory_flushes(served.stage.loop, served.end) - before, 2);
    EQUAL(take(&served).len, 300);
    fr_buffer_free(&frames);
    close_served(&served);
}

TEST(a_peer_that_nobody_listens_to_is_stopped)
{
    static char big[60000];
    struct served served;
    connect_served(&served);
    served.application.takes = 1;
    for (unsigned i = 0; i < 6; i++)
        say_frame(&served, BINARY, fr_span_of(big, sizeof big));
    EQUAL(served.application.messages, 1);
    IS(!memory_is_read(served.stage.loop, served.end));
    served.application.takes = UINT32_MAX;
    fr_websocket_want(served.application.websocket, true);
    stage_turn(&served.stage);
    EQUAL(served.application.messages, 6);
    IS(memory_is_read(served.stage.loop, served.end));
    close_served(&served);
}

TEST(a_peer_that_has_ended_still_hears_what_was_sent)
{
    struct served served;
    connect_served(&served);
    served.application.echoes = true;
    struct fr_buffer frame;
    fr_buffer_init(&frame, BYTES_MAX);
    add_frame_of(&frame, TEXT, FR_SPAN("last words"), 10);
    memory_send(served.stage.loop, served.end, fr_buffer_span(&frame));
    memory_end(served.stage.loop, served.end);
    stage_turn(&served.stage);
    HEARD(&served, " text:last words closed:1006:");
    SAME(take(&served), "\x81\x0alast words");
    fr_buffer_free(&frame);
    EQUAL(served.stage.shared.count, 0);
    websocket_application_close(&served.application);
    stage_close(&served.stage);
}
