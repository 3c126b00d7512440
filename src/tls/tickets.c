/* tls/tickets.c - The ring of ticket keys, in memory that others write at the same time.
 *
 * Three places, one for this hour and each of the two before. A place says which hour it is of and whether its key is
 * whole; who finds it too old claims it with one exchange, and a reader looks again afterwards. So nobody waits; one
 * who dies while he writes has spoilt an hour of resumptions, not more. Does not know OpenSSL's callbacks. */
#include "tls/tickets.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>

#define HOUR_S 3600
#define PLACES 3
#define WORDS (sizeof(struct fr_tls_ticket_key) / sizeof(uint64_t))

_Static_assert(sizeof(struct fr_tls_ticket_key) % sizeof(uint64_t) == 0, "copied by the word");

struct place {
    _Atomic uint64_t state; /* twice its hour; and one: the key is whole. 0: never used */
    _Atomic uint64_t words[WORDS];
};

struct fr_tls_ticket_ring {
    struct place places[PLACES];
};

size_t fr_tls_ticket_ring_bytes(void)
{
    return sizeof(struct fr_tls_ticket_ring);
}

/* Never 0, which is no hour at all. */
static uint64_t hour_of(uint64_t now_s)
{
    return now_s / HOUR_S + 1;
}

static bool read_key(struct place *place, uint64_t hour, struct fr_tls_ticket_key *key)
{
    uint64_t words[WORDS];
    if (atomic_load_explicit(&place->state, memory_order_acquire) != 2 * hour + 1)
        return false;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&place->words[i], memory_order_acquire);
    bool same = atomic_load_explicit(&place->state, memory_order_relaxed) == 2 * hour + 1;
    if (same)
        memcpy(key, words, sizeof *key);
    OPENSSL_cleanse(words, sizeof words);
    return same;
}

/* Takes the place away from `state`; whoever succeeds is its only writer. */
static bool claim(struct place *place, uint64_t state, uint64_t claimed)
{
    return atomic_compare_exchange_strong_explicit(&place->state, &state, claimed, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

/* Whoever sees one of the words sees also that the place was claimed before. */
static void write_words(struct place *place, const uint64_t *words)
{
    for (size_t i = 0; i < WORDS; i++)
        atomic_store_explicit(&place->words[i], words[i], memory_order_release);
}

/* Zeroes what is still there of `words`. A place that has been wiped only in part may be claimed for another key, and
 * whoever wipes may be held up for as long as that takes: a key of zeros everybody knows. */
static void wipe_words(struct place *place, uint64_t *words)
{
    for (size_t i = 0; i < WORDS; i++)
        atomic_compare_exchange_strong_explicit(&place->words[i], &words[i], 0, memory_order_release,
                                                memory_order_relaxed);
}

/* What is of no hour that counts any more is zeroed. */
static void wipe(struct place *place, uint64_t hour)
{
    uint64_t words[WORDS], state = atomic_load_explicit(&place->state, memory_order_acquire);
    bool whole = state & 1;
    if (!whole || state / 2 + PLACES > hour)
        return;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&place->words[i], memory_order_acquire);
    if (claim(place, state, state - 1))
        wipe_words(place, words);
    OPENSSL_cleanse(words, sizeof words);
}

bool fr_tls_ticket_ring_current(struct fr_tls_ticket_ring *ring, uint64_t now_s, struct fr_tls_ticket_key *key)
{
    uint64_t hour = hour_of(now_s);
    return read_key(&ring->places[hour % PLACES], hour, key);
}

void fr_tls_ticket_ring_turn(struct fr_tls_ticket_ring *ring, uint64_t now_s, const struct fr_tls_ticket_key *fresh)
{
    uint64_t hour = hour_of(now_s), words[WORDS];
    struct place *place = &ring->places[hour % PLACES];
    uint64_t state = atomic_load_explicit(&place->state, memory_order_relaxed);
    if (state < 2 * hour && claim(place, state, 2 * hour)) {
        memcpy(words, fresh, sizeof words);
        write_words(place, words);
        OPENSSL_cleanse(words, sizeof words);
        (void)claim(place, 2 * hour, 2 * hour + 1); /* unless it took so long that the place is another's */
    }
    for (size_t i = 0; i < PLACES; i++)
        wipe(&ring->places[i], hour);
}

bool fr_tls_ticket_ring_find(struct fr_tls_ticket_ring *ring, uint64_t now_s, const uint8_t *name,
                             struct fr_tls_ticket_key *key)
{
    uint64_t hour = hour_of(now_s);
    for (uint64_t ago = 0; ago < PLACES && ago < hour; ago++)
        if (read_key(&ring->places[(hour - ago) % PLACES], hour - ago, key) &&
            memcmp(key->name, name, FR_TLS_TICKET_NAME_BYTES) == 0)
            return true;
    OPENSSL_cleanse(key, sizeof *key);
    return false;
}
