/* http/exchange.c: room for more, two owners, and ends that come in the middle of something. */
#include "exchange_scene.h"

/* ---- room ---- */

static void fill(struct scene *scene, size_t bytes)
{
    while (bytes-- > 0)
        fr_outbox_copy(&scene->recorder.outbox, FR_SPAN("x"));
}

TEST(above_the_high_mark_there_is_no_room_until_the_low)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    scene.recorder.limits.write_high_bytes = 10;
    EQUAL(respond(&scene, 200), 0);
    fill(&scene, 10);
    EQUAL(send_text(&scene, "a", false), 0);
    IS(fr_exchange_is_writable(scene.exchange));
    fill(&scene, 1);
    EQUAL(send_text(&scene, "a", false), 0);
    IS(!fr_exchange_is_writable(scene.exchange));
    IS(scene.recorder.base.awaits_writable);
    EQUAL(scene.echo.writables, 0);
    fr_exchange_writable(scene.exchange);
    fr_exchange_writable(scene.exchange);
    EQUAL(scene.echo.writables, 1);
    IS(fr_exchange_is_writable(scene.exchange));
    close_scene(&scene);
}

static void empty_outbox(struct recorder *recorder)
{
    fr_outbox_clear(&recorder->outbox);
    fr_exchange_writable(&recorder->exchange);
}

TEST(a_flush_makes_room_without_calling_back)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    scene.recorder.limits.write_high_bytes = 10;
    scene.recorder.limits.write_low_bytes = 5;
    EQUAL(respond(&scene, 200), 0);
    fill(&scene, 11);
    EQUAL(send_text(&scene, "a", false), 0);
    fr_exchange_flush(scene.exchange);
    IS(!fr_exchange_is_writable(scene.exchange));
    scene.recorder.on_flush = empty_outbox;
    fr_exchange_flush(scene.exchange);
    IS(fr_exchange_is_writable(scene.exchange));
    EQUAL(scene.echo.writables, 0);
    close_scene(&scene);
}

static void let_go_at_the_end(struct recorder *recorder)
{
    fr_exchange_protocol_let_go(&recorder->exchange);
}

TEST(what_is_sent_now_is_flushed_also_when_the_protocol_lets_go_at_the_end)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    scene.recorder.on_ended = let_go_at_the_end;
    EQUAL(respond(&scene, 200), 0);
    struct fr_chunk chunk = FR_CHUNK_COPY(FR_SPAN("abc"));
    EQUAL(fr_exchange_send_now(scene.exchange, &chunk, false), 0);
    EQUAL(fr_exchange_send_now(scene.exchange, &chunk, true), 0);
    RECORD(&scene, " respond:200 send:abc flush send:abc! ended:200 flush");
    EQUAL(fr_exchange_send_now(scene.exchange, &chunk, true), FR_E_STATE);
    RECORD(&scene, "");
    close_scene(&scene);
}

TEST(in_a_burst_only_the_last_flush_leaves_nothing_behind)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond(&scene, 200), 0);
    scene.exchange->in_burst = true;
    struct fr_chunk chunk = FR_CHUNK_COPY(FR_SPAN("abc"));
    EQUAL(fr_exchange_send_now(scene.exchange, &chunk, false), 0);
    EQUAL(fr_exchange_send_now(scene.exchange, &chunk, true), 0);
    RECORD(&scene, " respond:200 send:abc flush+more send:abc! ended:200 flush");
    close_scene(&scene);
}

/* ---- two owners ---- */

TEST(the_last_owner_frees)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(fr_exchange_answer_text(scene.exchange, 200, FR_SPAN("x")), 0);
    fr_exchange_protocol_let_go(scene.exchange);
    EQUAL(scene.recorder.released, 0);
    IS(!scene.exchange->protocol && !fr_exchange_peer(scene.exchange));
    echo_let_go(scene.exchange);
    EQUAL(scene.recorder.released, 1);

    struct scene other;
    begin_scene(&other, ECHO_LATE);
    echo_let_go(other.exchange);
    RECORD(&other, " respond:500 send:" TEXT_500 "! ended:500");
    EQUAL(other.recorder.released, 0);
    fr_exchange_protocol_let_go(other.exchange);
    EQUAL(other.recorder.released, 1);
    close_scene(&scene);
    close_scene(&other);
}

static void let_protocol_go(struct recorder *recorder)
{
    fr_exchange_abort(&recorder->exchange, FR_CLOSE_PEER_RESET);
    fr_exchange_protocol_let_go(&recorder->exchange);
    IS(recorder->released == 0); /* fr_exchange_respond is still on the stack */
}

TEST(nothing_is_freed_while_it_is_on_the_stack)
{
    struct scene scene;
    open_scene(&scene, ECHO_FIXED); /* lets go inside request() */
    scene.recorder.on_respond = let_protocol_go;
    recorder_begin(&scene.recorder, FR_METHOD_GET, FR_BODY_NONE);
    EQUAL(scene.recorder.released, 1);
    EQUAL(scene.echo.last_error, FR_E_GONE);
    recorder_close(&scene.recorder);
    echo_close(&scene.echo);
}

TEST(an_abort_in_the_middle_of_a_flush)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond(&scene, 200), 0);
    scene.recorder.on_flush = let_protocol_go;
    fr_exchange_flush(scene.exchange);
    EQUAL(scene.echo.aborts, 1);
    EQUAL(send_text(&scene, "abc", true), FR_E_GONE);
    IS(!fr_exchange_is_writable(scene.exchange));
    close_scene(&scene);
}

TEST(a_peer_that_a_flush_found_gone_is_sent_nothing)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond(&scene, 200), 0);
    scene.recorder.base.gone = true;
    EQUAL(send_text(&scene, "abc", false), FR_E_GONE);
    EQUAL(scene.chunks_released, 1);
    EQUAL(scene.echo.aborts, 0);
    fr_exchange_abort(scene.exchange, FR_CLOSE_PEER_RESET);
    EQUAL(scene.echo.aborts, 1);
    close_scene(&scene);
}

TEST(aborted_is_said_once_and_not_to_who_has_let_go)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    fr_exchange_abort(scene.exchange, FR_CLOSE_PEER_RESET);
    fr_exchange_abort(scene.exchange, FR_CLOSE_STOP);
    EQUAL(scene.echo.aborts, 1);
    EQUAL(scene.echo.reason, FR_CLOSE_PEER_RESET);
    EQUAL(scene.recorder.ended, 1);
    close_scene(&scene);

    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond(&scene, 200), 0);
    fr_exchange_reset(scene.exchange);
    fr_exchange_abort(scene.exchange, FR_CLOSE_STOP);
    EQUAL(scene.echo.aborts, 0); /* it was the application that broke off */
    EQUAL(scene.recorder.ended, 1);
    close_scene(&scene);

    begin_scene(&scene, ECHO_FIXED);
    fr_exchange_abort(scene.exchange, FR_CLOSE_STOP);
    EQUAL(scene.echo.aborts, 0); /* answered, and let go */
    EQUAL(scene.recorder.ended, 1);
    close_scene(&scene);
}

TEST(an_answered_exchange_hears_of_the_abort_only_if_its_body_was_not_taken)
{
    for (int body = 0; body < 2; body++) {
        struct scene scene;
        open_scene(&scene, ECHO_LATE);
        recorder_begin(&scene.recorder, FR_METHOD_POST, body ? 3 : FR_BODY_NONE);
        EQUAL(fr_exchange_answer_text(scene.exchange, 200, FR_SPAN("")), 0);
        fr_exchange_abort(scene.exchange, FR_CLOSE_PEER_CLOSED);
        EQUAL(scene.echo.aborts, body);
        EQUAL(scene.recorder.ended, 1);
        close_scene(&scene);
    }
}

TEST(draining_is_said_once_to_who_is_answering)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    fr_exchange_drain(scene.exchange);
    fr_exchange_drain(scene.exchange);
    EQUAL(scene.echo.drains, 1);
    close_scene(&scene);

    begin_scene(&scene, ECHO_LATE);
    EQUAL(fr_exchange_answer_text(scene.exchange, 200, FR_SPAN("")), 0);
    fr_exchange_drain(scene.exchange);
    EQUAL(scene.echo.drains, 0);
    close_scene(&scene);
}

TEST(the_peer_s_end_is_said_once_to_who_is_answering)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    fr_exchange_peer_end(scene.exchange);
    fr_exchange_peer_end(scene.exchange);
    EQUAL(scene.echo.peer_ends, 1);
    EQUAL(fr_exchange_answer_text(scene.exchange, 200, FR_SPAN("")), 0); /* which it may still read */
    close_scene(&scene);

    begin_scene(&scene, ECHO_LATE);
    EQUAL(fr_exchange_answer_text(scene.exchange, 200, FR_SPAN("")), 0);
    fr_exchange_peer_end(scene.exchange);
    EQUAL(scene.echo.peer_ends, 0);
    close_scene(&scene);
}
