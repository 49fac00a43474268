/* Internet addresses (POSIX.1-2017 <netinet/in.h>): all of it is in one header of lwIP's. */
#ifndef _NETINET_IN_H
#define _NETINET_IN_H
#include <sys/socket.h>
#endif
