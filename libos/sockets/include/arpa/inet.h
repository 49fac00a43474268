/* Addresses as text (POSIX.1-2017 <arpa/inet.h>); htons and its like come with lwIP's header. */
#ifndef _ARPA_INET_H
#define _ARPA_INET_H

#include <sys/socket.h>

const char *inet_ntop(int family, const void *address, char *to, socklen_t bytes);
int inet_pton(int family, const char *text, void *address);

#endif
