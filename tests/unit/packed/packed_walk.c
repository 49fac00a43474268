#include "packed_walk.h"

static volatile unsigned sum;

static void
read_all(const void *at, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++)
        sum += ((const unsigned char *)at)[i];
}

int
packed_walk(const struct packed *packed)
{
    for (uint32_t i = 0; i < packed->node_count; i++) {
        const struct packed_node *node = &packed->nodes[i];
        if (node->type == VFS_FILE)
            read_all(packed_contents(packed, i), node->bytes);
        for (uint32_t child = 0; node->type == VFS_DIRECTORY && child < node->children; child++) {
            uint32_t number = (uint32_t)node->offset + child, found;
            struct vfs_name name = packed_name(packed, number);
            read_all(name.text, name.bytes);
            if (packed_lookup(packed, i, name, &found) != VFS_OK || found != number)
                return 0;
        }
    }
    return 1;
}
