/* tls/staple.c - Is a file an OCSP response about this certificate?
 *
 * A wrong one makes every client that believes staples refuse the connection; better to hear of it at the start. */
#include "tls/staple.h"

#include <openssl/asn1.h>
#include <openssl/ocsp.h>
#include <stdbool.h>

/* One of its answers is about the serial number of `certificate`. */
static bool is_about(OCSP_BASICRESP *basic, const X509 *certificate)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        ASN1_INTEGER *serial = NULL;
        const OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        OCSP_CERTID *id = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single); /* which only looks */
        if (OCSP_id_get0_info(NULL, NULL, NULL, &serial, id) &&
            ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate)) == 0)
            return true;
    }
    return false;
}

/* What is wrong with it, or NULL. */
static const char *fault_of(OCSP_RESPONSE *response, const X509 *certificate)
{
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return "is an OCSP response that only reports an error";
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    if (!basic)
        return "is not an OCSP response that clients could read";
    bool about = is_about(basic, certificate);
    OCSP_BASICRESP_free(basic);
    return about ? NULL : "is an OCSP response about another certificate";
}

int fr_tls_staple_check(fr_span der, const char *name, X509 *certificate, const struct fr_tls_complaint *complaint)
{
    const unsigned char *at = (const unsigned char *)der.data;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
    const char *fault = "is not an OCSP response in DER";
    if (response && at == (const unsigned char *)der.data + der.len)
        fault = fault_of(response, certificate);
    OCSP_RESPONSE_free(response);
    fr_tls_errors_clear();
    if (!fault)
        return 0;
    fr_tls_complain(complaint, "%s %s", name, fault);
    return FR_E_CERTIFICATE;
}
