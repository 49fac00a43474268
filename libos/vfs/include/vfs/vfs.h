/*
 * Files: mounts, paths, open files, descriptors. May be called by every thread. Each function
 * returns 0 or more, or a negative error.
 *
 * A path is absolute, or continues the current directory; `.`, `..` and repeated slashes are
 * resolved in the text, before anything is looked up (there are no links).
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <stdbool.h>
#include <vfs/node.h>

#define VFS_MOUNTS_MAX 8u
#define VFS_FILES_MAX  256u

/* A mounted file system. The caller owns it; it stays for good. */
struct vfs_mount {
    char path[VFS_PATH_BYTES]; /* absolute, without a slash at its end; "" is the root */
    uint32_t path_bytes;
    struct vfs_node *root;
    struct mutex lock; /* of all its nodes; no other lock of the vfs is taken behind it */
};

/* Mounts at an absolute path; the longest path that fits wins. The reference to root is the
 * mount's. VFS_E_EXISTS: something is mounted there; VFS_E_MOUNTS: too many. */
int64_t vfs_mount(struct vfs_mount *mount, const char *path, struct vfs_node *root);

enum vfs_open {
    VFS_READ = 1,
    VFS_WRITE = 2,
    VFS_CREATE = 4,
    VFS_EXCLUSIVE = 8, /* with CREATE: it must not be there */
    VFS_TRUNCATE = 16,
    VFS_APPEND = 32,
    VFS_DIRECTORY_ONLY = 64,
    VFS_NONBLOCK = 128, /* of a node that has set_waiting */
};

/* A descriptor, the lowest that is free. */
int64_t vfs_open(const char *path, uint32_t how);

/* A descriptor for a node that no path names; takes the reference when it succeeds. */
int64_t vfs_open_node(struct vfs_node *node, uint32_t how);
int64_t vfs_close(int fd);

/* Another descriptor for the same open file: the lowest from `least` on, or exactly `to`. */
int64_t vfs_duplicate(int fd, int least);
int64_t vfs_duplicate_to(int fd, int to);

/* At the open file's position, which moves on; at `offset`, and it stays. */
int64_t vfs_read(int fd, void *to, size_t bytes);
int64_t vfs_write(int fd, const void *from, size_t bytes);
int64_t vfs_read_at(int fd, uint64_t offset, void *to, size_t bytes);
int64_t vfs_write_at(int fd, uint64_t offset, const void *from, size_t bytes);

enum vfs_seek { VFS_SEEK_START = 0, VFS_SEEK_HERE = 1, VFS_SEEK_END = 2 };
int64_t vfs_seek(int fd, int64_t offset, enum vfs_seek from);

struct vfs_status {
    enum vfs_type type;
    uint64_t inode, bytes;
    uint32_t links;
    bool is_terminal;
    uint32_t how; /* of an open file: as it was opened */
    int64_t changed_ns;
};
int64_t vfs_status(int fd, struct vfs_status *status);
int64_t vfs_status_of(const char *path, struct vfs_status *status);

/* Sets or takes VFS_NONBLOCK; without an effect on what never waits. */
int64_t vfs_set_waiting(int fd, bool waits);

/*
 * The open file of a descriptor, held until it is let go, whatever becomes of the descriptor: for
 * calls that only some nodes have. NULL: no such descriptor.
 */
struct file;
struct file *vfs_hold(int fd);
struct vfs_node *vfs_held(const struct file *file);
void vfs_let_go(struct file *file);

/* Whether a read of what is held would not wait. */
bool vfs_is_ready(struct vfs_node *node);

int64_t vfs_resize(int fd, uint64_t bytes);
int64_t vfs_list(int fd, struct vfs_entry *entry);

int64_t vfs_make_directory(const char *path);
int64_t vfs_remove(const char *path, enum vfs_type type);
int64_t vfs_rename(const char *from, const char *to);

int64_t vfs_change_directory(const char *path);
/* Into `to`, terminated; its length. VFS_E_NAME: `to` is too small. */
int64_t vfs_current_directory(char *to, size_t bytes);

const char *vfs_error_text(int64_t error);

/* A new, empty file system in memory; NULL: no memory. */
struct vfs_node *tmpfs_make(void);

/* The terminal: rt's console. Reading waits for a line. */
struct vfs_node *console_node(void);

/* What the clock says for files that change; set by who has one. */
extern int64_t (*vfs_now_ns)(void);

#endif
