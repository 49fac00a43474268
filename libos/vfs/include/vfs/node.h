/*
 * What a file system offers: nodes with operations. The vfs calls operations on the nodes of one
 * file system one at a time, under the lock of its mount (struct vfs_mount), but for read and write
 * of nodes that say so; NULL is "cannot": VFS_E_READONLY for what changes, else VFS_E_CANNOT.
 */
#ifndef VFS_NODE_H
#define VFS_NODE_H

#include <sched/sync.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFS_ERRORS(X)                                                \
    X(NONE, -101, "there is no such file")                           \
    X(EXISTS, -102, "the file is there already")                     \
    X(NOT_DIRECTORY, -103, "a part of the path is not a directory")  \
    X(IS_DIRECTORY, -104, "it is a directory")                       \
    X(NOT_EMPTY, -105, "the directory is not empty")                 \
    X(READONLY, -106, "the file system can only be read")            \
    X(DESCRIPTOR, -107, "no such open file, or not opened for that") \
    X(TOO_MANY, -108, "too many open files")                         \
    X(NAME, -109, "a name or path is empty or too long")             \
    X(CANNOT, -110, "this file cannot do that")                      \
    X(SPACE, -111, "there is no memory left for it")                 \
    X(MOUNTS, -112, "not within one file system")                    \
    X(BUSY, -113, "it is in use as a mount point")                   \
    X(CORRUPT, -114, "the image contradicts itself")                 \
    X(ARGUMENT, -115, "an argument has a value that makes no sense")

enum vfs_err {
    VFS_OK = 0,
#define VFS_ERR_ENUM(name, value, text) VFS_E_##name = (value),
    VFS_ERRORS(VFS_ERR_ENUM)
#undef VFS_ERR_ENUM
};

/* A node that has errors of its own, numbered by errno, returns them as these. */
#define VFS_E_ERRNO(number)   (-1000 - (int64_t)(number))
#define VFS_ERRNO_OF(error)   (-1000 - (error))
#define VFS_E_IS_ERRNO(error) ((error) <= -1000)

#define VFS_NAME_BYTES 256u  /* of one name, with its NUL */
#define VFS_PATH_BYTES 1024u /* of a whole path, with its NUL */

enum vfs_type { VFS_FILE = 0, VFS_DIRECTORY = 1, VFS_DEVICE = 2, VFS_SOCKET = 3 };

struct vfs_node;

/* A name in a directory: not terminated, without slashes, 1 to VFS_NAME_BYTES - 1 bytes. */
struct vfs_name {
    const char *text;
    uint32_t bytes;
};

struct vfs_entry {
    char name[VFS_NAME_BYTES];
    enum vfs_type type;
    uint64_t inode;
};

struct vfs_operations {
    /* Bytes read or written, or an error; fewer only at the end of the file, or where a device has
     * no more. */
    int64_t (*read)(struct vfs_node *node, uint64_t offset, void *to, size_t bytes);
    int64_t (*write)(struct vfs_node *node, uint64_t offset, const void *from, size_t bytes);
    int64_t (*resize)(struct vfs_node *node, uint64_t bytes);
    /* Directories. lookup and create give a reference to the caller. */
    int64_t (*lookup)(struct vfs_node *node, struct vfs_name name, struct vfs_node **found);
    int64_t (*create)(struct vfs_node *node, struct vfs_name name, enum vfs_type type,
                      struct vfs_node **made);
    int64_t (*remove)(struct vfs_node *node, struct vfs_name name, enum vfs_type type);
    int64_t (*rename)(struct vfs_node *node, struct vfs_name name, struct vfs_node *to,
                      struct vfs_name to_name);
    /* The entry at *position (0: the first), which moves on. VFS_E_NONE: there are no more. */
    int64_t (*list)(struct vfs_node *node, uint64_t *position, struct vfs_entry *entry);
    /* Devices and sockets, without a lock. Whether a read would not wait now; NULL: never waits. */
    bool (*is_ready)(struct vfs_node *node);
    /* From now on read and write wait, or return an error instead. */
    int64_t (*set_waiting)(struct vfs_node *node, bool waits);
    /* The last reference is gone. */
    void (*release)(struct vfs_node *node);
};

struct vfs_mount;

struct vfs_node {
    const struct vfs_operations *operations;
    struct vfs_mount *mount; /* set by the vfs when it first sees the node */
    enum vfs_type type;
    uint32_t references; /* under the mount's lock */
    uint32_t links;      /* names that it has; 0: it goes with its last reference */
    bool is_terminal;
    bool
        is_free; /* read and write are called without any lock, and may wait: it has no positions */
    uint64_t inode, bytes;
    int64_t changed_ns; /* since 1970 */
};

#endif
