/* python/tls_memory.c - Objects that were made of TLS facts, direct-mapped. Knows nothing of what they are.
 *
 * What a client names or shows decides on the slot, so the table has a fixed size: who sends many names only costs
 * others their entries. The facts are compared whole, since what hangs on them is who a client is. */
#include "python/tls_memory.h"

#include "base/alloc.h"
#include "python/convert.h"

/* A power of two. */
#define SLOTS 64

/* Facts whose spans point into the same block, behind the arrays. */
struct kept {
    struct fr_tls_facts facts;
    struct fr_tls_client client;
    const struct fr_endpoint *local;
    PyObject *object;
};

struct fr_tls_memory {
    struct kept *slots[SLOTS];
};

/* ---- the same facts ---- */

static bool is_same_client(const struct fr_tls_client *a, const struct fr_tls_client *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a->chain_count != b->chain_count || a->variable_count != b->variable_count ||
        !fr_span_equal(a->error, b->error) || !fr_span_equal(a->name, b->name))
        return false;
    for (size_t i = 0; i < a->chain_count; i++)
        if (!fr_span_equal(a->chain[i], b->chain[i]))
            return false;
    for (size_t i = 0; i < a->variable_count; i++)
        if (!fr_span_equal(a->variables[i].name, b->variables[i].name) ||
            !fr_span_equal(a->variables[i].value, b->variables[i].value))
            return false;
    return true;
}

static bool is_same(const struct fr_tls_facts *a, const struct fr_tls_facts *b)
{
    return a->version == b->version && a->cipher_suite == b->cipher_suite && a->resumed == b->resumed &&
           fr_span_equal(a->server_name, b->server_name) &&
           fr_span_equal(a->server_certificate, b->server_certificate) && is_same_client(a->client, b->client);
}

/* Both ends of a PEM are always the same; its middle is a key or a signature. */
static uint64_t hash_certificate(fr_span pem)
{
    size_t from = pem.len / 2;
    return fr_convert_hash(fr_span_slice(pem, from, from + (pem.len - from < 16 ? pem.len - from : 16)));
}

static size_t slot_of(const struct fr_peer *peer)
{
    const struct fr_tls_facts *facts = peer->tls;
    uint64_t hash = fr_convert_hash(facts->server_name) ^ (uintptr_t)peer->local;
    hash += (uint64_t)facts->version << 32 | (uint64_t)facts->cipher_suite << 8 | (uint64_t)facts->resumed;
    if (facts->client != NULL && facts->client->chain_count > 0)
        hash ^= hash_certificate(facts->client->chain[0]);
    return (hash * UINT64_C(0x9E3779B97F4A7C15)) >> 40 & (SLOTS - 1);
}

/* ---- a copy of them ---- */

static size_t size_of(const struct fr_tls_facts *facts)
{
    const struct fr_tls_client *client = facts->client;
    size_t size = sizeof(struct kept) + facts->server_name.len + facts->server_certificate.len;
    if (client == NULL)
        return size;
    size += client->name.len + client->error.len;
    size += client->chain_count * sizeof *client->chain + client->variable_count * sizeof *client->variables;
    for (size_t i = 0; i < client->chain_count; i++)
        size += client->chain[i].len;
    for (size_t i = 0; i < client->variable_count; i++)
        size += client->variables[i].name.len + client->variables[i].value.len;
    return size;
}

/* Copies the bytes of `span` to *end, which moves on. */
static fr_span copy_to(char **end, fr_span span)
{
    fr_span copy = fr_span_of(*end, span.len);
    if (span.len > 0)
        memcpy(*end, span.data, span.len);
    *end += span.len;
    return copy;
}

static char *copy_client(struct kept *kept, const struct fr_tls_client *client, char *end)
{
    fr_span *chain = (fr_span *)end; /* arrays come first, behind a struct: they are aligned */
    struct fr_tls_variable *variables = (struct fr_tls_variable *)(chain + client->chain_count);
    end = (char *)(variables + client->variable_count);
    kept->client = (struct fr_tls_client){
        .name = copy_to(&end, client->name),
        .error = copy_to(&end, client->error),
        .chain = chain,
        .chain_count = client->chain_count,
        .variables = variables,
        .variable_count = client->variable_count,
    };
    for (size_t i = 0; i < client->chain_count; i++)
        chain[i] = copy_to(&end, client->chain[i]);
    for (size_t i = 0; i < client->variable_count; i++) {
        variables[i].name = copy_to(&end, client->variables[i].name);
        variables[i].value = copy_to(&end, client->variables[i].value);
    }
    kept->facts.client = &kept->client;
    return end;
}

static struct kept *new_kept(const struct fr_peer *peer, PyObject *object)
{
    const struct fr_tls_facts *facts = peer->tls;
    struct kept *kept = fr_alloc(size_of(facts));
    char *end = (char *)(kept + 1);
    *kept = (struct kept){.local = peer->local, .object = Py_NewRef(object)};
    kept->facts.version = facts->version;
    kept->facts.cipher_suite = facts->cipher_suite;
    kept->facts.resumed = facts->resumed;
    if (facts->client != NULL)
        end = copy_client(kept, facts->client, end);
    kept->facts.server_name = copy_to(&end, facts->server_name);
    kept->facts.server_certificate = copy_to(&end, facts->server_certificate);
    return kept;
}

static void drop(struct kept **slot)
{
    struct kept *kept = *slot;
    if (kept == NULL)
        return;
    *slot = NULL;
    Py_DECREF(kept->object);
    fr_free(kept);
}

/* ---- the memory ---- */

struct fr_tls_memory *fr_tls_memory_open(void)
{
    return fr_alloc_zero(sizeof(struct fr_tls_memory));
}

PyObject *fr_tls_memory_find(const struct fr_tls_memory *memory, const struct fr_peer *peer)
{
    const struct kept *kept = memory->slots[slot_of(peer)];
    return kept != NULL && kept->local == peer->local && is_same(&kept->facts, peer->tls) ? kept->object : NULL;
}

void fr_tls_memory_keep(struct fr_tls_memory *memory, const struct fr_peer *peer, PyObject *object)
{
    struct kept **slot = &memory->slots[slot_of(peer)];
    struct kept *earlier = *slot;
    *slot = new_kept(peer, object);
    drop(&earlier);
}

void fr_tls_memory_clear(struct fr_tls_memory *memory)
{
    for (size_t i = 0; i < SLOTS; i++)
        drop(&memory->slots[i]);
}

int fr_tls_memory_traverse(const struct fr_tls_memory *memory, visitproc visit, void *arg)
{
    for (size_t i = 0; memory != NULL && i < SLOTS; i++)
        if (memory->slots[i] != NULL)
            Py_VISIT(memory->slots[i]->object);
    return 0;
}

void fr_tls_memory_close(struct fr_tls_memory *memory)
{
    if (memory == NULL)
        return;
    fr_tls_memory_clear(memory);
    fr_free(memory);
}
