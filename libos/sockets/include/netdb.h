/* Names (POSIX.1-2017 <netdb.h>), asked of the servers that the network named. One address each. */
#ifndef _NETDB_H
#define _NETDB_H

#include <sys/socket.h>

#include <lwip/netdb.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result);
void freeaddrinfo(struct addrinfo *result);
const char *gai_strerror(int error);

#endif
