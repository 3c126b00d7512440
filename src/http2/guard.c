/* http2/guard.c - Two token buckets and a count, by the clock of the worker. */
#include "http2/guard.h"

#include <nghttp2/nghttp2.h>

/* Control frames. A browser opens with about ten, and sends one or two now and then; what a fast download needs of
 * WINDOW_UPDATE is earned by the download. Answering one costs us about a microsecond, so a peer that has spent its
 * burst can take no more than a thousandth of a processor. */
#define CONTROL_BURST 1000
#define CONTROL_PER_SECOND 500

/* Of a SETTINGS frame, which may carry dozens of values and must be answered. */
#define SETTINGS_TOKENS 4

/* What a request earns: its head and trailers; its stream may be reprioritised, and its short answer acknowledged
 * twice. */
#define REQUEST_TOKENS 6

/* Clients with windows as small as 1 KiB update two of them each time, and need half of what this earns them. */
#define BYTES_PER_TOKEN 256

/* Resets. Leaving a page cancels what it still loads, a hundred streams or two at worst; each may have started an
 * application. An answer that was waited for earns one, so who takes what it asks for may also change its mind. */
#define RESET_BURST 200
#define RESET_PER_SECOND 20

/* In full frames twice the head of the default; where nghttp2 counts too, it ends at as many, with another word. */
#define CONTINUATIONS_MAX 8

static bool pay(struct fr_guard_bucket *bucket, const struct fr_clock *clock, uint32_t price, uint32_t burst,
                uint32_t per_second)
{
    uint64_t earned = (clock->now_ms - bucket->filled_ms) * per_second / 1000;
    if (earned >= burst - bucket->tokens) {
        bucket->tokens = burst;
        bucket->filled_ms = clock->now_ms;
    } else if (earned) {
        bucket->tokens += (uint32_t)earned;
        bucket->filled_ms += earned * 1000 / per_second;
    }
    if (bucket->tokens < price)
        return false;
    bucket->tokens -= price;
    return true;
}

static void earn(struct fr_guard_bucket *bucket, uint32_t tokens, uint32_t burst)
{
    bucket->tokens = tokens < burst - bucket->tokens ? bucket->tokens + tokens : burst;
}

void fr_guard_init(struct fr_guard *guard, const struct fr_clock *clock)
{
    *guard = (struct fr_guard){
        .clock = clock,
        .control = {clock->now_ms, CONTROL_BURST},
        .resets = {clock->now_ms, RESET_BURST},
    };
}

static int pay_control(struct fr_guard *guard, uint32_t price)
{
    return pay(&guard->control, guard->clock, price, CONTROL_BURST, CONTROL_PER_SECOND) ? 0 : FR_E_FLOOD;
}

static int pay_reset(struct fr_guard *guard)
{
    return pay(&guard->resets, guard->clock, 1, RESET_BURST, RESET_PER_SECOND) ? 0 : FR_E_FLOOD;
}

/* Of the frames of a body only the last one has a reason to be empty; padding may be all that one has. */
static bool may_be_empty(const struct fr_frame_reader *frame)
{
    uint32_t padding_max = frame->flags & NGHTTP2_FLAG_PADDED ? 1 + UINT8_MAX : 0;
    return frame->length <= padding_max && !(frame->flags & NGHTTP2_FLAG_END_STREAM);
}

int fr_guard_frame(struct fr_guard *guard, const struct fr_frame_reader *frame)
{
    switch (frame->type) {
    case NGHTTP2_DATA:
        return may_be_empty(frame) ? pay_control(guard, 1) : 0;
    case NGHTTP2_HEADERS: /* those that open no stream are decoded for nothing; a request earns it back */
        guard->continuations = 0;
        return pay_control(guard, 1);
    case NGHTTP2_CONTINUATION:
        return ++guard->continuations <= CONTINUATIONS_MAX ? 0 : FR_E_FLOOD;
    case NGHTTP2_RST_STREAM:
        return pay_reset(guard);
    case NGHTTP2_SETTINGS:
        return pay_control(guard, SETTINGS_TOKENS);
    default:
        return pay_control(guard, 1);
    }
}

int fr_guard_mistake(struct fr_guard *guard)
{
    return pay_reset(guard);
}

void fr_guard_earn_request(struct fr_guard *guard)
{
    earn(&guard->control, REQUEST_TOKENS, CONTROL_BURST);
}

void fr_guard_earn_answer(struct fr_guard *guard)
{
    earn(&guard->resets, 1, RESET_BURST);
}

void fr_guard_earn_bytes(struct fr_guard *guard, size_t count)
{
    size_t all = guard->unpaid_bytes + count;
    guard->unpaid_bytes = (uint32_t)(all % BYTES_PER_TOKEN);
    if (all >= BYTES_PER_TOKEN)
        earn(&guard->control, (uint32_t)(all / BYTES_PER_TOKEN), CONTROL_BURST);
}
