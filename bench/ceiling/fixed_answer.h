/* bench/ceiling/fixed_answer.h - What the bare servers of HTTP share: options, the end of a head, and one answer that
 * is written before the first request comes. */
#ifndef FR_BENCH_FIXED_ANSWER_H
#define FR_BENCH_FIXED_ANSWER_H

#include <signal.h>

#include "local.h"

struct fixed_answer {
    int port;
    size_t body_len;
    char *bytes; /* head and body */
    size_t len;
};

/* The head is as long as a real one: Content-Type, Content-Length, Date and Server. */
static void write_answer(struct fixed_answer *answer)
{
    char head[256];
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
                            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: ceiling\r\n\r\n",
                            answer->body_len);
    answer->len = (size_t)head_len + answer->body_len;
    answer->bytes = malloc(answer->len);
    if (!answer->bytes)
        die("malloc");
    memcpy(answer->bytes, head, (size_t)head_len);
    memset(answer->bytes + head_len, 'x', answer->body_len);
}

/* --port N --size BYTES */
static struct fixed_answer read_options(int argc, char **argv)
{
    struct fixed_answer answer = {.port = 8000, .body_len = 500};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--port") == 0) {
            answer.port = (int)strtol(argv[i + 1], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--size") == 0) {
            answer.body_len = strtoul(argv[i + 1], NULL, 10);
        } else {
            fprintf(stderr, "usage: %s --port N --size BYTES\n", argv[0]);
            exit(2);
        }
    }
    signal(SIGPIPE, SIG_IGN);
    write_answer(&answer);
    return answer;
}

/* How many heads end in these bytes. `matched` says how much of CR LF CR LF ended the bytes before. */
static unsigned count_heads(const char *bytes, size_t len, unsigned char *matched)
{
    unsigned heads = 0;
    for (size_t at = 0; at < len; at++) {
        if (*matched == 0) {
            const char *found = memchr(bytes + at, '\r', len - at);
            if (!found)
                return heads;
            at = (size_t)(found - bytes);
        }
        char wanted = *matched % 2 ? '\n' : '\r';
        *matched = bytes[at] == wanted ? *matched + 1 : bytes[at] == '\r';
        if (*matched == 4) {
            *matched = 0;
            heads++;
        }
    }
    return heads;
}

#endif
