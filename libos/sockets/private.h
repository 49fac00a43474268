/* What the files of sockets know of each other. */
#ifndef SOCKETS_PRIVATE_H
#define SOCKETS_PRIVATE_H

#include <vfs/vfs.h>

/* lwIP's number of the socket that a node is; -1: it is something else. */
int socket_number(const struct vfs_node *node);

#endif
