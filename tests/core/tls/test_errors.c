/* tls/errors.h */
#include "tls/errors.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "unit.h"

TEST(the_first_complaint_stays)
{
    char text[16] = "";
    struct fr_tls_complaint complaint = {text, sizeof text};
    fr_tls_complain(&complaint, "number %d", 1);
    fr_tls_complain(&complaint, "number %d", 2);
    SAME(fr_span_of_string(text), "number 1");
}

TEST(a_complaint_is_cut_to_fit)
{
    char text[8] = "";
    struct fr_tls_complaint complaint = {text, sizeof text}, nowhere = {NULL, 0};
    fr_tls_complain(&complaint, "%s", "longer than that");
    SAME(fr_span_of_string(text), "longer ");
    fr_tls_complain(&nowhere, "%s", "into the wind");
}

TEST(the_queue_is_empty_afterwards)
{
    char text[64];
    OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
    fr_tls_errors_take(text, sizeof text);
    SAME(fr_span_of_string(text), "unknown");
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    ERR_raise_data(ERR_LIB_SSL, SSL_R_NO_SHARED_CIPHER, "of %d", 3);
    fr_tls_errors_take(text, sizeof text);
    SAME(fr_span_of_string(text), "no shared cipher (of 3)");
    EQUAL(ERR_peek_error(), 0);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    fr_tls_errors_clear();
    EQUAL(ERR_peek_error(), 0);
}

TEST(what_there_is_comes_back)
{
    int object = 0;
    IS(fr_tls_needed(&object) == &object);
}
