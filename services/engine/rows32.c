#include "rows32.h"

#include <string.h>

static size_t
block_bytes(uint32_t row_count, uint32_t columns)
{
    (void)row_count;
    return columns / ROWS32_GROUP * sizeof(struct rows32_group) + ROWS32_ROWS * sizeof(float);
}

#define LAYOUT(layout_name, packer) \
    {.name = (layout_name),         \
     .format = ENGINE_Q4_0,         \
     .group = ROWS32_GROUP,         \
     .block_bytes = block_bytes,    \
     .pack = (packer)}
const struct engine_layout rows32_layout = LAYOUT("rows32-q4", rows32_q4_pack);
const struct engine_layout rows32_pairs_layout = LAYOUT("rows32-q4-pairs", rows32_q4_pairs_pack);

/* Word `lane` of vector `index` of a group, in either of the layouts. */
static uint16_t
word_at(const struct rows32_group *group, uint32_t index, uint32_t lane, bool in_pairs)
{
    const uint16_t *words = (const void *)group;
    return words[in_pairs ? (index / 2 * ROWS32_LANES + lane) * 2 + index % 2
                          : index * ROWS32_LANES + lane];
}

static int32_t
quant_at(const struct rows32_group *group, uint32_t column, uint32_t row, bool in_pairs)
{
    uint32_t word = word_at(group, column, row % ROWS32_LANES, in_pairs);
    return (int32_t)(word >> row / ROWS32_LANES * 4 & 15) - ROWS32_BIAS;
}

static int32_t
scale_at(const struct rows32_group *group, uint32_t row, bool in_pairs)
{
    return (int16_t)word_at(group, ROWS32_GROUP + row / ROWS32_LANES, row % ROWS32_LANES, in_pairs);
}

/* Right shifts of negative numbers round down on every compiler that the engine is built with. */
static int32_t
shift_nearest(int32_t x, int bits)
{
    return (x + (1 << (bits - 1))) >> bits;
}

static int32_t
multiply_row(const struct engine_rows *rows, uint32_t row, const struct engine_vectors *vectors,
             uint32_t v, bool in_pairs)
{
    const struct rows32_group *groups = rows->values;
    const struct engine_single_group *vector = rows32_vector(vectors, v);
    const int32_t *scales = rows32_scales(vectors, v);
    int32_t sum = 0;
    for (uint32_t g = 0; g < vectors->columns / ROWS32_GROUP; g++) {
        int32_t dot = 0;
        for (uint32_t i = 0; i < ROWS32_GROUP; i++)
            dot += quant_at(&groups[g], i, row, in_pairs) * vector[g].quants[i];
        int32_t scaled = shift_nearest(dot * scale_at(&groups[g], row, in_pairs), ROWS32_ROW_SHIFT);
        sum += shift_nearest(scaled * scales[g], ROWS32_SUM_SHIFT);
    }
    return sum;
}

static void
multiply_either(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out, bool in_pairs)
{
    for (uint32_t v = 0; v < vectors->count; v++) {
        int32_t sums[ROWS32_ROWS] = {0};
        for (uint32_t r = 0; r < row_count; r++)
            sums[r] = multiply_row(rows, r, vectors, v, in_pairs);
        rows32_finish(rows->values, vectors, v, sums, row_count, out[v] + first_row);
    }
}

static void
expand_either(const struct engine_rows *rows, uint32_t row, uint32_t columns, float *out,
              bool in_pairs)
{
    const struct rows32_group *groups = rows->values;
    const float *bases = (const void *)(groups + columns / ROWS32_GROUP);
    for (uint32_t i = 0; i < columns; i++) {
        const struct rows32_group *of = &groups[i / ROWS32_GROUP];
        int32_t quant = quant_at(of, i % ROWS32_GROUP, row, in_pairs);
        out[i] = (float)(quant * scale_at(of, row, in_pairs)) * bases[row];
    }
}

/* The two of a layout: functions of a kernel do not get it. */
#define EITHER(multiply_name, expand_name, in_pairs)                                    \
    static void multiply_name(const struct engine_rows *rows, uint32_t first_row,       \
                              uint32_t row_count, const struct engine_vectors *vectors, \
                              float *const *out)                                        \
    {                                                                                   \
        multiply_either(rows, first_row, row_count, vectors, out, in_pairs);            \
    }                                                                                   \
    void expand_name(const struct engine_rows *rows, uint32_t row, uint32_t columns,    \
                     uint32_t group, float *out)                                        \
    {                                                                                   \
        (void)group;                                                                    \
        expand_either(rows, row, columns, out, in_pairs);                               \
    }
EITHER(multiply, rows32_q4_expand, false)
EITHER(multiply_pairs, rows32_q4_pairs_expand, true)

const struct engine_kernel rows32_scalar =
    ROWS32_KERNEL("scalar-int4-q4_0", 0, 0, 1, 1, multiply, rows16_q8_sums);
const struct engine_kernel rows32_pairs_scalar =
    ROWS32_PAIRS_KERNEL("scalar-int4pairs-q4_0", 0, 0, 1, 1, multiply_pairs, rows16_q8_sums);
