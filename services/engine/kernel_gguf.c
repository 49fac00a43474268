/* The scalar kernels for the formats of GGUF. */
#include "kernel_gguf.h"

#include "blocks.h"
#include "groups.h"

/* Goes on with a sum in the order of the columns. */
static float
add_products(const float *values, const float *vector, uint32_t count, float sum)
{
    for (uint32_t i = 0; i < count; i++)
        sum += values[i] * vector[i];
    return sum;
}

/* What is made into floats serves all vectors. */
static void
multiply_blocks(enum engine_format format, const struct engine_rows *rows, uint32_t first_row,
                uint32_t row_count, const struct engine_vectors *vectors, float *const *out)
{
    uint32_t columns = vectors->columns;
    uint64_t row_bytes = engine_row_bytes(format, columns);
    for (uint32_t r = 0; r < row_count; r++) {
        const uint8_t *row = (const uint8_t *)rows->values + r * row_bytes;
        for (uint32_t v = 0; v < vectors->count; v++)
            out[v][first_row + r] = 0;
        for (uint32_t i = 0; i < columns; i += BLOCKS_COLUMNS) {
            float values[BLOCKS_COLUMNS];
            uint32_t count = columns - i < BLOCKS_COLUMNS ? columns - i : BLOCKS_COLUMNS;
            blocks_expand(format, row + engine_row_bytes(format, i), count, values);
            for (uint32_t v = 0; v < vectors->count; v++) {
                float *sum = &out[v][first_row + r];
                *sum = add_products(values, vectors->values + (size_t)v * columns + i, count, *sum);
            }
        }
    }
}

static void
expand_blocks(enum engine_format format, const struct engine_rows *rows, uint32_t row,
              uint32_t columns, float *out)
{
    blocks_expand(format, (const uint8_t *)rows->values + row * engine_row_bytes(format, columns),
                  columns, out);
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
