#include "rows32_minima.h"

#include "blocks.h"

#include <string.h>

#define ADDED_MOST   32000 /* so that rounding stays in 16 bits */
#define FACTOR_SHIFT 9
#define ADDED_SHIFT  (ROWS32_UNIT_BITS - FACTOR_SHIFT)
#define BYTES        (ROWS32_GROUP / 2)

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static size_t
block_bytes(uint32_t row_count, uint32_t columns)
{
    return rows32_layout.block_bytes(row_count, columns) +
           (size_t)columns / ROWS32_GROUP * ROWS32_ROWS * sizeof(int16_t);
}

static size_t
added_at(uint32_t columns)
{
    return rows32_layout.block_bytes(ROWS32_ROWS, columns);
}

/* --- Packing ---------------------------------------------------------------------------------- */

static float
size_of(float x)
{
    return x < 0 ? -x : x;
}

static float
greater(float a, float b)
{
    return a > b ? a : b;
}

/* As rows16_base has it: of the greatest scale, and of the greatest weight, for which there are 16
 * bits; what is no number makes the row none. */
static float
base_of(enum engine_format format, const uint8_t *row, uint32_t groups)
{
    float most = 0;
    for (uint32_t g = 0; g < groups; g++) {
        float scale, offset;
        blocks_scale(format, row, g, &scale, &offset);
        float weight = greater(size_of(offset), size_of(15 * scale + offset));
        if (!(size_of(scale) < __builtin_inff() && weight < __builtin_inff()))
            return __builtin_nanf("");
        most = greater(most, greater(size_of(scale), weight * ENGINE_SCALE_MAX / ADDED_MOST));
    }
    return rows16_base_of(most);
}

static int16_t
nearest(float x)
{
    return (int16_t)(x < 0 ? x - 0.5f : x + 0.5f);
}

static void
pack_scales(enum engine_format format, const uint8_t *row, uint32_t columns, uint32_t r,
            uint8_t *strip)
{
    uint32_t count = columns / ROWS32_GROUP;
    struct rows32_group *groups = (void *)strip;
    int16_t *added = (void *)(strip + added_at(columns));
    float base = base_of(format, row, count);
    memcpy((float *)(void *)&groups[count] + r, &base, sizeof base);
    for (uint32_t g = 0; base > 0 && g < count; g++) {
        float scale, offset;
        blocks_scale(format, row, g, &scale, &offset);
        groups[g].scales[r] = nearest(scale / base);
        added[g * ROWS32_ROWS + r] = nearest((offset + ROWS32_BIAS * scale) / base);
    }
}

/* A group's quants, column i low and i + 16 high. Of ENGINE_Q4_K two groups share 32 bytes. */
static bytes16
load_quants(enum engine_format format, const uint8_t *row, uint32_t group)
{
    bytes16 a, b;
    if (format == ENGINE_Q4_1) {
        memcpy(&a, row + engine_row_bytes(format, group * ROWS32_GROUP) + 4, sizeof a);
        return a;
    }
    const uint8_t *at = row + group / 8 * engine_row_bytes(format, 256) + 16 + group % 8 / 2 * 32;
    memcpy(&a, at, sizeof a);
    memcpy(&b, at + BYTES, sizeof b);
    return group % 2 == 0 ? (a & 15) | (b << 4) : (a >> 4) | (b & 240);
}

/* Rows that are not there are zeros, and so is all that belongs to them. */
static void
pack(enum engine_format format, const struct engine_rows *rows, uint32_t row_count,
     uint32_t columns, void *to)
{
    uint64_t row_bytes = engine_row_bytes(format, columns);
    struct rows32_group *groups = to;
    memset(to, 0, block_bytes(row_count, columns));
    for (uint32_t g = 0; g < columns / ROWS32_GROUP; g++) {
        uint8_t quants[ROWS32_ROWS][BYTES] = {{0}};
        const uint8_t *at[ROWS32_ROWS];
        for (uint32_t r = 0; r < ROWS32_ROWS; r++) {
            at[r] = quants[r];
            if (r >= row_count)
                continue;
            bytes16 bytes = load_quants(format, (const uint8_t *)rows->values + r * row_bytes, g);
            memcpy(quants[r], &bytes, sizeof bytes);
        }
        rows32_pack_quants(at, groups[g].quants);
    }
    for (uint32_t r = 0; r < row_count; r++)
        pack_scales(format, (const uint8_t *)rows->values + r * row_bytes, columns, r, to);
}

static void
pack_q4_1(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack(ENGINE_Q4_1, rows, row_count, columns, to);
}

static void
pack_q4_k(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    pack(ENGINE_Q4_K, rows, row_count, columns, to);
}

#define LAYOUT(of_format, packer) \
    {.name = "rows32-q4-minima",  \
     .format = (of_format),       \
     .group = ROWS32_GROUP,       \
     .block_bytes = block_bytes,  \
     .pack = (packer)}

const struct engine_layout minima_layouts[MINIMA_FORMATS] = {LAYOUT(ENGINE_Q4_1, pack_q4_1),
                                                             LAYOUT(ENGINE_Q4_K, pack_q4_k)};

/* --- Products --------------------------------------------------------------------------------- */

/* What a group's additions are multiplied with; what sums begin with is -8 times the quants' sum.
 */
static int32_t
factor_of(const struct engine_single_group *group, int32_t scale)
{
    int32_t sum = -(group->begin[3] / ROWS32_BIAS);
    return (sum * scale + (1 << (FACTOR_SHIFT - 1))) >> FACTOR_SHIFT;
}

/* Of the even and the odd rows, which share a lane in memory. */
static void
sum_added(const int16_t *added, const struct engine_vectors *vectors, uint32_t v,
          int32_t sums[ROWS32_ROWS])
{
    const struct engine_single_group *vector = rows32_vector(vectors, v);
    const int32_t *scales = rows32_scales(vectors, v), half = 1 << (ADDED_SHIFT - 1);
    ints even = {0}, odd = {0};
    for (uint32_t g = 0; g < vectors->columns / ROWS32_GROUP; g++) {
        ints both = lanes_load(added + (size_t)g * ROWS32_ROWS);
        ints factor = lanes_all(lanes_plain(factor_of(&vector[g], scales[g])));
        even += (((ints)((uints)both << 16) >> 16) * factor + half) >> ADDED_SHIFT;
        odd += ((both >> 16) * factor + half) >> ADDED_SHIFT;
    }
    lanes_store(sums, __builtin_shufflevector(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                              6, 22, 7, 23));
    lanes_store(sums + LANES, __builtin_shufflevector(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                      28, 13, 29, 14, 30, 15, 31));
}

void
minima_add(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
           const struct engine_vectors *vectors, float *const *out)
{
    const uint8_t *strip = rows->values;
    for (uint32_t v = 0; v < vectors->count; v++) {
        int32_t sums[ROWS32_ROWS];
        float results[ROWS32_ROWS], *to = out[v] + first_row;
        sum_added((const void *)(strip + added_at(vectors->columns)), vectors, v, sums);
        rows32_finish(strip, vectors, v, sums, ROWS32_ROWS, results);
        for (uint32_t r = 0; r < row_count; r++)
            to[r] += results[r];
    }
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    rows32_scalar.multiply(rows, first_row, row_count, vectors, out);
    minima_add(rows, first_row, row_count, vectors, out);
}

void
minima_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
              float *out)
{
    const uint8_t *strip = rows->values;
    const struct rows32_group *groups = rows->values;
    const float *bases = (const void *)(groups + columns / ROWS32_GROUP);
    const int16_t *added = (const void *)(strip + added_at(columns));
    rows32_q4_expand(rows, row, columns, group, out);
    for (uint32_t i = 0; i < columns; i++)
        out[i] += (float)added[i / ROWS32_GROUP * ROWS32_ROWS + row] * bases[row];
}

const struct engine_kernel minima_scalar[MINIMA_FORMATS] = {
    MINIMA_KERNELS("scalar-int4", 0, 1, 1, multiply, rows16_q8_sums)};
