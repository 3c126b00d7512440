/* Addresses as text: every family, every length that does not fit. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#include "unit.h"

static char host[128];
static uint16_t port;

static void write_in6(const char *text, uint16_t number)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(number)};
    EQUAL(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    fr_address_text((struct sockaddr *)&address, sizeof address, host, sizeof host, &port);
}

static void write_un(const char *path, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, len);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    fr_address_text((struct sockaddr *)&address, size, host, sizeof host, &port);
}

TEST(ipv4)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(8000)};
    EQUAL(inet_pton(AF_INET, "192.0.2.17", &address.sin_addr), 1);
    fr_address_text((struct sockaddr *)&address, sizeof address, host, sizeof host, &port);
    SAME(fr_span_of_string(host), "192.0.2.17");
    EQUAL(port, 8000);
}

TEST(ipv6)
{
    write_in6("2001:db8::1", 65535);
    SAME(fr_span_of_string(host), "2001:db8::1");
    EQUAL(port, 65535);
    write_in6("::", 1);
    SAME(fr_span_of_string(host), "::");
    EQUAL(port, 1);
}

TEST(ipv4_mapped_is_ipv4)
{
    write_in6("::ffff:192.0.2.17", 80);
    SAME(fr_span_of_string(host), "192.0.2.17");
    EQUAL(port, 80);
    write_in6("::192.0.2.17", 80); /* compatible, not mapped: stays what it is */
    SAME(fr_span_of_string(host), "::192.0.2.17");
}

TEST(unix_path)
{
    port = 7;
    write_un("/run/app.sock", 14);
    SAME(fr_span_of_string(host), "/run/app.sock");
    EQUAL(port, 0);
    write_un("/run/app.sock", 13); /* the kernel does not promise a NUL */
    SAME(fr_span_of_string(host), "/run/app.sock");
}

TEST(unix_path_that_fills_its_room)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    memset(path, 'p', sizeof path);
    write_un(path, sizeof path);
    EQUAL(strlen(host), sizeof path);
}

TEST(unnamed_and_abstract)
{
    write_un("", 0);
    SAME(fr_span_of_string(host), "");
    write_un("\0name", 5);
    SAME(fr_span_of_string(host), "@name");
}

TEST(what_does_not_fit_is_cut)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5)};
    EQUAL(inet_pton(AF_INET, "192.0.2.17", &in.sin_addr), 1);
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/app.sock"};
    for (size_t size = 1; size <= 11; size++) {
        memset(host, '#', sizeof host);
        fr_address_text((struct sockaddr *)&in, sizeof in, host, size, &port);
        EQUAL(strlen(host), size - 1);
        EQUAL(memcmp(host, "192.0.2.17", size - 1), 0);
        EQUAL(host[size], '#');
        EQUAL(port, 5);
        fr_address_text((struct sockaddr *)&un, sizeof un, host, size, &port);
        EQUAL(strlen(host), size - 1);
        EQUAL(memcmp(host, "/run/app.sock", size - 1), 0);
        EQUAL(host[size], '#');
    }
    host[0] = '#';
    fr_address_text((struct sockaddr *)&in, sizeof in, host, 0, &port);
    EQUAL(host[0], '#');
}

TEST(unknown_and_cut_addresses_are_empty)
{
    struct sockaddr_storage other = {.ss_family = 250};
    fr_address_text((struct sockaddr *)&other, sizeof other, host, sizeof host, &port);
    SAME(fr_span_of_string(host), "");
    EQUAL(port, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(5)};
    fr_address_text((struct sockaddr *)&in, sizeof in - 1, host, sizeof host, &port);
    SAME(fr_span_of_string(host), "");
    EQUAL(port, 0);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    fr_address_text((struct sockaddr *)&in6, sizeof in6 - 1, host, sizeof host, &port);
    SAME(fr_span_of_string(host), "");
    fr_address_text((struct sockaddr *)&in, 0, host, sizeof host, &port);
    SAME(fr_span_of_string(host), "");
}
