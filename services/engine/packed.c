/* Weights that are packed as a whole. */
#include "engine/choice.h"

static size_t
full_block_bytes(const struct engine_layout *layout, const struct engine_tensor *tensor)
{
    return layout->block_bytes(ENGINE_BLOCK_ROWS, tensor->columns);
}

size_t
engine_packed_bytes(const struct engine_model *model, const struct engine_kernel *const *kernels)
{
    struct engine_arena arena = {.base = NULL};
    (void)engine_arena_take(&arena, model->tensor_count, sizeof(uint8_t *));
    (void)engine_arena_take(&arena, model->tensor_count, sizeof(size_t));
    for (uint32_t i = 0; i < model->tensor_count; i++)
        if (kernels[i]->layout->pack != NULL)
            (void)engine_arena_take(&arena, engine_tensor_blocks(&model->tensors[i]),
                                    full_block_bytes(kernels[i]->layout, &model->tensors[i]));
    return arena.used_bytes;
}

static int
pack_tensor(struct engine_packed *packed, const struct engine_tensor *tensor,
            struct engine_arena *arena, struct engine_error *error)
{
    const struct engine_layout *layout = packed->kernels[tensor->index]->layout;
    uint32_t blocks = engine_tensor_blocks(tensor);
    size_t bytes = full_block_bytes(layout, tensor);
    uint8_t *to = engine_arena_take(arena, blocks, bytes);
    if (to == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "pack: no memory for %u blocks of %lu bytes",
                           blocks, bytes);
    packed->tensors[tensor->index] = to;
    packed->strides[tensor->index] = bytes;
    for (uint32_t block = 0; block < blocks; block++) {
        struct engine_rows rows;
        if (!packed->file->rows(packed->file->context, 0, tensor, block, &rows))
            return engine_fail(error, ENGINE_E_WEIGHTS, "pack: block %u of %s of layer %u is lost",
                               block, tensor->name, tensor->layer);
        rows.group = tensor->group;
        layout->pack(&rows, engine_block_rows(tensor, block), tensor->columns, to + block * bytes);
    }
    return ENGINE_OK;
}

int
engine_pack(struct engine_packed *packed, const struct engine_model *model,
            const struct engine_source *file, const struct engine_kernel *const *kernels,
            struct engine_arena *arena, struct engine_error *error)
{
    *packed = (struct engine_packed){.model = model, .file = file, .kernels = kernels};
    packed->tensors = engine_arena_take(arena, model->tensor_count, sizeof *packed->tensors);
    packed->strides = engine_arena_take(arena, model->tensor_count, sizeof *packed->strides);
    if (packed->strides == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "pack: no memory for a list of tensors");
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        packed->tensors[i] = NULL;
        int status = ENGINE_OK;
        if (kernels[i]->layout->pack != NULL)
            status = pack_tensor(packed, &model->tensors[i], arena, error);
        if (status != ENGINE_OK)
            return status;
    }
    return ENGINE_OK;
}

static bool
packed_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
            struct engine_rows *rows)
{
    const struct engine_packed *packed = context;
    const uint8_t *at = packed->tensors[tensor->index];
    if (at == NULL)
        return packed->file->rows(packed->file->context, worker, tensor, block, rows);
    *rows = (struct engine_rows){.values = at + block * packed->strides[tensor->index]};
    return true;
}

struct engine_source
engine_packed_source(struct engine_packed *packed)
{
    return (struct engine_source){packed, packed_rows};
}
