/* Paths: made absolute and plain, as text. */
#include "private.h"

static struct mutex lock; /* protects current */
static struct path current;

static void
go_up(struct path *path)
{
    while (path->bytes > 0 && path->text[--path->bytes] != '/')
        ;
    path->text[path->bytes] = '\0';
}

static int64_t
append(struct path *path, const char *name, size_t bytes)
{
    if (bytes >= VFS_NAME_BYTES || path->bytes + 1 + bytes >= VFS_PATH_BYTES)
        return VFS_E_NAME;
    path->text[path->bytes] = '/';
    memcpy(&path->text[path->bytes + 1], name, bytes);
    path->bytes += 1 + (uint32_t)bytes;
    path->text[path->bytes] = '\0';
    return VFS_OK;
}

static int64_t
add_part(struct path *path, const char *part, size_t bytes)
{
    if (bytes == 0 || (bytes == 1 && part[0] == '.'))
        return VFS_OK;
    if (bytes == 2 && part[0] == '.' && part[1] == '.') {
        go_up(path);
        return VFS_OK;
    }
    return append(path, part, bytes);
}

int64_t
path_make(struct path *path, const char *text)
{
    int64_t err = text[0] == '\0' ? VFS_E_NAME : VFS_OK;
    if (text[0] == '/') {
        *path = (struct path){.bytes = 0};
    } else {
        mutex_lock(&lock);
        *path = current;
        mutex_unlock(&lock);
    }
    while (err == VFS_OK && *text != '\0') {
        size_t bytes = strcspn(text, "/");
        err = add_part(path, text, bytes);
        text += bytes;
        text += *text == '/';
    }
    return err;
}

int64_t
path_split(struct path *path, struct vfs_name *last, char *storage)
{
    uint32_t end = path->bytes;
    if (end == 0)
        return VFS_E_BUSY;
    go_up(path);
    last->bytes = end - path->bytes - 1;
    /* go_up has written a NUL over the slash before the name; the name itself is whole. */
    memcpy(storage, &path->text[path->bytes + 1], last->bytes + 1);
    last->text = storage;
    return VFS_OK;
}

int64_t
vfs_change_directory(const char *text)
{
    struct path path;
    struct vfs_status status;
    int64_t err = path_make(&path, text);
    if (err == VFS_OK)
        err = vfs_status_of(text, &status);
    if (err == VFS_OK && status.type != VFS_DIRECTORY)
        err = VFS_E_NOT_DIRECTORY;
    if (err == VFS_OK) {
        mutex_lock(&lock);
        current = path;
        mutex_unlock(&lock);
    }
    return err;
}

int64_t
vfs_current_directory(char *to, size_t bytes)
{
    mutex_lock(&lock);
    const char *text = current.bytes > 0 ? current.text : "/";
    size_t length = strlen(text);
    if (length < bytes)
        memcpy(to, text, length + 1);
    mutex_unlock(&lock);
    return length < bytes ? (int64_t)length : VFS_E_NAME;
}
