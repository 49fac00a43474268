#include "rows16_q15.h"

#include "blocks.h"
#include "engine_private.h"

#define WEIGHT_BITS  14
#define WEIGHT_SHIFT (LANES_MANTISSA + 1 - WEIGHT_BITS)
#define WEIGHT_MOST  (127 * (1 << Q15_LOW_BITS) + (1 << (Q15_LOW_BITS - 1)) - 1)
#define LEAST        ((LANES_BIAS - 50) << LANES_MANTISSA) /* bits: below is zero */

/* Two strips, then the units. */
static size_t
part_bytes(uint32_t columns)
{
    return (size_t)columns / ROWS16_GROUP * ROWS16_GROUP_BYTES;
}

static size_t
pair_bytes(uint32_t columns)
{
    return 2 * part_bytes(columns) + ROWS16_ROWS * sizeof(float);
}

static size_t
block_bytes(uint32_t row_count, uint32_t columns)
{
    return (row_count + ROWS16_ROWS - 1) / ROWS16_ROWS * pair_bytes(columns);
}

/* --- Packing ---------------------------------------------------------------------------------- */

/* Of a row: what of its greatest number's mantissa is shifted out, and what is left is worth. */
struct unit {
    uint32_t exponent;
    int32_t shift;
    float base; /* 0: the row is none, or zero */
};

static struct unit
unit_of(uint32_t greatest)
{
    struct unit unit = {greatest >> LANES_MANTISSA, WEIGHT_SHIFT, 0};
    if (greatest >= ROWS16_WEIGHT_MOST)
        unit.base = __builtin_nanf("");
    if (greatest >= ROWS16_WEIGHT_MOST || greatest < LEAST)
        return unit;
    uint32_t mantissa = (greatest & 0x7fffff) | 0x800000;
    unit.shift += ((mantissa >> (WEIGHT_SHIFT - 1)) + 1) >> 1 > WEIGHT_MOST;
    uint32_t bits = (unit.exponent - LANES_MANTISSA + (uint32_t)unit.shift) << LANES_MANTISSA;
    memcpy(&unit.base, &bits, sizeof bits);
    return unit;
}

/* Some columns of a row as floats; how many. */
static uint32_t
load(enum engine_format format, const uint8_t *row, uint32_t first, uint32_t columns, float *out)
{
    uint32_t count = columns - first < BLOCKS_COLUMNS ? columns - first : BLOCKS_COLUMNS;
    const uint8_t *at = row + engine_row_bytes(format, first);
    if (format == ENGINE_F32)
        memcpy(out, at, count * sizeof *out);
    else
        blocks_expand(format, at, count, out);
    return count;
}

static uint32_t
greatest_of(enum engine_format format, const uint8_t *row, uint32_t columns)
{
    uint32_t greatest = 0;
    for (uint32_t first = 0; first < columns; first += BLOCKS_COLUMNS) {
        float values[BLOCKS_COLUMNS];
        uint32_t most = quantise_greatest(values, load(format, row, first, columns, values));
        greatest = most > greatest ? most : greatest;
    }
    return greatest;
}

static void
pack_group(const float *values, const struct unit *unit, uint32_t row, struct rows16_group *high,
           struct rows16_group *low)
{
    int32_t highs[ROWS16_GROUP], lows[ROWS16_GROUP];
    for (uint32_t i = 0; i < ROWS16_GROUP; i += LANES) {
        ints fixed = lanes_fixed(lanes_load(values + i), unit->exponent);
        ints weights = (fixed + (1 << (unit->shift - 1))) >> unit->shift;
        ints above = (weights + (1 << (Q15_LOW_BITS - 1))) >> Q15_LOW_BITS;
        lanes_store(highs + i, above);
        lanes_store(lows + i, weights - (above << Q15_LOW_BITS));
    }
    for (uint32_t i = 0; i < ROWS16_GROUP; i += 2) {
        high->pairs[i / 2][row] = rows16_pair((int8_t)highs[i], (int8_t)highs[i + 1]);
        low->pairs[i / 2][row] = rows16_pair((int8_t)lows[i], (int8_t)lows[i + 1]);
    }
    high->scales[row] = low->scales[row] = 1;
}

static void
pack_row(enum engine_format format, const uint8_t *from, uint32_t columns, uint32_t row, void *to)
{
    uint32_t groups = columns / ROWS16_GROUP;
    struct rows16_group *high = to, *low = high + groups;
    struct unit unit = unit_of(greatest_of(format, from, columns));
    memcpy((float *)(void *)(low + groups) + row, &unit.base, sizeof unit.base);
    for (uint32_t first = 0; unit.base > 0 && first < columns; first += BLOCKS_COLUMNS) {
        float values[BLOCKS_COLUMNS];
        uint32_t count = load(format, from, first, columns, values);
        for (uint32_t i = 0; i < count; i += ROWS16_GROUP, high++, low++)
            pack_group(values + i, &unit, row, high, low);
    }
}

static void
pack(enum engine_format format, const struct engine_rows *rows, uint32_t row_count,
     uint32_t columns, void *to)
{
    uint64_t row_bytes = engine_row_bytes(format, columns);
    memset(to, 0, block_bytes(row_count, columns));
    for (uint32_t r = 0; r < row_count; r++)
        pack_row(format, (const uint8_t *)rows->values + r * row_bytes, columns, r % ROWS16_ROWS,
                 (uint8_t *)to + r / ROWS16_ROWS * pair_bytes(columns));
}

/* A packer does not get the format. */
#define PACKER(name, format)                                                                      \
    static void pack_##name(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, \
                            void *to)                                                             \
    {                                                                                             \
        pack(format, rows, row_count, columns, to);                                               \
    }
#define LAYOUT(id, of_format) \
    {.name = "rows16-q15", .format = (of_format), .block_bytes = block_bytes, .pack = pack_##id}

PACKER(f32, ENGINE_F32)
PACKER(f16, ENGINE_F16)
PACKER(bf16, ENGINE_BF16)

const struct engine_layout q15_layouts[Q15_FORMATS] = {
    LAYOUT(f32, ENGINE_F32), LAYOUT(f16, ENGINE_F16), LAYOUT(bf16, ENGINE_BF16)};

/* --- Products --------------------------------------------------------------------------------- */

static void
multiply_strip(const uint8_t *strip, uint32_t row_count, const struct engine_vectors *vectors,
               uint32_t v, q15_sums *sums, float *out)
{
    uint32_t columns = vectors->columns, groups = columns / ROWS16_GROUP;
    const float *bases = (const void *)(strip + 2 * part_bytes(columns));
    float results[2][ROWS16_ROWS];
    int32_t of_rows[2][ROWS16_ROWS];
    sums(strip, vectors->integers + (size_t)v * columns, vectors->fine + (size_t)v * columns,
         vectors->integer_scales + (size_t)v * groups, 2 * (uint64_t)groups, of_rows[0],
         part_bytes(columns), 2);
    for (uint32_t part = 0; part < 2; part++)
        rows16_results(bases, of_rows[part], ROWS16_ROWS, vectors->bases[v],
                       ROWS16_ATTENTION_SHIFT + (part == 0 ? Q15_LOW_BITS : 0), results[part]);
    for (uint32_t r = 0; r < row_count; r++)
        out[r] = results[0][r] + results[1][r];
}

void
q15_multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
             const struct engine_vectors *vectors, float *const *out, q15_sums *sums)
{
    const uint8_t *strip = rows->values;
    for (uint32_t r = 0; r < row_count; r += ROWS16_ROWS, strip += pair_bytes(vectors->columns)) {
        uint32_t left = row_count - r < ROWS16_ROWS ? row_count - r : ROWS16_ROWS;
        for (uint32_t v = 0; v < vectors->count; v++)
            multiply_strip(strip, left, vectors, v, sums, out[v] + first_row + r);
    }
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    q15_multiply(rows, first_row, row_count, vectors, out, rows16_q8_sums);
}

static int32_t
half_of_pair(int16_t pair, uint32_t column)
{
    return column % 2 ? rows16_second(pair) : rows16_first(pair);
}

void
q15_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
           float *out)
{
    uint32_t groups = columns / ROWS16_GROUP, lane = row % ROWS16_ROWS;
    const struct rows16_group *high =
        (const void *)((const uint8_t *)rows->values + row / ROWS16_ROWS * pair_bytes(columns));
    const struct rows16_group *low = high + groups;
    const float *bases = (const void *)(low + groups);
    (void)group;
    for (uint32_t i = 0; i < columns; i++) {
        uint32_t g = i / ROWS16_GROUP, pair = i % ROWS16_GROUP / 2;
        int32_t weight = half_of_pair(high[g].pairs[pair][lane], i) * (1 << Q15_LOW_BITS) +
                         half_of_pair(low[g].pairs[pair][lane], i);
        out[i] = (float)weight * bases[lane];
    }
}

const struct engine_kernel q15_scalar[Q15_FORMATS] = {Q15_KERNELS("scalar-int15", 0, 1, multiply)};
