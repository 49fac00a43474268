#include "groups.h"
#include "rows16.h"

#include <string.h>

/* What a strip has for one group. */
struct group {
    int8_t pairs[ROWS16_GROUP / 2][ROWS16_ROWS][2];
    uint16_t scales[ROWS16_ROWS];
};
_Static_assert(sizeof(struct group) == ROWS16_GROUP_BYTES, "a group of a strip has no padding");

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

/* What a scale of 1 stands for, for a row. A scale that is no number makes the row none. */
static float
base_of(const struct row *row)
{
    float most = 0;
    for (uint32_t g = 0; g < row->columns / ROWS16_GROUP; g++) {
        float size =
            size_of(groups_read(row->format, row->rows, row->index, row->columns, g, NULL));
        if (!(size <= __FLT_MAX__))
            return size - size;
        most = size > most ? size : most;
    }
    return most / ENGINE_SCALE_MAX;
}

/* A negative scale becomes a positive one of negative numbers. */
static int8_t
signed_quant(int8_t quant, float scale)
{
    if (scale >= 0)
        return quant;
    return quant == -128 ? 127 : (int8_t)-quant;
}

static void
pack_row(struct group *groups, const struct row *from, float *base)
{
    uint32_t count = from->columns / ROWS16_GROUP, row = from->index % ROWS16_ROWS;
    *base = base_of(from);
    for (uint32_t g = 0; g < count; g++) {
        int8_t quants[ROWS16_GROUP];
        float scale = groups_read(from->format, from->rows, from->index, from->columns, g, quants);
        groups[g].scales[row] = *base > 0 ? (uint16_t)(size_of(scale) / *base + 0.5f) : 0;
        for (uint32_t i = 0; i < ROWS16_GROUP; i++)
            groups[g].pairs[i / 2][row][i % 2] = signed_quant(quants[i], scale);
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
        struct group *strip = (void *)((uint8_t *)to + r / ROWS16_ROWS * strip_bytes);
        float *bases = (void *)&strip[columns / ROWS16_GROUP];
        pack_row(strip, &row, &bases[r % ROWS16_ROWS]);
    }
}

static void
pack_split(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack(ENGINE_Q8_SPLIT, rows, row_count, columns, to);
}

static void
pack_q8_0(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack(ENGINE_Q8_0, rows, row_count, columns, to);
}

static void
pack_q4_0(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack(ENGINE_Q4_0, rows, row_count, columns, to);
}

static size_t
block_bytes(uint32_t row_count, uint32_t columns)
{
    return (row_count + ROWS16_ROWS - 1) / ROWS16_ROWS * rows16_strip_bytes(columns);
}

/* One layout, which each format is packed into in its own way. */
#define LAYOUT(of_format, packer) \
    {.name = "rows16-q8",         \
     .format = (of_format),       \
     .group = ROWS16_GROUP,       \
     .block_bytes = block_bytes,  \
     .pack = (packer)}

const struct engine_layout rows16_layouts[ROWS16_FORMATS] = {
    LAYOUT(ENGINE_Q8_SPLIT, pack_split),
    LAYOUT(ENGINE_Q8_0, pack_q8_0),
    LAYOUT(ENGINE_Q4_0, pack_q4_0),
};

/* Four at once: floats cost as much each as four together where they are emulated. */
typedef float float4 __attribute__((vector_size(16)));
typedef int32_t int4 __attribute__((vector_size(16)));

void
rows16_finish(const void *strip, uint32_t columns, const int32_t *of_rows, uint32_t row_count,
              float vector_base, float *out)
{
    const struct group *bases = (const struct group *)strip + columns / ROWS16_GROUP;
    float results[ROWS16_ROWS], unit = vector_base * ROWS16_UNIT;
    for (uint32_t r = 0; r < ROWS16_ROWS; r += 4) {
        int4 sums;
        float4 base;
        memcpy(&sums, of_rows + r, sizeof sums);
        memcpy(&base, (const float *)(const void *)bases + r, sizeof base);
        base = __builtin_convertvector(sums, float4) * (base * unit);
        memcpy(results + r, &base, sizeof base);
    }
    memcpy(out, results, row_count * sizeof *out);
}

/* Right shifts of negative numbers round down on every compiler that the engine is built with. */
static int32_t
multiply_row(const struct group *groups, uint32_t row, const int16_t *quants, const int32_t *scales,
             uint32_t count)
{
    int32_t sum = 0;
    for (uint32_t g = 0; g < count; g++) {
        int32_t dot = 0;
        for (uint32_t i = 0; i < ROWS16_GROUP; i++)
            dot += groups[g].pairs[i / 2][row][i % 2] * quants[g * ROWS16_GROUP + i];
        sum +=
            (((dot * groups[g].scales[row]) >> ROWS16_ROW_SHIFT) * scales[g]) >> ROWS16_SUM_SHIFT;
    }
    return sum;
}

static void
sums(const void *strip, const int16_t *quants, const int32_t *scales, uint64_t groups,
     int32_t out[ROWS16_ROWS])
{
    for (uint32_t r = 0; r < ROWS16_ROWS; r++)
        out[r] = multiply_row(strip, r, quants, scales, (uint32_t)groups);
}

static void
multiply_strip(const void *strip, uint32_t row_count, const struct engine_vectors *vectors,
               uint32_t v, float *out)
{
    uint32_t groups = vectors->columns / ROWS16_GROUP;
    int32_t of_rows[ROWS16_ROWS];
    sums(strip, vectors->integers + (size_t)v * vectors->columns,
         vectors->integer_scales + (size_t)v * groups, groups, of_rows);
    rows16_finish(strip, vectors->columns, of_rows, row_count, vectors->bases[v], out);
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    size_t strip_bytes = rows16_strip_bytes(vectors->columns);
    for (uint32_t r = 0; r < row_count; r += ROWS16_ROWS) {
        const uint8_t *strip = (const uint8_t *)rows->values + r / ROWS16_ROWS * strip_bytes;
        uint32_t left = row_count - r < ROWS16_ROWS ? row_count - r : ROWS16_ROWS;
        for (uint32_t v = 0; v < vectors->count; v++)
            multiply_strip(strip, left, vectors, v, out[v] + first_row + r);
    }
}

void
rows16_q8_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                 float *out)
{
    const struct group *groups = (const void *)((const uint8_t *)rows->values +
                                                row / ROWS16_ROWS * rows16_strip_bytes(columns));
    const float *bases = (const void *)(groups + columns / ROWS16_GROUP);
    (void)group;
    row %= ROWS16_ROWS;
    for (uint32_t i = 0; i < columns; i++) {
        const struct group *of = &groups[i / ROWS16_GROUP];
        uint32_t at = i % ROWS16_GROUP;
        out[i] = (float)(of->pairs[at / 2][row][at % 2] * of->scales[row]) * bases[row];
    }
}

const struct engine_kernel rows16_scalar[ROWS16_FORMATS] = {
    ROWS16_KERNELS("scalar-int", 0, 0, multiply, sums)};
