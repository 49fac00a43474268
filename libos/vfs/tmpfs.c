/* Files in memory. Directories are lists; a file's bytes are in pages, and holes have none. */
#include "private.h"

#include <stdlib.h>

#define PAGE        4096u
#define BYTES_MAX   (1ull << 32)
#define PAGES_LEAST 4u

struct tmp_node {
    struct vfs_node node; /* first: a struct vfs_node is one of these */
    struct tmp_entry *entries;
    uint64_t next_position;
    char **pages;
    uint64_t page_room;
};

/* Positions only grow, so that a listing goes on where it was, whatever is removed meanwhile. */
struct tmp_entry {
    struct tmp_entry *next;
    struct tmp_node *node;
    uint64_t position;
    uint32_t bytes;
    char name[];
};

static const struct vfs_operations file_operations, directory_operations;
static _Atomic uint64_t next_inode = 1;

static int64_t
never(void)
{
    return 0;
}

int64_t (*vfs_now_ns)(void) = never;

static struct tmp_node *
tmp(struct vfs_node *node)
{
    return (struct tmp_node *)(void *)node;
}

static struct tmp_node *
make_node(enum vfs_type type)
{
    struct tmp_node *made = calloc(1, sizeof(*made));
    if (made != NULL) {
        made->node = (struct vfs_node){
            .operations = type == VFS_DIRECTORY ? &directory_operations : &file_operations,
            .type = type,
            .references = 1,
            .links = 1,
            .inode = atomic_fetch_add(&next_inode, 1),
            .changed_ns = vfs_now_ns(),
        };
        made->next_position = 1;
    }
    return made;
}

struct vfs_node *
tmpfs_make(void)
{
    struct tmp_node *root = make_node(VFS_DIRECTORY);
    return root != NULL ? &root->node : NULL;
}

static void
free_pages(struct tmp_node *self, uint64_t from)
{
    for (uint64_t i = from; i < self->page_room; i++) {
        free(self->pages[i]);
        self->pages[i] = NULL;
    }
}

static void
release(struct vfs_node *node)
{
    struct tmp_node *self = tmp(node);
    free_pages(self, 0);
    free(self->pages);
    free(self);
}

/* --- Files ---------------------------------------------------------------------------------------
 */

static int64_t
read_file(struct vfs_node *node, uint64_t offset, void *to, size_t bytes)
{
    const struct tmp_node *self = tmp(node);
    if (offset >= node->bytes)
        return 0;
    size_t wanted = bytes < node->bytes - offset ? bytes : (size_t)(node->bytes - offset);
    for (size_t done = 0, part; done < wanted; done += part) {
        uint64_t at = offset + done;
        const char *page = at / PAGE < self->page_room ? self->pages[at / PAGE] : NULL;
        part = PAGE - at % PAGE < wanted - done ? PAGE - at % PAGE : wanted - done;
        if (page != NULL)
            memcpy((char *)to + done, page + at % PAGE, part);
        else
            memset((char *)to + done, 0, part);
    }
    return (int64_t)wanted;
}

static bool
make_room(struct tmp_node *self, uint64_t pages)
{
    uint64_t room = self->page_room < PAGES_LEAST ? PAGES_LEAST : self->page_room;
    while (room < pages)
        room *= 2;
    if (room == self->page_room)
        return true;
    char **larger = realloc(self->pages, room * sizeof(*larger));
    if (larger == NULL)
        return false;
    memset(larger + self->page_room, 0, (room - self->page_room) * sizeof(*larger));
    self->pages = larger;
    self->page_room = room;
    return true;
}

static int64_t
write_file(struct vfs_node *node, uint64_t offset, const void *from, size_t bytes)
{
    struct tmp_node *self = tmp(node);
    size_t done = 0, part;
    if (offset > BYTES_MAX || bytes > BYTES_MAX - offset ||
        !make_room(self, (offset + bytes + PAGE - 1) / PAGE))
        return VFS_E_SPACE;
    for (; done < bytes; done += part) {
        uint64_t at = offset + done;
        char **page = &self->pages[at / PAGE];
        part = PAGE - at % PAGE < bytes - done ? PAGE - at % PAGE : bytes - done;
        if (*page == NULL && (*page = calloc(1, PAGE)) == NULL)
            break;
        memcpy(*page + at % PAGE, (const char *)from + done, part);
    }
    if (done > 0 && offset + done > node->bytes)
        node->bytes = offset + done;
    node->changed_ns = vfs_now_ns();
    return done > 0 || bytes == 0 ? (int64_t)done : VFS_E_SPACE;
}

/* What is cut off is zeros if the file grows again. */
static int64_t
resize_file(struct vfs_node *node, uint64_t bytes)
{
    struct tmp_node *self = tmp(node);
    if (bytes > BYTES_MAX)
        return VFS_E_SPACE;
    uint64_t last = bytes / PAGE;
    free_pages(self, (bytes + PAGE - 1) / PAGE);
    if (bytes < node->bytes && last < self->page_room && self->pages[last] != NULL)
        memset(self->pages[last] + bytes % PAGE, 0, PAGE - bytes % PAGE);
    node->bytes = bytes;
    node->changed_ns = vfs_now_ns();
    return VFS_OK;
}

static const struct vfs_operations file_operations = {
    .read = read_file, .write = write_file, .resize = resize_file, .release = release};

/* --- Directories
 * ---------------------------------------------------------------------------------- */

static struct tmp_entry **
find(struct tmp_node *self, struct vfs_name name)
{
    struct tmp_entry **link = &self->entries;
    while (*link != NULL &&
           ((*link)->bytes != name.bytes || memcmp((*link)->name, name.text, name.bytes) != 0))
        link = &(*link)->next;
    return link;
}

static int64_t
lookup(struct vfs_node *node, struct vfs_name name, struct vfs_node **found)
{
    struct tmp_entry *entry = *find(tmp(node), name);
    if (entry == NULL)
        return VFS_E_NONE;
    *found = &entry->node->node;
    (*found)->references++;
    return VFS_OK;
}

/* At the end, with a position of its own. */
static bool
add_entry(struct tmp_node *self, struct vfs_name name, struct tmp_node *child)
{
    struct tmp_entry *entry = malloc(sizeof(*entry) + name.bytes), **link = &self->entries;
    if (entry == NULL)
        return false;
    *entry =
        (struct tmp_entry){.node = child, .position = self->next_position++, .bytes = name.bytes};
    memcpy(entry->name, name.text, name.bytes);
    while (*link != NULL)
        link = &(*link)->next;
    *link = entry;
    self->node.changed_ns = vfs_now_ns();
    return true;
}

static int64_t
create(struct vfs_node *node, struct vfs_name name, enum vfs_type type, struct vfs_node **made)
{
    struct tmp_node *self = tmp(node);
    if (*find(self, name) != NULL)
        return VFS_E_EXISTS;
    if (node->links == 0) /* removed while somebody had it open */
        return VFS_E_NONE;
    struct tmp_node *child = make_node(type);
    if (child == NULL || !add_entry(self, name, child)) {
        free(child);
        return VFS_E_SPACE;
    }
    *made = &child->node;
    return VFS_OK;
}

/* A name less: the node goes with its last reference, or now if nobody has it open. */
static void
drop_name(struct tmp_node *child)
{
    child->node.links = 0;
    child->node.references++;
    node_drop(&child->node);
}

static void
cut_off(struct tmp_entry **link)
{
    struct tmp_entry *entry = *link;
    *link = entry->next;
    drop_name(entry->node);
    free(entry);
}

static int64_t
remove_entry(struct vfs_node *node, struct vfs_name name, enum vfs_type type)
{
    struct tmp_entry **link = find(tmp(node), name);
    if (*link == NULL)
        return VFS_E_NONE;
    if ((*link)->node->node.type != type)
        return type == VFS_DIRECTORY ? VFS_E_NOT_DIRECTORY : VFS_E_IS_DIRECTORY;
    if ((*link)->node->entries != NULL)
        return VFS_E_NOT_EMPTY;
    cut_off(link);
    node->changed_ns = vfs_now_ns();
    return VFS_OK;
}

static int64_t
check_rename(const struct tmp_node *moved, const struct tmp_entry *target)
{
    if (target == NULL)
        return VFS_OK;
    if (moved->node.type == VFS_DIRECTORY && target->node->node.type != VFS_DIRECTORY)
        return VFS_E_NOT_DIRECTORY;
    if (moved->node.type != VFS_DIRECTORY && target->node->node.type == VFS_DIRECTORY)
        return VFS_E_IS_DIRECTORY;
    return target->node->entries != NULL ? VFS_E_NOT_EMPTY : VFS_OK;
}

static int64_t
rename_entry(struct vfs_node *node, struct vfs_name name, struct vfs_node *to,
             struct vfs_name to_name)
{
    struct tmp_entry *entry = *find(tmp(node), name), **target = find(tmp(to), to_name);
    if (entry == NULL)
        return VFS_E_NONE;
    if (*target == entry)
        return VFS_OK;
    struct tmp_node *moved = entry->node;
    int64_t err = check_rename(moved, *target);
    if (err != VFS_OK)
        return err;
    if (*target != NULL) {
        drop_name((*target)->node); /* its entry is the new name's: there is always one */
        (*target)->node = moved;
    } else if (!add_entry(tmp(to), to_name, moved)) {
        return VFS_E_SPACE;
    }
    struct tmp_entry **link = &tmp(node)->entries;
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    free(entry);
    return VFS_OK;
}

static int64_t
list(struct vfs_node *node, uint64_t *position, struct vfs_entry *entry)
{
    const struct tmp_entry *each = tmp(node)->entries;
    while (each != NULL && each->position <= *position)
        each = each->next;
    if (each == NULL)
        return VFS_E_NONE;
    *position = each->position;
    memcpy(entry->name, each->name, each->bytes);
    entry->name[each->bytes] = '\0';
    entry->type = each->node->node.type;
    entry->inode = each->node->node.inode;
    return VFS_OK;
}

static const struct vfs_operations directory_operations = {
    .lookup = lookup,
    .create = create,
    .remove = remove_entry,
    .rename = rename_entry,
    .list = list,
    .release = release,
};
