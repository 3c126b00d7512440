/* base/buffer.h */
#include "base/buffer.h"

#include <stdint.h>

#include "base/error.h"
#include "unit.h"

TEST(a_new_buffer_is_empty_and_owns_nothing)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 100);
    EQUAL(fr_buffer_span(&buffer).len, 0);
    IS(buffer.data == NULL);
    EQUAL(buffer.capacity, 0);
    fr_buffer_free(&buffer);
}

TEST(appended_bytes_stand_in_a_row)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 100);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("abc")), FR_OK);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("")), FR_OK);
    EQUAL(fr_buffer_append(&buffer, (fr_span){NULL, 0}), FR_OK);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("def")), FR_OK);
    SAME(fr_buffer_span(&buffer), "abcdef");
    fr_buffer_free(&buffer);
}

TEST(the_limit_is_reached_but_not_passed)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 5);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("abc")), FR_OK);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("def")), FR_E_LIMIT);
    SAME(fr_buffer_span(&buffer), "abc");
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("de")), FR_OK);
    SAME(fr_buffer_span(&buffer), "abcde");
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("f")), FR_E_LIMIT);
    IS(buffer.capacity <= 5);
    fr_buffer_free(&buffer);
}

TEST(a_huge_size_does_not_wrap_around)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 100);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("abc")), FR_OK);
    IS(fr_buffer_reserve(&buffer, SIZE_MAX) == NULL);
    IS(fr_buffer_reserve(&buffer, SIZE_MAX - 2) == NULL);
    IS(fr_buffer_reserve(&buffer, 98) == NULL);
    IS(fr_buffer_reserve(&buffer, 97) != NULL);
    SAME(fr_buffer_span(&buffer), "abc");
    fr_buffer_free(&buffer);
}

TEST(a_limit_of_zero_holds_nothing)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 0);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("")), FR_OK);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("a")), FR_E_LIMIT);
    IS(fr_buffer_reserve(&buffer, 0) != NULL);
    fr_buffer_free(&buffer);
}

TEST(reserved_room_is_committed_by_adding_to_len)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 10000);
    char *room = fr_buffer_reserve(&buffer, 4);
    memcpy(room, "abcd", 4);
    EQUAL(fr_buffer_span(&buffer).len, 0);
    buffer.len += 3;
    SAME(fr_buffer_span(&buffer), "abc");
    memset(fr_buffer_reserve(&buffer, 9997), 'x', 9997);
    buffer.len += 9997;
    EQUAL(buffer.len, 10000);
    SAME(fr_span_slice(fr_buffer_span(&buffer), 0, 4), "abcx");
    fr_buffer_free(&buffer);
}

TEST(consume_drops_from_the_front)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 100);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("abcdef")), FR_OK);
    fr_buffer_consume(&buffer, 0);
    SAME(fr_buffer_span(&buffer), "abcdef");
    fr_buffer_consume(&buffer, 2);
    SAME(fr_buffer_span(&buffer), "cdef");
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("g")), FR_OK);
    SAME(fr_buffer_span(&buffer), "cdefg");
    fr_buffer_consume(&buffer, 5);
    EQUAL(fr_buffer_span(&buffer).len, 0);
    fr_buffer_consume(&buffer, 0);
    fr_buffer_free(&buffer);
}

TEST(a_freed_buffer_keeps_its_limit_and_can_be_used_again)
{
    struct fr_buffer buffer;
    fr_buffer_init(&buffer, 3);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("abc")), FR_OK);
    fr_buffer_free(&buffer);
    IS(buffer.data == NULL);
    EQUAL(buffer.len_max, 3);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("abcd")), FR_E_LIMIT);
    EQUAL(fr_buffer_append(&buffer, FR_SPAN("xyz")), FR_OK);
    SAME(fr_buffer_span(&buffer), "xyz");
    fr_buffer_free(&buffer);
    fr_buffer_free(&buffer);
}

TEST(growing_byte_by_byte_doubles)
{
    struct fr_buffer buffer;
    size_t moves = 0, capacity = 0;
    fr_buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 1 << 20; i++) {
        char byte = (char)(i % 251);
        EQUAL(fr_buffer_append(&buffer, fr_span_of(&byte, 1)), FR_OK);
        moves += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    IS(moves < 16);
    for (int i = 0; i < 1 << 20; i++)
        EQUAL((unsigned char)buffer.data[i], i % 251);
    fr_buffer_free(&buffer);
}
