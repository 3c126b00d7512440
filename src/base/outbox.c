/* base/outbox.c - A queue of nodes: pages with storage behind them, references, stretches of files.
 *
 * The rules of the file: a queued node has at least one byte left; bytes is the sum of what they have left;
 * releases are called last, when the outbox is already what it will be, for they may run anything. */
#include "base/outbox.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

/* One cache line. A page has capacity and storage, a file has a descriptor, the rest are references. */
struct fr_outbox_node {
    struct fr_outbox_node *next;
    const char *data;             /* the next byte to leave; NULL in a file */
    size_t len;                   /* bytes left */
    size_t capacity;              /* bytes of storage; 0: not a page */
    void (*release)(void *owner); /* NULL in a page */
    void *owner;
    int64_t offset; /* of the next byte to leave, in a file */
    int file;       /* -1: not a file */
    char storage[];
};

static struct fr_outbox_node *take_node(struct fr_outbox *outbox, size_t capacity)
{
    struct fr_outbox_node *node = fr_pool_take(outbox->pool, sizeof *node + capacity);
    *node = (struct fr_outbox_node){.capacity = capacity, .file = -1};
    return node;
}

static void give_node(struct fr_outbox *outbox, struct fr_outbox_node *node)
{
    fr_pool_give(outbox->pool, node, sizeof *node + node->capacity);
}

static void append_node(struct fr_outbox *outbox, struct fr_outbox_node *node)
{
    if (outbox->last)
        outbox->last->next = node;
    else
        outbox->first = node;
    outbox->last = node;
    outbox->bytes += node->len;
}

/* Lets go of a chain of nodes that are no longer queued. */
static void release_chain(struct fr_outbox *outbox, struct fr_outbox_node *node)
{
    while (node) {
        struct fr_outbox_node *next = node->next;
        void (*release)(void *) = node->release;
        void *owner = node->owner;
        give_node(outbox, node);
        if (release)
            release(owner);
        node = next;
    }
}

/* A piece in several nodes, which may be in several outboxes: let go of with the last. */
struct share {
    struct fr_pool *pool;
    size_t nodes;
    void (*release)(void *owner);
    void *owner;
};

static void release_share(void *owner)
{
    struct share *share = owner;
    if (--share->nodes)
        return;
    void (*release)(void *) = share->release;
    void *piece = share->owner;
    fr_pool_give(share->pool, share, sizeof *share);
    if (release)
        release(piece);
}

static void share_node(struct fr_outbox *outbox, struct fr_outbox_node *node)
{
    if (node->release == release_share) {
        ((struct share *)node->owner)->nodes++;
        return;
    }
    struct share *share = fr_pool_take(outbox->pool, sizeof *share);
    *share = (struct share){outbox->pool, 2, node->release, node->owner};
    node->release = release_share;
    node->owner = share;
}

/* The bytes that still fit behind the contents of a page; 0 for anything else. */
static size_t room_in(const struct fr_outbox_node *node)
{
    return node && node->capacity ? (size_t)(node->storage + node->capacity - node->data) - node->len : 0;
}

static void drop_reserved(struct fr_outbox *outbox)
{
    if (outbox->reserved)
        give_node(outbox, outbox->reserved);
    outbox->reserved = NULL;
}

void fr_outbox_init(struct fr_outbox *outbox, struct fr_pool *pool)
{
    *outbox = (struct fr_outbox){.pool = pool};
}

void fr_outbox_clear(struct fr_outbox *outbox)
{
    struct fr_outbox_node *chain = outbox->first;
    drop_reserved(outbox);
    outbox->first = outbox->last = NULL;
    outbox->bytes = 0;
    release_chain(outbox, chain);
}

char *fr_outbox_reserve(struct fr_outbox *outbox, size_t size)
{
    drop_reserved(outbox);
    struct fr_outbox_node *page = outbox->last;
    if (room_in(page) == 0 || room_in(page) < size) {
        page = take_node(outbox, size > FR_POOL_PAGE_BYTES ? size : FR_POOL_PAGE_BYTES);
        page->data = page->storage;
        outbox->reserved = page;
    }
    return page->storage + (page->data + page->len - page->storage);
}

void fr_outbox_commit(struct fr_outbox *outbox, size_t size)
{
    struct fr_outbox_node *page = outbox->reserved ? outbox->reserved : outbox->last;
    assert(page && size <= room_in(page));
    if (!outbox->reserved) {
        page->len += size;
        outbox->bytes += size;
    } else if (size) {
        page->len = size;
        outbox->reserved = NULL;
        append_node(outbox, page);
    } else {
        drop_reserved(outbox);
    }
}

static void copy_into_one_page(struct fr_outbox *outbox, fr_span bytes)
{
    if (bytes.len == 0)
        return;
    memcpy(fr_outbox_reserve(outbox, bytes.len), bytes.data, bytes.len);
    fr_outbox_commit(outbox, bytes.len);
}

/* Fills the last page first, so that pages leave full; the rest stays in one run. */
void fr_outbox_copy(struct fr_outbox *outbox, fr_span bytes)
{
    size_t room = room_in(outbox->last);
    size_t cut = bytes.len < room ? bytes.len : room;
    copy_into_one_page(outbox, fr_span_slice(bytes, 0, cut));
    copy_into_one_page(outbox, fr_span_skip(bytes, cut));
}

static void append_piece(struct fr_outbox *outbox, const struct fr_chunk *chunk)
{
    struct fr_outbox_node *node = take_node(outbox, 0);
    node->len = chunk->bytes.len;
    node->release = chunk->release;
    node->owner = chunk->owner;
    if (chunk->file >= 0) {
        node->file = chunk->file;
        node->offset = chunk->offset;
    } else {
        node->data = chunk->bytes.data;
    }
    append_node(outbox, node);
}

void fr_outbox_push(struct fr_outbox *outbox, const struct fr_chunk *chunk)
{
    bool refers = chunk->file >= 0 || (chunk->release && chunk->bytes.len > FR_OUTBOX_COPY_BYTES_MAX);
    if (refers && chunk->bytes.len) {
        drop_reserved(outbox);
        append_piece(outbox, chunk);
        return;
    }
    if (chunk->bytes.len)
        fr_outbox_copy(outbox, chunk->bytes);
    if (chunk->release)
        chunk->release(chunk->owner);
}

int fr_outbox_gather(const struct fr_outbox *outbox, struct iovec *vectors, int count_max)
{
    int count = 0;
    for (const struct fr_outbox_node *node = outbox->first; node && count < count_max; node = node->next) {
        if (node->file >= 0)
            break;
        vectors[count].iov_base = (void *)node->data;
        vectors[count].iov_len = node->len;
        count++;
    }
    return count;
}

bool fr_outbox_file(const struct fr_outbox *outbox, int *file, int64_t *offset, size_t *len)
{
    const struct fr_outbox_node *node = outbox->first;
    if (!node || node->file < 0)
        return false;
    *file = node->file;
    *offset = node->offset;
    *len = node->len;
    return true;
}

static bool read_file(int file, int64_t offset, char *into, size_t size)
{
    while (size) {
        ssize_t count = pread(file, into, size, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        into += count;
        offset += count;
        size -= (size_t)count;
    }
    return true;
}

ssize_t fr_outbox_peek(const struct fr_outbox *outbox, char *into, size_t size)
{
    size_t len = 0;
    for (const struct fr_outbox_node *node = outbox->first; node && len < size; node = node->next) {
        size_t part = node->len < size - len ? node->len : size - len;
        if (node->file < 0)
            memcpy(into + len, node->data, part);
        else if (!read_file(node->file, node->offset, into + len, part))
            return FR_E_SYSTEM;
        len += part;
    }
    return (ssize_t)len;
}

static void drop_from_node(struct fr_outbox_node *node, size_t count)
{
    node->len -= count;
    if (node->file >= 0)
        node->offset += (int64_t)count;
    else
        node->data += count;
}

void fr_outbox_consume(struct fr_outbox *outbox, size_t count)
{
    assert(count <= outbox->bytes);
    struct fr_outbox_node *used_up = NULL, **used_up_end = &used_up;
    outbox->bytes -= count;
    outbox->consumed += count;
    while (outbox->first && count >= outbox->first->len) {
        struct fr_outbox_node *node = outbox->first;
        count -= node->len;
        outbox->first = node->next;
        node->next = NULL;
        *used_up_end = node;
        used_up_end = &node->next;
    }
    if (!outbox->first)
        outbox->last = NULL;
    if (count)
        drop_from_node(outbox->first, count);
    release_chain(outbox, used_up);
}

/* A node for the first `count` bytes of a reference or a file, of which `node` keeps the rest. */
static struct fr_outbox_node *cut_node(struct fr_outbox *outbox, struct fr_outbox_node *node, size_t count)
{
    share_node(outbox, node);
    struct fr_outbox_node *head = take_node(outbox, 0);
    *head = *node;
    head->len = count;
    drop_from_node(node, count);
    return head;
}

static struct fr_outbox_node *take_first(struct fr_outbox *outbox)
{
    struct fr_outbox_node *node = outbox->first;
    outbox->first = node->next;
    if (!outbox->first)
        outbox->last = NULL;
    node->next = NULL;
    return node;
}

/* Pages that are nearly empty, or cut, are copied: so short bodies end in one run with the frames around them. */
static void move_from_page(struct fr_outbox *from, struct fr_outbox *to, size_t count)
{
    struct fr_outbox_node *page = from->first;
    if (count == page->len && count > FR_OUTBOX_COPY_BYTES_MAX) {
        append_node(to, take_first(from));
        return;
    }
    fr_outbox_copy(to, fr_span_of(page->data, count));
    drop_from_node(page, count);
    if (page->len == 0)
        give_node(from, take_first(from));
}

void fr_outbox_move(struct fr_outbox *from, struct fr_outbox *to, size_t count)
{
    assert(from != to && from->pool == to->pool && count <= from->bytes);
    drop_reserved(from);
    drop_reserved(to);
    from->bytes -= count;
    while (count) {
        struct fr_outbox_node *node = from->first;
        size_t len = count < node->len ? count : node->len;
        if (node->capacity) {
            move_from_page(from, to, len);
        } else {
            struct fr_outbox_node *moved = len < node->len ? cut_node(from, node, len) : take_first(from);
            moved->next = NULL;
            append_node(to, moved);
        }
        count -= len;
    }
}

void fr_outbox_move_all(struct fr_outbox *from, struct fr_outbox *to)
{
    assert(from != to && from->pool == to->pool);
    drop_reserved(from);
    drop_reserved(to);
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->bytes += from->bytes;
    from->first = from->last = NULL;
    from->bytes = 0;
}
