/* tests/core/unit.h - The harness of the C units: one program per file, one process per test.
 *
 * A program lists its tests with --list, runs one when named, and all of them, each in a child of its own,
 * without arguments. Include it once per program. */
#ifndef FR_TESTS_UNIT_H
#define FR_TESTS_UNIT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/span.h"

struct unit_test {
    const char *name;
    void (*run)(void);
    struct unit_test *next;
};

static struct unit_test *unit_first, **unit_tail = &unit_first;

/* TEST(name) { ... } defines and registers a test. */
#define TEST(name)                                                 \
    static void test_##name(void);                                 \
    __attribute__((constructor)) static void register_##name(void) \
    {                                                              \
        static struct unit_test test = {#name, test_##name, NULL}; \
        *unit_tail = &test;                                        \
        unit_tail = &test.next;                                    \
    }                                                              \
    static void test_##name(void)

#define UNIT_FAIL(...)                                  \
    do {                                                \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__);                   \
        fputc('\n', stderr);                            \
        exit(1);                                        \
    } while (0)

/* The condition holds. */
#define IS(condition)                            \
    do {                                         \
        if (!(condition))                        \
            UNIT_FAIL("not so: %s", #condition); \
    } while (0)

/* Two integers are equal. */
#define EQUAL(actual, expected)                                                         \
    do {                                                                                \
        long long unit_a = (long long)(actual), unit_b = (long long)(expected);         \
        if (unit_a != unit_b)                                                           \
            UNIT_FAIL("%s is %lld, not %lld (%s)", #actual, unit_a, unit_b, #expected); \
    } while (0)

/* A span holds exactly these bytes (a NUL-terminated string). */
#define SAME(span, string)                                                                                  \
    do {                                                                                                    \
        fr_span unit_a = (span), unit_b = fr_span_of_string(string);                                        \
        if (!fr_span_equal(unit_a, unit_b))                                                                 \
            UNIT_FAIL("%s is \"%.*s\", not \"%s\"", #span, (int)unit_a.len, unit_a.data ? unit_a.data : "", \
                      unit_b.data);                                                                         \
    } while (0)

static int unit_run_in_child(const struct unit_test *test)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        test->run();
        exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("%s %s\n", status == 0 ? "ok" : "FAILED", test->name);
    return status != 0;
}

int main(int argc, char **argv)
{
    int failed = 0, found = 0;
    for (const struct unit_test *test = unit_first; test; test = test->next) {
        if (argc > 1 && strcmp(argv[1], "--list") == 0) {
            puts(test->name);
            found = 1;
        } else if (argc > 1 && strcmp(argv[1], test->name) == 0) {
            test->run();
            found = 1;
        } else if (argc == 1) {
            failed |= unit_run_in_child(test);
            found = 1;
        }
    }
    return failed || !found;
}

#endif
