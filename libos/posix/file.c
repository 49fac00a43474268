/* System calls on files. */
#include "private.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t
how_of(int flags)
{
    static const struct {
        int flag;
        uint32_t how;
    } table[] = {
        {O_CREAT, VFS_CREATE},
        {O_EXCL, VFS_EXCLUSIVE},
        {O_TRUNC, VFS_TRUNCATE},
        {O_APPEND, VFS_APPEND},
    };
    int access = flags & O_ACCMODE;
    uint32_t how = access == O_RDONLY ? VFS_READ : access == O_WRONLY ? VFS_WRITE : 0;
    if (access == O_RDWR)
        how = VFS_READ | VFS_WRITE;
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        how |= flags & table[i].flag ? table[i].how : 0;
    return how;
}

int
open(const char *path, int flags, ...)
{
    uint32_t how = how_of(flags);
    if ((how & (VFS_READ | VFS_WRITE)) == 0) {
        errno = EINVAL;
        return -1;
    }
    return (int)posix_result(vfs_open(path, how));
}

int
close(int fd)
{
    return (int)posix_result(vfs_close(fd));
}

_READ_WRITE_RETURN_TYPE
read(int fd, void *to, size_t bytes)
{
    return (_READ_WRITE_RETURN_TYPE)posix_result(vfs_read(fd, to, bytes));
}

_READ_WRITE_RETURN_TYPE
write(int fd, const void *from, size_t bytes)
{
    return (_READ_WRITE_RETURN_TYPE)posix_result(vfs_write(fd, from, bytes));
}

ssize_t
pread(int fd, void *to, size_t bytes, off_t offset)
{
    return (ssize_t)posix_result(offset < 0 ? VFS_E_ARGUMENT
                                            : vfs_read_at(fd, (uint64_t)offset, to, bytes));
}

ssize_t
pwrite(int fd, const void *from, size_t bytes, off_t offset)
{
    return (ssize_t)posix_result(offset < 0 ? VFS_E_ARGUMENT
                                            : vfs_write_at(fd, (uint64_t)offset, from, bytes));
}

off_t
lseek(int fd, off_t offset, int whence)
{
    if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END) {
        errno = EINVAL;
        return -1;
    }
    enum vfs_seek from = whence == SEEK_SET   ? VFS_SEEK_START
                         : whence == SEEK_CUR ? VFS_SEEK_HERE
                                              : VFS_SEEK_END;
    return (off_t)posix_result(vfs_seek(fd, offset, from));
}

static int
fill_stat(int64_t err, const struct vfs_status *status, struct stat *stat)
{
    if (err < 0)
        return (int)posix_result(err);
    static const mode_t modes[] = {[VFS_FILE] = S_IFREG | 0644,
                                   [VFS_DIRECTORY] = S_IFDIR | 0755,
                                   [VFS_DEVICE] = S_IFCHR | 0666,
                                   [VFS_SOCKET] = S_IFSOCK | 0666};
    *stat = (struct stat){0};
    stat->st_mode = modes[status->type];
    stat->st_ino = (ino_t)status->inode;
    stat->st_nlink = (nlink_t)status->links;
    stat->st_size = (off_t)status->bytes;
    stat->st_blksize = 4096;
    stat->st_blocks = (blkcnt_t)((status->bytes + 511) / 512);
    stat->st_mtime = status->changed_ns / 1000000000;
    return 0;
}

int
fstat(int fd, struct stat *stat)
{
    struct vfs_status status;
    return fill_stat(vfs_status(fd, &status), &status, stat);
}

int
stat(const char *path, struct stat *stat)
{
    struct vfs_status status;
    return fill_stat(vfs_status_of(path, &status), &status, stat);
}

int
isatty(int fd)
{
    struct vfs_status status;
    int64_t err = vfs_status(fd, &status);
    if (err < 0)
        return (int)posix_result(err) + 1;
    if (!status.is_terminal)
        errno = ENOTTY;
    return status.is_terminal;
}

int
access(const char *path, int mode)
{
    struct vfs_status status;
    (void)mode;
    return (int)posix_result(vfs_status_of(path, &status));
}

static int
flags_of(int fd)
{
    struct vfs_status status;
    int64_t err = vfs_status(fd, &status);
    if (err < 0)
        return (int)posix_result(err);
    int access = (status.how & (VFS_READ | VFS_WRITE)) == (VFS_READ | VFS_WRITE) ? O_RDWR
                 : status.how & VFS_WRITE                                        ? O_WRONLY
                                                                                 : O_RDONLY;
    return access | (status.how & VFS_APPEND ? O_APPEND : 0) |
           (status.how & VFS_NONBLOCK ? O_NONBLOCK : 0);
}

/* F_SETFD has nothing to change: there is no exec. */
int
fcntl(int fd, int command, ...)
{
    va_list list;
    va_start(list, command);
    int argument = command == F_DUPFD || command == F_SETFL ? va_arg(list, int) : 0;
    va_end(list);
    switch (command) {
    case F_DUPFD: return (int)posix_result(vfs_duplicate(fd, argument));
    case F_GETFL: return flags_of(fd);
    case F_SETFL: return (int)posix_result(vfs_set_waiting(fd, (argument & O_NONBLOCK) == 0));
    case F_GETFD:
    case F_SETFD: return flags_of(fd) < 0 ? -1 : 0;
    default: errno = EINVAL; return -1;
    }
}

int
dup(int fd)
{
    return (int)posix_result(vfs_duplicate(fd, 0));
}

int
dup2(int fd, int to)
{
    return (int)posix_result(vfs_duplicate_to(fd, to));
}

int
ftruncate(int fd, off_t bytes)
{
    return (int)posix_result(bytes < 0 ? VFS_E_ARGUMENT : vfs_resize(fd, (uint64_t)bytes));
}

/* Files in memory, and files that cannot be written, are as durable as they get. */
int
fsync(int fd)
{
    return flags_of(fd) < 0 ? -1 : 0;
}

int
unlink(const char *path)
{
    return (int)posix_result(vfs_remove(path, VFS_FILE));
}

int
rmdir(const char *path)
{
    return (int)posix_result(vfs_remove(path, VFS_DIRECTORY));
}

int
mkdir(const char *path, mode_t mode)
{
    (void)mode;
    return (int)posix_result(vfs_make_directory(path));
}

int
rename(const char *from, const char *to)
{
    return (int)posix_result(vfs_rename(from, to));
}

int
chdir(const char *path)
{
    return (int)posix_result(vfs_change_directory(path));
}

char *
getcwd(char *to, size_t bytes)
{
    int64_t length = vfs_current_directory(to, bytes);
    if (length >= 0)
        return to;
    errno = ERANGE;
    return NULL;
}

DIR *
opendir(const char *path)
{
    int64_t fd = posix_result(vfs_open(path, VFS_READ | VFS_DIRECTORY_ONLY));
    DIR *directory = fd >= 0 ? malloc(sizeof(*directory)) : NULL;
    if (directory != NULL)
        directory->dd_fd = (int)fd;
    else if (fd >= 0)
        (void)vfs_close((int)fd);
    return directory;
}

struct dirent *
readdir(DIR *directory)
{
    static const unsigned char types[] = {
        [VFS_FILE] = DT_REG, [VFS_DIRECTORY] = DT_DIR, [VFS_DEVICE] = DT_CHR};
    struct vfs_entry entry;
    int64_t err = vfs_list(directory->dd_fd, &entry);
    if (err != VFS_OK) {
        if (err != VFS_E_NONE)
            (void)posix_result(err);
        return NULL;
    }
    directory->dd_entry.d_ino = (ino_t)entry.inode;
    directory->dd_entry.d_type = types[entry.type];
    memcpy(directory->dd_entry.d_name, entry.name, sizeof(entry.name));
    return &directory->dd_entry;
}

int
closedir(DIR *directory)
{
    int fd = directory->dd_fd;
    free(directory);
    return close(fd);
}
