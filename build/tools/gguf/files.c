/* What the commands share: files that are read, types. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char tool_name[] = "gguf";

struct input
map_input(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        fail("%s: %s", path, strerror(errno));
    if (status.st_size == 0)
        fail("%s: an empty file", path);
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED)
        fail("%s: %s", path, strerror(errno));
    (void)close(file);
    return (struct input){path, bytes, (uint64_t)status.st_size};
}

void *
take_memory(uint64_t count, uint64_t piece_bytes)
{
    void *memory = calloc(count ? count : 1, piece_bytes);
    if (memory == NULL)
        fail("no memory for %llu times %llu bytes", (unsigned long long)count,
             (unsigned long long)piece_bytes);
    return memory;
}

static const struct target targets[] = {
    {"f32", 0, 0, ENGINE_F32, 1},
    {"f16", 1, 1, ENGINE_F16, 1},
    {"q4_0", 2, 2, ENGINE_Q4_0, 32},
    {"q8_0", 8, 7, ENGINE_Q8_0, 32},
};

const struct target *
find_target(const char *name)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    fail("%s: no type that can be written: f32, f16, q8_0, q4_0", name);
}
