#include "rows8.h"

#include "groups.h"
#include "rows16.h"

#include <string.h>

/* Where a row's column is among a group's quants: which sixteen, and which of its bytes. */
struct place {
    uint32_t eight, pair, byte;
};

static struct place
place_of(uint32_t row, uint32_t column)
{
    return (struct place){column / 8, row / 2, row % 2 * 8 + column % 8};
}

/* Where a row's strip begins. */
static size_t
strip_at(uint32_t row, uint32_t columns, size_t group_bytes)
{
    return row / ROWS8_ROWS * (columns / ROWS8_COLUMNS) * group_bytes;
}

static void
pack_q8_row(enum engine_format format, const struct engine_rows *rows, uint32_t row,
            uint32_t columns, void *to)
{
    struct rows8_q8_group *groups =
        (void *)((uint8_t *)to + strip_at(row, columns, sizeof *groups));
    for (uint32_t g = 0; g < columns / ROWS8_COLUMNS; g++) {
        int8_t quants[ROWS8_COLUMNS];
        groups[g].scales[row % ROWS8_ROWS] = groups_read(format, rows, row, columns, g, quants);
        for (uint32_t i = 0; i < ROWS8_COLUMNS; i++) {
            struct place at = place_of(row % ROWS8_ROWS, i);
            groups[g].quants[at.eight][at.pair][at.byte] = quants[i];
        }
    }
}

static void
pack_q4_row(const struct engine_rows *rows, uint32_t row, uint32_t columns, void *to)
{
    struct rows8_q4_group *groups =
        (void *)((uint8_t *)to + strip_at(row, columns, sizeof *groups));
    for (uint32_t g = 0; g < columns / ROWS8_COLUMNS; g++) {
        int8_t quants[ROWS8_COLUMNS];
        float scale = groups_read(ENGINE_Q4_0, rows, row, columns, g, quants);
        groups[g].scales[row % ROWS8_ROWS] = scale / ROWS8_Q4_UNIT;
        for (uint32_t i = 0; i < ROWS8_COLUMNS; i++) {
            struct place at = place_of(row % ROWS8_ROWS, i);
            uint8_t *byte = &groups[g].quants[at.eight / 2][at.pair][at.byte];
            *byte = (uint8_t)(*byte | (quants[i] & 15) << at.eight % 2 * 4);
        }
    }
}

static size_t
strips_bytes(uint32_t row_count, uint32_t columns, size_t group_bytes)
{
    return (row_count + ROWS8_ROWS - 1) / ROWS8_ROWS * (columns / ROWS8_COLUMNS) * group_bytes;
}

static size_t
q8_bytes(uint32_t row_count, uint32_t columns)
{
    return strips_bytes(row_count, columns, sizeof(struct rows8_q8_group));
}

static size_t
q4_bytes(uint32_t row_count, uint32_t columns)
{
    return strips_bytes(row_count, columns, sizeof(struct rows8_q4_group));
}

static void
pack_q8(enum engine_format format, const struct engine_rows *rows, uint32_t row_count,
        uint32_t columns, void *to)
{
    memset(to, 0, q8_bytes(row_count, columns));
    for (uint32_t r = 0; r < row_count; r++)
        pack_q8_row(format, rows, r, columns, to);
}

static void
pack_split(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack_q8(ENGINE_Q8_SPLIT, rows, row_count, columns, to);
}

static void
pack_q8_0(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack_q8(ENGINE_Q8_0, rows, row_count, columns, to);
}

static void
pack_q4_0(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    memset(to, 0, q4_bytes(row_count, columns));
    for (uint32_t r = 0; r < row_count; r++)
        pack_q4_row(rows, r, columns, to);
}

#define LAYOUT(of_name, of_format, bytes, packer) \
    {.name = (of_name),                           \
     .format = (of_format),                       \
     .group = ROWS8_COLUMNS,                      \
     .block_bytes = (bytes),                      \
     .pack = (packer)}

const struct engine_layout rows8_layouts[ROWS8_FORMATS] = {
    LAYOUT("rows8-dot-q8", ENGINE_Q8_SPLIT, q8_bytes, pack_split),
    LAYOUT("rows8-dot-q8", ENGINE_Q8_0, q8_bytes, pack_q8_0),
    LAYOUT("rows8-dot-q4", ENGINE_Q4_0, q4_bytes, pack_q4_0),
};

/* Group `group` of a row: its quants, in parts of what its scale is for, and the scale. */
typedef float read_group(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                         uint32_t group, int8_t quants[ROWS8_COLUMNS]);

static float
read_q8(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
        int8_t quants[ROWS8_COLUMNS])
{
    const struct rows8_q8_group *of =
        (const void *)((const uint8_t *)rows->values + strip_at(row, columns, sizeof *of));
    for (uint32_t i = 0; i < ROWS8_COLUMNS; i++) {
        struct place at = place_of(row % ROWS8_ROWS, i);
        quants[i] = of[group].quants[at.eight][at.pair][at.byte];
    }
    return of[group].scales[row % ROWS8_ROWS];
}

static float
read_q4(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
        int8_t quants[ROWS8_COLUMNS])
{
    const struct rows8_q4_group *of =
        (const void *)((const uint8_t *)rows->values + strip_at(row, columns, sizeof *of));
    for (uint32_t i = 0; i < ROWS8_COLUMNS; i++) {
        struct place at = place_of(row % ROWS8_ROWS, i);
        uint32_t byte = of[group].quants[at.eight / 2][at.pair][at.byte];
        quants[i] = (int8_t)(uint8_t)(at.eight % 2 == 0 ? byte << 4 : byte & 0xf0);
    }
    return of[group].scales[row % ROWS8_ROWS];
}

static float
multiply_row(const struct engine_rows *rows, uint32_t row, const struct engine_vectors *vectors,
             uint32_t v, read_group *read)
{
    uint32_t columns = vectors->columns;
    const int8_t *vector = vectors->quants + (size_t)v * columns;
    const float *scales = vectors->scales + (size_t)v * (columns / vectors->group);
    float sum = 0;
    int32_t dot = 0;
    for (uint32_t g = 0; g < columns / ROWS8_COLUMNS; g++) {
        int8_t quants[ROWS8_COLUMNS];
        uint32_t end = (g + 1) * ROWS8_COLUMNS;
        float scale = read(rows, row, columns, g, quants);
        for (uint32_t i = 0; i < ROWS8_COLUMNS; i++)
            dot += quants[i] * vector[g * ROWS8_COLUMNS + i];
        if (end % vectors->group != 0)
            continue;
        sum += (float)dot * scale * scales[end / vectors->group - 1];
        dot = 0;
    }
    return sum;
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out, read_group *read)
{
    for (uint32_t r = 0; r < row_count; r++)
        for (uint32_t v = 0; v < vectors->count; v++)
            out[v][first_row + r] = multiply_row(rows, r, vectors, v, read);
}

static void
multiply_q8(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
            const struct engine_vectors *vectors, float *const *out)
{
    multiply(rows, first_row, row_count, vectors, out, read_q8);
}

static void
multiply_q4(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
            const struct engine_vectors *vectors, float *const *out)
{
    multiply(rows, first_row, row_count, vectors, out, read_q4);
}

static void
expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, float *out, read_group *read)
{
    for (uint32_t g = 0; g < columns / ROWS8_COLUMNS; g++) {
        int8_t quants[ROWS8_COLUMNS];
        float scale = read(rows, row, columns, g, quants);
        for (uint32_t i = 0; i < ROWS8_COLUMNS; i++)
            out[g * ROWS8_COLUMNS + i] = quants[i] * scale;
    }
}

void
rows8_q8_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                float *out)
{
    (void)group;
    expand(rows, row, columns, out, read_q8);
}

void
rows8_q4_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                float *out)
{
    (void)group;
    expand(rows, row, columns, out, read_q4);
}

const struct engine_kernel rows8_scalar[ROWS8_FORMATS] = {
    ROWS8_KERNELS("dot-scalar", 0, 1, 1, multiply_q8, multiply_q4, rows16_q8_sums)};
