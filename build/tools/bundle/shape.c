/* The shape in a checkpoint's header. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <model/shape.h>

#include "tool.h"

void
read_shape(const char *path, struct manifest_model *model)
{
    uint8_t header[SHAPE_HEADER_BYTES];
    struct stat status;
    struct why why;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &status) != 0)
        fail("%s: %s", path, strerror(errno));
    size_t bytes = fread(header, 1, sizeof(header), file);
    fclose(file);
    if (!shape_read(header, bytes, (uint64_t)status.st_size, model, &why))
        fail("%s: %s", path, why.text);
}
