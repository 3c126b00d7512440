/* tls/client_facts.c - Writes out a client's certificate.
 *
 * All texts are written one behind the other, and become spans when it is known where they lie. Names are printed by
 * RFC 4514, in UTF-8. What the variables are called and look like is described in Apache's documentation of mod_ssl. */
#include "tls/client_facts.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/alloc.h"
#include "tls/errors.h"

#define ENTRIES_MIN 32

/* UTF-8 needs no escape, only what is special does. */
#define NAME_FLAGS (XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB)

/* Where a name and its value stand in the text; without a name it is a certificate of the chain, or the like. */
struct entry {
    size_t name_at, value_at, end;
};

struct writer {
    BIO *text;
    struct entry *entries;
    size_t count, room;
};

struct part {
    int nid;
    const char *name;
};

/* SSL_CLIENT_S_DN_<these>. */
static const struct part parts[] = {
    {NID_countryName, "C"},
    {NID_stateOrProvinceName, "ST"},
    {NID_localityName, "L"},
    {NID_organizationName, "O"},
    {NID_organizationalUnitName, "OU"},
    {NID_commonName, "CN"},
    {NID_title, "T"},
    {NID_initials, "I"},
    {NID_givenName, "G"},
    {NID_surname, "S"},
    {NID_description, "D"},
    {NID_userId, "UID"},
    {NID_pkcs9_emailAddress, "Email"},
};

static size_t position(const struct writer *writer)
{
    char *data = NULL;
    return (size_t)BIO_get_mem_data(writer->text, &data);
}

/* What is written from here on is a name, until the next call of begin_value. */
static struct entry *begin_entry(struct writer *writer)
{
    if (writer->count == writer->room) {
        writer->room = writer->room ? 2 * writer->room : ENTRIES_MIN;
        writer->entries = fr_realloc(writer->entries, writer->room * sizeof *writer->entries);
    }
    struct entry *entry = &writer->entries[writer->count++];
    *entry = (struct entry){.name_at = position(writer)};
    return entry;
}

static struct entry *begin_value(const struct writer *writer, struct entry *entry)
{
    entry->value_at = position(writer);
    return entry;
}

static void end_entry(const struct writer *writer, struct entry *entry)
{
    entry->end = position(writer);
}

static struct entry *begin(struct writer *writer, const char *name)
{
    struct entry *entry = begin_entry(writer);
    BIO_printf(writer->text, "SSL_CLIENT_%s", name);
    return begin_value(writer, entry);
}

/* The same with a number behind the name. */
static struct entry *begin_numbered(struct writer *writer, const char *name, int number)
{
    struct entry *entry = begin_entry(writer);
    BIO_printf(writer->text, "SSL_CLIENT_%s_%d", name, number);
    return begin_value(writer, entry);
}

static void add_text(struct writer *writer, const char *name, const char *value)
{
    struct entry *entry = begin(writer, name);
    BIO_puts(writer->text, value);
    end_entry(writer, entry);
}

static void write_string(const struct writer *writer, const ASN1_STRING *string)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, string);
    if (len > 0)
        BIO_write(writer->text, utf8, len);
    OPENSSL_free(utf8);
}

/* ---- what stands in a certificate ---- */

/* The attributes of a name; the second of a kind is called _1. */
static void add_parts(struct writer *writer, const char *prefix, const X509_NAME *name)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int number = 0;
        for (int at = -1; (at = X509_NAME_get_index_by_NID(name, parts[i].nid, at)) >= 0; number++) {
            struct entry *entry = begin_entry(writer);
            BIO_printf(writer->text, "SSL_CLIENT_%s_%s", prefix, parts[i].name);
            if (number)
                BIO_printf(writer->text, "_%d", number);
            begin_value(writer, entry);
            write_string(writer, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
            end_entry(writer, entry);
        }
    }
}

static void add_name(struct writer *writer, const char *prefix, const X509_NAME *name)
{
    struct entry *entry = begin(writer, prefix);
    X509_NAME_print_ex(writer->text, name, 0, NAME_FLAGS);
    end_entry(writer, entry);
    add_parts(writer, prefix, name);
}

static void add_serial(struct writer *writer, const X509 *leaf)
{
    struct entry *entry = begin(writer, "M_SERIAL");
    i2a_ASN1_INTEGER(writer->text, X509_get0_serialNumber(leaf));
    end_entry(writer, entry);
    entry = begin(writer, "CERT_RFC4523_CEA");
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf), NULL);
    char *decimal = number ? BN_bn2dec(number) : NULL;
    BIO_printf(writer->text, "{ serialNumber %s, issuer rdnSequence:\"", decimal ? decimal : "");
    X509_NAME_print_ex(writer->text, X509_get_issuer_name(leaf), 0, NAME_FLAGS);
    BIO_puts(writer->text, "\" }");
    end_entry(writer, entry);
    OPENSSL_free(decimal);
    BN_free(number);
}

/* From when and until when, and for how many days more. */
static void add_validity(struct writer *writer, const X509 *leaf)
{
    int days = 0, seconds = 0;
    struct entry *entry = begin(writer, "V_START");
    ASN1_TIME_print(writer->text, X509_get0_notBefore(leaf));
    end_entry(writer, entry);
    entry = begin(writer, "V_END");
    ASN1_TIME_print(writer->text, X509_get0_notAfter(leaf));
    end_entry(writer, entry);
    entry = begin(writer, "V_REMAIN");
    bool known = ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf));
    BIO_printf(writer->text, "%d", known && days > 0 ? days : 0);
    end_entry(writer, entry);
}

static void add_algorithms(struct writer *writer, const X509 *leaf)
{
    ASN1_OBJECT *key = NULL;
    add_text(writer, "A_SIG", OBJ_nid2ln(X509_get_signature_nid(leaf)));
    X509_PUBKEY_get0_param(&key, NULL, NULL, NULL, X509_get_X509_PUBKEY(leaf));
    add_text(writer, "A_KEY", OBJ_nid2ln(OBJ_obj2nid(key)));
}

/* The other names, numbered by kind. */
static void add_other_names(struct writer *writer, const X509 *leaf)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int emails = 0, hosts = 0, principals = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct entry *entry = NULL;
        const ASN1_STRING *string = NULL;
        if (name->type == GEN_EMAIL) {
            string = name->d.rfc822Name;
            entry = begin_numbered(writer, "SAN_Email", emails++);
        } else if (name->type == GEN_DNS) {
            string = name->d.dNSName;
            entry = begin_numbered(writer, "SAN_DNS", hosts++);
        } else if (name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == NID_ms_upn &&
                   name->d.otherName->value->type == V_ASN1_UTF8STRING) {
            string = name->d.otherName->value->value.utf8string;
            entry = begin_numbered(writer, "SAN_OTHER_msUPN", principals++);
        }
        if (!entry)
            continue;
        write_string(writer, string);
        end_entry(writer, entry);
    }
    GENERAL_NAMES_free(names);
}

static void add_certificates(struct writer *writer, X509 *leaf, const STACK_OF(X509) * chain)
{
    struct entry *entry = begin(writer, "CERT");
    PEM_write_bio_X509(writer->text, leaf);
    end_entry(writer, entry);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        entry = begin_numbered(writer, "CERT_CHAIN", i);
        PEM_write_bio_X509(writer->text, sk_X509_value(chain, i));
        end_entry(writer, entry);
    }
}

/* ---- as spans ---- */

/* The variables; what begins with SSL_CLIENT_CERT and is PEM is the chain as well, in this order. */
static void set_spans(struct fr_tls_client_facts *facts, const struct writer *writer, size_t chain_first,
                      size_t chain_count, size_t subject)
{
    char *data = NULL;
    size_t len = (size_t)BIO_get_mem_data(writer->text, &data);
    facts->text = memcpy(fr_alloc(len), data, len);
    facts->variables = fr_alloc(writer->count * sizeof *facts->variables);
    facts->chain = fr_alloc(chain_count * sizeof *facts->chain);
    for (size_t i = 0; i < writer->count; i++) {
        const struct entry *entry = &writer->entries[i];
        fr_span both = fr_span_of(facts->text, entry->end);
        facts->variables[i].name = fr_span_slice(both, entry->name_at, entry->value_at);
        facts->variables[i].value = fr_span_skip(both, entry->value_at);
    }
    for (size_t i = 0; i < chain_count; i++)
        facts->chain[i] = facts->variables[chain_first + i].value;
    facts->client = (struct fr_tls_client){
        .name = facts->variables[subject].value,
        .chain = facts->chain,
        .chain_count = chain_count,
        .variables = facts->variables,
        .variable_count = writer->count,
    };
}

void fr_tls_client_facts_open(struct fr_tls_client_facts *facts, X509 *leaf, const STACK_OF(X509) * chain, long error)
{
    struct writer writer = {.text = fr_tls_needed(BIO_new(BIO_s_mem()))};
    char version[16];
    BIO_snprintf(version, sizeof version, "%ld", X509_get_version(leaf) + 1);
    add_text(&writer, "M_VERSION", version);
    add_serial(&writer, leaf);
    size_t subject = writer.count;
    add_name(&writer, "S_DN", X509_get_subject_name(leaf));
    add_name(&writer, "I_DN", X509_get_issuer_name(leaf));
    add_validity(&writer, leaf);
    add_algorithms(&writer, leaf);
    add_other_names(&writer, leaf);
    size_t chain_first = writer.count;
    add_certificates(&writer, leaf, chain);
    set_spans(facts, &writer, chain_first, writer.count - chain_first, subject);
    if (error != X509_V_OK)
        facts->client.error = fr_span_of_string(X509_verify_cert_error_string(error));
    BIO_free(writer.text);
    fr_free(writer.entries);
    fr_tls_errors_clear();
}

void fr_tls_client_facts_close(struct fr_tls_client_facts *facts)
{
    fr_free(facts->text);
    fr_free(facts->chain);
    fr_free(facts->variables);
    *facts = (struct fr_tls_client_facts){0};
}
