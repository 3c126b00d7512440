/* tls/file.h */
#include "tls/file.h"

#include <sys/stat.h>
#include <utime.h>

#include "fakes/tls_maker.h"
#include "unit.h"

struct rig {
    struct fr_tls_file file;
    fr_span bytes;
    char text[256];
    struct fr_tls_complaint complaint;
};

static int read_file(struct rig *rig, const char *path)
{
    *rig = (struct rig){.complaint = {rig->text, sizeof rig->text}};
    return fr_tls_file_read(&rig->file, path, &rig->bytes, &rig->complaint);
}

static void expect_complaint(const char *path, const char *what)
{
    struct rig rig;
    char expected[256];
    EQUAL(read_file(&rig, path), FR_E_CERTIFICATE);
    snprintf(expected, sizeof expected, "%s %s", path, what);
    SAME(fr_span_of_string(rig.text), expected);
}

TEST(all_of_it_is_read)
{
    struct rig rig;
    EQUAL(read_file(&rig, maker_text_file("a", "contents")), 0);
    SAME(rig.bytes, "contents");
    IS(!fr_tls_file_is_stale(&rig.file));
    fr_tls_file_free(rig.bytes);
}

TEST(complaints_name_the_file)
{
    expect_complaint("/nowhere/at.all", "cannot be read: No such file or directory");
    expect_complaint("/tmp", "is not a file");
    expect_complaint(maker_text_file("empty", ""), "is empty");
    const char *pipe_path = maker_text_file("pipe", "");
    unlink(pipe_path);
    EQUAL(mkfifo(pipe_path, 0600), 0);
    expect_complaint(pipe_path, "is not a file");
    const char *large = maker_text_file("large", "");
    EQUAL(truncate(large, (off_t)FR_TLS_FILE_BYTES_MAX + 1), 0);
    expect_complaint(large, "is larger than 64 MiB");
}

TEST(a_change_is_seen)
{
    struct rig rig;
    const char *path = maker_text_file("a", "contents");
    EQUAL(read_file(&rig, path), 0);
    fr_tls_file_free(rig.bytes);
    maker_text_file("b", "contents");
    IS(!fr_tls_file_is_stale(&rig.file));
    struct utimbuf earlier = {1, 1};
    EQUAL(utime(path, &earlier), 0);
    IS(fr_tls_file_is_stale(&rig.file));
    EQUAL(read_file(&rig, path), 0);
    fr_tls_file_free(rig.bytes);
    EQUAL(rename(maker_text_file("c", "contents"), path), 0);
    EQUAL(utime(path, &earlier), 0);
    IS(fr_tls_file_is_stale(&rig.file)); /* the same size and time, another inode */
    unlink(path);
    IS(fr_tls_file_is_stale(&rig.file));
}
