/* base/error.h */
#include "base/error.h"

#include <ctype.h>

#include "unit.h"

#define SAME_TEXT(actual, expected) SAME(fr_span_of_string(actual), expected)

TEST(errors_have_their_own_words)
{
    SAME_TEXT(fr_error_name(FR_E_LIMIT), "LIMIT");
    SAME_TEXT(fr_error_text(FR_E_LIMIT), "a limit was reached");
    SAME_TEXT(fr_error_name(FR_E_HOST), "HOST");
    SAME_TEXT(fr_error_text(FR_E_HOST), "missing, repeated or invalid Host");
    SAME_TEXT(fr_error_name(FR_E_UNSUPPORTED), "UNSUPPORTED");
    SAME_TEXT(fr_error_text(FR_E_UNSUPPORTED), "not available on this machine");
}

struct row {
    int number;
    const char *name, *sentence;
};

/* clang-format off */
#define X(name, sentence) {FR_E_##name, #name, sentence},
static const struct row errors[] = {FR_ERROR_LIST(X)};
#undef X
#define X(name, sentence) {FR_CLOSE_##name, #name, sentence},
static const struct row reasons[] = {FR_CLOSE_LIST(X)};
#undef X
/* clang-format on */

TEST(every_error_is_negative_and_has_its_words)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        IS(errors[i].number < 0);
        SAME_TEXT(fr_error_name(errors[i].number), errors[i].name);
        SAME_TEXT(fr_error_text(errors[i].number), errors[i].sentence);
    }
}

TEST(success_and_strangers_have_words_too)
{
    SAME_TEXT(fr_error_name(0), "OK");
    SAME_TEXT(fr_error_text(0), "no error");
    const int strangers[] = {1, -1, FR_E_FIRST_, FR_E_END_, -100000, 100000};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        SAME_TEXT(fr_error_name(strangers[i]), "UNKNOWN");
        SAME_TEXT(fr_error_text(strangers[i]), "unknown");
    }
}

TEST(every_reason_is_in_the_table)
{
    SAME_TEXT(fr_close_reason_name(FR_CLOSE_NONE), "NONE");
    SAME_TEXT(fr_close_reason_text(FR_CLOSE_NONE), "not closed");
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        enum fr_close_reason reason = (enum fr_close_reason)reasons[i].number;
        IS(reason > 0);
        SAME_TEXT(fr_close_reason_name(reason), reasons[i].name);
        SAME_TEXT(fr_close_reason_text(reason), reasons[i].sentence);
    }
    SAME_TEXT(fr_close_reason_name(FR_CLOSE_END_), "UNKNOWN");
}

/* "HTTP", "CR LF" and header names may be in capitals, the first word of a sentence only if it is one. */
TEST(sentences_end_without_a_full_stop)
{
    for (int error = FR_E_FIRST_ + 1; error < FR_E_END_; error++) {
        const char *text = fr_error_text(error);
        IS(text[strlen(text) - 1] != '.');
        IS(islower((unsigned char)text[0]) || strncmp(text, "HTTP", 4) == 0);
    }
}
