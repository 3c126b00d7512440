/* base/sha1.h: the vectors of RFC 3174 and FIPS 180, and every length around a block. */
#include "base/sha1.h"

#include "unit.h"

static void expect(fr_span bytes, const char *hex)
{
    unsigned char digest[FR_SHA1_BYTES];
    char text[2 * FR_SHA1_BYTES + 1];
    fr_sha1_digest(bytes, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    SAME(fr_span_of_string(text), hex);
}

TEST(known_digests)
{
    expect(fr_span_of(NULL, 0), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect(FR_SPAN("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(FR_SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
           "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    expect(FR_SPAN("0123456701234567012345670123456701234567012345670123456701234567"),
           "e0c094e867ef46c350ef54a7f59dd60bed92ae83");
}

TEST(a_million_letters)
{
    static char letters[1000000];
    memset(letters, 'a', sizeof letters);
    expect(fr_span_of(letters, sizeof letters), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

/* The digest of the digests of 0 to 199 bytes, as Python's hashlib gives it: one wrong length changes it. */
TEST(every_length_around_the_blocks)
{
    static char digests[200 * FR_SHA1_BYTES];
    for (size_t len = 0; len < 200; len++) {
        char *bytes = malloc(len ? len : 1); /* of exactly this size, for the sanitizer */
        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(7 * i + len);
        fr_sha1_digest(fr_span_of(bytes, len), (unsigned char *)digests + len * FR_SHA1_BYTES);
        free(bytes);
    }
    expect(fr_span_of(digests, sizeof digests), "c2add6cb3908952ddaf192d7f14c30588649e3b5");
}
