/* tls/wire.h - Where OpenSSL reads and writes: records that came, and an outbox of those that leave.
 *
 * OpenSSL calls such a thing a BIO. Nothing blocks and nothing is kept: what is not there is asked for again. It
 * also sees every record pass, and refuses to hand out more of them when too many carried nothing, or when a hello is
 * going to be larger than any ever is, or is no record at all. */
#ifndef FR_TLS_WIRE_H
#define FR_TLS_WIRE_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/outbox.h"
#include "base/span.h"

struct fr_tls_wire {
    fr_span incoming;          /* borrowed, for the call */
    struct fr_outbox *records; /* those that leave */
    uint32_t body_left;        /* of the record that is being read */
    uint8_t head[5];           /* its type, version and length, as far as they came */
    uint8_t head_len;
    uint8_t message_seen;  /* bytes of the head of a message */
    bool greeted;          /* there are no more hellos */
    uint32_t message;      /* its type and length */
    uint32_t message_left; /* of its body */
    const char *refused;   /* why nothing is handed out any more; NULL: it is */
    uint32_t fruitless;    /* records without use for anybody, FR_TLS_WIRE_COST each */
    uint32_t fruitless_max;
};

/* Of a hello; OpenSSL would make room for 128 KiB because somebody says so. */
#define FR_TLS_WIRE_HELLO_MAX 32768

/* A useful record pays for itself and for one in 32 that is not. */
#define FR_TLS_WIRE_COST 32

/* The method that fr_tls_wire_bio needs, freed by BIO_meth_free. */
BIO_METHOD *fr_tls_wire_method(void);

/* A BIO over `wire`, which outlives it. */
BIO *fr_tls_wire_bio(BIO_METHOD *method, struct fr_tls_wire *wire);

/* A part of a record has been handed out, and the rest has not come. */
static inline bool fr_tls_wire_is_amid_record(const struct fr_tls_wire *wire)
{
    return wire->head_len > 0 || wire->body_left > 0;
}

/* A record has brought something. */
static inline void fr_tls_wire_earn(struct fr_tls_wire *wire)
{
    wire->fruitless -= wire->fruitless < FR_TLS_WIRE_COST + 1 ? wire->fruitless : FR_TLS_WIRE_COST + 1;
}

#endif
