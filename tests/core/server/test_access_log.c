/* server/access_log.c: what a line looks like, that nobody can forge one, and when lines are written. */
#include "server/access_log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "net/transport.h"
#include "unit.h"

#define TEXT_BYTES_MAX (4 * 1024 * 1024)

struct heard {
    enum fr_log_level level;
    int count;
    char last[1024];
};

struct bench {
    struct fr_loop *loop;
    struct fr_access_log *access;
    struct fr_log log;
    struct heard heard;
    int reader, writer;
    struct fr_endpoint local;
    struct fr_peer peer;
    char *text;
    size_t len;
};

static void hear(void *sink, enum fr_log_level level, const char *message)
{
    struct heard *heard = sink;
    heard->level = level;
    heard->count++;
    snprintf(heard->last, sizeof heard->last, "%s", message);
}

/* A log into a pipe, at the moment of Apache's own example. */
static void open_bench(struct bench *bench, enum fr_access_format format)
{
    int error = 0, ends[2];
    memset(bench, 0, sizeof *bench);
    setenv("TZ", "PDT7", 1);
    tzset();
    bench->loop = fr_loop_open(&fr_transport_uv, &error);
    IS(bench->loop);
    fr_clock_advance(fr_loop_clock(bench->loop), 0);
    fr_loop_clock(bench->loop)->wall_s = 971211336;
    bench->log = (struct fr_log){.write = hear, .sink = &bench->heard, .level = FR_LOG_WARNING};
    EQUAL(pipe(ends), 0);
    bench->reader = ends[0];
    bench->writer = ends[1];
    EQUAL(fcntl(bench->reader, F_SETFL, O_NONBLOCK), 0);
    snprintf(bench->peer.remote.host, sizeof bench->peer.remote.host, "192.0.2.7");
    bench->text = malloc(TEXT_BYTES_MAX);
    bench->access = fr_access_log_open(bench->loop, bench->writer, format, &bench->log);
}

static void close_bench(struct bench *bench)
{
    if (bench->access)
        fr_access_log_close(bench->access);
    EQUAL(fr_pool_taken(fr_loop_pool(bench->loop)), 0);
    fr_loop_close(bench->loop);
    free(bench->text);
}

/* Everything the pipe holds, as a string in bench->text; returns its length. */
static size_t read_all(struct bench *bench)
{
    bench->len = 0;
    for (;;) {
        ssize_t count = read(bench->reader, bench->text + bench->len, TEXT_BYTES_MAX - 1 - bench->len);
        if (count <= 0)
            break;
        bench->len += (size_t)count;
    }
    bench->text[bench->len] = 0;
    return bench->len;
}

struct asked {
    const char *target, *referer, *agent;
    int status;
    uint64_t bytes;
    bool head_only;
    enum fr_http_version version;
};

static void log_exchange(struct bench *bench, const struct asked *asked)
{
    struct fr_header headers[3];
    struct fr_request_head head = {.method_text = FR_SPAN("GET"), .headers = headers, .version = asked->version};
    struct fr_exchange exchange = {.head = &head};
    head.target = fr_span_of_string(asked->target);
    headers[head.header_count++] = (struct fr_header){FR_SPAN("Host"), FR_SPAN("example.com"), FR_HEADER_HOST};
    if (asked->referer)
        headers[head.header_count++] =
            (struct fr_header){FR_SPAN("Referer"), fr_span_of_string(asked->referer), FR_HEADER_REFERER};
    if (asked->agent)
        headers[head.header_count++] =
            (struct fr_header){FR_SPAN("User-Agent"), fr_span_of_string(asked->agent), FR_HEADER_USER_AGENT};
    fr_access_log_begin(bench->access, &exchange);
    IS(exchange.observer_data);
    memset(headers, 0xee, sizeof headers); /* borrowed: gone when the request has been shown */
    exchange.head = NULL;
    exchange.status = asked->status;
    exchange.response_bytes = asked->bytes;
    exchange.head_only = asked->head_only;
    fr_access_log_end(bench->access, &bench->peer, &exchange);
    IS(!exchange.observer_data);
}

static void expect_line(enum fr_access_format format, const struct asked *asked, const char *line)
{
    struct bench bench;
    open_bench(&bench, format);
    log_exchange(&bench, asked);
    EQUAL(read_all(&bench), 0);
    fr_access_log_flush(bench.access);
    read_all(&bench);
    SAME(fr_span_of(bench.text, bench.len), line);
    close_bench(&bench);
}

TEST(common_line)
{
    struct asked asked = {.target = "/apache_pb.gif?a=1", .status = 200, .bytes = 2326, .referer = "r", .agent = "a"};
    expect_line(FR_ACCESS_COMMON, &asked,
                "192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif?a=1 HTTP/1.0\" 200 2326\n");
}

TEST(combined_line)
{
    struct asked asked = {.target = "/", .status = 404, .bytes = 18446744073709551615u, .version = FR_HTTP_1_1};
    asked.referer = "http://example.com/start.html";
    asked.agent = "Mozilla/5.0 (X11; Linux x86_64)";
    expect_line(FR_ACCESS_COMBINED, &asked,
                "192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 404 18446744073709551615 "
                "\"http://example.com/start.html\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n");
}

TEST(absent_values_are_dashes)
{
    struct asked asked = {.target = "/", .status = 204, .version = FR_HTTP_2};
    expect_line(FR_ACCESS_COMBINED, &asked,
                "192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/2.0\" 204 - \"-\" \"-\"\n");
}

TEST(head_sends_no_bytes)
{
    struct asked asked = {.target = "/", .status = 200, .bytes = 500, .head_only = true, .version = FR_HTTP_1_1};
    expect_line(FR_ACCESS_COMMON, &asked, "192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 -\n");
}

TEST(never_answered_is_499)
{
    struct asked asked = {.target = "/", .version = FR_HTTP_1_1};
    expect_line(FR_ACCESS_COMMON, &asked, "192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 499 -\n");
}

TEST(no_value_ends_its_quotes_or_the_line)
{
    struct asked asked = {.target = "/\"\\\x7f\xff", .status = 200, .bytes = 1, .version = FR_HTTP_1_1};
    asked.referer = "a\" 200 1\n10.0.0.1 - - \"";
    asked.agent = "\t\x1b[31m\xc3\xa9";
    expect_line(FR_ACCESS_COMBINED, &asked,
                "192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"GET /\\x22\\x5c\\x7f\\xff HTTP/1.1\" 200 1 "
                "\"a\\x22 200 1\\x0a10.0.0.1 - - \\x22\" \"\\x09\\x1b[31m\\xc3\\xa9\"\n");
}

TEST(refused_requests_have_no_line_to_quote)
{
    struct bench bench;
    open_bench(&bench, FR_ACCESS_COMBINED);
    bench.peer.remote.host[0] = 0; /* as a unix socket's client */
    fr_access_log_refuse(bench.access, &bench.peer, 400);
    fr_access_log_flush(bench.access);
    read_all(&bench);
    SAME(fr_span_of(bench.text, bench.len), "- - - [10/Oct/2000:13:55:36 -0700] \"-\" 400 - \"-\" \"-\"\n");
    close_bench(&bench);
}

TEST(the_time_is_of_the_request_and_follows_the_clock)
{
    struct bench bench;
    struct asked asked = {.target = "/", .status = 200, .bytes = 1};
    open_bench(&bench, FR_ACCESS_COMMON);
    setenv("TZ", "IST-5:30", 1);
    tzset();
    log_exchange(&bench, &asked);
    fr_loop_clock(bench.loop)->wall_s += 1;
    log_exchange(&bench, &asked);
    fr_access_log_flush(bench.access);
    read_all(&bench);
    SAME(fr_span_of(bench.text, bench.len), "192.0.2.7 - - [11/Oct/2000:02:25:36 +0530] \"GET / HTTP/1.0\" 200 1\n"
                                            "192.0.2.7 - - [11/Oct/2000:02:25:37 +0530] \"GET / HTTP/1.0\" 200 1\n");
    close_bench(&bench);
}

TEST(lines_are_written_after_a_second)
{
    struct bench bench;
    struct asked asked = {.target = "/", .status = 200};
    open_bench(&bench, FR_ACCESS_COMMON);
    log_exchange(&bench, &asked);
    fr_clock_advance(fr_loop_clock(bench.loop), FR_ACCESS_LOG_AGE_MS - 60);
    fr_loop_turn(bench.loop, 0);
    EQUAL(read_all(&bench), 0);
    fr_clock_advance(fr_loop_clock(bench.loop), 120);
    fr_loop_turn(bench.loop, 0);
    IS(read_all(&bench) > 0);
    close_bench(&bench);
}

TEST(lines_are_written_when_a_batch_is_full)
{
    struct bench bench;
    struct asked asked = {.target = "/", .status = 200};
    open_bench(&bench, FR_ACCESS_COMMON);
    size_t count = 0;
    while (read_all(&bench) == 0) {
        log_exchange(&bench, &asked);
        count++;
        IS(count < 1000);
    }
    IS(bench.len >= FR_ACCESS_LOG_BATCH_BYTES && bench.len < FR_ACCESS_LOG_BATCH_BYTES + 100);
    EQUAL(bench.text[bench.len - 1], '\n');
    close_bench(&bench);
}

TEST(close_writes_what_is_left)
{
    struct bench bench;
    struct asked asked = {.target = "/", .status = 200};
    open_bench(&bench, FR_ACCESS_COMMON);
    log_exchange(&bench, &asked);
    fr_access_log_close(bench.access);
    bench.access = NULL;
    IS(read_all(&bench) > 0);
    close_bench(&bench);
}

/* Lines of one length, numbered in their target, until some were dropped. */
static unsigned log_until_dropped(struct bench *bench)
{
    unsigned count = 0;
    for (; fr_access_log_dropped(bench->access) == 0; count++) {
        char target[512];
        snprintf(target, sizeof target, "/%0400u", count);
        log_exchange(bench, &(struct asked){.target = target, .status = 200});
        IS(count < 100000);
    }
    return count;
}

TEST(a_slow_reader_is_not_waited_for_and_beyond_a_limit_lines_are_dropped)
{
    struct bench bench;
    open_bench(&bench, FR_ACCESS_COMMON);
    unsigned logged = log_until_dropped(&bench), seen = 0;
    EQUAL(bench.heard.count, 1);
    EQUAL(bench.heard.level, FR_LOG_WARNING);
    IS(strstr(bench.heard.last, "dropped"));
    while (read_all(&bench) > 0) {
        for (char *line = bench.text; *line; line = strchr(line, '\n') + 1, seen++) {
            char target[512];
            snprintf(target, sizeof target, "\"GET /%0400u ", seen);
            IS(strstr(line, target)); /* in order, whole, none missing */
        }
        fr_clock_advance(fr_loop_clock(bench.loop), 200);
        fr_loop_turn(bench.loop, 0);
    }
    EQUAL(seen, logged - 1);
    EQUAL(bench.heard.count, 2);
    IS(strstr(bench.heard.last, "1 lines are lost"));
    log_exchange(&bench, &(struct asked){.target = "/again", .status = 200});
    fr_access_log_flush(bench.access);
    read_all(&bench);
    IS(strstr(bench.text, "/again"));
    close_bench(&bench);
}

TEST(a_line_longer_than_an_atomic_write_arrives_whole)
{
    struct bench bench;
    char *target = malloc(8001), *agent = malloc(8001);
    memset(target, '/', 8000);
    memset(agent, 0x01, 8000);
    target[8000] = agent[8000] = 0;
    open_bench(&bench, FR_ACCESS_COMBINED);
    log_exchange(&bench, &(struct asked){.target = target, .agent = agent, .status = 200});
    fr_access_log_flush(bench.access);
    read_all(&bench);
    IS(bench.len > 8000 + 4 * 8000);
    IS(strstr(bench.text, "\\x01\\x01\"\n"));
    free(target);
    free(agent);
    close_bench(&bench);
}

TEST(a_reader_that_is_gone_ends_the_log_without_a_signal)
{
    struct bench bench;
    struct asked asked = {.target = "/", .status = 200};
    open_bench(&bench, FR_ACCESS_COMMON);
    signal(SIGPIPE, SIG_DFL);
    log_exchange(&bench, &asked);
    close(bench.reader);
    fr_access_log_flush(bench.access);
    EQUAL(bench.heard.count, 1);
    EQUAL(bench.heard.level, FR_LOG_ERROR);
    EQUAL(fr_access_log_dropped(bench.access), 1);
    log_exchange(&bench, &asked);
    fr_access_log_flush(bench.access);
    EQUAL(fr_access_log_dropped(bench.access), 2);
    EQUAL(bench.heard.count, 1);
    close_bench(&bench);
}

#if defined(__linux__)
TEST(a_full_disk_is_waited_out)
{
    struct bench bench;
    open_bench(&bench, FR_ACCESS_COMMON);
    int full = open("/dev/full", O_WRONLY);
    IS(full >= 0);
    EQUAL(dup2(full, bench.writer), bench.writer);
    log_exchange(&bench, &(struct asked){.target = "/", .status = 200});
    fr_access_log_flush(bench.access);
    EQUAL(fr_access_log_dropped(bench.access), 0);
    EQUAL(bench.heard.count, 0);
    fr_access_log_close(bench.access); /* but not for ever */
    bench.access = NULL;
    IS(strstr(bench.heard.last, "1 lines are lost"));
    close_bench(&bench);
}
#endif

TEST(a_closed_descriptor_ends_the_log)
{
    struct bench bench;
    open_bench(&bench, FR_ACCESS_COMMON);
    close(bench.writer);
    log_exchange(&bench, &(struct asked){.target = "/", .status = 200});
    fr_access_log_flush(bench.access);
    EQUAL(bench.heard.level, FR_LOG_ERROR);
    EQUAL(fr_access_log_dropped(bench.access), 1);
    close_bench(&bench);
}

TEST(a_file_is_appended_to)
{
    struct bench bench;
    open_bench(&bench, FR_ACCESS_COMMON);
    char path[] = "/tmp/access-XXXXXX";
    int fd = mkstemp(path);
    IS(fd >= 0);
    struct fr_access_log *access = fr_access_log_open(bench.loop, fd, FR_ACCESS_COMMON, &bench.log);
    EQUAL(write(fd, "before\n", 7), 7);
    fr_access_log_refuse(access, &bench.peer, 400);
    fr_access_log_close(access);
    char text[200] = {0};
    IS(pread(fd, text, sizeof text - 1, 0) > 7);
    SAME(fr_span_of_string(text), "before\n192.0.2.7 - - [10/Oct/2000:13:55:36 -0700] \"-\" 400 -\n");
    unlink(path);
    close(fd);
    close_bench(&bench);
}
