/* tests/fuzz/connection.c - Any bytes as a conversation: the answers do not depend on the cuts, no exchange is lost,
 * and all memory comes back, whatever happens in between.
 *
 * The first byte chooses the application, the second what else happens (a signal, a stuck peer, a late answer) and
 * where. The rest is what arrives. */
#include <stdint.h>
#include <stdlib.h>

#include "fakes/echo_application.h"
#include "fakes/wire.h"
#include "http1/connection.h"

#define PIECES_MAX 256 /* so that a long input does not take quadratic time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

struct talk {
    struct echo_application echo;
    struct wire wire;
};

static void open_talk(struct talk *talk, enum echo_mode mode)
{
    echo_open(&talk->echo, mode);
    talk->echo.stream_bytes = 3000;
    wire_open(&talk->wire, &fr_http1, &talk->echo.base);
    talk->wire.limits.request_line_bytes_max = 100;
    talk->wire.limits.head_bytes_max = 300;
    talk->wire.limits.body_bytes_max = 1000;
    talk->wire.limits.fields_max = 5;
}

static void close_talk(struct talk *talk)
{
    if (!talk->wire.is_closed)
        wire_drop(&talk->wire, FR_CLOSE_STOP);
    if (talk->echo.exchange)
        echo_let_go(talk->echo.exchange);
    require(talk->wire.begun == talk->wire.ended);
    require(talk->wire.begun == talk->echo.requests);
    wire_close(&talk->wire);
    echo_close(&talk->echo);
}

static void send_in_pieces(struct talk *talk, fr_span input, size_t cut, size_t step)
{
    wire_send(&talk->wire, fr_span_slice(input, 0, cut));
    for (size_t at = cut; at < input.len; at += step)
        wire_send(&talk->wire, fr_span_slice(input, at, input.len - at < step ? input.len : at + step));
}

/* What the peer and the application have seen. In some modes an answer mirrors the pieces it was made from. */
static void require_same(const struct talk *a, const struct talk *b, bool mirrors)
{
    require(fr_span_equal(fr_buffer_span(&a->echo.heads), fr_buffer_span(&b->echo.heads)));
    require(fr_span_equal(fr_buffer_span(&a->echo.body), fr_buffer_span(&b->echo.body)));
    require(mirrors || fr_span_equal(fr_buffer_span(&a->wire.output), fr_buffer_span(&b->wire.output)));
    require(a->wire.error == b->wire.error && a->wire.refused_error == b->wire.refused_error);
    require(a->wire.ended_status == b->wire.ended_status && a->wire.ended_state == b->wire.ended_state);
    require(a->wire.protocol->finished == b->wire.protocol->finished);
    require(a->wire.protocol->phase == b->wire.protocol->phase);
    require(a->wire.protocol->close_reason == b->wire.protocol->close_reason);
}

static void compare(enum echo_mode mode, fr_span input, size_t cut, size_t step)
{
    struct talk whole, pieces;
    bool mirrors = mode == ECHO_CHUNKS || mode == ECHO_TUNNEL;
    open_talk(&whole, mode);
    open_talk(&pieces, mode);
    send_in_pieces(&whole, input, input.len, 1);
    send_in_pieces(&pieces, input, cut, step);
    require_same(&whole, &pieces, mirrors);
    close_talk(&whole);
    close_talk(&pieces);
}

/* An application that was waiting says something after all. */
static void answer_late(struct talk *talk, unsigned how)
{
    struct fr_exchange *exchange = talk->echo.exchange;
    if (!exchange || (talk->echo.mode != ECHO_LATE && talk->echo.mode != ECHO_ASK))
        return;
    if (how & 1)
        fr_exchange_credit(exchange, how);
    if (how & 2)
        talk->echo.last_error = fr_exchange_answer_text(exchange, 200, FR_SPAN("late\n"));
    echo_let_go(exchange);
    wire_turn(&talk->wire);
}

static void disturb(struct talk *talk, unsigned what)
{
    switch (what % 8) {
    case 0:
        wire_signal(&talk->wire, FR_SIGNAL_EXPIRED);
        return;
    case 1:
        wire_signal(&talk->wire, FR_SIGNAL_DRAIN);
        return;
    case 2:
        wire_drop(&talk->wire, FR_CLOSE_PEER_RESET);
        return;
    case 3:
        talk->wire.is_stuck = true;
        return;
    default:
        answer_late(talk, what);
        return;
    }
}

static void converse(enum echo_mode mode, fr_span input, unsigned what)
{
    struct talk talk;
    size_t cut = input.len * (what >> 3) / 32;
    open_talk(&talk, mode);
    talk.echo.credit = what % 5;
    talk.wire.limits.write_high_bytes = what & 32 ? 1000 : 65536;
    talk.wire.limits.write_low_bytes = 500;
    wire_send(&talk.wire, fr_span_slice(input, 0, cut));
    disturb(&talk, what);
    for (unsigned part = 0; part < 4 && !talk.wire.is_closed; part++) {
        size_t from = cut + (input.len - cut) * part / 4, to = cut + (input.len - cut) * (part + 1) / 4;
        wire_send(&talk.wire, fr_span_slice(input, from, to));
        answer_late(&talk, what >> part);
    }
    talk.wire.is_stuck = false;
    if (!talk.wire.is_closed) {
        wire_turn(&talk.wire);
        wire_signal(&talk.wire, FR_SIGNAL_PEER_ENDED);
        answer_late(&talk, what);
        require(talk.wire.protocol->finished || talk.wire.protocol->paused || talk.echo.kept);
    }
    close_talk(&talk);
}

/* Whether 100 Continue is said depends on whether the body came along: there the cuts matter, and may. */
static bool expects_continue(fr_span input)
{
    for (; input.len >= 4; input = fr_span_skip(input, 1))
        if (fr_span_equal(fr_span_slice(input, 0, 4), FR_SPAN("100-")))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 2)
        return 0;
    enum echo_mode mode = (enum echo_mode)(data[0] % (ECHO_ASK + 1));
    fr_span input = fr_span_of((const char *)data + 2, len - 2);
    converse(mode, input, data[1]);
    if (expects_continue(input))
        return 0;
    compare(mode, input, 0, 1 + input.len / PIECES_MAX);
    for (unsigned cut = 1; cut < 4; cut++)
        compare(mode, input, input.len * cut / 4, input.len + 1);
    return 0;
}
