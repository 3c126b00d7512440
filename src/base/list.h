/* base/list.h - An intrusive doubly linked list.
 *
 * The same struct is the head and the node: a head is made by fr_list_init, a node is embedded in its
 * owner and must be zeroed or initialised before first use. A node is in at most one list. */
#ifndef FR_BASE_LIST_H
#define FR_BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct fr_list {
    struct fr_list *next, *prev; /* NULL: not linked */
};

/* The struct of type `type` that embeds `node` as its member `member`. */
#define FR_LIST_OWNER(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))

/* Makes `head` an empty list. */
static inline void fr_list_init(struct fr_list *head);

/* The list has no nodes. */
static inline bool fr_list_is_empty(const struct fr_list *head);

/* The node is in some list. */
static inline bool fr_list_is_linked(const struct fr_list *node);

/* Appends an unlinked node; it becomes the last. */
static inline void fr_list_append(struct fr_list *head, struct fr_list *node);

/* Takes a linked node out of its list. */
static inline void fr_list_remove(struct fr_list *node);

/* Takes out and returns the first node, or NULL when the list is empty. */
static inline struct fr_list *fr_list_take_first(struct fr_list *head);

/* Moves every node of `from` to the end of `to`; `from` is empty afterwards. For "collect, then run". */
static inline void fr_list_move_all(struct fr_list *from, struct fr_list *to);

/* ---- inline definitions ---- */

static inline void fr_list_init(struct fr_list *head)
{
    head->next = head->prev = head;
}

static inline bool fr_list_is_empty(const struct fr_list *head)
{
    return head->next == head;
}

static inline bool fr_list_is_linked(const struct fr_list *node)
{
    return node->next != NULL;
}

static inline void fr_list_append(struct fr_list *head, struct fr_list *node)
{
    assert(!fr_list_is_linked(node));
    node->next = head;
    node->prev = head->prev;
    head->prev->next = node;
    head->prev = node;
}

static inline void fr_list_remove(struct fr_list *node)
{
    assert(fr_list_is_linked(node));
    node->next->prev = node->prev;
    node->prev->next = node->next;
    node->next = node->prev = NULL;
}

static inline struct fr_list *fr_list_take_first(struct fr_list *head)
{
    struct fr_list *first = head->next;
    if (first == head)
        return NULL;
    fr_list_remove(first);
    return first;
}

static inline void fr_list_move_all(struct fr_list *from, struct fr_list *to)
{
    if (fr_list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    fr_list_init(from);
}

#endif
