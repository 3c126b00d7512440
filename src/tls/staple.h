/* tls/staple.h - An OCSP response that goes with a certificate of ours: checked when it is read, then shown as it is.
 *
 * RFC 6066 section 8, RFC 6960. */
#ifndef FR_TLS_STAPLE_H
#define FR_TLS_STAPLE_H

#include <openssl/x509.h>

#include "base/error.h"
#include "base/span.h"
#include "tls/errors.h"

/* `der`, out of the file `name`, is a successful OCSP response, and about `certificate`. 0, or FR_E_CERTIFICATE and a
 * complaint. Who signed it and whether it is still fresh is for the client to say. */
FR_CHECKED int fr_tls_staple_check(fr_span der, const char *name, X509 *certificate,
                                   const struct fr_tls_complaint *complaint);

#endif
