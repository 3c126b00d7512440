/* tls/file.h - A file that was read once, and whether it is still the same. */
#ifndef FR_TLS_FILE_H
#define FR_TLS_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"
#include "tls/errors.h"

/* More than any list of certificates or revocations that a server could use. */
#define FR_TLS_FILE_BYTES_MAX ((size_t)64 << 20)

/* What tells one content from the next without reading it. */
struct fr_tls_file {
    const char *path; /* the caller's */
    dev_t device;
    ino_t inode;
    off_t size;
    int64_t changed_s, changed_ns;
};

/* Reads all of `path`; the bytes are the caller's to give back by fr_tls_file_free. 0, or FR_E_CERTIFICATE and a
 * complaint that names the file. An empty file is one. */
FR_CHECKED int fr_tls_file_read(struct fr_tls_file *file, const char *path, fr_span *bytes,
                                const struct fr_tls_complaint *complaint);

/* Wipes the bytes, which may be a key, and gives them back. */
void fr_tls_file_free(fr_span bytes);

/* Another content is there now, or none. */
bool fr_tls_file_is_stale(const struct fr_tls_file *file);

#endif
