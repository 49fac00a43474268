/* The names of <sys/socket.h>: lwIP's sockets as nodes in the table of descriptors. */
#include "private.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sockets/network.h>
#include <stdlib.h>

struct socket {
    struct vfs_node node; /* first */
    int number;           /* lwIP's */
};

static struct socket *
socket_of(struct vfs_node *node)
{
    return (struct socket *)(void *)node;
}

/* --- As files -----------------------------------------------------------------------------------
 */

/* For the vfs: what lwIP says in errno. */
static int64_t
or_errno(ssize_t done)
{
    return done < 0 ? VFS_E_ERRNO(errno) : done;
}

static ssize_t
received(ssize_t bytes)
{
    network_copied(STACK_COPY_SOCKET_RECEIVE, bytes > 0 ? (size_t)bytes : 0);
    return bytes;
}

static ssize_t
sent(ssize_t bytes)
{
    network_copied(STACK_COPY_SOCKET_SEND, bytes > 0 ? (size_t)bytes : 0);
    return bytes;
}

static int64_t
read_socket(struct vfs_node *node, uint64_t offset, void *to, size_t bytes)
{
    (void)offset;
    return or_errno(received(lwip_recv(socket_of(node)->number, to, bytes, 0)));
}

static int64_t
write_socket(struct vfs_node *node, uint64_t offset, const void *from, size_t bytes)
{
    (void)offset;
    return or_errno(sent(lwip_send(socket_of(node)->number, from, bytes, 0)));
}

static int64_t
set_waiting(struct vfs_node *node, bool waits)
{
    int argument = !waits;
    return or_errno(lwip_ioctl(socket_of(node)->number, (long)FIONBIO, &argument));
}

static void
release_socket(struct vfs_node *node)
{
    (void)lwip_close(socket_of(node)->number);
    free(socket_of(node));
}

static const struct vfs_operations operations = {
    .read = read_socket,
    .write = write_socket,
    .set_waiting = set_waiting,
    .release = release_socket,
};

int
socket_number(const struct vfs_node *node)
{
    return node->operations == &operations ? ((const struct socket *)(const void *)node)->number
                                           : -1;
}

/* A descriptor for lwIP's socket, which is closed when there is none left. */
static int
describe(int number, bool waits)
{
    struct socket *made = number >= 0 ? calloc(1, sizeof(*made)) : NULL;
    uint32_t how = VFS_READ | VFS_WRITE | (waits ? 0 : VFS_NONBLOCK);
    int64_t fd = VFS_E_ERRNO(ENOMEM);
    if (number < 0)
        return -1;
    if (made != NULL) {
        made->node = (struct vfs_node){
            .operations = &operations, .type = VFS_SOCKET, .references = 1, .is_free = true};
        made->number = number;
        fd = waits ? VFS_OK : set_waiting(&made->node, false);
        fd = fd < 0 ? fd : vfs_open_node(&made->node, how);
    }
    if (fd >= 0)
        return (int)fd;
    (void)lwip_close(number);
    free(made);
    errno = made == NULL ? ENOMEM : EMFILE;
    return -1;
}

/* --- Calls --------------------------------------------------------------------------------------
 */

/* The open file of a descriptor that is a socket, held, and its number; NULL with errno. */
static struct file *
hold(int fd, int *number)
{
    struct file *file = vfs_hold(fd);
    *number = file != NULL ? socket_number(vfs_held(file)) : -1;
    if (*number >= 0)
        return file;
    if (file != NULL)
        vfs_let_go(file);
    errno = file != NULL ? ENOTSOCK : EBADF;
    return NULL;
}

/* The result of a call; what let_go does to errno is not the call's. */
static ssize_t
let_go(struct file *file, ssize_t result)
{
    int error = errno;
    vfs_let_go(file);
    errno = error;
    return result;
}

int
socket(int domain, int type, int protocol)
{
    if (network_status() != EXO_OK) {
        errno = ENETDOWN;
        return -1;
    }
    int plain = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    return describe(lwip_socket(domain, plain, protocol), (type & SOCK_NONBLOCK) == 0);
}

int
accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
    int number;
    struct file *file = hold(fd, &number);
    if (file == NULL)
        return -1;
    int accepted = (int)let_go(file, lwip_accept(number, address, bytes));
    return describe(accepted, (flags & SOCK_NONBLOCK) == 0);
}

int
accept(int fd, struct sockaddr *address, socklen_t *bytes)
{
    return accept4(fd, address, bytes, 0);
}

int
bind(int fd, const struct sockaddr *address, socklen_t bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_bind(number, address, bytes)) : -1;
}

int
listen(int fd, int backlog)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_listen(number, backlog)) : -1;
}

int
connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    int result = file != NULL ? (int)let_go(file, lwip_connect(number, address, bytes)) : -1;
    if (result != 0 && errno == ECONNRESET)
        errno = ECONNREFUSED; /* a reset in answer to SYN: lwIP has one error for both */
    return result;
}

int
shutdown(int fd, int how)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_shutdown(number, how)) : -1;
}

int
getsockname(int fd, struct sockaddr *address, socklen_t *bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_getsockname(number, address, bytes)) : -1;
}

int
getpeername(int fd, struct sockaddr *address, socklen_t *bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_getpeername(number, address, bytes)) : -1;
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_getsockopt(number, level, option, value, bytes))
                        : -1;
}

int
setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL ? (int)let_go(file, lwip_setsockopt(number, level, option, value, bytes))
                        : -1;
}

ssize_t
recvfrom(int fd, void *to, size_t bytes, int flags, struct sockaddr *address,
         socklen_t *address_bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL
               ? let_go(file,
                        received(lwip_recvfrom(number, to, bytes, flags, address, address_bytes)))
               : -1;
}

ssize_t
recv(int fd, void *to, size_t bytes, int flags)
{
    return recvfrom(fd, to, bytes, flags, NULL, NULL);
}

ssize_t
sendto(int fd, const void *from, size_t bytes, int flags, const struct sockaddr *address,
       socklen_t address_bytes)
{
    int number;
    struct file *file = hold(fd, &number);
    return file != NULL
               ? let_go(file, sent(lwip_sendto(number, from, bytes, flags, address, address_bytes)))
               : -1;
}

ssize_t
send(int fd, const void *from, size_t bytes, int flags)
{
    return sendto(fd, from, bytes, flags, NULL, 0);
}

/* --- Addresses as text --------------------------------------------------------------------------
 */

const char *
inet_ntop(int family, const void *address, char *to, socklen_t bytes)
{
    return lwip_inet_ntop(family, address, to, bytes);
}

int
inet_pton(int family, const char *text, void *address)
{
    return lwip_inet_pton(family, text, address);
}
