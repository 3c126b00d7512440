/* base/log.h */
#include "base/log.h"

#include "unit.h"

struct heard {
    int count;
    enum fr_log_level level;
    char message[4096];
};

static void on_line(void *sink, enum fr_log_level level, const char *message)
{
    struct heard *heard = sink;
    heard->count++;
    heard->level = level;
    snprintf(heard->message, sizeof heard->message, "%s", message);
}

TEST(a_line_is_formatted)
{
    struct heard heard = {0};
    struct fr_log log = {on_line, &heard, FR_LOG_DEBUG};
    fr_log_print(&log, FR_LOG_WARNING, "%s is %d", "answer", 42);
    EQUAL(heard.count, 1);
    EQUAL(heard.level, FR_LOG_WARNING);
    SAME(fr_span_of_string(heard.message), "answer is 42");
}

TEST(quieter_levels_are_silent)
{
    struct heard heard = {0};
    struct fr_log log = {on_line, &heard, FR_LOG_WARNING};
    fr_log_print(&log, FR_LOG_DEBUG, "no");
    fr_log_print(&log, FR_LOG_INFO, "no");
    EQUAL(heard.count, 0);
    fr_log_print(&log, FR_LOG_WARNING, "yes");
    fr_log_print(&log, FR_LOG_ERROR, "yes");
    EQUAL(heard.count, 2);
}

TEST(without_a_listener_nothing_happens)
{
    struct fr_log silent = {NULL, NULL, FR_LOG_DEBUG};
    fr_log_print(NULL, FR_LOG_ERROR, "%d", 1);
    fr_log_print(&silent, FR_LOG_ERROR, "%d", 1);
}

TEST(a_long_line_is_cut)
{
    struct heard heard = {0};
    struct fr_log log = {on_line, &heard, FR_LOG_DEBUG};
    char text[3001];
    memset(text, 'a', 3000);
    text[3000] = '\0';
    fr_log_print(&log, FR_LOG_INFO, "%s", text);
    EQUAL(strlen(heard.message), 1024);
    text[1024] = '\0';
    fr_log_print(&log, FR_LOG_INFO, "%s", text);
    EQUAL(strlen(heard.message), 1024);
    text[1023] = '\0';
    fr_log_print(&log, FR_LOG_INFO, "%s", text);
    EQUAL(strlen(heard.message), 1023);
}

TEST(control_bytes_cannot_forge_a_line)
{
    struct heard heard = {0};
    struct fr_log log = {on_line, &heard, FR_LOG_DEBUG};
    fr_log_print(&log, FR_LOG_INFO, "%s", "a\r\nb\x1b[0m\x7f\t\xc3\xa9");
    SAME(fr_span_of_string(heard.message), "a??b?[0m??\xc3\xa9");
}
