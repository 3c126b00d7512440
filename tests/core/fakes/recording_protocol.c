/* tests/core/fakes/recording_protocol.c - Writes down, counts releases, queues nothing. */
#include "fakes/recording_protocol.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct recorder *recorder_of(struct fr_protocol *protocol)
{
    return (struct recorder *)(void *)protocol;
}

__attribute__((format(printf, 2, 3))) static void write_down(struct recorder *recorder, const char *format, ...)
{
    size_t used = strlen(recorder->record);
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(recorder->record + used, sizeof recorder->record - used, format, arguments);
    va_end(arguments);
    assert(len > 0 && used + (size_t)len < sizeof recorder->record);
}

static int take_refusal(struct recorder *recorder)
{
    int error = recorder->refuses;
    recorder->refuses = 0;
    return error;
}

static int respond(struct fr_exchange *exchange, const struct fr_response_head *head)
{
    struct recorder *recorder = recorder_of(exchange->protocol);
    int error = take_refusal(recorder);
    if (error)
        return error;
    write_down(recorder, " respond:%d", head->status);
    if (recorder->on_respond)
        recorder->on_respond(recorder);
    return 0;
}

static int send_piece(struct fr_exchange *exchange, const struct fr_chunk *chunk, bool last)
{
    struct recorder *recorder = recorder_of(exchange->protocol);
    if (chunk)
        write_down(recorder, " send:%.*s%s", (int)chunk->bytes.len, chunk->bytes.data, last ? "!" : "");
    else
        write_down(recorder, " send:-%s", last ? "!" : "");
    if (chunk && chunk->release)
        chunk->release(chunk->owner);
    return 0;
}

static int send_trailers(struct fr_exchange *exchange, const struct fr_response_header *trailers, size_t count)
{
    struct recorder *recorder = recorder_of(exchange->protocol);
    int error = take_refusal(recorder);
    (void)trailers;
    if (!error)
        write_down(recorder, " trailers:%zu", count);
    return error;
}

static void credit(struct fr_exchange *exchange)
{
    write_down(recorder_of(exchange->protocol), " credit");
}

static void reset(struct fr_exchange *exchange)
{
    write_down(recorder_of(exchange->protocol), " reset");
}

static void release(struct fr_exchange *exchange)
{
    struct recorder *recorder = (struct recorder *)(void *)((char *)exchange - offsetof(struct recorder, exchange));
    recorder->released++;
}

static const struct fr_protocol_ops recording = {
    .name = "recording",
    .size = sizeof(struct recorder),
    .respond = respond,
    .send = send_piece,
    .trailers = send_trailers,
    .credit = credit,
    .reset = reset,
    .release = release,
};

static void on_begun(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    assert(exchange->head);
    write_down(recorder_of(protocol), " begun");
}

static void on_ended(struct fr_protocol *protocol, struct fr_exchange *exchange)
{
    struct recorder *recorder = recorder_of(protocol);
    recorder->ended++;
    write_down(recorder, " ended:%d", exchange->status);
    if (recorder->on_ended)
        recorder->on_ended(recorder);
}

static void on_flush(struct fr_protocol *protocol, bool more)
{
    struct recorder *recorder = recorder_of(protocol);
    write_down(recorder, more ? " flush+more" : " flush");
    if (recorder->on_flush)
        recorder->on_flush(recorder);
}

static const struct fr_protocol_events recorded = {.begun = on_begun, .ended = on_ended, .flush = on_flush};

void recorder_open(struct recorder *recorder, struct fr_application *application)
{
    memset(recorder, 0, sizeof *recorder);
    recorder->pool = fr_pool_open(1u << 16);
    fr_outbox_init(&recorder->outbox, recorder->pool);
    fr_limits_init(&recorder->limits);
    recorder->base = (struct fr_protocol){
        .ops = &recording,
        .events = &recorded,
        .outbox = &recorder->outbox,
        .application = application,
        .pool = recorder->pool,
        .clock = &recorder->clock,
        .limits = &recorder->limits,
        .peer = &recorder->peer,
    };
    fr_exchange_init(&recorder->exchange, &recorder->base);
}

void recorder_close(struct recorder *recorder)
{
    assert(recorder->released == 1);
    fr_outbox_clear(&recorder->outbox);
    fr_pool_close(recorder->pool);
}

void recorder_begin(struct recorder *recorder, enum fr_method_name method, int64_t body_length)
{
    struct fr_request_head head = {.method = method, .version = FR_HTTP_1_1, .body_length = body_length};
    head.method_text = fr_method_text(method);
    head.target = head.path = FR_SPAN("/");
    fr_exchange_begin(&recorder->exchange, &head);
}

const char *recorder_take(struct recorder *recorder)
{
    memcpy(recorder->taken, recorder->record, sizeof recorder->taken);
    recorder->record[0] = '\0';
    return recorder->taken;
}
