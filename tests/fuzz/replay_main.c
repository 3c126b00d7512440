/* tests/fuzz/replay_main.c - Runs a fuzz harness without a fuzzer.
 *
 * `program PATH...` feeds every file, and every file of every directory, once. `program -random N SEED PATH...`
 * feeds N inputs made from those files by random edits; the same seed makes the same inputs. Every input
 * lies in a block of exactly its size, so that AddressSanitizer sees one byte too far. A crash prints it. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUTS_MAX 65536
#define INPUT_BYTES_MAX 65536
#define EDITS_MAX 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
    uint8_t *data;
    size_t len;
};

static struct input inputs[INPUTS_MAX];
static size_t input_count;

static struct input current; /* for the crash report */
static uint64_t random_state;

/* splitmix64: every seed is a good one */
static uint64_t next_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t below(size_t bound)
{
    return bound ? (size_t)(next_random() % bound) : 0;
}

static void on_abort(int number)
{
    static const char digits[] = "0123456789abcdef";
    (void)number;
    dprintf(STDERR_FILENO, "the input, %zu bytes in hexadecimal:\n", current.len);
    for (size_t i = 0; i < current.len; i++) {
        char pair[2] = {digits[current.data[i] >> 4], digits[current.data[i] & 15]};
        if (write(STDERR_FILENO, pair, 2) != 2)
            break;
    }
    dprintf(STDERR_FILENO, "\n");
    _exit(1);
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void add_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || input_count == INPUTS_MAX)
        die(path);
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    size_t len = fread(data, 1, INPUT_BYTES_MAX, file);
    if (ferror(file))
        die(path);
    fclose(file);
    inputs[input_count++] = (struct input){data, len};
}

/* Sorted, so that a seed means the same on every machine. */
static void add_directory(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0)
        die(path);
    for (int i = 0; i < count; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            add_file(name);
        free(entries[i]);
    }
    free(entries);
}

static void add_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        die(path);
    if (S_ISDIR(status.st_mode))
        add_directory(path);
    else
        add_file(path);
}

static void feed(const uint8_t *data, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, data, len);
    current = (struct input){exact, len};
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

/* A byte that parsers care about more often than one that they do not. */
static uint8_t interesting_byte(void)
{
    static const uint8_t bytes[] = {0,   '\r', '\n', '\t', ' ', ':', ';',  ',',  '/',
                                    '%', '"',  '0',  '9',  'f', 'Z', 0x7f, 0x80, 0xff};
    return next_random() & 1 ? bytes[below(sizeof bytes)] : (uint8_t)next_random();
}

static size_t insert(uint8_t *data, size_t len, size_t at, const uint8_t *piece, size_t piece_len)
{
    if (len + piece_len > INPUT_BYTES_MAX)
        return len;
    memmove(data + at + piece_len, data + at, len - at);
    memcpy(data + at, piece, piece_len);
    return len + piece_len;
}

static size_t edit(uint8_t *data, size_t len)
{
    uint8_t byte = interesting_byte();
    size_t at = below(len + 1), run = below(len - at + 1);
    const struct input *other = &inputs[below(input_count)];
    size_t from = input_count ? below(other->len + 1) : 0;
    switch (below(6)) {
    case 0: /* change one bit */
        if (at < len)
            data[at] ^= (uint8_t)(1u << below(8));
        return len;
    case 1: /* change one byte */
        if (at < len)
            data[at] = byte;
        return len;
    case 2:
        return insert(data, len, at, &byte, 1);
    case 3: /* take a few bytes out */
        run = run < 16 ? run : 16;
        memmove(data + at, data + at + run, len - at - run);
        return len - run;
    case 4: /* cut the end off, sometimes */
        return below(4) ? len : at;
    default: /* a piece of another input */
        return input_count ? insert(data, len, at, other->data + from, below(other->len - from + 1)) : len;
    }
}

static void feed_random(size_t rounds)
{
    static uint8_t data[INPUT_BYTES_MAX];
    for (size_t i = 0; i < rounds; i++) {
        size_t len = 0;
        if (input_count && below(16)) {
            const struct input *seed = &inputs[below(input_count)];
            memcpy(data, seed->data, len = seed->len);
        } else {
            for (size_t wanted = below(128); len < wanted; len++)
                data[len] = interesting_byte();
        }
        for (size_t edits = 1 + below(EDITS_MAX); edits; edits--)
            len = edit(data, len);
        feed(data, len);
    }
}

int main(int argc, char **argv)
{
    int first_path = 1;
    size_t rounds = 0;
    if (argc >= 4 && strcmp(argv[1], "-random") == 0) {
        rounds = strtoul(argv[2], NULL, 10);
        random_state = strtoul(argv[3], NULL, 10);
        first_path = 4;
    }
    for (int i = first_path; i < argc; i++)
        add_path(argv[i]);
    signal(SIGABRT, on_abort);
    if (first_path == 1)
        for (size_t i = 0; i < input_count; i++)
            feed(inputs[i].data, inputs[i].len);
    feed_random(rounds);
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].data);
    printf("%zu inputs\n", first_path == 1 ? input_count : rounds);
    return 0;
}
