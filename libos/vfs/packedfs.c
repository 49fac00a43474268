/* A packed image as a file system: nodes are made when they are looked up. */
#include "private.h"

#include <stdlib.h>
#include <vfs/packed.h>

struct packed_vnode {
    struct vfs_node node; /* first: a struct vfs_node is one of these */
    const struct packed *packed;
    uint32_t number;
};

static const struct vfs_operations file_operations, directory_operations;

static struct vfs_node *
make(const struct packed *packed, uint32_t number)
{
    const struct packed_node *it = &packed->nodes[number];
    struct packed_vnode *made = calloc(1, sizeof(*made));
    if (made == NULL)
        return NULL;
    bool directory = it->type == VFS_DIRECTORY;
    made->node = (struct vfs_node){
        .operations = directory ? &directory_operations : &file_operations,
        .type = directory ? VFS_DIRECTORY : VFS_FILE,
        .references = 1,
        .inode = number + 1,
        .bytes = it->bytes,
    };
    made->packed = packed;
    made->number = number;
    return &made->node;
}

struct vfs_node *
packedfs_make(const struct packed *packed)
{
    struct vfs_node *root = make(packed, 0);
    if (root != NULL)
        root->links = 1; /* it stays */
    return root;
}

static struct packed_vnode *
of(struct vfs_node *node)
{
    return (struct packed_vnode *)(void *)node;
}

static int64_t
read_file(struct vfs_node *node, uint64_t offset, void *to, size_t bytes)
{
    if (offset >= node->bytes)
        return 0;
    size_t wanted = bytes < node->bytes - offset ? bytes : (size_t)(node->bytes - offset);
    memcpy(to, packed_contents(of(node)->packed, of(node)->number) + offset, wanted);
    return (int64_t)wanted;
}

static int64_t
lookup(struct vfs_node *node, struct vfs_name name, struct vfs_node **found)
{
    uint32_t number;
    int64_t err = packed_lookup(of(node)->packed, of(node)->number, name, &number);
    if (err != VFS_OK)
        return err;
    *found = make(of(node)->packed, number);
    return *found != NULL ? VFS_OK : VFS_E_SPACE;
}

static int64_t
list(struct vfs_node *node, uint64_t *position, struct vfs_entry *entry)
{
    const struct packed *packed = of(node)->packed;
    const struct packed_node *directory = &packed->nodes[of(node)->number];
    if (*position >= directory->children)
        return VFS_E_NONE;
    uint32_t number = (uint32_t)(directory->offset + (*position)++);
    struct vfs_name name = packed_name(packed, number);
    memcpy(entry->name, name.text, name.bytes);
    entry->name[name.bytes] = '\0';
    entry->type = packed->nodes[number].type == VFS_DIRECTORY ? VFS_DIRECTORY : VFS_FILE;
    entry->inode = number + 1;
    return VFS_OK;
}

static void
release(struct vfs_node *node)
{
    free(of(node));
}

static const struct vfs_operations file_operations = {.read = read_file, .release = release};
static const struct vfs_operations directory_operations = {
    .lookup = lookup, .list = list, .release = release};
