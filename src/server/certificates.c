/* server/certificates.c - What the TLS of a worker is made of.
 *
 * Owns the context that connections to come begin with. What stands in the files tls/ knows; here is only looked at
 * whether they are still the same, lest files that cannot be used are tried every second. */
#include "server/certificates.h"

#include <sys/stat.h>

#ifdef __APPLE__
#define CHANGED(status) ((status)->st_mtimespec)
#else
#define CHANGED(status) ((status)->st_mtim)
#endif

/* Of a complaint, which names a file. */
#define COMPLAINT_BYTES 1024

/* Files that could not be used are tried again after so many looks though they look the same: what was wrong may have
 * been something else, as who may read them, or that there was no descriptor left. */
#define LOOKS_OF_PATIENCE 60

/* ---- what the files look like ---- */

static uint64_t mix(uint64_t print, uint64_t value)
{
    return (print ^ value) * UINT64_C(0x9e3779b97f4a7c15) + (print >> 29);
}

static uint64_t mix_file(uint64_t print, const char *path)
{
    struct stat status;
    if (!path || stat(path, &status) < 0)
        return mix(print, 1);
    print = mix(print, (uint64_t)status.st_ino);
    print = mix(print, (uint64_t)status.st_size);
    print = mix(print, (uint64_t)CHANGED(&status).tv_sec);
    return mix(print, (uint64_t)CHANGED(&status).tv_nsec);
}

/* Two looks at the same files are the same number. */
static uint64_t print_of(const struct fr_tls_options *options)
{
    uint64_t print = mix_file(mix_file(0, options->ca_file), options->crl_file);
    for (size_t i = 0; i < options->identity_count; i++) {
        const struct fr_tls_identity *identity = &options->identities[i];
        print = mix_file(mix_file(mix_file(print, identity->certfile), identity->keyfile), identity->ocsp_file);
    }
    return print;
}

/* ---- reading ---- */

static struct fr_tls_context *read_files(const struct fr_certificates *certificates,
                                         const struct fr_tls_options *options, char *complaint, size_t size)
{
    struct fr_tls_context *context = fr_tls_context_open(options, complaint, size);
    if (context && complaint[0])
        fr_log_print(certificates->log, FR_LOG_WARNING, "TLS: %s", complaint);
    return context;
}

int fr_certificates_open(struct fr_certificates *certificates, const struct fr_tls_options *options,
                         const struct fr_tls_options *kept, const struct fr_log *log)
{
    char complaint[COMPLAINT_BYTES];
    *certificates = (struct fr_certificates){.options = options, .log = log};
    if (!options)
        return 0;
    certificates->context = read_files(certificates, options, complaint, sizeof complaint);
    if (certificates->context)
        return 0;
    fr_log_print(log, FR_LOG_ERROR, "%s: %s",
                 kept ? "certificates cannot be used, the old ones stay" : "TLS is not possible", complaint);
    if (!kept)
        return FR_E_CERTIFICATE;
    certificates->from_kept = true;
    certificates->refused = print_of(options);
    certificates->context = read_files(certificates, kept, complaint, sizeof complaint);
    if (certificates->context)
        return 0;
    fr_log_print(log, FR_LOG_ERROR, "TLS is not possible: %s", complaint);
    return FR_E_CERTIFICATE;
}

int fr_certificates_read(struct fr_certificates *certificates, char *complaint, size_t size)
{
    if (!certificates->context)
        return FR_E_STATE;
    struct fr_tls_context *context = read_files(certificates, certificates->options, complaint, size);
    if (!context)
        return FR_E_CERTIFICATE;
    fr_tls_context_close(certificates->context);
    certificates->context = context;
    certificates->from_kept = false;
    fr_log_print(certificates->log, FR_LOG_INFO, "certificates read again");
    return 0;
}

/* ---- watching ---- */

void fr_certificates_watch(struct fr_certificates *certificates)
{
    char complaint[COMPLAINT_BYTES];
    if (!certificates->context || (!certificates->from_kept && !fr_tls_context_is_stale(certificates->context)))
        return;
    uint64_t print = print_of(certificates->options), before = certificates->seen;
    certificates->seen = print;
    if (print != before)
        return;
    bool refused_before = print == certificates->refused;
    if (refused_before && ++certificates->looks_since < LOOKS_OF_PATIENCE)
        return;
    certificates->looks_since = 0;
    if (fr_certificates_read(certificates, complaint, sizeof complaint) == 0)
        return;
    certificates->refused = print;
    if (!refused_before)
        fr_log_print(certificates->log, FR_LOG_ERROR, "the new certificates cannot be used, the old ones stay: %s",
                     complaint);
}

int fr_certificates_check(const struct fr_tls_options *options, char *complaint, size_t size)
{
    struct fr_tls_context *context = fr_tls_context_open(options, complaint, size);
    if (!context)
        return FR_E_CERTIFICATE;
    fr_tls_context_close(context);
    return 0;
}

void fr_certificates_close(struct fr_certificates *certificates)
{
    if (certificates->context)
        fr_tls_context_close(certificates->context);
    certificates->context = NULL;
}
