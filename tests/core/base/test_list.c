/* base/list.h */
#include "base/list.h"

#include "unit.h"

struct item {
    int number;
    struct fr_list link;
};

static int number_of(const struct fr_list *node)
{
    return FR_LIST_OWNER(node, struct item, link)->number;
}

/* The numbers in order, forwards and backwards. */
static void expect_numbers(const struct fr_list *head, const int *numbers, int count)
{
    const struct fr_list *node = head;
    for (int i = 0; i < count; i++) {
        node = node->next;
        EQUAL(number_of(node), numbers[i]);
    }
    IS(node->next == head);
    for (int i = count; i-- > 0; node = node->prev)
        EQUAL(number_of(node), numbers[i]);
    IS(node == head);
}

#define EXPECT(head, ...) \
    expect_numbers((head), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

TEST(a_new_list_is_empty)
{
    struct fr_list head;
    fr_list_init(&head);
    IS(fr_list_is_empty(&head));
    IS(fr_list_take_first(&head) == NULL);
    expect_numbers(&head, NULL, 0);
}

TEST(append_keeps_the_order)
{
    struct fr_list head;
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    fr_list_init(&head);
    for (int i = 0; i < 3; i++)
        fr_list_append(&head, &items[i].link);
    IS(!fr_list_is_empty(&head));
    EXPECT(&head, 1, 2, 3);
}

TEST(a_node_knows_whether_it_is_linked)
{
    struct fr_list head;
    struct item item = {.number = 1};
    fr_list_init(&head);
    IS(!fr_list_is_linked(&item.link));
    fr_list_append(&head, &item.link);
    IS(fr_list_is_linked(&item.link));
    fr_list_remove(&item.link);
    IS(!fr_list_is_linked(&item.link));
    IS(fr_list_is_empty(&head));
}

TEST(remove_takes_first_middle_and_last)
{
    struct fr_list head;
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    fr_list_init(&head);
    for (int i = 0; i < 4; i++)
        fr_list_append(&head, &items[i].link);
    fr_list_remove(&items[1].link);
    EXPECT(&head, 1, 3, 4);
    fr_list_remove(&items[0].link);
    EXPECT(&head, 3, 4);
    fr_list_remove(&items[3].link);
    EXPECT(&head, 3);
    fr_list_append(&head, &items[1].link);
    EXPECT(&head, 3, 2);
}

TEST(take_first_empties_in_order)
{
    struct fr_list head;
    struct item items[2] = {{.number = 1}, {.number = 2}};
    fr_list_init(&head);
    fr_list_append(&head, &items[0].link);
    fr_list_append(&head, &items[1].link);
    IS(fr_list_take_first(&head) == &items[0].link);
    IS(!fr_list_is_linked(&items[0].link));
    IS(fr_list_take_first(&head) == &items[1].link);
    IS(fr_list_take_first(&head) == NULL);
}

TEST(move_all_appends_behind_what_is_there)
{
    struct fr_list a, b;
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    fr_list_init(&a);
    fr_list_init(&b);
    fr_list_append(&a, &items[2].link);
    fr_list_append(&a, &items[3].link);
    fr_list_append(&b, &items[0].link);
    fr_list_append(&b, &items[1].link);
    fr_list_move_all(&a, &b);
    IS(fr_list_is_empty(&a));
    EXPECT(&b, 1, 2, 3, 4);
}

TEST(move_all_from_and_to_an_empty_list)
{
    struct fr_list a, b;
    struct item item = {.number = 1};
    fr_list_init(&a);
    fr_list_init(&b);
    fr_list_move_all(&a, &b);
    IS(fr_list_is_empty(&a) && fr_list_is_empty(&b));
    fr_list_append(&a, &item.link);
    fr_list_move_all(&a, &b);
    IS(fr_list_is_empty(&a));
    EXPECT(&b, 1);
    fr_list_move_all(&a, &b);
    EXPECT(&b, 1);
}
