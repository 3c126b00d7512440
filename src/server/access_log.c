/* server/access_log.c - One line per exchange, written in batches.
 *
 * Owns the lines that are not written yet, and the copies that open exchanges keep of their heads. Does not
 * know connections. The descriptor is shared with others (standard output), so it is never made
 * non-blocking: a pipe or terminal is asked for room before each write of at most PIPE_BUF bytes, which POSIX
 * promises not to wait then, nor to mix with the lines of another worker. */
#include "server/access_log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "http/headers.h"
#include "net/timer.h"

/* "[10/Oct/2000:13:55:36 -0700]", with room for whatever an int may hold. */
#define TIME_BYTES_MAX 128

/* The status, the length, quotes, dashes and spaces of a line. */
#define LINE_FRAME_BYTES_MAX 80

/* The last lines are worth this much patience; nobody is being served any more. */
#define CLOSE_WAIT_MS 500

/* Memory that an access log keeps between two batches. */
#define IDLE_BYTES_MAX (2 * FR_ACCESS_LOG_BATCH_BYTES)

#define STATUS_PEER_LEFT 499 /* as nginx says it */

/* While the descriptor takes nothing it is tried again this often. */
#define RETRY_MS 100

struct fr_access_log {
    struct fr_loop *loop;
    const struct fr_log *log;
    int fd;
    bool combined;
    bool regular;           /* a file: takes everything, and appends whole writes */
    bool gone;              /* nobody reads any more */
    bool stuck;             /* the descriptor took nothing; `due` tries again */
    struct fr_buffer lines; /* complete lines, not written yet */
    struct fr_timer due;
    uint64_t dropped;
    uint64_t dropped_told; /* of these, how many the server's log has heard of */
    int64_t time_s;        /* the second that `time` was written for */
    size_t time_len;
    char time[TIME_BYTES_MAX];
};

/* What an open exchange keeps in observer_data: one block, the texts one behind another. */
struct entry {
    int64_t wall_s; /* when the head had arrived */
    uint32_t line_len, referer_len, agent_len;
    char text[];
};

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const versions[] = {
    [FR_HTTP_1_0] = "HTTP/1.0", [FR_HTTP_1_1] = "HTTP/1.1", [FR_HTTP_2] = "HTTP/2.0"};

/* ---- writing ---- */

/* How much of `lines` to write at once: whole lines within PIPE_BUF, or a piece of one that is longer. */
static size_t next_piece(fr_span lines)
{
    if (lines.len <= PIPE_BUF)
        return lines.len;
    for (size_t len = PIPE_BUF; len > 0; len--)
        if (lines.data[len - 1] == '\n')
            return len;
    return PIPE_BUF;
}

/* A write would be taken within `wait_ms`. A reader that is gone is found here, before SIGPIPE could be raised. */
static bool has_room(struct fr_access_log *access, int wait_ms)
{
    struct pollfd poller = {.fd = access->fd, .events = POLLOUT};
    if (access->gone || access->regular)
        return !access->gone;
    if (poll(&poller, 1, wait_ms) <= 0)
        return false;
    if (poller.revents & POLLNVAL) /* macOS cannot poll terminals; the write will say what is wrong, if anything */
        return true;
    if (poller.revents & POLLERR)
        access->gone = true;
    return !access->gone && (poller.revents & POLLOUT);
}

/* Not now, but perhaps later: a full pipe, a full disk. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOSPC || error == EDQUOT;
}

static void drop_lines(struct fr_access_log *access, fr_span lines)
{
    for (size_t i = 0; i < lines.len; i++)
        access->dropped += lines.data[i] == '\n';
}

/* Nobody will ever read what is left. */
static void give_up(struct fr_access_log *access, fr_span lines)
{
    drop_lines(access, lines);
    access->dropped_told = access->dropped;
    fr_log_print(access->log, FR_LOG_ERROR, "the access log can no longer be written; it ends here");
}

static void write_lines(struct fr_access_log *access)
{
    size_t done = 0;
    fr_span lines = fr_buffer_span(&access->lines);
    while (done < lines.len && has_room(access, 0)) {
        fr_span left = fr_span_skip(lines, done);
        ssize_t count = write(access->fd, left.data, access->regular ? left.len : next_piece(left));
        if (count > 0)
            done += (size_t)count;
        else if (count < 0 && is_passing(errno))
            break;
        else if (count < 0 && errno != EINTR)
            access->gone = true;
    }
    if (access->gone) {
        give_up(access, fr_span_skip(lines, done));
        done = lines.len;
    }
    fr_buffer_consume(&access->lines, done);
    if (access->lines.len == 0 && access->lines.capacity > IDLE_BYTES_MAX)
        fr_buffer_free(&access->lines);
}

static void tell_dropped(struct fr_access_log *access)
{
    if (access->dropped != access->dropped_told && !access->gone)
        fr_log_print(access->log, FR_LOG_WARNING, "the access log was not taken in time: %llu lines are lost",
                     (unsigned long long)(access->dropped - access->dropped_told));
    access->dropped_told = access->dropped;
}

void fr_access_log_flush(struct fr_access_log *access)
{
    if (access->lines.len)
        write_lines(access);
    access->stuck = access->lines.len > 0;
    if (access->stuck) {
        fr_timer_set(access->loop, &access->due, RETRY_MS);
        return;
    }
    fr_timer_clear(access->loop, &access->due);
    tell_dropped(access);
}

static void on_due(struct fr_timer *timer)
{
    fr_access_log_flush(FR_LIST_OWNER(timer, struct fr_access_log, due));
}

/* ---- formatting ---- */

/* Appends `text` as it may stand between quotes. `to` has room for four bytes of each. */
static char *escape(char *to, fr_span text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
            *to++ = (char)byte;
            continue;
        }
        *to++ = '\\';
        *to++ = 'x';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    return to;
}

static char *copy(char *to, const char *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

/* A text in quotes; an absent one is a dash. */
static char *quote(char *to, fr_span text)
{
    *to++ = ' ';
    *to++ = '"';
    to = text.len ? escape(to, text) : copy(to, "-", 1);
    *to++ = '"';
    return to;
}

/* Writes the time once per second, in the local zone as Apache does, without asking the locale for months. */
static void follow_time(struct fr_access_log *access, int64_t wall_s)
{
    struct tm tm;
    time_t second = (time_t)wall_s;
    if (access->time_len && access->time_s == wall_s)
        return;
    if (!localtime_r(&second, &tm))
        memset(&tm, 0, sizeof(tm));
    long minutes = tm.tm_gmtoff / 60, positive = minutes < 0 ? -minutes : minutes;
    int len = snprintf(access->time, sizeof(access->time), "[%02d/%s/%04d:%02d:%02d:%02d %c%02ld%02ld]", tm.tm_mday,
                       months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, minutes < 0 ? '-' : '+',
                       positive / 60, positive % 60);
    assert(len > 0 && (size_t)len < sizeof(access->time));
    access->time_len = (size_t)len;
    access->time_s = wall_s;
}

/* What one line is made of. */
struct line {
    const struct fr_peer *peer;
    int64_t wall_s;
    fr_span request, referer, agent;
    int status;
    uint64_t bytes;
};

/* A number after a space. */
static char *count(char *to, uint64_t number)
{
    char digits[24];
    size_t len = 0;
    do {
        digits[len++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    *to++ = ' ';
    while (len)
        *to++ = digits[--len];
    return to;
}

static char *write_line(struct fr_access_log *access, char *to, fr_span host, const struct line *line)
{
    to = host.len ? escape(to, host) : copy(to, "-", 1);
    to = copy(to, " - - ", 5);
    to = copy(to, access->time, access->time_len);
    to = quote(to, line->request);
    to = count(to, (uint64_t)line->status);
    to = line->bytes ? count(to, line->bytes) : copy(to, " -", 2);
    if (access->combined) {
        to = quote(to, line->referer);
        to = quote(to, line->agent);
    }
    *to++ = '\n';
    return to;
}

static void add_line(struct fr_access_log *access, const struct line *line)
{
    fr_span host = fr_span_of_string(line->peer->remote.host);
    size_t escaped = 4 * (host.len + line->request.len + line->referer.len + line->agent.len);
    char *to = NULL;
    if (!access->gone)
        to = fr_buffer_reserve(&access->lines, escaped + TIME_BYTES_MAX + LINE_FRAME_BYTES_MAX);
    if (!to) {
        if (access->dropped++ == access->dropped_told && !access->gone)
            fr_log_print(access->log, FR_LOG_WARNING, "the access log is not taken in time: lines are being dropped");
        return;
    }
    follow_time(access, line->wall_s);
    access->lines.len += (size_t)(write_line(access, to, host, line) - to);
    if (access->lines.len >= FR_ACCESS_LOG_BATCH_BYTES && !access->stuck)
        fr_access_log_flush(access);
    else if (!fr_timer_is_set(&access->due))
        fr_timer_set(access->loop, &access->due, FR_ACCESS_LOG_AGE_MS);
}

/* ---- an exchange ---- */

static fr_span value_of(const struct fr_request_head *head, enum fr_header_name name)
{
    const struct fr_header *header = fr_headers_find(head, name);
    return header ? header->value : (fr_span){NULL, 0};
}

static size_t entry_bytes(const struct entry *entry)
{
    return sizeof(*entry) + entry->line_len + entry->referer_len + entry->agent_len;
}

static char *copy_span(char *to, fr_span span)
{
    return span.len ? copy(to, span.data, span.len) : to;
}

void fr_access_log_begin(struct fr_access_log *access, struct fr_exchange *exchange)
{
    const struct fr_request_head *head = exchange->head;
    fr_span version = fr_span_of_string(versions[head->version]);
    fr_span referer = {NULL, 0}, agent = {NULL, 0};
    if (access->combined) {
        referer = value_of(head, FR_HEADER_REFERER);
        agent = value_of(head, FR_HEADER_USER_AGENT);
    }
    struct entry lengths = {
        .wall_s = fr_loop_clock(access->loop)->wall_s,
        .line_len = (uint32_t)(head->method_text.len + 1 + head->target.len + 1 + version.len),
        .referer_len = (uint32_t)referer.len,
        .agent_len = (uint32_t)agent.len,
    };
    struct entry *entry = fr_pool_take(fr_loop_pool(access->loop), entry_bytes(&lengths));
    *entry = lengths;
    char *to = copy_span(entry->text, head->method_text);
    *to++ = ' ';
    to = copy_span(to, head->target);
    *to++ = ' ';
    to = copy_span(to, version);
    to = copy_span(to, referer);
    copy_span(to, agent);
    exchange->observer_data = entry;
}

void fr_access_log_end(struct fr_access_log *access, const struct fr_peer *peer, struct fr_exchange *exchange)
{
    struct entry *entry = exchange->observer_data;
    const char *referer = entry->text + entry->line_len;
    struct line line = {
        .peer = peer,
        .wall_s = entry->wall_s,
        .request = fr_span_of(entry->text, entry->line_len),
        .referer = fr_span_of(referer, entry->referer_len),
        .agent = fr_span_of(referer + entry->referer_len, entry->agent_len),
        .status = exchange->status ? exchange->status : STATUS_PEER_LEFT,
        .bytes = exchange->head_only ? 0 : exchange->response_bytes,
    };
    add_line(access, &line);
    exchange->observer_data = NULL;
    fr_pool_give(fr_loop_pool(access->loop), entry, entry_bytes(entry));
}

void fr_access_log_refuse(struct fr_access_log *access, const struct fr_peer *peer, int status)
{
    struct line line = {.peer = peer, .wall_s = fr_loop_clock(access->loop)->wall_s, .status = status};
    add_line(access, &line);
}

uint64_t fr_access_log_dropped(const struct fr_access_log *access)
{
    return access->dropped;
}

/* ---- from open to close ---- */

struct fr_access_log *fr_access_log_open(struct fr_loop *loop, int fd, enum fr_access_format format,
                                         const struct fr_log *log)
{
    struct stat status;
    assert(format != FR_ACCESS_OFF);
    struct fr_access_log *access = fr_alloc_zero(sizeof(*access));
    access->loop = loop;
    access->log = log;
    access->fd = fd;
    access->combined = format == FR_ACCESS_COMBINED;
    access->regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    access->due.expired = on_due;
    fr_buffer_init(&access->lines, FR_ACCESS_LOG_KEPT_BYTES_MAX);
    return access;
}

void fr_access_log_close(struct fr_access_log *access)
{
    fr_access_log_flush(access);
    if (access->stuck && has_room(access, CLOSE_WAIT_MS))
        fr_access_log_flush(access);
    drop_lines(access, fr_buffer_span(&access->lines));
    tell_dropped(access);
    fr_timer_clear(access->loop, &access->due);
    fr_buffer_free(&access->lines);
    fr_free(access);
}
