/* Weights that are packed ahead of time, for the kernels of one layout. */
#include <stdlib.h>
#include <string.h>

#include <engine/file.h>
#include <engine/placement.h>

#include "tool.h"

/* Both lists are made in an arena of their own, once it is known how much that takes. */
static void
read_model(const struct mapped *file, struct engine_model *model)
{
    struct engine_error error = {""};
    struct engine_arena arena = {.base = NULL};
    int status =
        engine_file_read_model(model, file->bytes, file->count, file->count, &arena, &error);
    if (status == ENGINE_E_SPACE) {
        size_t bytes = engine_arena_round(arena.used_bytes);
        arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, bytes), bytes, 0};
        status =
            engine_file_read_model(model, file->bytes, file->count, file->count, &arena, &error);
    }
    if (status != ENGINE_OK)
        fail("%s: %s", file->path, error.text);
}

/* Of all kernels, each once, with a space in front. */
static void
list_layouts(char *list, size_t bytes)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    size_t used = 0;
    list[0] = '\0';
    for (uint32_t i = 0, first; i < count && used < bytes; i++) {
        for (first = 0; strcmp(kernels[first]->layout->name, kernels[i]->layout->name) != 0;)
            first++;
        if (first == i)
            used += (size_t)snprintf(list + used, bytes - used, " %s", kernels[i]->layout->name);
    }
}

static void
place(const struct mapped *file, struct engine_placement *placement,
      const struct engine_model *model, const char *layout)
{
    struct engine_error error = {""};
    struct engine_arena arena = {.base = NULL};
    (void)engine_place(placement, model, layout, &arena, &error);
    size_t bytes = engine_arena_round(arena.used_bytes);
    arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, bytes), bytes, 0};
    char list[128];
    list_layouts(list, sizeof(list));
    if (engine_place(placement, model, layout, &arena, &error) != ENGINE_OK)
        fail("%s: %s: LAYOUT= and --layout may be one of%s, as far as there are tensors for it",
             file->path, error.text, list);
}

/* Zeros up to `offset`; less than ENGINE_PLACE_ALIGN. */
static void
write_gap(struct output *output, uint64_t *written, uint64_t offset)
{
    static const uint8_t zeros[ENGINE_PLACE_ALIGN];
    output_write(output, zeros, (size_t)(offset - *written));
    *written = offset;
}

static void
write_tensor(struct output *output, const struct engine_placement *placement,
             const struct engine_tensor *tensor, const struct engine_source *source)
{
    size_t bytes = engine_placed_bytes(placement, tensor);
    void *packed = aligned_alloc(ENGINE_ARENA_ALIGN, bytes);
    for (uint32_t block = 0; block < engine_tensor_blocks(tensor); block++) {
        struct engine_rows rows;
        if (!packed || !source->rows(source->context, 0, tensor, block, &rows))
            fail("%s of layer %u: no memory, or not in the file", tensor->name, tensor->layer);
        engine_place_rows(placement, tensor, block, &rows, packed);
        output_write(output, packed, bytes);
    }
    free(packed);
}

void
pack_weights(const char *folder, const char *from, const char *layout, struct manifest_model *model)
{
    struct mapped file;
    struct engine_model read;
    struct engine_placement placement;
    struct output output;
    char path[PATH_MAX];
    map_file(&file, from);
    read_model(&file, &read);
    place(&file, &placement, &read, layout);
    struct engine_mapping mapping = {file.bytes, file.count};
    const struct engine_source source = engine_mapping_source(&mapping);
    join_path(path, folder, model->weights);
    output_begin(&output, path, 0644);
    output_write(&output, file.bytes, placement.head_bytes);
    uint64_t written = placement.head_bytes;
    for (uint32_t i = 0; i < read.tensor_count; i++) {
        const struct engine_tensor *tensor = &read.tensors[i];
        write_gap(&output, &written, placement.offsets[i]);
        write_tensor(&output, &placement, tensor, &source);
        written += (uint64_t)engine_tensor_blocks(tensor) * engine_placed_bytes(&placement, tensor);
    }
    output_end(&output);
    model->unpacked_bytes = (int64_t)file.count;
}
