/* tests/fuzz/frame.c - Any bytes as WebSocket frames: every beginning of a head wants more or is refused for good, a
 * head that is read is the only way to write it, and every way to take the mask off gives the same.
 *
 * The first byte says whether compression was agreed on and where payloads are cut. The rest is what arrives. */
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "websocket/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool promise)
{
    if (!promise)
        abort();
}

static int parse_beginning(fr_span bytes, size_t len, bool compression)
{
    struct fr_frame frame;
    char *exact = fr_alloc(len); /* nothing may be read beyond it */
    memcpy(exact, bytes.data, len);
    int result = fr_frame_parse(fr_span_of(exact, len), compression, &frame);
    fr_free(exact);
    return result;
}

static void check_beginnings(fr_span bytes, int result, bool compression)
{
    int before = 0;
    for (size_t len = 0; len <= bytes.len && len <= FR_FRAME_READ_BYTES_MAX; len++) {
        int now = parse_beginning(bytes, len, compression);
        require(now == 0 ? before == 0 : now == result);
        require(now <= 0 || len >= (size_t)now);
        before = now;
    }
    require(before == result);
}

static void check_head(fr_span head, const struct fr_frame *frame)
{
    char written[FR_FRAME_READ_BYTES_MAX];
    size_t len =
        fr_frame_write(written, (enum fr_frame_opcode)frame->opcode, frame->last, frame->compressed, frame->len);
    written[1] = (char)((unsigned char)written[1] | 0x80);
    memcpy(written + len, frame->key, sizeof frame->key);
    require(fr_span_equal(head, fr_span_of(written, len + sizeof frame->key)));
}

static void check_mask(fr_span payload, const unsigned char *key, size_t cut)
{
    static const enum fr_cpu_simd sets[] = {FR_CPU_SCALAR, FR_CPU_SSE42, FR_CPU_AVX2, FR_CPU_NEON};
    char *plain = fr_alloc(payload.len), *other = fr_alloc(payload.len);
    for (size_t i = 0; i < payload.len; i++)
        plain[i] = (char)((unsigned char)payload.data[i] ^ key[i % 4]);
    cut = cut < payload.len ? cut : payload.len;
    fr_mask_apply(other, payload.data, cut, key, 0);
    fr_mask_apply(other + cut, payload.data + cut, payload.len - cut, key, cut);
    require(fr_span_equal(fr_span_of(plain, payload.len), fr_span_of(other, payload.len)));
    uint32_t word;
    memcpy(&word, key, sizeof word);
    for (size_t set = 0; set < sizeof sets / sizeof *sets; set++)
        if (fr_mask_of(sets[set])) {
            fr_mask_of(sets[set])(other, other, payload.len, word); /* puts it on again, in place */
            require(fr_span_equal(payload, fr_span_of(other, payload.len)));
            fr_mask_of(sets[set])(other, other, payload.len, word);
        }
    fr_free(plain);
    fr_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    bool compression = data[0] & 1;
    for (fr_span bytes = fr_span_of((const char *)data + 1, len - 1); bytes.len > 0;) {
        struct fr_frame frame;
        int head_len = fr_frame_parse(bytes, compression, &frame);
        check_beginnings(bytes, head_len, compression);
        if (head_len <= 0)
            return 0;
        check_head(fr_span_slice(bytes, 0, (size_t)head_len), &frame);
        bytes = fr_span_skip(bytes, (size_t)head_len);
        fr_span payload = fr_span_slice(bytes, 0, frame.len < bytes.len ? (size_t)frame.len : bytes.len);
        check_mask(payload, frame.key, data[0] >> 1);
        bytes = fr_span_skip(bytes, payload.len);
    }
    return 0;
}
