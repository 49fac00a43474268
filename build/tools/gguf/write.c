/* The file that is written. */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

void
put_u32(struct output *output, uint32_t number)
{
    const uint8_t bytes[] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                             (uint8_t)(number >> 24)};
    output_write(output, bytes, sizeof bytes);
}

void
put_u64(struct output *output, uint64_t number)
{
    put_u32(output, (uint32_t)number);
    put_u32(output, (uint32_t)(number >> 32));
}

void
put_text(struct output *output, const void *text, uint64_t length_bytes)
{
    put_u64(output, length_bytes);
    output_write(output, text, length_bytes);
}

void
put_padding(struct output *output, uint64_t alignment)
{
    while (output->at % alignment != 0)
        output_write(output, "", 1);
}

void
entry_set_target(struct entry *entry, const struct target *target)
{
    bool plain = entry->tensor.format == ENGINE_F32 || entry->tensor.format == ENGINE_F16 ||
                 entry->tensor.format == ENGINE_BF16 || entry->tensor.format == ENGINE_Q8_SPLIT;
    bool fits = entry->dimensions == 2 && entry->tensor.columns % target->group == 0;
    if (plain && fits) {
        entry->target = target;
        entry->type = target->type;
    } else if (entry->tensor.format == ENGINE_Q8_SPLIT) {
        entry->target = find_target("f32"); /* GGUF has no such type */
        entry->type = entry->target->type;
    }
}

static uint64_t
entry_bytes(const struct entry *entry)
{
    enum engine_format format = entry->target ? entry->target->format : entry->tensor.format;
    return entry->tensor.rows * engine_row_bytes(format, entry->tensor.columns);
}

static void
put_descriptions(struct output *output, struct entry *entries, uint64_t count, uint32_t alignment)
{
    uint64_t offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct entry *entry = &entries[i];
        entry->offset = offset;
        put_text(output, entry->name, strlen(entry->name));
        put_u32(output, entry->dimensions);
        for (uint32_t d = 0; d < entry->dimensions; d++)
            put_u64(output, entry->sizes[d]);
        put_u32(output, entry->type);
        put_u64(output, offset);
        offset += (entry_bytes(entry) + alignment - 1) / alignment * alignment;
    }
}

/* Row by row through floats, as the scalar kernel of the format reads them. */
static void
put_as_target(struct output *output, const struct input *input, const struct entry *entry)
{
    const struct engine_tensor *tensor = &entry->tensor;
    const struct engine_kernel *kernel = engine_kernel_reference(tensor->format);
    struct engine_mapping mapping = {input->bytes, input->count};
    struct engine_source source = engine_mapping_source(&mapping);
    float *row = take_memory(tensor->columns, sizeof *row);
    for (uint32_t r = 0; r < tensor->rows; r++) {
        struct engine_rows rows = {.group = tensor->group};
        if (!source.rows(source.context, 0, tensor, r / ENGINE_BLOCK_ROWS, &rows))
            fail("%s: %s is outside of the file", input->path, entry->name);
        kernel->expand(&rows, r % ENGINE_BLOCK_ROWS, tensor->columns, tensor->group, row);
        put_row(output, entry->target, row, tensor->columns, entry->name);
    }
    free(row);
}

void
put_entries(struct output *output, const struct input *input, struct entry *entries, uint64_t count,
            uint32_t alignment)
{
    put_descriptions(output, entries, count, alignment);
    put_padding(output, alignment);
    for (uint64_t i = 0; i < count; i++) {
        const struct entry *entry = &entries[i];
        if (entry->target)
            put_as_target(output, input, entry);
        else
            output_write(output, input->bytes + entry->tensor.offset, entry_bytes(entry));
        put_padding(output, alignment);
    }
}
