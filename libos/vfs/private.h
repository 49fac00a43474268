/* What the files of vfs know of each other. */
#ifndef VFS_PRIVATE_H
#define VFS_PRIVATE_H

#include <string.h>
#include <vfs/vfs.h>

/* An absolute path without `.`, `..` and double slashes; the root is "". */
struct path {
    char text[VFS_PATH_BYTES];
    uint32_t bytes;
};

int64_t path_make(struct path *path, const char *text);

/* Its last name, and the path of the directory that holds it. VFS_E_BUSY: it is the root. */
int64_t path_split(struct path *path, struct vfs_name *last, char *storage);

/* The mount that a path lies in. */
struct vfs_mount *mount_find(const struct path *path);
bool mount_is_point(const struct path *path);

/* Under the mount's lock: the node at a path of it, with a reference; and giving one back. */
int64_t mount_walk(struct vfs_mount *mount, const struct path *path, struct vfs_node **found);
void node_drop(struct vfs_node *node);

#endif
