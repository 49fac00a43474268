#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(stderr, "%s: ", tool_name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

void
output_begin(struct output *output, const char *path, unsigned mode)
{
    output->at = 0;
    snprintf(output->path, sizeof(output->path), "%s", path);
    if ((size_t)snprintf(output->partial, sizeof(output->partial), "%s.tmp", path) >=
        sizeof(output->partial))
        fail("%s: the path is too long", path);
    unlink(output->partial);
    int descriptor = open(output->partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    output->file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!output->file)
        fail("%s: %s", output->partial, strerror(errno));
}

void
output_write(struct output *output, const void *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, output->file) != count)
        fail("%s: %s", output->partial, strerror(errno));
    output->at += count;
}

void
output_end(struct output *output)
{
    if (fclose(output->file) != 0)
        fail("%s: %s", output->partial, strerror(errno));
    if (rename(output->partial, output->path) != 0)
        fail("%s: %s", output->path, strerror(errno));
}
