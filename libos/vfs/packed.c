/* Reading a packed image. Nothing here trusts the image before packed_open has checked it. */
#include <string.h>
#include <vfs/packed.h>

_Static_assert(sizeof(struct packed_header) == 40, "as build/tools/mkimage writes it");
_Static_assert(sizeof(struct packed_node) == 32, "as build/tools/mkimage writes it");

/* Whether [offset, offset + bytes) lies in the image behind the header. */
static int
is_inside(const struct packed *packed, uint64_t offset, uint64_t bytes)
{
    return offset >= PACKED_PAGE_BYTES && offset <= packed->bytes &&
           bytes <= packed->bytes - offset;
}

static int64_t
check_header(struct packed *packed, const struct packed_header *header)
{
    uint64_t nodes_bytes = (uint64_t)header->node_count * sizeof(struct packed_node);
    if (memcmp(header->magic, PACKED_MAGIC, sizeof(header->magic)) != 0 ||
        header->version != PACKED_VERSION || header->image_bytes != packed->bytes ||
        header->node_count == 0 || header->node_count > PACKED_NODES_MAX ||
        !is_inside(packed, PACKED_PAGE_BYTES, nodes_bytes) ||
        !is_inside(packed, header->names_offset, header->names_bytes))
        return VFS_E_CORRUPT;
    packed->nodes = (const struct packed_node *)(const void *)(packed->image + PACKED_PAGE_BYTES);
    packed->names = (const char *)packed->image + header->names_offset;
    packed->node_count = header->node_count;
    return VFS_OK;
}

static int
is_good_name(const struct packed *packed, const struct packed_node *node, uint64_t names_bytes)
{
    if (node->name_bytes == 0 || node->name_bytes >= VFS_NAME_BYTES ||
        node->name_offset > names_bytes || node->name_bytes > names_bytes - node->name_offset)
        return 0;
    const char *name = packed->names + node->name_offset;
    if (name[0] == '.' && (node->name_bytes == 1 || (node->name_bytes == 2 && name[1] == '.')))
        return 0;
    return memchr(name, '/', node->name_bytes) == NULL &&
           memchr(name, '\0', node->name_bytes) == NULL;
}

static int
compare(struct vfs_name one, struct vfs_name other)
{
    uint32_t shorter = one.bytes < other.bytes ? one.bytes : other.bytes;
    int order = memcmp(one.text, other.text, shorter);
    return order != 0 ? order : (one.bytes > other.bytes) - (one.bytes < other.bytes);
}

/* Children come in order; `next` is the first node that no directory has had yet. */
static int64_t
check_directory(const struct packed *packed, uint32_t number, uint64_t *next)
{
    const struct packed_node *node = &packed->nodes[number];
    if (node->offset != *next || node->offset <= number || node->bytes != 0 ||
        node->children > packed->node_count - *next)
        return VFS_E_CORRUPT;
    *next += node->children;
    for (uint64_t i = node->offset + 1; i < *next; i++)
        if (compare(packed_name(packed, (uint32_t)i - 1), packed_name(packed, (uint32_t)i)) >= 0)
            return VFS_E_CORRUPT;
    return VFS_OK;
}

static int64_t
check_node(const struct packed *packed, uint32_t number, uint64_t *next)
{
    const struct packed_node *node = &packed->nodes[number];
    if (node->type == VFS_DIRECTORY)
        return check_directory(packed, number, next);
    return node->type == VFS_FILE && number > 0 && node->children == 0 &&
                   node->offset % PACKED_PAGE_BYTES == 0 &&
                   is_inside(packed, node->offset, node->bytes)
               ? VFS_OK
               : VFS_E_CORRUPT;
}

int64_t
packed_open(struct packed *packed, const void *image, uint64_t bytes)
{
    const struct packed_header *header = image;
    *packed = (struct packed){.image = image, .bytes = bytes};
    if (bytes < PACKED_PAGE_BYTES || bytes % PACKED_PAGE_BYTES != 0)
        return VFS_E_CORRUPT;
    int64_t err = check_header(packed, header);
    for (uint32_t i = 1; err == VFS_OK && i < packed->node_count; i++)
        if (!is_good_name(packed, &packed->nodes[i], header->names_bytes))
            err = VFS_E_CORRUPT;
    uint64_t next = 1;
    for (uint32_t i = 0; err == VFS_OK && i < packed->node_count; i++)
        err = check_node(packed, i, &next);
    return err == VFS_OK && next != packed->node_count ? VFS_E_CORRUPT : err;
}

struct vfs_name
packed_name(const struct packed *packed, uint32_t node)
{
    const struct packed_node *it = &packed->nodes[node];
    return (struct vfs_name){packed->names + it->name_offset, it->name_bytes};
}

const uint8_t *
packed_contents(const struct packed *packed, uint32_t node)
{
    return packed->image + packed->nodes[node].offset;
}

int64_t
packed_lookup(const struct packed *packed, uint32_t directory, struct vfs_name name,
              uint32_t *found)
{
    uint32_t low = (uint32_t)packed->nodes[directory].offset;
    uint32_t high = low + packed->nodes[directory].children;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(packed_name(packed, middle), name);
        if (order == 0) {
            *found = middle;
            return VFS_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return VFS_E_NONE;
}
