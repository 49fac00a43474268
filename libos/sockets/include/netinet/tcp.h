/* TCP_NODELAY and its like (POSIX.1-2017 <netinet/tcp.h>). */
#ifndef _NETINET_TCP_H
#define _NETINET_TCP_H
#include <sys/socket.h>
#endif
