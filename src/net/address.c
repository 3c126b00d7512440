/* net/address.c - Socket addresses as text. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/un.h>

/* inet_ntop fails only when the text does not fit; then it is cut like everything else. */
static void write_numeric(int family, const void *numeric, char *host, size_t size)
{
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(family, numeric, text, sizeof text) == NULL)
        return;
    size_t len = strlen(text) < size ? strlen(text) : size - 1;
    memcpy(host, text, len);
    host[len] = '\0';
}

/* The path ends at its NUL or where the address does; an abstract one (Linux) begins with NUL and is
 * written with '@' in its place, as ss and netstat do. */
static void write_unix(const struct sockaddr_un *address, socklen_t len, char *host, size_t size)
{
    size_t before = offsetof(struct sockaddr_un, sun_path);
    size_t room = (size_t)len > before ? (size_t)len - before : 0;
    if (room > sizeof address->sun_path)
        room = sizeof address->sun_path;
    const char *path = address->sun_path;
    bool abstract = room > 1 && path[0] == '\0';
    size_t path_len = abstract ? room : strnlen(path, room);
    if (path_len >= size)
        path_len = size - 1;
    memcpy(host, path, path_len);
    if (abstract && path_len)
        host[0] = '@';
    host[path_len] = '\0';
}

void fr_address_text(const struct sockaddr *address, socklen_t len, char *host, size_t size, uint16_t *port)
{
    *port = 0;
    if (size == 0)
        return;
    host[0] = '\0';
    if (len < (socklen_t)(offsetof(struct sockaddr, sa_family) + sizeof address->sa_family))
        return;
    if (address->sa_family == AF_INET && len >= (socklen_t)sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        write_numeric(AF_INET, &in->sin_addr, host, size);
        *port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6 && len >= (socklen_t)sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
            write_numeric(AF_INET, in6->sin6_addr.s6_addr + 12, host, size);
        else
            write_numeric(AF_INET6, &in6->sin6_addr, host, size);
        *port = ntohs(in6->sin6_port);
    } else if (address->sa_family == AF_UNIX) {
        write_unix((const struct sockaddr_un *)(const void *)address, len, host, size);
    }
}
