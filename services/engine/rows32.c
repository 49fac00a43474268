#include "rows32.h"

#include <string.h>

static size_t
block_bytes(uint32_t row_count, uint32_t columns)
{
    (void)row_count;
    return columns / ROWS32_GROUP * sizeof(struct rows32_group) + ROWS32_ROWS * sizeof(float);
}

const struct engine_layout rows32_layout = {.name = "rows32-q4",
                                            .format = ENGINE_Q4_0,
                                            .group = ROWS32_GROUP,
                                            .block_bytes = block_bytes,
                                            .pack = rows32_q4_pack};

static int32_t
quant_at(const struct rows32_group *group, uint32_t column, uint32_t row)
{
    uint32_t word = group->quants[column][row % ROWS32_LANES];
    return (int32_t)(word >> row / ROWS32_LANES * 4 & 15) - ROWS32_BIAS;
}

/* Right shifts of negative numbers round down on every compiler that the engine is built with. */
static int32_t
shift_nearest(int32_t x, int bits)
{
    return (x + (1 << (bits - 1))) >> bits;
}

static int32_t
multiply_row(const struct rows32_group *groups, uint32_t row,
             const struct engine_single_group *vector, const int32_t *scales, uint32_t count)
{
    int32_t sum = 0;
    for (uint32_t g = 0; g < count; g++) {
        int32_t dot = 0;
        for (uint32_t i = 0; i < ROWS32_GROUP; i++)
            dot += quant_at(&groups[g], i, row) * vector[g].quants[i];
        int32_t scaled = shift_nearest(dot * groups[g].scales[row], ROWS32_ROW_SHIFT);
        sum += shift_nearest(scaled * scales[g], ROWS32_SUM_SHIFT);
    }
    return sum;
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    for (uint32_t v = 0; v < vectors->count; v++) {
        int32_t sums[ROWS32_ROWS] = {0};
        for (uint32_t r = 0; r < row_count; r++)
            sums[r] = multiply_row(rows->values, r, rows32_vector(vectors, v),
                                   rows32_scales(vectors, v), vectors->columns / ROWS32_GROUP);
        rows32_finish(rows->values, vectors, v, sums, row_count, out[v] + first_row);
    }
}

void
rows32_q4_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                 float *out)
{
    const struct rows32_group *groups = rows->values;
    const float *bases = (const void *)(groups + columns / ROWS32_GROUP);
    (void)group;
    for (uint32_t i = 0; i < columns; i++) {
        const struct rows32_group *of = &groups[i / ROWS32_GROUP];
        int32_t quant = quant_at(of, i % ROWS32_GROUP, row);
        out[i] = (float)(quant * of->scales[row]) * bases[row];
    }
}

const struct engine_kernel rows32_scalar =
    ROWS32_KERNEL("scalar-int4-q4_0", 0, 0, 1, 1, multiply, rows16_q8_sums);
