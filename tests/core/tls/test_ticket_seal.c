/* tls/ticket_seal.h */
#include "tls/ticket_seal.h"

#include "unit.h"

struct ticket {
    uint8_t name[FR_TLS_TICKET_NAME_BYTES], iv[16], sealed[64], mac[32];
    int sealed_len;
};

static EVP_MAC_CTX *open_mac(void)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    return mac;
}

/* What OpenSSL does with a ticket, both ways. */
static int run(const struct fr_tls_ticket_seal *seal, struct ticket *ticket, const char *in, int len, char *out,
               int sealing)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_MAC_CTX *mac = open_mac();
    size_t mac_len = 0;
    int first = 0, last = 0;
    int answer = fr_tls_ticket_seal_prepare(seal, ticket->name, ticket->iv, cipher, mac, sealing);
    if (answer > 0) {
        EQUAL(EVP_CipherUpdate(cipher, (unsigned char *)out, &first, (const unsigned char *)in, len), 1);
        IS(EVP_CipherFinal_ex(cipher, (unsigned char *)out + first, &last));
        EQUAL(EVP_MAC_init(mac, NULL, 0, NULL), 1);
        EQUAL(EVP_MAC_update(mac, (const unsigned char *)"data", 4), 1);
        uint8_t seen[32];
        EQUAL(EVP_MAC_final(mac, seen, &mac_len, sizeof seen), 1);
        EQUAL(mac_len, 32);
        if (sealing)
            memcpy(ticket->mac, seen, sizeof seen);
        else
            IS(memcmp(ticket->mac, seen, sizeof seen) == 0);
    }
    ticket->sealed_len = sealing ? first + last : ticket->sealed_len;
    EVP_CIPHER_CTX_free(cipher);
    EVP_MAC_CTX_free(mac);
    return answer;
}

TEST(what_is_sealed_is_opened_by_whoever_shares_the_ring)
{
    struct fr_tls_ticket_ring *ring = calloc(1, fr_tls_ticket_ring_bytes());
    struct fr_tls_ticket_seal a, b, stranger;
    struct ticket ticket;
    char opened[96];
    fr_tls_ticket_seal_open(&a, NULL, ring);
    fr_tls_ticket_seal_open(&b, NULL, ring);
    fr_tls_ticket_seal_open(&stranger, NULL, NULL);
    EQUAL(run(&a, &ticket, "a session", 9, (char *)ticket.sealed, 1), FR_TLS_TICKET_GOOD);
    EQUAL(run(&b, &ticket, (char *)ticket.sealed, ticket.sealed_len, opened, 0), FR_TLS_TICKET_GOOD);
    SAME(fr_span_of(opened, 9), "a session");
    EQUAL(run(&stranger, &ticket, (char *)ticket.sealed, ticket.sealed_len, opened, 0), FR_TLS_TICKET_UNKNOWN);
    fr_tls_ticket_seal_close(&a);
    fr_tls_ticket_seal_close(&b);
    fr_tls_ticket_seal_close(&stranger);
    free(ring);
}

TEST(no_two_tickets_begin_alike)
{
    struct fr_tls_ticket_seal seal;
    struct ticket first, second;
    fr_tls_ticket_seal_open(&seal, NULL, NULL);
    EQUAL(run(&seal, &first, "a session", 9, (char *)first.sealed, 1), FR_TLS_TICKET_GOOD);
    EQUAL(run(&seal, &second, "a session", 9, (char *)second.sealed, 1), FR_TLS_TICKET_GOOD);
    IS(memcmp(first.name, second.name, sizeof first.name) == 0);
    IS(memcmp(first.iv, second.iv, sizeof first.iv) != 0);
    IS(memcmp(first.sealed, second.sealed, 16) != 0);
    fr_tls_ticket_seal_close(&seal);
}

/* A process that died while it wrote: its hour is claimed, and the key never comes. */
TEST(without_a_key_in_the_ring_there_is_a_spare_one)
{
    struct fr_tls_ticket_ring *ring = calloc(1, fr_tls_ticket_ring_bytes());
    struct fr_tls_ticket_seal seal;
    struct ticket ticket;
    char opened[96];
    memset(ring, 0xfe, fr_tls_ticket_ring_bytes()); /* claimed for an hour that is far away */
    fr_tls_ticket_seal_open(&seal, NULL, ring);
    EQUAL(run(&seal, &ticket, "a session", 9, (char *)ticket.sealed, 1), FR_TLS_TICKET_GOOD);
    EQUAL(run(&seal, &ticket, (char *)ticket.sealed, ticket.sealed_len, opened, 0), FR_TLS_TICKET_GOOD_AND_RENEW);
    SAME(fr_span_of(opened, 9), "a session");
    fr_tls_ticket_seal_close(&seal);
    free(ring);
}
