/*
 * Sockets (POSIX.1-2017 <sys/socket.h>, with accept4 and SOCK_NONBLOCK of its next issue): lwIP's
 * types and numbers, and functions whose descriptors are in one table with files. What lwIP has no
 * number for is not there: sendmsg with ancillary data, socketpair, AF_UNIX.
 */
#ifndef _SYS_SOCKET_H
#define _SYS_SOCKET_H

#include <fcntl.h> /* O_NONBLOCK is newlib's: lwIP defines it where nobody has */

#include <lwip/sockets.h>

/* Flags in the type of socket(), and of accept4(). */
#define SOCK_NONBLOCK O_NONBLOCK
#define SOCK_CLOEXEC  0x40000 /* there is no exec */

int socket(int domain, int type, int protocol);
int bind(int fd, const struct sockaddr *address, socklen_t bytes);
int listen(int fd, int backlog);
int accept(int fd, struct sockaddr *address, socklen_t *bytes);
int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags);
int connect(int fd, const struct sockaddr *address, socklen_t bytes);
int shutdown(int fd, int how);
int getsockname(int fd, struct sockaddr *address, socklen_t *bytes);
int getpeername(int fd, struct sockaddr *address, socklen_t *bytes);
int getsockopt(int fd, int level, int option, void *value, socklen_t *bytes);
int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes);
ssize_t recv(int fd, void *to, size_t bytes, int flags);
ssize_t recvfrom(int fd, void *to, size_t bytes, int flags, struct sockaddr *address,
                 socklen_t *address_bytes);
ssize_t send(int fd, const void *from, size_t bytes, int flags);
ssize_t sendto(int fd, const void *from, size_t bytes, int flags, const struct sockaddr *address,
               socklen_t address_bytes);

#endif
