/* bench/load/handshake_load.c - TLS 1.3 handshakes, one after the other on each of many connections: connect, shake
 * hands, ask for /500, read the answer to its end, close. The request goes out with the client's Finished and proves
 * that the server has come as far as the client; it is the same for all servers.
 *
 * With --resume each slot offers the newest ticket that the server gave it (some give tickets that open once only), and
 * a handshake that is not resumed then is a mistake that ends the program, as a wrong answer does.
 * It says "ready" after one handshake in each slot; then each line on its input, a number of seconds, is a round of
 * load, and it answers with a line of JSON. Usage: handshake_load --port N --connections N --resume 0|1 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"
#include "local_epoll.h"

#define EVENTS_MAX 64
#define ANSWER_BYTES_MAX 4096
#define LATENCY_US_MAX 1000000 /* what takes longer counts as this */
#define PATIENCE_S 10

static const char request[] = "GET /500 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

struct slot {
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* of the newest ticket; NULL: none yet, or none wanted */
    char answer[ANSWER_BYTES_MAX];
    size_t answer_len;
    uint64_t began_ns;
    bool offered; /* the ticket */
    bool asked;   /* the request is out */
};

struct load {
    int epoll, port;
    SSL_CTX *context;
    struct slot *slots;
    unsigned slot_count, under_way;
    bool resume, sending;
    uint64_t handshakes, resumed;
    uint32_t *latencies; /* how many took so many microseconds */
};

static void give_up(const char *why)
{
    unsigned long error = ERR_peek_last_error();
    fprintf(stderr, "%s%s%s\n", why, error ? ": " : "", error ? ERR_reason_error_string(error) : "");
    exit(1);
}

/* A ticket has come; kept if tickets are wanted. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct slot *slot = SSL_get_app_data(ssl);
    SSL_SESSION_free(slot->session);
    slot->session = session;
    return 1; /* it is ours now */
}

static SSL_CTX *open_context(bool resume)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519") != 1)
        give_up("no context");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context,
                                   resume ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
    if (resume)
        SSL_CTX_sess_set_new_cb(context, on_ticket);
    return context;
}

static void begin_handshake(struct load *load, struct slot *slot)
{
    struct sockaddr_in address = local_address(load->port);
    int on = 1;
    slot->began_ns = now_ns();
    slot->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (slot->fd < 0 || (connect(slot->fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS))
        die("connect");
    (void)setsockopt(slot->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    slot->ssl = SSL_new(load->context);
    if (!slot->ssl || SSL_set_fd(slot->ssl, slot->fd) != 1 || SSL_set_app_data(slot->ssl, slot) != 1)
        give_up("no connection");
    slot->offered = slot->session != NULL;
    if (slot->offered && SSL_set_session(slot->ssl, slot->session) != 1)
        give_up("a ticket cannot be offered");
    SSL_set_connect_state(slot->ssl);
    slot->answer_len = 0;
    slot->asked = false;
    load->under_way++;
    watch(load->epoll, EPOLL_CTL_ADD, slot->fd, EPOLLOUT, slot);
}

static void check_answer(struct load *load, struct slot *slot)
{
    const char *head_end = memmem(slot->answer, slot->answer_len, "\r\n\r\n", 4);
    if (!head_end || slot->answer_len < 12 || memcmp(slot->answer, "HTTP/1.1 200", 12) != 0 ||
        slot->answer + slot->answer_len - (head_end + 4) != 500)
        give_up("a wrong answer");
    bool resumed = SSL_session_reused(slot->ssl) == 1;
    if (resumed != slot->offered)
        give_up("a handshake was not resumed");
    load->resumed += resumed;
}

static void end_handshake(struct load *load, struct slot *slot)
{
    check_answer(load, slot);
    uint64_t took_us = (now_ns() - slot->began_ns) / 1000;
    SSL_set_shutdown(slot->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or the ticket counts as broken */
    SSL_free(slot->ssl);
    close(slot->fd); /* and epoll forgets it */
    load->under_way--;
    load->handshakes++;
    load->latencies[took_us < LATENCY_US_MAX ? took_us : LATENCY_US_MAX]++;
    if (load->sending)
        begin_handshake(load, slot);
}

/* Goes on as far as it can; what it waits for then is watched. */
static void go_on(struct load *load, struct slot *slot)
{
    int result = 1;
    if (!slot->asked) {
        result = SSL_do_handshake(slot->ssl);
        if (result == 1)
            result = SSL_write(slot->ssl, request, sizeof request - 1); /* short: the socket takes it */
        slot->asked = result > 0;
    }
    while (slot->asked && result > 0) {
        size_t room = sizeof slot->answer - slot->answer_len;
        if (room == 0)
            give_up("an answer is too long");
        result = SSL_read(slot->ssl, slot->answer + slot->answer_len, (int)room);
        slot->answer_len += result > 0 ? (size_t)result : 0;
    }
    int reason = SSL_get_error(slot->ssl, result);
    if (reason == SSL_ERROR_ZERO_RETURN)
        end_handshake(load, slot);
    else if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        watch(load->epoll, EPOLL_CTL_MOD, slot->fd, reason == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, slot);
    else if (slot->asked && slot->answer_len > 0) /* some servers close without close_notify */
        end_handshake(load, slot);
    else
        give_up("a handshake failed");
    ERR_clear_error();
}

static void run_handshakes(struct load *load, uint64_t end_ns)
{
    load->sending = true;
    for (unsigned i = 0; i < load->slot_count; i++)
        begin_handshake(load, &load->slots[i]);
    load->sending = end_ns != 0;
    while (load->under_way > 0) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(load->epoll, events, EVENTS_MAX, PATIENCE_S * 1000);
        if (count == 0)
            give_up("nothing came for a long time");
        for (int i = 0; i < count; i++)
            go_on(load, events[i].data.ptr);
        load->sending = now_ns() < end_ns;
    }
}

static double percentile_ms(const struct load *load, uint64_t count, double share)
{
    uint64_t wanted = (uint64_t)((double)count * share), seen = 0;
    unsigned us = 0;
    while (us < LATENCY_US_MAX && (seen += load->latencies[us]) <= wanted)
        us++;
    return us / 1000.0;
}

static void run_round(struct load *load, double seconds)
{
    uint64_t began = now_ns(), before = load->handshakes, resumed = load->resumed;
    memset(load->latencies, 0, (LATENCY_US_MAX + 1) * sizeof *load->latencies);
    run_handshakes(load, began + (uint64_t)(seconds * 1e9));
    uint64_t made = load->handshakes - before;
    printf("{\"handshakes\": %llu, \"resumed\": %llu, \"seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
           (unsigned long long)made, (unsigned long long)(load->resumed - resumed), (double)(now_ns() - began) / 1e9,
           percentile_ms(load, made, 0.5), percentile_ms(load, made, 0.99));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"--port", "--connections", "--resume"};
    unsigned long values[] = {0, 8, 0};
    for (int i = 1; i < argc; i += 2) {
        size_t which = 0;
        while (which < 3 && strcmp(argv[i], names[which]) != 0)
            which++;
        if (which == 3 || i + 1 == argc)
            give_up("usage: handshake_load --port N --connections N --resume 0|1");
        values[which] = strtoul(argv[i + 1], NULL, 10);
    }
    struct load load = {.port = (int)values[0], .slot_count = (unsigned)values[1], .resume = values[2] != 0};
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.context = open_context(load.resume);
    load.slots = allocate(load.slot_count * sizeof *load.slots);
    load.latencies = allocate((LATENCY_US_MAX + 1) * sizeof *load.latencies);
    run_handshakes(&load, 0);
    puts("ready");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin))
        run_round(&load, strtod(line, NULL));
    return 0;
}
