/* Blocks of rows, and where they lie. */
#include "engine/model.h"

uint32_t
engine_tensor_blocks(const struct engine_tensor *tensor)
{
    return (tensor->rows + ENGINE_BLOCK_ROWS - 1) / ENGINE_BLOCK_ROWS;
}

uint32_t
engine_block_rows(const struct engine_tensor *tensor, uint32_t block)
{
    uint32_t left = tensor->rows - block * ENGINE_BLOCK_ROWS;
    return left < ENGINE_BLOCK_ROWS ? left : ENGINE_BLOCK_ROWS;
}

unsigned
engine_block_ranges(const struct engine_tensor *tensor, uint32_t block,
                    struct engine_range ranges[2])
{
    uint64_t before = (uint64_t)block * ENGINE_BLOCK_ROWS * tensor->columns;
    uint64_t count = (uint64_t)engine_block_rows(tensor, block) * tensor->columns;
    if (tensor->format == ENGINE_F32) {
        ranges[0] = (struct engine_range){tensor->offset + before * 4, count * 4};
        return 1;
    }
    uint64_t group = tensor->group;
    ranges[0] = (struct engine_range){tensor->offset + before, count};
    ranges[1] =
        (struct engine_range){tensor->scales_offset + before / group * 4, count / group * 4};
    return 2;
}
