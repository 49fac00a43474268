#include "groups.h"
#include "rows16.h"

#include <string.h>

static float
size_of(float x)
{
    return x < 0 ? -x : x;
}

/* A row of a file. */
struct row {
    enum engine_format format;
    const struct engine_rows *rows;
    uint32_t index, columns;
};

#define BASE_LEAST 0x1p-70f /* so that no result leaves the exponents of floats */
#define BASE_MOST  0x1p30f

/* The least power of two that is not below a positive number. */
static float
power_above(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fffff) & 0xff800000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

float
rows16_base_of(float most)
{
    if (!(most <= BASE_MOST * ENGINE_SCALE_MAX))
        return __builtin_nanf("");
    if (most <= BASE_LEAST)
        return most > 0 ? BASE_LEAST : 0;
    return power_above(most / ENGINE_SCALE_MAX);
}

float
rows16_base(enum engine_format format, const struct engine_rows *rows, uint32_t row,
            uint32_t columns)
{
    float most = 0;
    for (uint32_t g = 0; g < columns / ROWS16_GROUP; g++) {
        float size = size_of(groups_read(format, rows, row, columns, g, NULL));
        if (!(size <= BASE_MOST * ENGINE_SCALE_MAX))
            return __builtin_nanf("");
        most = size > most ? size : most;
    }
    return rows16_base_of(most);
}

/* A negative scale becomes a positive one of negative numbers. */
static int8_t
signed_quant(int8_t quant, float scale)
{
    return (int8_t)(scale < 0 ? -rows16_quant(quant) : rows16_quant(quant));
}

static void
pack_row(struct rows16_group *groups, const struct row *from, float *base)
{
    uint32_t count = from->columns / ROWS16_GROUP, row = from->index % ROWS16_ROWS;
    *base = rows16_base(from->format, from->rows, from->index, from->columns);
    for (uint32_t g = 0; g < count; g++) {
        int8_t quants[ROWS16_GROUP];
        float scale = groups_read(from->format, from->rows, from->index, from->columns, g, quants);
        groups[g].scales[row] = *base > 0 ? (uint16_t)(size_of(scale) / *base + 0.5f) : 0;
        for (uint32_t i = 0; i < ROWS16_GROUP; i += 2)
            groups[g].pairs[i / 2][row] =
                rows16_pair(signed_quant(quants[i], scale), signed_quant(quants[i + 1], scale));
    }
}

static void
pack(enum engine_format format, const struct engine_rows *rows, uint32_t row_count,
     uint32_t columns, void *to)
{
    size_t strip_bytes = rows16_strip_bytes(columns);
    memset(to, 0, strip_bytes * ((row_count + ROWS16_ROWS - 1) / ROWS16_ROWS));
    for (uint32_t r = 0; r < row_count; r++) {
        const struct row row = {format, rows, r, columns};
        struct rows16_group *strip = (void *)((uint8_t *)to + r / ROWS16_ROWS * strip_bytes);
        float *bases = (void *)&strip[columns / ROWS16_GROUP];
        pack_row(strip, &row, &bases[r % ROWS16_ROWS]);
    }
}

static size_t
block_bytes(uint32_t row_count, uint32_t columns)
{
    return (row_count + ROWS16_ROWS - 1) / ROWS16_ROWS * rows16_strip_bytes(columns);
}

/* One layout, which each format is packed into in its own way: a packer does not get the format. */
#define PACKER(name, format, packer)                                                              \
    static void pack_##name(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, \
                            void *to)                                                             \
    {                                                                                             \
        packer(format, rows, row_count, columns, to);                                             \
    }
#define LAYOUT(id, of_format)    \
    {.name = "rows16-q8",        \
     .format = (of_format),      \
     .group = ROWS16_GROUP,      \
     .block_bytes = block_bytes, \
     .pack = pack_##id}

PACKER(split, ENGINE_Q8_SPLIT, pack)
PACKER(q8_0, ENGINE_Q8_0, pack)
PACKER(q5_0, ENGINE_Q5_0, rows16_pack_blocks)
PACKER(q5_k, ENGINE_Q5_K, rows16_pack_blocks)
PACKER(q6_k, ENGINE_Q6_K, rows16_pack_blocks)

const struct engine_layout rows16_layouts[ROWS16_FORMATS] = {
    LAYOUT(split, ENGINE_Q8_SPLIT), LAYOUT(q8_0, ENGINE_Q8_0), LAYOUT(q5_0, ENGINE_Q5_0),
    LAYOUT(q5_k, ENGINE_Q5_K),      LAYOUT(q6_k, ENGINE_Q6_K),
};

/* Right shifts of negative numbers round down on every compiler that the engine is built with. */
static int32_t
dot_row(const struct rows16_group *group, uint32_t row, const int16_t *quants)
{
    int32_t dot = ROWS16_HALF;
    for (uint32_t i = 0; i < ROWS16_GROUP / 2; i++) {
        int16_t pair = group->pairs[i][row];
        int32_t product = rows16_first(pair) * quants[2 * i] +
                          rows16_second(pair) * engine_second_quant(quants + 2 * i);
        dot += product >> ROWS16_PAIR_SHIFT;
    }
    return dot;
}

static int32_t
multiply_row(const struct rows16_group *groups, uint32_t row, const int16_t *quants,
             const int32_t *scales, uint32_t count)
{
    int32_t sum = 0;
    for (uint32_t g = 0; g < count; g++) {
        int32_t dot = dot_row(&groups[g], row, quants + (size_t)g * ROWS16_GROUP);
        sum +=
            (((dot * groups[g].scales[row]) >> ROWS16_ROW_SHIFT) * scales[g]) >> ROWS16_SUM_SHIFT;
    }
    return sum;
}

static void
multiply_strip(const struct rows16_group *strip, uint32_t row_count,
               const struct engine_vectors *vectors, uint32_t v, float *out)
{
    uint32_t groups = vectors->columns / ROWS16_GROUP;
    int32_t of_rows[ROWS16_ROWS];
    for (uint32_t r = 0; r < ROWS16_ROWS; r++)
        of_rows[r] = multiply_row(strip, r, vectors->integers + (size_t)v * vectors->columns,
                                  vectors->integer_scales + (size_t)v * groups, groups);
    rows16_finish(strip, vectors->columns, of_rows, row_count, vectors->bases[v], out);
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    size_t strip_bytes = rows16_strip_bytes(vectors->columns);
    for (uint32_t r = 0; r < row_count; r += ROWS16_ROWS) {
        const void *strip = (const uint8_t *)rows->values + r / ROWS16_ROWS * strip_bytes;
        uint32_t left = row_count - r < ROWS16_ROWS ? row_count - r : ROWS16_ROWS;
        for (uint32_t v = 0; v < vectors->count; v++)
            multiply_strip(strip, left, vectors, v, out[v] + first_row + r);
    }
}

/* A row of a group, exactly, and what the vector has finer. */
static int32_t
dot_exactly(const struct rows16_group *group, uint32_t row, const int16_t *quants,
            const int16_t *fine)
{
    int32_t dot = 0;
    for (uint32_t i = 0; i < ROWS16_GROUP / 2; i++) {
        int32_t first = rows16_first(group->pairs[i][row]),
                second = rows16_second(group->pairs[i][row]);
        int32_t part = first * fine[2 * i] + second * engine_second_quant(fine + 2 * i);
        dot += first * quants[2 * i] + second * engine_second_quant(quants + 2 * i);
        dot += (part + (1 << (ENGINE_FINE_BITS - 1))) >> ENGINE_FINE_BITS;
    }
    return dot;
}

static void
sum_exactly(const struct rows16_group *strip, const int16_t *quants, const int16_t *fine,
            const int32_t *scales, uint64_t groups, int32_t out[ROWS16_ROWS])
{
    memset(out, 0, ROWS16_ROWS * sizeof *out);
    for (uint64_t g = 0; g < groups; g++)
        for (uint32_t r = 0; r < ROWS16_ROWS; r++) {
            int32_t dot =
                dot_exactly(&strip[g], r, quants + g * ROWS16_GROUP, fine + g * ROWS16_GROUP);
            out[r] += (dot * scales[g]) >> ROWS16_ATTENTION_SHIFT;
        }
}

void
rows16_q8_sums(const void *strips, const int16_t *quants, const int16_t *fine,
               const int32_t *scales, uint64_t halves, int32_t *out, uint64_t strip_bytes,
               uint64_t strip_count)
{
    for (uint64_t s = 0; s < strip_count; s++)
        sum_exactly((const void *)((const uint8_t *)strips + s * strip_bytes), quants, fine, scales,
                    (halves + 1) / 2, out + s * ROWS16_ROWS);
}

void
rows16_q8_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                 float *out)
{
    const struct rows16_group *groups =
        (const void *)((const uint8_t *)rows->values +
                       row / ROWS16_ROWS * rows16_strip_bytes(columns));
    const float *bases = (const void *)(groups + columns / ROWS16_GROUP);
    (void)group;
    row %= ROWS16_ROWS;
    for (uint32_t i = 0; i < columns; i++) {
        const struct rows16_group *of = &groups[i / ROWS16_GROUP];
        int16_t pair = of->pairs[i % ROWS16_GROUP / 2][row];
        out[i] = (float)((i % 2 ? rows16_second(pair) : rows16_first(pair)) * of->scales[row]) *
                 bases[row];
    }
}

const struct engine_kernel rows16_scalar[ROWS16_FORMATS] = {
    ROWS16_KERNELS("scalar-int", 0, 0, 1, 1, multiply, rows16_q8_sums)};
