/* server/certificates.h - What the TLS of a worker is made of, read from files, and from newer ones when asked or told
 * to watch. Connections keep what they began with. */
#ifndef FR_SERVER_CERTIFICATES_H
#define FR_SERVER_CERTIFICATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "tls/context.h"

struct fr_certificates {
    const struct fr_tls_options *options; /* NULL: there is no TLS */
    const struct fr_log *log;
    struct fr_tls_context *context; /* for connections to come; NULL before and after */
    uint64_t seen;                  /* what the files looked like when they were last looked at */
    uint64_t refused;               /* and when they could not be used */
    unsigned looks_since;           /* at files that were refused */
    bool from_kept;                 /* the context is not made of these files */
};

/* Reads them for the first time; those of `kept`, unless NULL, when the first cannot be used, until these can. 0, or
 * FR_E_CERTIFICATE; either way the log hears what is wrong. Without options nothing is done. */
FR_CHECKED int fr_certificates_open(struct fr_certificates *certificates, const struct fr_tls_options *options,
                                    const struct fr_tls_options *kept, const struct fr_log *log);

/* Reads them again. 0; FR_E_CERTIFICATE and one sentence in `complaint`: the old ones stay; FR_E_STATE without TLS. */
FR_CHECKED int fr_certificates_read(struct fr_certificates *certificates, char *complaint, size_t size);

/* Reads them again when the files are other ones and have been so for two looks: whoever replaces several does so one
 * after another. The log hears what came of it, once. What could not be used is tried again once in a while. */
void fr_certificates_watch(struct fr_certificates *certificates);

/* 0, or FR_E_CERTIFICATE and one sentence in `complaint`: whether a worker could be opened with these. */
FR_CHECKED int fr_certificates_check(const struct fr_tls_options *options, char *complaint, size_t size);

void fr_certificates_close(struct fr_certificates *certificates);

#endif
