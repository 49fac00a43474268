/* The scalar kernels for the formats of GGUF. */
#include "kernel_gguf.h"

#include "groups.h"

#include <string.h>

/* Column `i` of a row of 16-bit floats. */
static float
column_f16(const uint8_t *row, uint32_t i)
{
    return groups_half((uint16_t)(row[2 * i] | row[2 * i + 1] << 8));
}

static float
column_bf16(const uint8_t *row, uint32_t i)
{
    uint32_t bits = (uint32_t)row[2 * i] << 16 | (uint32_t)row[2 * i + 1] << 24;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

typedef float column_of(const uint8_t *row, uint32_t i);

static void
multiply_halves(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out, column_of *column)
{
    uint32_t columns = vectors->columns;
    for (uint32_t r = 0; r < row_count; r++)
        for (uint32_t v = 0; v < vectors->count; v++) {
            const uint8_t *row = (const uint8_t *)rows->values + (size_t)r * columns * 2;
            const float *vector = vectors->values + (size_t)v * columns;
            float sum = 0;
            for (uint32_t i = 0; i < columns; i++)
                sum += column(row, i) * vector[i];
            out[v][first_row + r] = sum;
        }
}

static void
expand_halves(const struct engine_rows *rows, uint32_t row, uint32_t columns, float *out,
              column_of *column)
{
    for (uint32_t i = 0; i < columns; i++)
        out[i] = column((const uint8_t *)rows->values + (size_t)row * columns * 2, i);
}

void
gguf_multiply_f16(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, float *const *out)
{
    multiply_halves(rows, first_row, row_count, vectors, out, column_f16);
}

void
gguf_expand_f16(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                float *out)
{
    (void)group;
    expand_halves(rows, row, columns, out, column_f16);
}

void
gguf_multiply_bf16(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                   const struct engine_vectors *vectors, float *const *out)
{
    multiply_halves(rows, first_row, row_count, vectors, out, column_bf16);
}

void
gguf_expand_bf16(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                 float *out)
{
    (void)group;
    expand_halves(rows, row, columns, out, column_bf16);
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

void
gguf_multiply_q8_0(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                   const struct engine_vectors *vectors, float *const *out)
{
    multiply_groups(ENGINE_Q8_0, rows, first_row, row_count, vectors, out);
}

void
gguf_expand_q8_0(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                 float *out)
{
    (void)group;
    expand_groups(ENGINE_Q8_0, rows, row, columns, out);
}

void
gguf_multiply_q4_0(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                   const struct engine_vectors *vectors, float *const *out)
{
    multiply_groups(ENGINE_Q4_0, rows, first_row, row_count, vectors, out);
}

void
gguf_expand_q4_0(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                 float *out)
{
    (void)group;
    expand_groups(ENGINE_Q4_0, rows, row, columns, out);
}
