/* http/exchange.c: the table cell by cell, then what the cells do not show. Who owns it, and where there is room, is in
 * test_exchange_owners.c. */
#include "http/exchange.h"

#include "exchange_scene.h"
#include "http/headers.h"

/* ---- the table ---- */

enum event { INFORM, HEAD, ACCEPT, PIECE, END, TRAILERS, RESET, ABORT, EVENT_COUNT };

/* Ways to be in a state; ANSWERING comes in two. */
enum place { IDLE, BEGUN, ANSWERING, PROMISED, TRAILING, TUNNEL, ANSWERED, ABORTED, PLACE_COUNT };

static void go_to(struct scene *scene, enum place place)
{
    open_scene(scene, ECHO_LATE);
    if (place != IDLE)
        recorder_begin(&scene->recorder, FR_METHOD_GET, FR_BODY_NONE);
    if (place == ANSWERING || place == ANSWERED)
        EQUAL(respond(scene, 200), 0);
    if (place == PROMISED || place == TRAILING)
        EQUAL(respond_with_trailers(scene), 0);
    if (place == TUNNEL)
        EQUAL(respond(scene, 101), 0);
    if (place == TRAILING || place == ANSWERED)
        EQUAL(fr_exchange_send(scene->exchange, NULL, true), 0);
    if (place == ABORTED)
        fr_exchange_abort(scene->exchange, FR_CLOSE_PEER_CLOSED);
    recorder_take(&scene->recorder);
}

static int fire(struct scene *scene, enum event event)
{
    switch (event) {
    case INFORM:
        return respond(scene, 103);
    case HEAD:
        return respond(scene, 200);
    case ACCEPT:
        return respond(scene, 101);
    case PIECE:
        return send_text(scene, "abc", false);
    case END:
        return send_text(scene, "abc", true);
    case TRAILERS:
        return fr_exchange_trailers(scene->exchange, NULL, 0);
    case RESET:
        fr_exchange_reset(scene->exchange);
        return 0;
    default:
        fr_exchange_abort(scene->exchange, FR_CLOSE_PEER_CLOSED);
        return 0;
    }
}

struct cell {
    enum fr_exchange_state next;
    int error;
    const char *record;
};

/* What is refused changes nothing and asks the protocol for nothing. */
#define NO(state) {FR_EXCHANGE_##state, FR_E_STATE, ""}
#define GONE {FR_EXCHANGE_ABORTED, FR_E_GONE, ""}
#define NOTHING(state) {FR_EXCHANGE_##state, 0, ""}

static const struct cell cells[PLACE_COUNT][EVENT_COUNT] = {
    [IDLE] = {NO(IDLE),
              NO(IDLE),
              NO(IDLE),
              NO(IDLE),
              NO(IDLE),
              NO(IDLE),
              NOTHING(IDLE),
              {FR_EXCHANGE_ABORTED, 0, " ended:0"}},
    [BEGUN] = {{FR_EXCHANGE_BEGUN, 0, " respond:103"},
               {FR_EXCHANGE_ANSWERING, 0, " respond:200"},
               {FR_EXCHANGE_TUNNEL, 0, " respond:101"},
               NO(BEGUN),
               NO(BEGUN),
               NO(BEGUN),
               {FR_EXCHANGE_ANSWERED, 0, " respond:500 send:" TEXT_500 "! ended:500"},
               {FR_EXCHANGE_ABORTED, 0, " ended:0"}},
    [ANSWERING] = {NO(ANSWERING),
                   NO(ANSWERING),
                   NO(ANSWERING),
                   {FR_EXCHANGE_ANSWERING, 0, " send:abc"},
                   {FR_EXCHANGE_ANSWERED, 0, " send:abc! ended:200"},
                   NO(ANSWERING),
                   {FR_EXCHANGE_ABORTED, 0, " reset ended:200"},
                   {FR_EXCHANGE_ABORTED, 0, " ended:200"}},
    [PROMISED] = {NO(ANSWERING),
                  NO(ANSWERING),
                  NO(ANSWERING),
                  {FR_EXCHANGE_ANSWERING, 0, " send:abc"},
                  {FR_EXCHANGE_TRAILING, 0, " send:abc"},
                  NO(ANSWERING),
                  {FR_EXCHANGE_ABORTED, 0, " reset ended:200"},
                  {FR_EXCHANGE_ABORTED, 0, " ended:200"}},
    [TRAILING] = {NO(TRAILING),
                  NO(TRAILING),
                  NO(TRAILING),
                  NO(TRAILING),
                  NO(TRAILING),
                  {FR_EXCHANGE_ANSWERED, 0, " trailers:0 ended:200"},
                  {FR_EXCHANGE_ABORTED, 0, " reset ended:200"},
                  {FR_EXCHANGE_ABORTED, 0, " ended:200"}},
    [TUNNEL] = {NO(TUNNEL),
                NO(TUNNEL),
                NO(TUNNEL),
                {FR_EXCHANGE_TUNNEL, 0, " send:abc"},
                {FR_EXCHANGE_ANSWERED, 0, " send:abc! ended:101"},
                NO(TUNNEL),
                {FR_EXCHANGE_ABORTED, 0, " reset ended:101"},
                {FR_EXCHANGE_ABORTED, 0, " ended:101"}},
    [ANSWERED] = {NO(ANSWERED), NO(ANSWERED), NO(ANSWERED), NO(ANSWERED), NO(ANSWERED), NO(ANSWERED), NOTHING(ANSWERED),
                  NOTHING(ABORTED)},
    [ABORTED] = {GONE, GONE, GONE, GONE, GONE, GONE, NOTHING(ABORTED), NOTHING(ABORTED)},
};

TEST(every_cell_of_the_table)
{
    for (int place = 0; place < PLACE_COUNT; place++) {
        for (int event = 0; event < EVENT_COUNT; event++) {
            const struct cell *cell = &cells[place][event];
            struct scene scene;
            go_to(&scene, (enum place)place);
            int error = fire(&scene, (enum event)event);
            const char *record = recorder_take(&scene.recorder);
            if (error != cell->error || scene.exchange->state != cell->next || strcmp(record, cell->record) != 0)
                UNIT_FAIL("place %d event %d: error %d, state %s, record \"%s\"", place, event, error,
                          fr_exchange_state_name(scene.exchange->state), record);
            EQUAL(scene.chunks_released, event == PIECE || event == END);
            close_scene(&scene);
        }
    }
}

TEST(what_the_protocol_refuses_changes_nothing)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    scene.recorder.refuses = FR_E_RESPONSE_HEAD;
    EQUAL(respond(&scene, 204), FR_E_RESPONSE_HEAD);
    EQUAL(scene.exchange->state, FR_EXCHANGE_BEGUN);
    EQUAL(scene.exchange->status, 0);
    IS(!scene.exchange->head_only);
    EQUAL(respond_with_trailers(&scene), 0);
    EQUAL(fr_exchange_send(scene.exchange, NULL, true), 0);
    scene.recorder.refuses = FR_E_RESPONSE_HEAD;
    EQUAL(fr_exchange_trailers(scene.exchange, NULL, 0), FR_E_RESPONSE_HEAD);
    EQUAL(scene.exchange->state, FR_EXCHANGE_TRAILING);
    EQUAL(scene.recorder.ended, 0);
    EQUAL(fr_exchange_trailers(scene.exchange, NULL, 0), 0);
    EQUAL(scene.recorder.ended, 1);
    close_scene(&scene);
}

TEST(a_status_out_of_range_is_refused)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond(&scene, 99), FR_E_RESPONSE_HEAD);
    EQUAL(respond(&scene, 1000), FR_E_RESPONSE_HEAD);
    EQUAL(respond(&scene, -1), FR_E_RESPONSE_HEAD);
    RECORD(&scene, "");
    EQUAL(respond(&scene, 999), 0);
    EQUAL(respond(&scene, 0), FR_E_STATE);
    close_scene(&scene);
}

/* ---- lengths ---- */

static int respond_declaring(struct scene *scene, const char *first, const char *second, int64_t length)
{
    struct fr_response_header fields[2];
    struct fr_response_head head = {.status = 200, .headers = fields, .content_length = length};
    const char *values[] = {first, second};
    for (int i = 0; i < 2; i++)
        if (values[i])
            fields[head.header_count++] =
                (struct fr_response_header){FR_SPAN("content-LENGTH"), fr_span_of_string(values[i])};
    return fr_exchange_respond(scene->exchange, &head);
}

TEST(a_length_is_declared_once_and_well)
{
    const struct {
        const char *first, *second;
        int64_t length, left;
        int error;
    } cases[] = {
        {NULL, NULL, -1, -1, 0},
        {NULL, NULL, 5, 5, 0},
        {"7", NULL, -1, 7, 0},
        {"7", NULL, 7, 7, 0},
        {"0", NULL, -1, 0, 0},
        {"7", NULL, 8, -1, FR_E_RESPONSE_HEAD},
        {"7", "7", -1, -1, FR_E_RESPONSE_HEAD},
        {"-1", NULL, -1, -1, FR_E_RESPONSE_HEAD},
        {"", NULL, -1, -1, FR_E_RESPONSE_HEAD},
        {"7x", NULL, -1, -1, FR_E_RESPONSE_HEAD},
        {"99999999999999999999", NULL, -1, -1, FR_E_RESPONSE_HEAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        begin_scene(&scene, ECHO_LATE);
        EQUAL(respond_declaring(&scene, cases[i].first, cases[i].second, cases[i].length), cases[i].error);
        EQUAL(scene.exchange->response_left, cases[i].left);
        EQUAL(scene.exchange->state, cases[i].error ? FR_EXCHANGE_BEGUN : FR_EXCHANGE_ANSWERING);
        close_scene(&scene);
    }
}

TEST(more_than_declared_is_dropped)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond_with_length(&scene, 5), 0);
    EQUAL(send_text(&scene, "abc", false), 0);
    EQUAL(send_text(&scene, "defg", false), FR_E_LENGTH);
    EQUAL(send_text(&scene, "h", false), FR_E_LENGTH);
    EQUAL(fr_exchange_send(scene.exchange, NULL, true), 0);
    RECORD(&scene, " respond:200 send:abc send:de send: send:-! ended:200");
    EQUAL(scene.exchange->response_bytes, 5);
    EQUAL(scene.chunks_released, 3);
    close_scene(&scene);
}

TEST(less_than_declared_is_cut)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    EQUAL(respond_with_length(&scene, 5), 0);
    EQUAL(send_text(&scene, "abc", true), FR_E_LENGTH);
    RECORD(&scene, " respond:200 send:abc reset ended:200");
    EQUAL(scene.exchange->state, FR_EXCHANGE_ABORTED);
    EQUAL(scene.echo.aborts, 0);
    EQUAL(send_text(&scene, "de", true), FR_E_GONE);
    EQUAL(scene.chunks_released, 2);
    close_scene(&scene);
}

TEST(answers_without_a_body_drop_it_but_count)
{
    const struct {
        enum fr_method_name method;
        int status;
    } cases[] = {{FR_METHOD_HEAD, 200}, {FR_METHOD_GET, 204}, {FR_METHOD_GET, 304}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene;
        open_scene(&scene, ECHO_LATE);
        recorder_begin(&scene.recorder, cases[i].method, FR_BODY_NONE);
        recorder_take(&scene.recorder);
        const struct fr_response_head head = {.status = cases[i].status, .content_length = 100};
        EQUAL(fr_exchange_respond(scene.exchange, &head), 0);
        recorder_take(&scene.recorder);
        EQUAL(send_text(&scene, "abc", false), 0);
        RECORD(&scene, "");
        EQUAL(send_text(&scene, "", true), 0);
        EQUAL(scene.exchange->state, FR_EXCHANGE_ANSWERED);
        EQUAL(scene.exchange->response_bytes, 3);
        EQUAL(scene.chunks_released, 2);
        close_scene(&scene);
    }
}

/* ---- the request's body ---- */

TEST(credit_is_what_may_still_come)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    recorder_begin(&scene.recorder, FR_METHOD_POST, 10);
    recorder_take(&scene.recorder);
    IS(scene.exchange->body_expected && !scene.exchange->body_ended);
    fr_exchange_credit(scene.exchange, 6);
    RECORD(&scene, " credit");
    fr_exchange_body(scene.exchange, FR_SPAN("0123"), false);
    EQUAL(scene.exchange->credit, 2);
    fr_exchange_credit(scene.exchange, UINT64_MAX);
    EQUAL(scene.exchange->credit, UINT64_MAX);
    fr_exchange_body(scene.exchange, FR_SPAN("456789"), true);
    IS(scene.exchange->body_ended);
    EQUAL(scene.exchange->request_bytes, 10);
    EQUAL(scene.echo.lasts, 1);
    recorder_take(&scene.recorder);
    fr_exchange_credit(scene.exchange, 1);
    RECORD(&scene, "");
    close_scene(&scene);
}

TEST(a_request_without_body_takes_no_credit)
{
    struct scene scene;
    begin_scene(&scene, ECHO_LATE);
    IS(!scene.exchange->body_expected && scene.exchange->body_ended);
    fr_exchange_credit(scene.exchange, 1);
    RECORD(&scene, "");
    close_scene(&scene);
}

TEST(nobody_hears_of_the_body_after_the_answer)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    recorder_begin(&scene.recorder, FR_METHOD_POST, FR_BODY_CHUNKED);
    fr_exchange_credit(scene.exchange, 10);
    EQUAL(fr_exchange_answer_text(scene.exchange, 413, FR_SPAN("too much\n")), 0);
    fr_exchange_body(scene.exchange, FR_SPAN("abc"), true);
    EQUAL(scene.echo.bodies, 0);
    close_scene(&scene);
}

TEST(a_tunnel_needs_the_body_to_be_over)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    recorder_begin(&scene.recorder, FR_METHOD_GET, 3);
    EQUAL(respond(&scene, 101), FR_E_STATE);
    fr_exchange_credit(scene.exchange, 3);
    fr_exchange_body(scene.exchange, FR_SPAN("abc"), true);
    EQUAL(respond(&scene, 101), 0);
    IS(!scene.exchange->body_ended);
    fr_exchange_credit(scene.exchange, 5);
    fr_exchange_body(scene.exchange, FR_SPAN("raw"), false);
    EQUAL(scene.echo.bodies, 2);
    close_scene(&scene);
}

TEST(a_2xx_to_connect_opens_a_tunnel)
{
    struct scene scene;
    open_scene(&scene, ECHO_LATE);
    recorder_begin(&scene.recorder, FR_METHOD_CONNECT, FR_BODY_NONE);
    EQUAL(respond(&scene, 200), 0);
    EQUAL(scene.exchange->state, FR_EXCHANGE_TUNNEL);
    close_scene(&scene);
}

static void refuse_tunnel(struct fr_application *application, struct fr_exchange *exchange)
{
    (void)application;
    fr_exchange_refuse_tunnel(exchange);
}

TEST(a_connect_that_nobody_answers_opens_none)
{
    static const struct fr_application_ops ops = {.name = "tunnelless", .request = refuse_tunnel};
    struct fr_application application = {&ops};
    struct recorder recorder;
    recorder_open(&recorder, &application);
    recorder_begin(&recorder, FR_METHOD_CONNECT, FR_BODY_NONE);
    SAME(fr_span_of_string(recorder_take(&recorder)),
         " begun respond:501 send:Nobody here answers this kind of CONNECT.\n! ended:501");
    IS(!recorder.exchange.owned_by_application);
    fr_exchange_protocol_let_go(&recorder.exchange);
    recorder_close(&recorder);
}

TEST(every_state_has_a_name)
{
    for (int state = 0; state < FR_EXCHANGE_STATE_COUNT; state++)
        IS(fr_is_token(fr_span_of_string(fr_exchange_state_name((enum fr_exchange_state)state))));
}
