/* Files with packed weights: where each block lies, how it is written, and who reads it. */
#include "engine/placement.h"

#include <string.h>

/* The layout of that name for a tensor; NULL: it stays as in the file. */
static const struct engine_layout *
layout_of(const char *name, const struct engine_tensor *tensor)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_layout *layout = kernels[i]->layout;
        if (strcmp(layout->name, name) == 0 && engine_layout_fits(layout, tensor))
            return layout;
    }
    return NULL;
}

size_t
engine_placed_bytes(const struct engine_placement *placement, const struct engine_tensor *tensor)
{
    const struct engine_layout *layout = placement->layouts[tensor->index];
    struct engine_range ranges[2];
    size_t bytes = 0;
    if (layout != NULL)
        return engine_arena_round(layout->block_bytes(ENGINE_BLOCK_ROWS, tensor->columns));
    for (unsigned i = engine_block_ranges(tensor, 0, ranges); i > 0; i--)
        bytes += engine_arena_round(ranges[i - 1].length_bytes);
    return bytes;
}

static uint64_t
round_up(uint64_t offset)
{
    return (offset + ENGINE_PLACE_ALIGN - 1) & ~(uint64_t)(ENGINE_PLACE_ALIGN - 1);
}

static uint64_t
head_bytes(const struct engine_model *model)
{
    uint64_t least = model->file_bytes;
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        least = tensor->offset < least ? tensor->offset : least;
        if (tensor->format == ENGINE_Q8_SPLIT && tensor->scales_offset < least)
            least = tensor->scales_offset;
    }
    return least;
}

int
engine_place(struct engine_placement *placement, const struct engine_model *model,
             const char *layout, struct engine_arena *arena, struct engine_error *error)
{
    uint32_t packed = 0;
    *placement = (struct engine_placement){
        .model = model, .layout = layout, .head_bytes = head_bytes(model)};
    placement->offsets = engine_arena_take(arena, model->tensor_count, sizeof(uint64_t));
    placement->layouts = engine_arena_take(arena, model->tensor_count, sizeof(void *));
    if (placement->layouts == NULL)
        return engine_fail(error, ENGINE_E_SPACE, "layout %s: no memory for a list", layout);
    placement->bytes = placement->head_bytes;
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        placement->layouts[i] = layout_of(layout, tensor);
        placement->offsets[i] = round_up(placement->bytes);
        placement->bytes = placement->offsets[i] + (uint64_t)engine_tensor_blocks(tensor) *
                                                       engine_placed_bytes(placement, tensor);
        packed += placement->layouts[i] != NULL;
    }
    if (packed > 0)
        return ENGINE_OK;
    return engine_fail(error, ENGINE_E_UNSUPPORTED, "layout %s: none that this model can have",
                       layout);
}

/* As in the file: rows, then scales. */
static void
copy_rows(const struct engine_tensor *tensor, uint32_t block, const struct engine_rows *rows,
          uint8_t *to)
{
    struct engine_range ranges[2];
    unsigned count = engine_block_ranges(tensor, block, ranges);
    memcpy(to, rows->values, ranges[0].length_bytes);
    if (count == 2)
        memcpy(to + engine_arena_round(ranges[0].length_bytes), rows->scales,
               ranges[1].length_bytes);
}

void
engine_place_rows(const struct engine_placement *placement, const struct engine_tensor *tensor,
                  uint32_t block, struct engine_rows *rows, void *to)
{
    const struct engine_layout *layout = placement->layouts[tensor->index];
    memset(to, 0, engine_placed_bytes(placement, tensor));
    rows->group = tensor->group;
    if (layout != NULL)
        layout->pack(rows, engine_block_rows(tensor, block), tensor->columns, to);
    else
        copy_rows(tensor, block, rows, to);
}

int
engine_placed_suits(const struct engine_placement *placement,
                    const struct engine_kernel *const *kernels, struct engine_error *error)
{
    const struct engine_model *model = placement->model;
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        const struct engine_layout *layout = placement->layouts[i], *chosen = kernels[i]->layout;
        if (layout == NULL ? chosen->pack != NULL : chosen != layout)
            return engine_fail(error, ENGINE_E_UNSUPPORTED,
                               "layout %s: kernel %s, for %s, reads another one: %s",
                               placement->layout, kernels[i]->name, tensor->name, chosen->name);
    }
    return ENGINE_OK;
}

static bool
placed_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
            struct engine_rows *rows)
{
    const struct engine_placed *placed = context;
    const struct engine_placement *placement = placed->placement;
    const uint8_t *at = placed->file + placement->offsets[tensor->index] +
                        (uint64_t)block * engine_placed_bytes(placement, tensor);
    struct engine_range ranges[2];
    (void)worker;
    *rows = (struct engine_rows){.values = at};
    if (placement->layouts[tensor->index] == NULL &&
        engine_block_ranges(tensor, block, ranges) == 2)
        rows->scales = (const void *)(at + engine_arena_round(ranges[0].length_bytes));
    return true;
}

struct engine_source
engine_placed_source(struct engine_placed *placed)
{
    return (struct engine_source){placed, placed_rows};
}
