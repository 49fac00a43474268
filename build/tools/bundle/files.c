/* Files and paths. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "tool.h"

struct bytes
read_whole_file(const char *path, size_t most)
{
    struct bytes bytes = {malloc(most + 1), 0};
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("%s: %s", path, strerror(errno));
    if (!bytes.data)
        fail("%s: no memory", path);
    bytes.count = fread(bytes.data, 1, most + 1, file);
    if (ferror(file))
        fail("%s: cannot be read", path);
    if (bytes.count > most)
        fail("%s: more than %zu bytes", path, most);
    fclose(file);
    return bytes;
}

void
join_path(char to[PATH_MAX], const char *folder, const char *file)
{
    if (snprintf(to, PATH_MAX, "%s/%s", folder, file) >= PATH_MAX)
        fail("%s/%s: the path is too long", folder, file);
}

/* Cuts the last component off a path and returns it; "" if there is none. */
static const char *
cut_last(char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = 0;
    char *slash = strrchr(path, '/');
    if (!slash)
        return "";
    *slash = 0;
    return slash + 1;
}

void
parse_generation_path(const char *path, struct generation *generation)
{
    char copy[PATH_MAX], absolute[PATH_MAX];
    if (!realpath(path, absolute))
        fail("%s: %s", path, strerror(errno));
    snprintf(copy, sizeof(copy), "%s", absolute);
    const char *number = cut_last(copy);
    generation->number = folder_parse_generation(number);
    if (generation->number == 0)
        fail("%s: a generation's folder is named by a number from 1", path);
    const char *name = cut_last(copy), *wrong = manifest_check_name(name);
    if (wrong)
        fail("%s: its parent's name is no bundle's: %s", path, wrong);
    snprintf(generation->name, sizeof(generation->name), "%s", name);
    snprintf(generation->store, sizeof(generation->store), "%s", copy[0] ? copy : "/");
}
