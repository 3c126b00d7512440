/* tls/file.c - A file that was read once, and whether it is still the same.
 *
 * What it is compared by is asked of the descriptor that is read, so that a file replaced in between is stale. */
#include "tls/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

#ifdef __APPLE__
#define CHANGED(status) ((status)->st_mtimespec)
#else
#define CHANGED(status) ((status)->st_mtim)
#endif

static struct fr_tls_file stamp_of(const char *path, const struct stat *status)
{
    return (struct fr_tls_file){
        .path = path,
        .device = status->st_dev,
        .inode = status->st_ino,
        .size = status->st_size,
        .changed_s = CHANGED(status).tv_sec,
        .changed_ns = CHANGED(status).tv_nsec,
    };
}

/* As many of `size` bytes as there are, or -1. */
static ssize_t read_all(int fd, char *into, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t count = read(fd, into + len, size - len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        len += (size_t)count;
    }
    return (ssize_t)len;
}

static int read_open(int fd, struct fr_tls_file *file, const char *path, fr_span *bytes,
                     const struct fr_tls_complaint *complaint)
{
    struct stat status;
    if (fstat(fd, &status) < 0) {
        fr_tls_complain(complaint, "%s cannot be read: %s", path, strerror(errno));
        return FR_E_CERTIFICATE;
    }
    *file = stamp_of(path, &status);
    if (!S_ISREG(status.st_mode) || status.st_size == 0 || (uint64_t)status.st_size > FR_TLS_FILE_BYTES_MAX) {
        fr_tls_complain(complaint, "%s %s", path,
                        !S_ISREG(status.st_mode) ? "is not a file"
                        : status.st_size == 0    ? "is empty"
                                                 : "is larger than 64 MiB");
        return FR_E_CERTIFICATE;
    }
    char *memory = fr_alloc((size_t)status.st_size);
    ssize_t len = read_all(fd, memory, (size_t)status.st_size);
    *bytes = fr_span_of(memory, (size_t)status.st_size);
    if (len == (ssize_t)status.st_size)
        return 0;
    fr_tls_complain(complaint, "%s cannot be read: %s", path, len < 0 ? strerror(errno) : "it shrank meanwhile");
    fr_tls_file_free(*bytes);
    return FR_E_CERTIFICATE;
}

int fr_tls_file_read(struct fr_tls_file *file, const char *path, fr_span *bytes,
                     const struct fr_tls_complaint *complaint)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would block */
    if (fd < 0) {
        fr_tls_complain(complaint, "%s cannot be read: %s", path, strerror(errno));
        return FR_E_CERTIFICATE;
    }
    int error = read_open(fd, file, path, bytes, complaint);
    close(fd);
    return error;
}

void fr_tls_file_free(fr_span bytes)
{
    if (bytes.len)
        OPENSSL_cleanse((void *)bytes.data, bytes.len);
    fr_free((void *)bytes.data);
}

bool fr_tls_file_is_stale(const struct fr_tls_file *file)
{
    struct stat status;
    if (stat(file->path, &status) < 0)
        return true;
    struct fr_tls_file now = stamp_of(file->path, &status);
    return now.device != file->device || now.inode != file->inode || now.size != file->size ||
           now.changed_s != file->changed_s || now.changed_ns != file->changed_ns;
}
