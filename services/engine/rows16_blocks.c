/*
 * Formats that have no bytes to be packed as they are, into the layout rows16-q8: made floats, some
 * columns at a time, and quantised as vectors are. A row is read twice, since what its scales are
 * parts of is known at its end: rows can be longer than a stack has room for.
 */
#include "blocks.h"
#include "engine_private.h"
#include "rows16.h"

static uint32_t
count_at(uint32_t first, uint32_t columns)
{
    return columns - first < BLOCKS_COLUMNS ? columns - first : BLOCKS_COLUMNS;
}

static struct quantise_unit
unit_of(enum engine_format format, const uint8_t *row, uint32_t columns)
{
    uint32_t greatest = 0;
    for (uint32_t first = 0; first < columns; first += BLOCKS_COLUMNS) {
        float values[BLOCKS_COLUMNS];
        uint32_t count = count_at(first, columns);
        blocks_expand(format, row + engine_row_bytes(format, first), count, values);
        uint32_t of_these = quantise_greatest(values, count);
        greatest = of_these > greatest ? of_these : greatest;
    }
    return quantise_unit_of(greatest < ROWS16_WEIGHT_MOST ? greatest : UINT32_MAX >> 1);
}

/* From the second of a pair as vectors have it: modulo 2^16 the first, 256 times, comes and goes.
 */
static void
pack_group(const float *values, const struct quantise_unit *unit, uint32_t row,
           struct rows16_group *to)
{
    int16_t quants[ROWS16_GROUP];
    to->scales[row] = (uint16_t)quantise_group(values, unit, quants, NULL);
    for (uint32_t i = 0; i < ROWS16_GROUP; i += 2)
        to->pairs[i / 2][row] =
            (int16_t)(uint16_t)((uint32_t)quants[i] + ((uint32_t)quants[i + 1] << 8));
}

static void
pack_row(enum engine_format format, const uint8_t *from, uint32_t columns, uint32_t row,
         struct rows16_group *groups)
{
    struct quantise_unit unit = unit_of(format, from, columns);
    float *bases = (void *)&groups[columns / ROWS16_GROUP];
    bases[row] = unit.base;
    for (uint32_t first = 0; unit.base > 0 && first < columns; first += BLOCKS_COLUMNS) {
        float values[BLOCKS_COLUMNS] __attribute__((aligned(64)));
        uint32_t count = count_at(first, columns);
        blocks_expand(format, from + engine_row_bytes(format, first), count, values);
        for (uint32_t i = 0; i < count; i += ROWS16_GROUP)
            pack_group(values + i, &unit, row, &groups[(first + i) / ROWS16_GROUP]);
    }
}

void
rows16_pack_blocks(enum engine_format format, const struct engine_rows *rows, uint32_t row_count,
                   uint32_t columns, void *to)
{
    size_t strip_bytes = rows16_strip_bytes(columns);
    uint64_t row_bytes = engine_row_bytes(format, columns);
    memset(to, 0, strip_bytes * ((row_count + ROWS16_ROWS - 1) / ROWS16_ROWS));
    for (uint32_t r = 0; r < row_count; r++)
        pack_row(format, (const uint8_t *)rows->values + r * row_bytes, columns, r % ROWS16_ROWS,
                 (void *)((uint8_t *)to + r / ROWS16_ROWS * strip_bytes));
}
