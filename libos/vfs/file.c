/* Open files and their descriptors. */
#include "private.h"

/* An open file, with a position that its descriptors share. */
struct file {
    struct vfs_node *node;
    uint32_t how;
    uint32_t references; /* descriptors, and calls under way: the table's lock */
    struct mutex lock;   /* protects position */
    uint64_t position;   /* of a directory: what list() says */
};

static struct mutex table_lock; /* protects the table and references; no lock is taken behind it */
static struct file files[VFS_FILES_MAX];
static struct file *table[VFS_FILES_MAX];

struct file *
vfs_hold(int fd)
{
    mutex_lock(&table_lock);
    struct file *file = fd >= 0 && fd < (int)VFS_FILES_MAX ? table[fd] : NULL;
    if (file != NULL)
        file->references++;
    mutex_unlock(&table_lock);
    return file;
}

void
vfs_let_go(struct file *file)
{
    struct vfs_node *node = file->node;
    mutex_lock(&table_lock);
    bool last = --file->references == 0;
    if (last)
        file->node = NULL;
    mutex_unlock(&table_lock);
    if (last) {
        struct mutex *lock = &node->mount->lock;
        mutex_lock(lock);
        node_drop(node);
        mutex_unlock(lock);
    }
}

struct vfs_node *
vfs_held(const struct file *file)
{
    return file->node;
}

/* Under the table's lock: the lowest free descriptor from `least` on; VFS_FILES_MAX: none. */
static uint32_t
free_descriptor(uint32_t least)
{
    while (least < VFS_FILES_MAX && table[least] != NULL)
        least++;
    return least;
}

static struct file *
free_file(void)
{
    for (uint32_t i = 0; i < VFS_FILES_MAX; i++)
        if (files[i].references == 0 && files[i].node == NULL)
            return &files[i];
    return NULL;
}

/* Nodes without a path have a mount of their own, for its lock. */
static struct vfs_mount nowhere;

int64_t
vfs_open_node(struct vfs_node *node, uint32_t how)
{
    if (node->mount == NULL)
        node->mount = &nowhere;
    mutex_lock(&table_lock);
    uint32_t fd = free_descriptor(0);
    struct file *file = free_file();
    bool fits = fd < VFS_FILES_MAX && file != NULL;
    if (fits) {
        *file = (struct file){.node = node, .how = how, .references = 1};
        table[fd] = file;
    }
    mutex_unlock(&table_lock);
    return fits ? (int64_t)fd : VFS_E_TOO_MANY;
}

int64_t
vfs_close(int fd)
{
    mutex_lock(&table_lock);
    struct file *file = fd >= 0 && fd < (int)VFS_FILES_MAX ? table[fd] : NULL;
    if (file != NULL)
        table[fd] = NULL;
    mutex_unlock(&table_lock);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    vfs_let_go(file);
    return VFS_OK;
}

int64_t
vfs_duplicate(int fd, int least)
{
    struct file *file = least >= 0 ? vfs_hold(fd) : NULL; /* the reference becomes the new one's */
    if (file == NULL)
        return least >= 0 ? VFS_E_DESCRIPTOR : VFS_E_ARGUMENT;
    mutex_lock(&table_lock);
    uint32_t other = free_descriptor((uint32_t)least);
    if (other < VFS_FILES_MAX)
        table[other] = file;
    mutex_unlock(&table_lock);
    if (other < VFS_FILES_MAX)
        return other;
    vfs_let_go(file);
    return VFS_E_TOO_MANY;
}

int64_t
vfs_duplicate_to(int fd, int to)
{
    struct file *file = to >= 0 && to < (int)VFS_FILES_MAX ? vfs_hold(fd) : NULL;
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    mutex_lock(&table_lock);
    struct file *before = table[to];
    table[to] = file;
    mutex_unlock(&table_lock);
    if (before != NULL)
        vfs_let_go(before);
    return to;
}

/* --- Opening ------------------------------------------------------------------------------------
 */

static int64_t
create(struct vfs_mount *mount, struct path path, enum vfs_type type, struct vfs_node **made)
{
    char storage[VFS_NAME_BYTES];
    struct vfs_name name;
    struct vfs_node *directory;
    int64_t err = path_split(&path, &name, storage);
    if (err == VFS_OK)
        err = mount_walk(mount, &path, &directory);
    if (err != VFS_OK)
        return err;
    if (directory->type != VFS_DIRECTORY)
        err = VFS_E_NOT_DIRECTORY;
    else if (directory->operations->create == NULL)
        err = VFS_E_READONLY;
    else
        err = directory->operations->create(directory, name, type, made);
    if (err == VFS_OK)
        (*made)->mount = mount;
    node_drop(directory);
    return err;
}

static int64_t
check_how(const struct vfs_node *node, uint32_t how)
{
    if (node->type == VFS_DIRECTORY && (how & VFS_WRITE))
        return VFS_E_IS_DIRECTORY;
    if (node->type != VFS_DIRECTORY && (how & VFS_DIRECTORY_ONLY))
        return VFS_E_NOT_DIRECTORY;
    return (how & VFS_WRITE) && node->operations->write == NULL ? VFS_E_READONLY : VFS_OK;
}

/* Under the mount's lock. */
static int64_t
open_node(struct vfs_mount *mount, const struct path *path, uint32_t how, struct vfs_node **node)
{
    int64_t err = mount_walk(mount, path, node);
    if (err == VFS_OK && (how & VFS_CREATE) && (how & VFS_EXCLUSIVE)) {
        node_drop(*node);
        return VFS_E_EXISTS;
    }
    if (err == VFS_E_NONE && (how & VFS_CREATE))
        err = create(mount, *path, VFS_FILE, node);
    if (err != VFS_OK)
        return err;
    err = check_how(*node, how);
    if (err == VFS_OK && (how & VFS_TRUNCATE) && (*node)->operations->resize != NULL)
        err = (*node)->operations->resize(*node, 0);
    if (err != VFS_OK)
        node_drop(*node);
    return err;
}

int64_t
vfs_open(const char *text, uint32_t how)
{
    struct path path;
    struct vfs_node *node;
    int64_t err = path_make(&path, text);
    struct vfs_mount *mount = err == VFS_OK ? mount_find(&path) : NULL;
    if (mount == NULL)
        return err != VFS_OK ? err : VFS_E_NONE;
    mutex_lock(&mount->lock);
    err = open_node(mount, &path, how, &node);
    mutex_unlock(&mount->lock);
    if (err != VFS_OK)
        return err;
    int64_t fd = vfs_open_node(node, how);
    if (fd < 0) {
        mutex_lock(&mount->lock);
        node_drop(node);
        mutex_unlock(&mount->lock);
    }
    return fd;
}

/* --- Reading and writing -------------------------------------------------------------------------
 */

static void
lock_node(struct vfs_node *node)
{
    if (!node->is_free)
        mutex_lock(&node->mount->lock);
}

static void
unlock_node(struct vfs_node *node)
{
    if (!node->is_free)
        mutex_unlock(&node->mount->lock);
}

static int64_t
read_node(struct file *file, uint64_t offset, void *to, size_t bytes)
{
    struct vfs_node *node = file->node;
    if (!(file->how & VFS_READ))
        return VFS_E_DESCRIPTOR;
    if (node->operations->read == NULL)
        return node->type == VFS_DIRECTORY ? VFS_E_IS_DIRECTORY : VFS_E_CANNOT;
    lock_node(node);
    int64_t done = node->operations->read(node, offset, to, bytes);
    unlock_node(node);
    return done;
}

/* *offset is where it began: with APPEND that is the end, whatever was asked. */
static int64_t
write_node(struct file *file, uint64_t *offset, const void *from, size_t bytes)
{
    struct vfs_node *node = file->node;
    if (!(file->how & VFS_WRITE))
        return VFS_E_DESCRIPTOR;
    lock_node(node);
    if (file->how & VFS_APPEND)
        *offset = node->bytes;
    int64_t done = node->operations->write(node, *offset, from, bytes);
    unlock_node(node);
    return done;
}

/* The position is the open file's; what is free has none, and one may read while another writes. */
static void
lock_position(struct file *file)
{
    if (!file->node->is_free)
        mutex_lock(&file->lock);
}

static void
unlock_position(struct file *file)
{
    if (!file->node->is_free)
        mutex_unlock(&file->lock);
}

int64_t
vfs_read(int fd, void *to, size_t bytes)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    lock_position(file);
    int64_t done = read_node(file, file->position, to, bytes);
    file->position += done > 0 && !file->node->is_free ? (uint64_t)done : 0;
    unlock_position(file);
    vfs_let_go(file);
    return done;
}

int64_t
vfs_write(int fd, const void *from, size_t bytes)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    lock_position(file);
    uint64_t offset = file->position;
    int64_t done = write_node(file, &offset, from, bytes);
    if (done > 0 && !file->node->is_free)
        file->position = offset + (uint64_t)done;
    unlock_position(file);
    vfs_let_go(file);
    return done;
}

int64_t
vfs_read_at(int fd, uint64_t offset, void *to, size_t bytes)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    int64_t done = read_node(file, offset, to, bytes);
    vfs_let_go(file);
    return done;
}

int64_t
vfs_write_at(int fd, uint64_t offset, const void *from, size_t bytes)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    int64_t done = write_node(file, &offset, from, bytes);
    vfs_let_go(file);
    return done;
}

static int64_t
seek_to(struct file *file, int64_t offset, enum vfs_seek from)
{
    uint64_t base = from == VFS_SEEK_START  ? 0
                    : from == VFS_SEEK_HERE ? file->position
                                            : file->node->bytes;
    int64_t sum;
    if (file->node->is_free)
        return VFS_E_CANNOT;
    if (__builtin_add_overflow((int64_t)base, offset, &sum) || sum < 0)
        return VFS_E_ARGUMENT;
    file->position = (uint64_t)sum;
    return sum;
}

int64_t
vfs_seek(int fd, int64_t offset, enum vfs_seek from)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    mutex_lock(&file->lock);
    int64_t position = seek_to(file, offset, from);
    mutex_unlock(&file->lock);
    vfs_let_go(file);
    return position;
}

int64_t
vfs_list(int fd, struct vfs_entry *entry)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    struct vfs_node *node = file->node;
    int64_t err = VFS_E_NOT_DIRECTORY;
    if (node->type == VFS_DIRECTORY) {
        mutex_lock(&file->lock);
        lock_node(node);
        err = node->operations->list(node, &file->position, entry);
        unlock_node(node);
        mutex_unlock(&file->lock);
    }
    vfs_let_go(file);
    return err;
}

int64_t
vfs_resize(int fd, uint64_t bytes)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    struct vfs_node *node = file->node;
    int64_t err = !(file->how & VFS_WRITE) ? VFS_E_DESCRIPTOR : VFS_E_CANNOT;
    if (err == VFS_E_CANNOT && node->operations->resize != NULL) {
        lock_node(node);
        err = node->operations->resize(node, bytes);
        unlock_node(node);
    }
    vfs_let_go(file);
    return err;
}

bool
vfs_is_ready(struct vfs_node *node)
{
    return node->operations->is_ready == NULL || node->operations->is_ready(node);
}

int64_t
vfs_set_waiting(int fd, bool waits)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    const struct vfs_operations *can = file->node->operations;
    mutex_lock(&file->lock);
    int64_t err = can->set_waiting != NULL ? can->set_waiting(file->node, waits) : VFS_OK;
    if (err == VFS_OK && can->set_waiting != NULL)
        file->how = waits ? file->how & ~(uint32_t)VFS_NONBLOCK : file->how | VFS_NONBLOCK;
    mutex_unlock(&file->lock);
    vfs_let_go(file);
    return err;
}

static struct vfs_status
status_of(const struct vfs_node *node, uint32_t how)
{
    return (struct vfs_status){node->type,        node->inode, node->bytes,     node->links,
                               node->is_terminal, how,         node->changed_ns};
}

int64_t
vfs_status(int fd, struct vfs_status *status)
{
    struct file *file = vfs_hold(fd);
    if (file == NULL)
        return VFS_E_DESCRIPTOR;
    lock_node(file->node);
    *status = status_of(file->node, file->how);
    unlock_node(file->node);
    vfs_let_go(file);
    return VFS_OK;
}

int64_t
vfs_status_of(const char *text, struct vfs_status *status)
{
    int64_t fd = vfs_open(text, VFS_READ);
    if (fd < 0)
        return fd;
    int64_t err = vfs_status((int)fd, status);
    (void)vfs_close((int)fd);
    return err;
}

/* --- Names ---------------------------------------------------------------------------------------
 */

int64_t
vfs_make_directory(const char *text)
{
    struct path path;
    struct vfs_node *node;
    int64_t err = path_make(&path, text);
    struct vfs_mount *mount = err == VFS_OK ? mount_find(&path) : NULL;
    if (mount == NULL)
        return err != VFS_OK ? err : VFS_E_NONE;
    if (mount_is_point(&path))
        return VFS_E_EXISTS;
    mutex_lock(&mount->lock);
    err = create(mount, path, VFS_DIRECTORY, &node);
    if (err == VFS_OK)
        node_drop(node);
    mutex_unlock(&mount->lock);
    return err;
}

/* Where a name is: the mount, with its lock, and the directory, with a reference. */
struct place {
    struct vfs_mount *mount;
    struct vfs_node *directory;
    struct vfs_name name;
    char storage[VFS_NAME_BYTES];
    struct path path;
};

static int64_t
find_mount(struct place *place, const char *text)
{
    int64_t err = path_make(&place->path, text);
    if (err == VFS_OK && mount_is_point(&place->path))
        err = VFS_E_BUSY;
    place->mount = err == VFS_OK ? mount_find(&place->path) : NULL;
    if (err == VFS_OK && place->mount == NULL)
        err = VFS_E_NONE;
    return err == VFS_OK ? path_split(&place->path, &place->name, place->storage) : err;
}

static int64_t
find_directory(struct place *place)
{
    int64_t err = mount_walk(place->mount, &place->path, &place->directory);
    if (err == VFS_OK && place->directory->type != VFS_DIRECTORY) {
        node_drop(place->directory);
        err = VFS_E_NOT_DIRECTORY;
    }
    return err;
}

int64_t
vfs_remove(const char *text, enum vfs_type type)
{
    struct place place;
    int64_t err = find_mount(&place, text);
    if (err != VFS_OK)
        return err;
    mutex_lock(&place.mount->lock);
    err = find_directory(&place);
    if (err == VFS_OK) {
        const struct vfs_operations *can = place.directory->operations;
        err = can->remove == NULL ? VFS_E_READONLY : can->remove(place.directory, place.name, type);
        node_drop(place.directory);
    }
    mutex_unlock(&place.mount->lock);
    return err;
}

static int64_t
rename_within(struct place *from, struct place *to)
{
    int64_t err = find_directory(from);
    if (err != VFS_OK)
        return err;
    err = find_directory(to);
    if (err == VFS_OK) {
        const struct vfs_operations *can = from->directory->operations;
        err = can->rename == NULL
                  ? VFS_E_READONLY
                  : can->rename(from->directory, from->name, to->directory, to->name);
        node_drop(to->directory);
    }
    node_drop(from->directory);
    return err;
}

/* A directory cannot go into itself. */
static bool
lies_below(const struct path *path, const char *other)
{
    struct path above;
    return path_make(&above, other) == VFS_OK && path->bytes >= above.bytes &&
           memcmp(path->text, above.text, above.bytes) == 0 &&
           (path->text[above.bytes] == '/' || path->bytes == above.bytes);
}

int64_t
vfs_rename(const char *from_text, const char *to_text)
{
    static struct place from, to; /* too large for a stack */
    static struct mutex lock;
    mutex_lock(&lock);
    int64_t err = find_mount(&from, from_text);
    if (err == VFS_OK)
        err = find_mount(&to, to_text);
    if (err == VFS_OK && from.mount != to.mount)
        err = VFS_E_MOUNTS;
    if (err == VFS_OK && lies_below(&to.path, from_text))
        err = VFS_E_ARGUMENT;
    if (err == VFS_OK) {
        mutex_lock(&from.mount->lock);
        err = rename_within(&from, &to);
        mutex_unlock(&from.mount->lock);
    }
    mutex_unlock(&lock);
    return err;
}
