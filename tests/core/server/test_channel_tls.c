/* server/channel.c with TLS: what passes through records in both directions, and how both ends end. */
#include "server/channel.h"

#include "fakes/echo_application.h"
#include "http1/connection.h"
#include "tls_guest.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct tls_stage tls;
static struct tls_guest guest;
static struct echo_application echo;

static void open_scene(enum echo_mode mode)
{
    echo_open(&echo, mode);
    echo.text = FR_SPAN("hi");
    tls_stage_open(&tls, &echo.base);
}

static void enter(void)
{
    guest_enter(&guest, &tls, &fr_http1);
}

static void close_scene(void)
{
    while (tls.stage.shared.count > 0) {
        fr_connection_close(stage_connection(&tls.stage), FR_CLOSE_STOP);
        stage_turn(&tls.stage);
    }
    guest_leave(&guest);
    tls_stage_close(&tls);
    echo_close(&echo);
}

TEST(requests_are_answered_however_the_records_are_cut)
{
    static const size_t steps[] = {0, 1, 2, 7, 100, 1000};
    open_scene(ECHO_FIXED);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enter();
        IS(guest_shake(&guest, steps[i]));
        guest_say(&guest, GET, steps[i]);
        IS(strncmp(guest.heard, "HTTP/1.1 200 OK\r\n", 17) == 0);
        guest_say(&guest, GET GET, steps[i]);
        EQUAL(echo.requests, 3 * (i + 1));
        if (i + 1 < sizeof steps / sizeof steps[0])
            guest_leave(&guest);
    }
    EQUAL(tls.stage.stats.tls_handshakes, 6);
    EQUAL(tls.stage.stats.tls_handshakes_open, 0);
    close_scene();
}
