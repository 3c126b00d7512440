/* tls/staple.h */
#include "tls/staple.h"

#include <openssl/err.h>

#include "fakes/tls_maker.h"
#include "unit.h"

static void expect(fr_span der, const struct maker_pair *pair, const char *expected)
{
    char text[128] = "";
    struct fr_tls_complaint complaint = {text, sizeof text};
    EQUAL(fr_tls_staple_check(der, "a.ocsp", pair->certificate, &complaint), *expected ? FR_E_CERTIFICATE : 0);
    SAME(fr_span_of_string(text), expected);
    EQUAL(ERR_peek_error(), 0);
}

TEST(only_what_is_about_the_certificate_is_taken)
{
    struct maker_pair authority = maker_pair(&(struct maker_wish){.common_name = "Authority", .authority = true});
    struct maker_pair a = maker_pair(&(struct maker_wish){.common_name = "a", .issuer = &authority, .serial = 7});
    struct maker_pair b = maker_pair(&(struct maker_wish){.common_name = "b", .issuer = &authority, .serial = 8});
    char *data = NULL;
    size_t len = maker_staple(&a, &authority, &data);
    expect(fr_span_of(data, len), &a, "");
    expect(fr_span_of(data, len), &b, "a.ocsp is an OCSP response about another certificate");
    expect(fr_span_of(data, len - 1), &a, "a.ocsp is not an OCSP response in DER");
    expect(FR_SPAN("-----BEGIN"), &a, "a.ocsp is not an OCSP response in DER");
    expect(FR_SPAN("\x30\x03\x0a\x01\x06"), &a, "a.ocsp is an OCSP response that only reports an error");
    char *longer = malloc(len + 1);
    memcpy(longer, data, len);
    longer[len] = '\0';
    expect(fr_span_of(longer, len + 1), &a, "a.ocsp is not an OCSP response in DER");
    free(longer);
    free(data);
    maker_free(&authority);
    maker_free(&a);
    maker_free(&b);
}
