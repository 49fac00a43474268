/* The scalar kernels: sums in the order of the columns, as the reference programs have them. */
#include "kernel_gguf.h"

#include <string.h>

static float
dot_f32(const float *row, const float *vector, uint32_t columns)
{
    float sum = 0;
    for (uint32_t i = 0; i < columns; i++)
        sum += row[i] * vector[i];
    return sum;
}

static void
multiply_f32(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
             const struct engine_vectors *vectors, float *const *out)
{
    const float *values = rows->values;
    size_t columns = vectors->columns;
    for (uint32_t r = 0; r < row_count; r++)
        for (uint32_t v = 0; v < vectors->count; v++)
            out[v][first_row + r] =
                dot_f32(values + r * columns, vectors->values + v * columns, vectors->columns);
}

static void
expand_f32(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
           float *out)
{
    (void)group;
    memcpy(out, (const float *)rows->values + (size_t)row * columns, columns * sizeof *out);
}

/* Each group's integer sum is exact: at most ENGINE_DIM_MAX products of two int8. */
static float
dot_q8(const int8_t *row, const float *row_scales, const int8_t *vector, const float *scales,
       uint32_t columns, uint32_t group)
{
    float sum = 0;
    for (uint32_t start = 0; start < columns; start += group) {
        int32_t integer = 0;
        for (uint32_t i = start; i < start + group; i++)
            integer += row[i] * vector[i];
        sum += (float)integer * row_scales[start / group] * scales[start / group];
    }
    return sum;
}

static void
multiply_q8(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
            const struct engine_vectors *vectors, float *const *out)
{
    const int8_t *values = rows->values;
    size_t columns = vectors->columns, groups = columns / vectors->group;
    for (uint32_t r = 0; r < row_count; r++)
        for (uint32_t v = 0; v < vectors->count; v++)
            out[v][first_row + r] = dot_q8(
                values + r * columns, rows->scales + r * groups, vectors->quants + v * columns,
                vectors->scales + v * groups, vectors->columns, vectors->group);
}

static void
expand_q8(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
          float *out)
{
    const int8_t *values = (const int8_t *)rows->values + (size_t)row * columns;
    const float *scales = rows->scales + (size_t)row * (columns / group);
    for (uint32_t i = 0; i < columns; i++)
        out[i] = values[i] * scales[i / group];
}

static const struct engine_layout layouts[ENGINE_FORMATS] = {
    [ENGINE_F32] = {.name = "file", .format = ENGINE_F32},
    [ENGINE_Q8_SPLIT] = {.name = "file", .format = ENGINE_Q8_SPLIT},
#define LAYOUT(id, which, kind) [which] = {.name = "file", .format = which},
    GGUF_KERNELS(LAYOUT)};

static const struct engine_kernel reference[ENGINE_FORMATS] = {
    [ENGINE_F32] = {.name = "scalar-f32",
                    .layout = &layouts[ENGINE_F32],
                    .form = ENGINE_FLOATS,
                    .lanes = 1,
                    .vectors = 1,
                    .multiply = multiply_f32,
                    .expand = expand_f32},
    [ENGINE_Q8_SPLIT] = {.name = "scalar-q8",
                         .layout = &layouts[ENGINE_Q8_SPLIT],
                         .form = ENGINE_QUANTS,
                         .lanes = 1,
                         .vectors = 1,
                         .multiply = multiply_q8,
                         .expand = expand_q8},
#define FORM_blocks ENGINE_FLOATS
#define FORM_groups ENGINE_QUANTS
#define REFERENCE(id, which, kind)             \
    [which] = {.name = "scalar-" #id,          \
               .layout = &layouts[which],      \
               .form = FORM_##kind,            \
               .lanes = 1,                     \
               .vectors = 1,                   \
               .multiply = gguf_multiply_##id, \
               .expand = gguf_expand_##id},
    GGUF_KERNELS(REFERENCE)};

bool
engine_layout_fits(const struct engine_layout *layout, const struct engine_tensor *tensor)
{
    return layout->format == tensor->format && tensor->rows > 1 &&
           tensor->columns % ENGINE_INTEGER_GROUP == 0 &&
           (layout->group == 0 || tensor->group % layout->group == 0);
}

const struct engine_kernel *
engine_kernel_reference(enum engine_format format)
{
    return &reference[format];
}
