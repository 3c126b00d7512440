/* tls/tickets.h, and what becomes of a place when somebody is held up in the middle of it. */
#include "tls/tickets.c"

#include <pthread.h>
#include <sys/mman.h>

#include "unit.h"

#define HOUR 3600
#define NOON (1000 * HOUR)

static struct fr_tls_ticket_ring *open_ring(void)
{
    return calloc(1, fr_tls_ticket_ring_bytes());
}

static struct fr_tls_ticket_key key_of(int byte)
{
    struct fr_tls_ticket_key key;
    memset(&key, byte, sizeof key);
    return key;
}

static void turn(struct fr_tls_ticket_ring *ring, uint64_t now_s, int byte)
{
    struct fr_tls_ticket_key fresh = key_of(byte);
    fr_tls_ticket_ring_turn(ring, now_s, &fresh);
}

/* The byte that the key of this hour is made of; 0: there is none. */
static int current(struct fr_tls_ticket_ring *ring, uint64_t now_s)
{
    struct fr_tls_ticket_key key;
    return fr_tls_ticket_ring_current(ring, now_s, &key) ? key.mac[31] : 0;
}

static bool opens(struct fr_tls_ticket_ring *ring, uint64_t now_s, int byte)
{
    struct fr_tls_ticket_key wanted = key_of(byte), found;
    bool known = fr_tls_ticket_ring_find(ring, now_s, wanted.name, &found);
    return known && memcmp(&wanted, &found, sizeof found) == 0;
}

/* The bytes of that key are somewhere in the memory of the ring. */
static bool is_in_memory(const struct fr_tls_ticket_ring *ring, int byte)
{
    struct fr_tls_ticket_key key = key_of(byte);
    return memmem(ring, fr_tls_ticket_ring_bytes(), key.cipher, sizeof key.cipher) != NULL;
}

TEST(the_first_offer_is_taken)
{
    struct fr_tls_ticket_ring *ring = open_ring();
    EQUAL(fr_tls_ticket_ring_bytes() % 8, 0);
    EQUAL(current(ring, NOON), 0);
    IS(!opens(ring, NOON, 0)); /* what was never written is no key of zeros */
    turn(ring, NOON, 1);
    EQUAL(current(ring, NOON), 1);
    turn(ring, NOON + 1, 2);
    EQUAL(current(ring, NOON + HOUR - 1), 1);
    IS(!opens(ring, NOON, 2));
    free(ring);
}

TEST(a_key_seals_for_an_hour_and_opens_for_two_more)
{
    struct fr_tls_ticket_ring *ring = open_ring();
    turn(ring, NOON, 1);
    EQUAL(current(ring, NOON + HOUR), 0);
    turn(ring, NOON + HOUR, 2);
    EQUAL(current(ring, NOON + HOUR), 2);
    turn(ring, NOON + 2 * HOUR, 3);
    EQUAL(current(ring, NOON + 2 * HOUR), 3);
    IS(opens(ring, NOON + 3 * HOUR - 1, 1));
    IS(opens(ring, NOON + 3 * HOUR - 1, 2));
    IS(opens(ring, NOON + 3 * HOUR - 1, 3));
    IS(!opens(ring, NOON + 3 * HOUR, 1));
    IS(opens(ring, NOON + 3 * HOUR, 2));
    turn(ring, NOON + 3 * HOUR, 4);
    IS(!opens(ring, NOON + 3 * HOUR, 1));
    IS(!is_in_memory(ring, 1));
    free(ring);
}

TEST(after_a_quiet_day_the_old_keys_are_wiped)
{
    struct fr_tls_ticket_ring *ring = open_ring();
    for (int i = 0; i < 3; i++)
        turn(ring, NOON + (uint64_t)i * HOUR, i + 1);
    IS(is_in_memory(ring, 1) && is_in_memory(ring, 2) && is_in_memory(ring, 3));
    turn(ring, NOON + 24 * HOUR, 9);
    IS(!is_in_memory(ring, 1) && !is_in_memory(ring, 2) && !is_in_memory(ring, 3));
    EQUAL(current(ring, NOON + 24 * HOUR), 9);
    turn(ring, NOON + 25 * HOUR, 10);
    EQUAL(current(ring, NOON + 25 * HOUR), 10);
    turn(ring, NOON + 26 * HOUR, 11);
    EQUAL(current(ring, NOON + 26 * HOUR), 11);
    IS(opens(ring, NOON + 26 * HOUR, 9));
    free(ring);
}

/* One finds an old key and is stopped before he has zeroed it; when he goes on, a new one has taken its place. */
TEST(who_wipes_late_leaves_the_new_key_alone)
{
    struct fr_tls_ticket_ring *ring = open_ring();
    struct place *place = &ring->places[hour_of(NOON) % PLACES];
    uint64_t words[WORDS], state;
    turn(ring, NOON, 1);
    state = atomic_load(&place->state);
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atomic_load(&place->words[i]);
    IS(claim(place, state, state - 1));
    turn(ring, NOON + 6 * HOUR, 2);
    wipe_words(place, words);
    EQUAL(current(ring, NOON + 6 * HOUR), 2);
    IS(opens(ring, NOON + 6 * HOUR, 2));
    free(ring);
}

TEST(the_very_first_hour_of_a_machine_works)
{
    struct fr_tls_ticket_ring *ring = open_ring();
    turn(ring, 5, 1);
    EQUAL(current(ring, 5), 1);
    IS(opens(ring, 2 * HOUR, 1));
    IS(!opens(ring, 3 * HOUR, 1));
    free(ring);
}

/* Another process of the same machine sees and opens what this one sealed. */
TEST(processes_share_it)
{
    size_t size = fr_tls_ticket_ring_bytes();
    struct fr_tls_ticket_ring *ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    IS(ring != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        turn(ring, NOON, 7);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    EQUAL(current(ring, NOON), 7);
    munmap(ring, size);
}

struct crowd {
    struct fr_tls_ticket_ring *ring;
    int byte;
    int torn; /* keys that were of two writers */
};

#define CROWD 4
#define HOURS 2000

/* Every hour all of them offer and look at once. */
static void *rush(void *context)
{
    struct crowd *one = context;
    for (uint64_t hour = 1; hour <= HOURS; hour++) {
        struct fr_tls_ticket_key key;
        turn(one->ring, hour * HOUR, one->byte);
        if (!fr_tls_ticket_ring_current(one->ring, hour * HOUR, &key))
            continue; /* somebody is writing, or is further already */
        for (size_t i = 0; i < sizeof key; i++)
            one->torn += ((const uint8_t *)&key)[i] != key.name[0];
    }
    return NULL;
}

TEST(many_at_once_never_see_half_a_key)
{
    struct fr_tls_ticket_ring *ring = open_ring();
    struct crowd crowd[CROWD];
    pthread_t threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){.ring = ring, .byte = i + 1};
        EQUAL(pthread_create(&threads[i], NULL, rush, &crowd[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        EQUAL(crowd[i].torn, 0);
    }
    IS(current(ring, HOURS * HOUR) != 0);
    free(ring);
}
