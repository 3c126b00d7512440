/* tests/core/http/exchange_scene.h - An exchange between a protocol that writes down and an application that waits. */
#ifndef FR_TESTS_EXCHANGE_SCENE_H
#define FR_TESTS_EXCHANGE_SCENE_H

#include "fakes/echo_application.h"
#include "fakes/recording_protocol.h"
#include "http/exchange.h"
#include "unit.h"

#define TEXT_500 "Internal Server Error\n"

struct scene {
    struct echo_application echo;
    struct recorder recorder;
    struct fr_exchange *exchange;
    unsigned chunks_released;
};

static inline void open_scene(struct scene *scene, enum echo_mode mode)
{
    echo_open(&scene->echo, mode);
    recorder_open(&scene->recorder, &scene->echo.base);
    scene->exchange = &scene->recorder.exchange;
    scene->chunks_released = 0;
}

static inline void close_scene(struct scene *scene)
{
    if (scene->exchange->owned_by_application)
        echo_let_go(scene->exchange);
    if (scene->exchange->owned_by_protocol)
        fr_exchange_protocol_let_go(scene->exchange);
    recorder_close(&scene->recorder);
    echo_close(&scene->echo);
}

static inline void begin_scene(struct scene *scene, enum echo_mode mode)
{
    open_scene(scene, mode);
    recorder_begin(&scene->recorder, FR_METHOD_GET, FR_BODY_NONE);
    recorder_take(&scene->recorder);
}

#define RECORD(scene, text) SAME(fr_span_of_string(recorder_take(&(scene)->recorder)), text)

static inline int respond(struct scene *scene, int status)
{
    const struct fr_response_head head = {.status = status, .content_length = -1};
    return fr_exchange_respond(scene->exchange, &head);
}

static inline int respond_with_trailers(struct scene *scene)
{
    const struct fr_response_head head = {.status = 200, .content_length = -1, .trailers = true};
    return fr_exchange_respond(scene->exchange, &head);
}

static inline int respond_with_length(struct scene *scene, int64_t length)
{
    const struct fr_response_head head = {.status = 200, .content_length = length};
    return fr_exchange_respond(scene->exchange, &head);
}

static inline void on_chunk_released(void *owner)
{
    ((struct scene *)owner)->chunks_released++;
}

static inline int send_text(struct scene *scene, const char *text, bool last)
{
    struct fr_chunk chunk = FR_CHUNK_COPY(fr_span_of_string(text));
    chunk.release = on_chunk_released;
    chunk.owner = scene;
    return fr_exchange_send(scene->exchange, &chunk, last);
}

#endif
