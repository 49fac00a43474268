/* A GGUF file with the same metadata, and matrices of another type. */
#include "tool.h"

#include "gguf_model.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT_USUAL 32

static void
check(int status, const struct input *input, const struct engine_error *error)
{
    if (status != ENGINE_OK)
        fail("%s: %s", input->path, error->text);
}

/* The tensor of a description, whatever it is for; that it is inside the file is checked where it
 * is read. */
static void
describe(struct entry *entry, const struct gguf_description *d, const struct input *input,
         uint64_t data_at)
{
    struct engine_tensor *tensor = &entry->tensor;
    uint64_t rows = d->sizes[1] * d->sizes[2] * d->sizes[3];
    if (d->name.length_bytes >= sizeof entry->name)
        fail("%s: a tensor's name is longer than 63 bytes", input->path);
    memcpy(entry->name, d->name.text, d->name.length_bytes);
    memcpy(entry->sizes, d->sizes, sizeof entry->sizes);
    entry->dimensions = d->dimensions;
    entry->type = d->type;
    if (!gguf_type(d->type, &tensor->format, &tensor->group))
        fail("%s: %s is of type %u, which cannot be read", input->path, entry->name, d->type);
    if (d->sizes[0] > ENGINE_DIM_MAX || d->sizes[1] > UINT32_MAX || d->sizes[2] > 1 ||
        d->sizes[3] > 1 || rows > UINT32_MAX || d->sizes[0] % tensor->group != 0)
        fail("%s: %s is too large, or of a shape that cannot be read", input->path, entry->name);
    tensor->rows = (uint32_t)rows;
    tensor->columns = (uint32_t)d->sizes[0];
    tensor->offset = data_at + d->offset;
    uint64_t bytes = rows * engine_row_bytes(tensor->format, tensor->columns);
    if (d->offset > input->count - data_at || bytes > input->count - data_at - d->offset)
        fail("%s: %s is outside of the file", input->path, entry->name);
}

static struct entry *
read_entries(struct gguf *gguf, const struct input *input, uint32_t alignment,
             const struct target *target)
{
    struct entry *entries = take_memory(gguf->tensor_count, sizeof *entries);
    uint64_t tensors_at = gguf->at;
    for (uint64_t i = 0; gguf->ok && i < gguf->tensor_count; i++)
        (void)gguf_description(gguf);
    uint64_t data_at = (gguf->at + alignment - 1) / alignment * alignment;
    if (!gguf->ok || data_at > input->count)
        fail("%s: cut short in its descriptions of tensors", input->path);
    gguf->at = tensors_at;
    for (uint64_t i = 0; i < gguf->tensor_count; i++) {
        struct gguf_description d = gguf_description(gguf);
        describe(&entries[i], &d, input, data_at);
        entry_set_target(&entries[i], target);
    }
    return entries;
}

/* All pairs as they are, but for what they say about the types. */
static void
put_metadata(struct output *output, const struct input *input, struct gguf *gguf,
             const struct target *target)
{
    uint32_t type;
    gguf_go_to_tensors(gguf);
    uint64_t end = gguf->at, patch = end;
    if (gguf_find(gguf, "general.file_type", &type) && type == GGUF_UINT32)
        patch = gguf->at;
    output_write(output, input->bytes, patch);
    if (patch < end) {
        put_u32(output, target->file_type);
        output_write(output, input->bytes + patch + 4, end - patch - 4);
    }
}

void
command_quantise(char **paths, const struct target *target)
{
    struct input input = map_input(paths[0]);
    struct engine_error error = {""};
    struct output output;
    struct gguf gguf;
    const uint32_t usual = ALIGNMENT_USUAL;
    uint32_t alignment;
    check(gguf_open(&gguf, input.bytes, input.count, input.count, &error), &input, &error);
    check(gguf_number(&gguf, "general.alignment", &usual, &alignment, &error), &input, &error);
    if (alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)) != 0)
        fail("%s: an alignment of %u", input.path, alignment);
    gguf_go_to_tensors(&gguf);
    struct entry *entries = read_entries(&gguf, &input, alignment, target);
    output_begin(&output, paths[1], 0644);
    put_metadata(&output, &input, &gguf, target);
    put_entries(&output, &input, entries, gguf.tensor_count, alignment);
    output_end(&output);
    free(entries);
}
