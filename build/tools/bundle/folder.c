/* A store in folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

int64_t
folder_parse_generation(const char *text)
{
    char again[24];
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    snprintf(again, sizeof(again), "%lld", value);
    return errno == 0 && value > 0 && strcmp(again, text) == 0 ? value : 0;
}

static bool
folder_newest(struct store *store, const char *name, int64_t below, int64_t *generation)
{
    char path[PATH_MAX];
    const struct dirent *entry;
    *generation = 0;
    snprintf(path, sizeof(path), "%s/%s", ((struct folder *)store)->path, name);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    while ((entry = readdir(folder))) {
        int64_t number = folder_parse_generation(entry->d_name);
        if (number > *generation && number < below)
            *generation = number;
    }
    closedir(folder);
    return *generation > 0;
}

static bool
folder_open_file(struct store *store, const char *name, int64_t generation, const char *file,
                 struct store_file *opened)
{
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof(path), "%s/%s/%lld/%s", ((struct folder *)store)->path, name,
             (long long)generation, file);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(descriptor);
        return false;
    }
    *opened = (struct store_file){(uint64_t)status.st_size, (uint64_t)descriptor};
    return true;
}

static void
folder_close_file(struct store *store, struct store_file *file)
{
    (void)store;
    close((int)file->offset);
}

static bool
folder_read_file(struct store *store, const struct store_file *file, uint64_t offset, void *to,
                 size_t bytes)
{
    (void)store;
    for (size_t done = 0; done < bytes;) {
        ssize_t more =
            pread((int)file->offset, (char *)to + done, bytes - done, (off_t)(offset + done));
        if (more <= 0)
            return false;
        done += (size_t)more;
    }
    return true;
}

void
folder_open(struct folder *folder, const char *path)
{
    folder->store =
        (struct store){folder_newest, folder_open_file, folder_close_file, folder_read_file};
    folder->path = path;
}
