/* base/alloc.h: memory or the end of the process. */
#include "base/alloc.h"

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>

#include "unit.h"

TEST(bytes_can_be_written_and_given_back)
{
    char *memory = fr_alloc(100);
    memset(memory, 1, 100);
    fr_free(memory);
}

TEST(zeroed_bytes_are_zero)
{
    char *memory = fr_alloc_zero(1000);
    for (size_t i = 0; i < 1000; i++)
        EQUAL(memory[i], 0);
    fr_free(memory);
}

TEST(growing_keeps_the_contents)
{
    char *memory = fr_realloc(NULL, 3);
    memcpy(memory, "abc", 3);
    memory = fr_realloc(memory, 100000);
    SAME(fr_span_of(memory, 3), "abc");
    fr_free(memory);
}

TEST(nothing_is_asked_for_and_something_is_given)
{
    void *a = fr_alloc(0), *b = fr_alloc_zero(0), *c = fr_realloc(NULL, 0);
    IS(a && b && c);
    c = fr_realloc(c, 0);
    IS(c);
    fr_free(a);
    fr_free(b);
    fr_free(c);
}

TEST(null_can_be_given_back)
{
    fr_free(NULL);
}

static void fall_in_a_child(void (*fall)(void), int *status)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        fclose(stderr);
        fall();
        _exit(0);
    }
    waitpid(child, status, 0);
}

/* The sanitizers' allocators then answer as the C library's does. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* More than any machine has; through a variable, or the compiler would refuse it. */
static volatile size_t too_much = SIZE_MAX / 4;

static void ask_for_too_much(void)
{
    fr_alloc(too_much);
}

static void ask_for_too_many_zeros(void)
{
    fr_alloc_zero(too_much);
}

static void grow_too_much(void)
{
    fr_realloc(fr_alloc(1), too_much);
}

TEST(without_memory_the_process_ends)
{
    void (*const falls[])(void) = {ask_for_too_much, ask_for_too_many_zeros, grow_too_much};
    for (size_t i = 0; i < sizeof falls / sizeof *falls; i++) {
        int status;
        fall_in_a_child(falls[i], &status);
        IS(WIFSIGNALED(status));
        EQUAL(WTERMSIG(status), SIGABRT);
    }
}
