/* http2/frame_reader.c: the same frames, whatever the cuts. */
#include "http2/frame_reader.h"

#include "frames.h"

/* One line for each event. */
static void read_frames(struct fr_frame_reader *reader, fr_span bytes, char *log)
{
    size_t used = 0;
    for (;;) {
        enum fr_frame_event event;
        used += fr_frame_reader_take(reader, fr_span_skip(bytes, used), &event);
        if (event == FR_FRAME_MORE)
            break;
        if (event == FR_FRAME_PREFACE) {
            strcat(log, "preface\n");
            continue;
        }
        sprintf(log + strlen(log), "%s %d/%d on %u, %u%s\n", event == FR_FRAME_BEGUN ? "begun" : "ended", reader->type,
                reader->flags, reader->stream, reader->length, reader->in_block ? ", block" : "");
    }
    EQUAL(used, bytes.len);
}

static void say(struct fr_buffer *out)
{
    fr_buffer_init(out, 4096);
    add_bytes(out, FR_HTTP2_PREFACE, sizeof FR_HTTP2_PREFACE - 1);
    add_frame(out, NGHTTP2_SETTINGS, 0, 0, FR_SPAN(""));
    add_frame(out, NGHTTP2_HEADERS, END_STREAM, 1, FR_SPAN("abc"));
    add_frame(out, NGHTTP2_CONTINUATION, END_HEADERS, 1, FR_SPAN(""));
    add_frame(out, 0xbe, 0x7f, 0x80000003, FR_SPAN("whatever"));
}

static const char expected[] = "preface\n"
                               "begun 4/0 on 0, 0\n"
                               "ended 4/0 on 0, 0\n"
                               "begun 1/1 on 1, 3, block\n"
                               "ended 1/1 on 1, 3, block\n"
                               "begun 9/4 on 1, 0, block\n"
                               "ended 9/4 on 1, 0\n"
                               "begun 190/127 on 3, 8\n"
                               "ended 190/127 on 3, 8\n";

TEST(frames_are_found_behind_the_preface)
{
    struct fr_buffer out;
    struct fr_frame_reader reader;
    char log[1024] = "";
    say(&out);
    fr_frame_reader_init(&reader);
    read_frames(&reader, fr_buffer_span(&out), log);
    SAME(fr_span_of_string(log), expected);
    fr_buffer_free(&out);
}

TEST(cuts_do_not_matter)
{
    struct fr_buffer out;
    say(&out);
    for (size_t step = 1; step < out.len; step++) {
        struct fr_frame_reader reader;
        char log[1024] = "";
        fr_frame_reader_init(&reader);
        for (size_t at = 0; at < out.len; at += step) {
            size_t end = at + step < out.len ? at + step : out.len;
            read_frames(&reader, fr_span_slice(fr_buffer_span(&out), at, end), log);
        }
        SAME(fr_span_of_string(log), expected);
    }
    fr_buffer_free(&out);
}
