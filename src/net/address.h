/* net/address.h - Socket addresses as text and back. */
#ifndef FR_NET_ADDRESS_H
#define FR_NET_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Writes the numeric host (an IPv4-mapped IPv6 address as IPv4) or the unix path to `host`, cut to
 * `size` and always NUL-terminated, and the port (0 for unix) to `port`. Unknown families give "" and 0. */
void fr_address_text(const struct sockaddr *address, socklen_t len, char *host, size_t size, uint16_t *port);

#endif
