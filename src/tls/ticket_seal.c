/* tls/ticket_seal.c - Gives OpenSSL the keys for a ticket.
 *
 * A ticket is encrypted with AES-256 and authenticated with HMAC-SHA256. Owns the fetched cipher and, when nobody
 * lent one, a ring. */
#include "tls/ticket_seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "tls/errors.h"

#define IV_BYTES 16

/* The same for all processes of a machine; a step of the wall clock would void every ticket. */
static uint64_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

static bool make_key(const struct fr_tls_ticket_seal *seal, struct fr_tls_ticket_key *key)
{
    return RAND_priv_bytes_ex(seal->library, (unsigned char *)key, sizeof *key, 0) == 1;
}

void fr_tls_ticket_seal_open(struct fr_tls_ticket_seal *seal, OSSL_LIB_CTX *library, struct fr_tls_ticket_ring *ring)
{
    *seal = (struct fr_tls_ticket_seal){.library = library};
    seal->own_ring = ring ? NULL : fr_alloc_zero(fr_tls_ticket_ring_bytes());
    seal->ring = ring ? ring : seal->own_ring;
    seal->cipher = fr_tls_needed(EVP_CIPHER_fetch(library, "AES-256-CBC", NULL));
    fr_tls_needed(make_key(seal, &seal->spare) ? seal : NULL);
}

/* The key of this hour. */
static bool key_to_seal(const struct fr_tls_ticket_seal *seal, struct fr_tls_ticket_key *key)
{
    struct fr_tls_ticket_key fresh;
    uint64_t now_s = seconds_now();
    if (fr_tls_ticket_ring_current(seal->ring, now_s, key))
        return true;
    if (!make_key(seal, &fresh))
        return false;
    fr_tls_ticket_ring_turn(seal->ring, now_s, &fresh);
    OPENSSL_cleanse(&fresh, sizeof fresh);
    if (!fr_tls_ticket_ring_current(seal->ring, now_s, key))
        *key = seal->spare;
    return true;
}

/* The key of that name; `renew` when it is not what is sealed with now. */
static bool key_to_open(const struct fr_tls_ticket_seal *seal, const uint8_t *name, struct fr_tls_ticket_key *key,
                        bool *renew)
{
    uint64_t now_s = seconds_now();
    if (memcmp(seal->spare.name, name, FR_TLS_TICKET_NAME_BYTES) == 0) {
        *key = seal->spare;
        *renew = true;
        return true;
    }
    *renew =
        !fr_tls_ticket_ring_current(seal->ring, now_s, key) || memcmp(key->name, name, FR_TLS_TICKET_NAME_BYTES) != 0;
    return !*renew || fr_tls_ticket_ring_find(seal->ring, now_s, name, key);
}

static bool set_mac(EVP_MAC_CTX *mac, struct fr_tls_ticket_key *key)
{
    const OSSL_PARAM settings[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, settings);
}

int fr_tls_ticket_seal_prepare(const struct fr_tls_ticket_seal *seal, uint8_t *name, uint8_t *iv,
                               EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
    struct fr_tls_ticket_key key;
    bool renew = false, known = sealing ? key_to_seal(seal, &key) : key_to_open(seal, name, &key, &renew);
    if (!known)
        return sealing ? FR_TLS_TICKET_FAILED : FR_TLS_TICKET_UNKNOWN;
    if (sealing) {
        memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes_ex(seal->library, iv, IV_BYTES, 0) != 1)
            known = false;
    }
    known = known && EVP_CipherInit_ex2(cipher, seal->cipher, key.cipher, iv, sealing, NULL) && set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof key);
    if (!known)
        return FR_TLS_TICKET_FAILED;
    return renew ? FR_TLS_TICKET_GOOD_AND_RENEW : FR_TLS_TICKET_GOOD;
}

void fr_tls_ticket_seal_close(struct fr_tls_ticket_seal *seal)
{
    if (seal->own_ring)
        OPENSSL_cleanse(seal->own_ring, fr_tls_ticket_ring_bytes());
    fr_free(seal->own_ring);
    EVP_CIPHER_free(seal->cipher);
    OPENSSL_cleanse(seal, sizeof *seal);
}
