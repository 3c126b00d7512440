/* Every scan that this machine runs, against the scalar one: on every byte, at every length and offset, and on
 * random lines. The bytes lie in memory of exactly their size, once at its start and once at its end. */
#include "unit.h"

#include <stdint.h>
#include <sys/mman.h>

#include "http1/scan.h"

#define LEN_MAX 100
#define FIELDS_MAX 16

static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};
#define EACH_SCAN(scan)                                           \
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++) \
        for (const struct fr_scan_ops *scan = fr_scan_of(sets[set]); scan; scan = NULL)

static uint64_t random_state = 9112;

static unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

TEST(the_best_scan_is_the_one_of_the_best_set)
{
    EQUAL(fr_scan_best()->simd, fr_cpu_best());
    IS(fr_scan_of(FR_CPU_SCALAR) == &fr_scan_scalar);
    EACH_SCAN(scan)
        EQUAL(scan->simd, sets[set]);
}

/* The reference itself, from the grammar. */
TEST(the_scalar_classes)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[2] = {(char)byte, 0};
        fr_span one = fr_span_of(text, 1);
        bool control = byte < 0x20 || byte == 0x7f;
        bool tchar = byte && (strchr("!#$%&'*+-.^_`|~", byte) || (byte >= '0' && byte <= '9') ||
                              (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z'));
        EQUAL(fr_scan_scalar.target_end(one, 0), !control && byte != ' ');
        EQUAL(fr_scan_scalar.name_end(one, 0), tchar);
        EQUAL(fr_scan_scalar.value_end(one, 0), !control || byte == '\t');
    }
}

static void compare_ends(const struct fr_scan_ops *scan, fr_span bytes, size_t from)
{
    EQUAL(scan->target_end(bytes, from), fr_scan_scalar.target_end(bytes, from));
    EQUAL(scan->name_end(bytes, from), fr_scan_scalar.name_end(bytes, from));
    EQUAL(scan->value_end(bytes, from), fr_scan_scalar.value_end(bytes, from));
}

/* One odd byte, each of the 256, at each place. */
TEST(every_byte_at_every_place)
{
    EACH_SCAN(scan)
        for (size_t len = 1; len <= LEN_MAX; len++) {
            char *bytes = malloc(len);
            memset(bytes, 'a', len);
            for (size_t at = 0; at < len; at++) {
                for (int byte = 0; byte < 256; byte++) {
                    bytes[at] = (char)byte;
                    compare_ends(scan, fr_span_of(bytes, len), at / 2);
                }
                bytes[at] = 'a';
            }
            free(bytes);
        }
}

TEST(every_length_from_every_offset)
{
    EACH_SCAN(scan)
        for (size_t len = 0; len <= LEN_MAX; len++) {
            char *bytes = malloc(len ? len : 1);
            for (unsigned round = 0; round < 20; round++) {
                for (size_t i = 0; i < len; i++)
                    bytes[i] = (char)(pick(16) ? 'a' + (int)pick(26) : (int)pick(256));
                for (size_t from = 0; from <= len; from++)
                    compare_ends(scan, fr_span_of(bytes, len), from);
            }
            free(bytes);
        }
}

static void same_fields(const struct fr_header *a, const struct fr_header *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        IS(a[i].name.data == b[i].name.data && a[i].name.len == b[i].name.len);
        IS(a[i].value.len == b[i].value.len && (a[i].value.data == b[i].value.data || a[i].value.len == 0));
    }
}

static size_t compare_split(const struct fr_scan_ops *scan, fr_span bytes, size_t from, size_t fields_max)
{
    struct fr_header wanted[FIELDS_MAX], fields[FIELDS_MAX];
    size_t wanted_at = from, at = from;
    size_t wanted_count = fr_scan_scalar.split_fields(bytes, &wanted_at, wanted, fields_max);
    size_t count = scan->split_fields(bytes, &at, fields, fields_max);
    EQUAL(count, wanted_count);
    EQUAL(at, wanted_at);
    same_fields(fields, wanted, count);
    return count;
}

static size_t make_lines(char *out, size_t len_max)
{
    static const char *const pieces[] = {"Host",
                                         "A",
                                         "-x-",
                                         ":",
                                         ": ",
                                         ":\t",
                                         " ",
                                         "\t",
                                         "\r\n",
                                         "\r\n",
                                         "\r\n",
                                         "\r",
                                         "\n",
                                         "value",
                                         "another value, somewhat longer than a vector of bytes",
                                         "=",
                                         "Name: value\r\n",
                                         "Long-Name-Of-A-Field: 1234567890\r\n",
                                         "\x80\xff",
                                         "\x7f",
                                         "E:\r\n",
                                         "E: \t \r\n",
                                         "F:f \r\n"};
    size_t len = 0;
    for (;;) {
        const char *piece = pieces[pick(8) ? 16 + pick(2) : pick(sizeof pieces / sizeof *pieces)];
        if (len + strlen(piece) > len_max)
            return len;
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
}

TEST(lines_are_split_alike)
{
    size_t split = 0;
    EACH_SCAN(scan)
        for (unsigned round = 0; round < 4000; round++) {
            char lines[400];
            size_t len = make_lines(lines, pick(sizeof lines));
            char *bytes = malloc(len ? len : 1);
            memcpy(bytes, lines, len);
            split += compare_split(scan, fr_span_of(bytes, len), 0, FIELDS_MAX);
            compare_split(scan, fr_span_of(bytes, len), 0, pick(4));
            compare_split(scan, fr_span_of(bytes, len), pick((unsigned)len + 1), FIELDS_MAX);
            free(bytes);
        }
    IS(split > 4000);
}

static void scan_all(const struct fr_scan_ops *scan, fr_span bytes)
{
    struct fr_header fields[FIELDS_MAX];
    for (size_t from = 0; from <= bytes.len; from++) {
        size_t at = from;
        EQUAL(scan->target_end(bytes, from), bytes.len);
        EQUAL(scan->name_end(bytes, from), bytes.len);
        EQUAL(scan->value_end(bytes, from), bytes.len);
        EQUAL(scan->split_fields(bytes, &at, fields, FIELDS_MAX), 0);
    }
}

/* A sanitizer does not see what a vector reads; a page that is not there does. */
TEST(nothing_is_read_beyond_either_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    IS(pages != MAP_FAILED && mprotect(pages + page, page, PROT_READ | PROT_WRITE) == 0);
    memset(pages + page, 'a', page);
    EACH_SCAN(scan)
        for (size_t len = 0; len <= LEN_MAX; len++) {
            scan_all(scan, fr_span_of(pages + page, len));
            scan_all(scan, fr_span_of(pages + 2 * page - len, len));
        }
    munmap(pages, 3 * page);
}
