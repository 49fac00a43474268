/*
 * A packed image: a read-only tree of directories and files, made by build/tools/mkimage. Portable;
 * the image is hostile: every number is checked where it is read. Little-endian.
 *
 *   header (one page) | nodes | names | extents, each on a page of its own, in order of nodes
 *
 * Nodes are in breadth-first order, so that those of a directory lie side by side, sorted by name
 * (as bytes). Node 0 is the root.
 */
#ifndef VFS_PACKED_H
#define VFS_PACKED_H

#include <stdint.h>
#include <vfs/node.h>

#define PACKED_MAGIC      "CHIPACK1" /* 8 bytes, without the NUL */
#define PACKED_VERSION    1u
#define PACKED_PAGE_BYTES 4096u
#define PACKED_NODES_MAX  65536u

struct packed_header {
    char magic[8];
    uint32_t version, node_count;
    uint64_t names_offset, names_bytes, image_bytes;
};

struct packed_node {
    uint32_t name_offset, name_bytes; /* in the names; the root has none */
    uint32_t type;                    /* VFS_FILE or VFS_DIRECTORY */
    uint32_t children;                /* of a directory ... */
    uint64_t offset; /* of a file: its extent, a multiple of a page; a directory: its first child */
    uint64_t bytes;
};

/* An image in memory. Nothing is copied: it must stay. */
struct packed {
    const uint8_t *image;
    uint64_t bytes;
    const struct packed_node *nodes;
    const char *names;
    uint32_t node_count;
};

/*
 * Checks header, nodes and names: VFS_OK, or VFS_E_CORRUPT. Afterwards no other function can fail
 * for reasons of the image. `image` is aligned to 8.
 */
int64_t packed_open(struct packed *packed, const void *image, uint64_t bytes);

/* The node with that name in a directory; VFS_E_NONE. */
int64_t packed_lookup(const struct packed *packed, uint32_t directory, struct vfs_name name,
                      uint32_t *found);

/* The name of a node, and a file's contents. */
struct vfs_name packed_name(const struct packed *packed, uint32_t node);
const uint8_t *packed_contents(const struct packed *packed, uint32_t node);

/* The image's tree as a file system; the image must stay. NULL: no memory. */
struct vfs_node *packedfs_make(const struct packed *packed);

#endif
