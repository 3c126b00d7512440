/* tests/core/server/scripted_protocol.h - A protocol that does what the test tells it and notes what it was told. */
#ifndef FR_TESTS_SCRIPTED_PROTOCOL_H
#define FR_TESTS_SCRIPTED_PROTOCOL_H

#include "stage.h"

/* What the protocol was told, for all connections of one test, and what it does about it. */
static struct script {
    char received[65536];
    size_t received_len;
    unsigned receives, signals[4];
    enum fr_close_reason closed;
    void (*on_receive)(struct fr_protocol *protocol);
    void (*on_signal)(struct fr_protocol *protocol, enum fr_protocol_signal signal);
    int open_result;
} script;

static int open_script(struct fr_protocol *protocol)
{
    protocol->phase = FR_PHASE_HEAD;
    return script.open_result;
}

static int receive_script(struct fr_protocol *protocol, fr_span bytes)
{
    script.receives++;
    IS(script.received_len + bytes.len <= sizeof script.received);
    if (bytes.len)
        memcpy(script.received + script.received_len, bytes.data, bytes.len);
    script.received_len += bytes.len;
    if (script.on_receive)
        script.on_receive(protocol);
    return 0;
}

static void signal_script(struct fr_protocol *protocol, enum fr_protocol_signal signal)
{
    script.signals[signal]++;
    if (signal == FR_SIGNAL_EXPIRED) {
        protocol->finished = true;
        protocol->close_reason = FR_CLOSE_HEAD_TIMEOUT;
    }
    if (script.on_signal)
        script.on_signal(protocol, signal);
}

static void close_script(struct fr_protocol *protocol, enum fr_close_reason reason)
{
    (void)protocol;
    EQUAL(script.closed, FR_CLOSE_NONE);
    script.closed = reason;
}

static const struct fr_protocol_ops scripted = {
    .name = "scripted",
    .size = sizeof(struct fr_protocol),
    .open = open_script,
    .receive = receive_script,
    .signal = signal_script,
    .close = close_script,
};

/* ---- shorthand ---- */

static inline void send_text(struct stage *stage, int end, const char *text)
{
    memory_send(stage->loop, end, fr_span_of_string(text));
    stage_turn(stage);
}

static inline void say(struct fr_protocol *protocol, const char *text)
{
    fr_outbox_copy(protocol->outbox, fr_span_of_string(text));
}

static inline void say_much(struct fr_protocol *protocol, size_t bytes)
{
    while (bytes > 0) {
        char text[1000];
        size_t piece = bytes < sizeof text ? bytes : sizeof text;
        memset(text, 'x', sizeof text);
        fr_outbox_copy(protocol->outbox, fr_span_of(text, piece));
        bytes -= piece;
    }
}

static inline void enter_phase(struct stage *stage, enum fr_phase phase)
{
    struct fr_protocol *protocol = stage_connection(stage)->protocol;
    protocol->phase = phase;
    protocol->events->output(protocol);
    stage_turn(stage);
}

static inline void finish(struct fr_protocol *protocol, enum fr_phase phase)
{
    protocol->phase = phase;
    protocol->close_reason = FR_CLOSE_FINISHED;
    protocol->finished = true;
}

static inline void close_all(struct stage *stage)
{
    while (stage->shared.count > 0) {
        fr_connection_close(stage_connection(stage), FR_CLOSE_STOP);
        stage_turn(stage);
    }
    stage_close(stage);
}

#endif
