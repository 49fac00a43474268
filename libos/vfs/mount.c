/* Mounts, and the way from a path to a node. */
#include "private.h"

static struct mutex lock; /* protects mounts, which only grow */
static struct vfs_mount *mounts[VFS_MOUNTS_MAX];
static uint32_t mount_count;

static bool
lies_in(const struct path *path, const struct vfs_mount *mount)
{
    return path->bytes >= mount->path_bytes &&
           memcmp(path->text, mount->path, mount->path_bytes) == 0 &&
           (path->bytes == mount->path_bytes || path->text[mount->path_bytes] == '/');
}

struct vfs_mount *
mount_find(const struct path *path)
{
    struct vfs_mount *best = NULL;
    mutex_lock(&lock);
    for (uint32_t i = 0; i < mount_count; i++)
        if (lies_in(path, mounts[i]) && (best == NULL || mounts[i]->path_bytes > best->path_bytes))
            best = mounts[i];
    mutex_unlock(&lock);
    return best;
}

bool
mount_is_point(const struct path *path)
{
    const struct vfs_mount *mount = mount_find(path);
    return mount != NULL && mount->path_bytes == path->bytes;
}

int64_t
vfs_mount(struct vfs_mount *mount, const char *text, struct vfs_node *root)
{
    struct path path;
    int64_t err = path_make(&path, text);
    if (err == VFS_OK && mount_is_point(&path))
        err = VFS_E_EXISTS;
    if (err != VFS_OK)
        return err;
    *mount = (struct vfs_mount){.path_bytes = path.bytes, .root = root};
    memcpy(mount->path, path.text, sizeof(mount->path));
    root->mount = mount;
    mutex_lock(&lock);
    err = mount_count < VFS_MOUNTS_MAX ? VFS_OK : VFS_E_MOUNTS;
    if (err == VFS_OK)
        mounts[mount_count++] = mount;
    mutex_unlock(&lock);
    return err;
}

void
node_drop(struct vfs_node *node)
{
    if (--node->references == 0 && node->links == 0 && node->operations->release != NULL)
        node->operations->release(node);
}

static int64_t
step(struct vfs_node *node, struct vfs_name name, struct vfs_node **next)
{
    if (node->type != VFS_DIRECTORY)
        return VFS_E_NOT_DIRECTORY;
    int64_t err = node->operations->lookup(node, name, next);
    if (err == VFS_OK)
        (*next)->mount = node->mount;
    return err;
}

int64_t
mount_walk(struct vfs_mount *mount, const struct path *path, struct vfs_node **found)
{
    const char *rest = &path->text[mount->path_bytes];
    struct vfs_node *node = mount->root;
    node->references++;
    while (*rest != '\0') {
        const char *name = rest + 1; /* behind the slash */
        size_t bytes = strcspn(name, "/");
        struct vfs_node *next;
        int64_t err = step(node, (struct vfs_name){name, (uint32_t)bytes}, &next);
        node_drop(node);
        if (err != VFS_OK)
            return err;
        node = next;
        rest = name + bytes;
    }
    *found = node;
    return VFS_OK;
}
