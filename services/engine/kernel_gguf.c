/* The scalar kernels for the formats of GGUF. */
#include "kernel_gguf.h"

#include "blocks.h"
#include "groups.h"

/* Floats of a block, and the sum of its products in the order of the columns. */
static float
dot_block(enum engine_format format, const uint8_t *at, const float *vector, float sum)
{
    float values[BLOCKS_COLUMNS_MAX];
    blocks_expand(format, at, values);
    for (uint32_t i = 0; i < blocks_columns(format); i++)
        sum += values[i] * vector[i];
    return sum;
}

static void
multiply_blocks(enum engine_format format, const struct engine_rows *rows, uint32_t first_row,
                uint32_t row_count, const struct engine_vectors *vectors, float *const *out)
{
    uint32_t columns = vectors->columns, step = blocks_columns(format);
    uint64_t row_bytes = engine_row_bytes(format, columns), bytes = engine_row_bytes(format, step);
    for (uint32_t r = 0; r < row_count; r++)
        for (uint32_t v = 0; v < vectors->count; v++) {
            const uint8_t *row = (const uint8_t *)rows->values + r * row_bytes;
            const float *vector = vectors->values + (size_t)v * columns;
            float sum = 0;
            for (uint32_t i = 0; i < columns; i += step)
                sum = dot_block(format, row + i / step * bytes, vector + i, sum);
            out[v][first_row + r] = sum;
        }
}

static void
expand_blocks(enum engine_format format, const struct engine_rows *rows, uint32_t row,
              uint32_t columns, float *out)
{
    uint32_t step = blocks_columns(format);
    const uint8_t *at = (const uint8_t *)rows->values + row * engine_row_bytes(format, columns);
    for (uint32_t i = 0; i < columns; i += step)
        blocks_expand(format, at + i / step * engine_row_bytes(format, step), out + i);
}

static float
dot_groups(enum engine_format format, const struct engine_rows *rows, uint32_t row,
           const struct engine_vectors *vectors, uint32_t v)
{
    uint32_t columns = vectors->columns, groups = columns / GROUP_COLUMNS;
    const int8_t *vector = vectors->quants + (size_t)v * columns;
    const float *scales = vectors->scales + (size_t)v * groups;
    float sum = 0;
    for (uint32_t g = 0; g < groups; g++) {
        int8_t quants[GROUP_COLUMNS];
        int32_t integer = 0;
        float scale = groups_read(format, rows, row, columns, g, quants);
        for (uint32_t i = 0; i < GROUP_COLUMNS; i++)
            integer += quants[i] * vector[g * GROUP_COLUMNS + i];
        sum += (float)integer * scale * scales[g];
    }
    return sum;
}

static void
multiply_groups(enum engine_format format, const struct engine_rows *rows, uint32_t first_row,
                uint32_t row_count, const struct engine_vectors *vectors, float *const *out)
{
    for (uint32_t r = 0; r < row_count; r++)
        for (uint32_t v = 0; v < vectors->count; v++)
            out[v][first_row + r] = dot_groups(format, rows, r, vectors, v);
}

static void
expand_groups(enum engine_format format, const struct engine_rows *rows, uint32_t row,
              uint32_t columns, float *out)
{
    for (uint32_t g = 0; g < columns / GROUP_COLUMNS; g++) {
        int8_t quants[GROUP_COLUMNS];
        float scale = groups_read(format, rows, row, columns, g, quants);
        for (uint32_t i = 0; i < GROUP_COLUMNS; i++)
            out[g * GROUP_COLUMNS + i] = quants[i] * scale;
    }
}

/* A kernel's functions do not get the format: each has its own two. */
#define KERNEL(name, format, kind)                                                          \
    void gguf_multiply_##name(const struct engine_rows *rows, uint32_t first_row,           \
                              uint32_t row_count, const struct engine_vectors *vectors,     \
                              float *const *out)                                            \
    {                                                                                       \
        multiply_##kind(format, rows, first_row, row_count, vectors, out);                  \
    }                                                                                       \
    void gguf_expand_##name(const struct engine_rows *rows, uint32_t row, uint32_t columns, \
                            uint32_t group, float *out)                                     \
    {                                                                                       \
        (void)group;                                                                        \
        expand_##kind(format, rows, row, columns, out);                                     \
    }
GGUF_KERNELS(KERNEL)
