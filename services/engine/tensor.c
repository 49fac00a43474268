/* Blocks of rows, and where they lie. */
#include "engine/model.h"

/* Of a group of columns, in bytes. */
static const struct {
    uint32_t columns, bytes;
} groups[ENGINE_FORMATS] = {
    [ENGINE_F32] = {1, 4},      [ENGINE_Q8_SPLIT] = {1, 1}, [ENGINE_F16] = {1, 2},
    [ENGINE_BF16] = {1, 2},     [ENGINE_Q8_0] = {32, 34},   [ENGINE_Q4_0] = {32, 18},
    [ENGINE_Q4_1] = {32, 20},   [ENGINE_Q5_0] = {32, 22},   [ENGINE_Q4_K] = {256, 144},
    [ENGINE_Q5_K] = {256, 176}, [ENGINE_Q6_K] = {256, 210},
};

uint64_t
engine_row_bytes(enum engine_format format, uint32_t columns)
{
    return (uint64_t)columns / groups[format].columns * groups[format].bytes;
}

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
    if (tensor->format != ENGINE_Q8_SPLIT) {
        uint64_t row_bytes = engine_row_bytes(tensor->format, tensor->columns);
        ranges[0] =
            (struct engine_range){tensor->offset + (uint64_t)block * ENGINE_BLOCK_ROWS * row_bytes,
                                  engine_block_rows(tensor, block) * row_bytes};
        return 1;
    }
    uint64_t group = tensor->group;
    ranges[0] = (struct engine_range){tensor->offset + before, count};
    ranges[1] =
        (struct engine_range){tensor->scales_offset + before / group * 4, count / group * 4};
    return 2;
}
