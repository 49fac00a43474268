/*
 * The layout rows16-q8: strips of 16 rows, so that a 16-bit lane is a row. For each group of 32
 * columns a strip has 16 pairs of columns, each with a 16-bit word for every row: the first
 * column's quant plus 256 times the second's. Then a 12-bit scale for every row; behind all groups
 * a float for every row, a power of two: what a scale of 1 stands for.
 *
 * Quants are -127 to 127, those of rows as those of vectors. The result of a row and a vector is
 * defined in integers, all shifts rounding down:
 *
 *   of a pair    p    = w0 * x0 + w1 * x1                                 (16 bits)
 *   of a group   dot  = ROWS16_HALF + sum of (p >> 4)                     (16 bits)
 *   of all       sum of ((dot * row scale) >> 12) * vector scale) >> 7    (32 bits)
 *
 * ROWS16_HALF is what shifting 16 pairs down loses in the mean. What is lost besides is a
 * thousandth of what a dot usually is, and a fifth of what quantising has lost before. No product
 * leaves 32 bits, nor does the sum of ENGINE_DIM_MAX columns.
 */
#ifndef ENGINE_ROWS16_H
#define ENGINE_ROWS16_H

#include "kernel_of.h"
#include "lanes.h"

#define ROWS16_ROWS            16
#define ROWS16_GROUP           ENGINE_INTEGER_GROUP
#define ROWS16_GROUP_BYTES     (ROWS16_ROWS * ROWS16_GROUP + ROWS16_ROWS * 2)
#define ROWS16_PAIR_SHIFT      4
#define ROWS16_HALF            8
#define ROWS16_ROW_SHIFT       12
#define ROWS16_SUM_SHIFT       7
#define ROWS16_UNIT_BITS       (ROWS16_PAIR_SHIFT + ROWS16_ROW_SHIFT + ROWS16_SUM_SHIFT)
#define ROWS16_ATTENTION_SHIFT 11

/* What a strip has for one group. */
struct rows16_group {
    int16_t pairs[ROWS16_GROUP / 2][ROWS16_ROWS];
    uint16_t scales[ROWS16_ROWS];
};
_Static_assert(sizeof(struct rows16_group) == ROWS16_GROUP_BYTES, "a group has no padding");

/* A pair's word, and its halves. */
static inline int16_t
rows16_pair(int8_t first, int8_t second)
{
    return (int16_t)(first + 256 * second);
}

static inline int8_t
rows16_first(int16_t pair)
{
    return (int8_t)(uint8_t)pair;
}

static inline int8_t
rows16_second(int16_t pair)
{
    return (int8_t)((pair - rows16_first(pair)) / 256);
}

/* As quants are kept: -128, which no quantiser makes, is taken for -127. */
static inline int8_t
rows16_quant(int8_t quant)
{
    return quant == -128 ? -127 : quant;
}

/*
 * Of the formats ENGINE_Q8_SPLIT and ENGINE_Q8_0, then those that are rounded to 8 bits: a weight
 * is off by at most 1/200 of the sum of its group's greatest and of 1/2047 of its row's greatest.
 */
#define ROWS16_FORMATS 5
extern const struct engine_layout rows16_layouts[ROWS16_FORMATS];
extern const struct engine_kernel rows16_scalar[ROWS16_FORMATS];

/* A kernel for each of the formats. */
#define ROWS16_KERNEL(name, index, ...) \
    KERNEL_OF(rows16_layouts[index], ENGINE_INTEGERS, rows16_q8_expand, name, __VA_ARGS__)
#define ROWS16_KERNELS(name, ...)                                                                 \
    ROWS16_KERNEL(name "-q8", 0, __VA_ARGS__), ROWS16_KERNEL(name "-q8_0", 1, __VA_ARGS__),       \
        ROWS16_KERNEL(name "-q5_0", 2, __VA_ARGS__), ROWS16_KERNEL(name "-q5_k", 3, __VA_ARGS__), \
        ROWS16_KERNEL(name "-q6_k", 4, __VA_ARGS__)

static inline size_t
rows16_strip_bytes(uint32_t columns)
{
    return (size_t)columns / ROWS16_GROUP * ROWS16_GROUP_BYTES + ROWS16_ROWS * sizeof(float);
}

#define ROWS16_NAN         0x7fc00000
#define ROWS16_WEIGHT_MOST 0x53800000 /* bits of 2^40: results of smaller weights stay floats */

/*
 * Sixteen results: sums times powers of two. These are added to exponents, since floats cost much
 * where they are emulated.
 */
static inline ints
rows16_scale(ints sums, ints bases, int32_t factor)
{
    ints bits = (ints)lanes_to_floats(sums) + bases + factor;
    return (bits & (sums != 0)) | ((bases >= ROWS16_NAN) & ROWS16_NAN);
}

/* The factor of rows16_scale for a vector's base and sums in parts of 2^unit_bits. */
static inline int32_t
rows16_factor(float vector_base, int32_t unit_bits)
{
    int32_t base;
    memcpy(&base, &vector_base, sizeof base);
    return base + (unit_bits - 2 * LANES_BIAS) * (1 << LANES_MANTISSA);
}

/*
 * Floats from the sums of `row_count` rows (at most 16) in parts of 2^unit_bits: the bases of the
 * rows, of which there are 16, and of the vector.
 */
static inline void
rows16_results(const float *row_bases, const int32_t *of_rows, uint32_t row_count,
               float vector_base, int32_t unit_bits, float *out)
{
    ints results = rows16_scale(lanes_load(of_rows), lanes_load(row_bases),
                                rows16_factor(vector_base, unit_bits));
    if (!(vector_base >= 0))
        results |= ROWS16_NAN;
    if (row_count == ROWS16_ROWS)
        lanes_store(out, results);
    else
        memcpy(out, &results, row_count * sizeof *out);
}

/* Floats from the sums of `row_count` rows of a strip: the base of the row and of the vector. */
static inline void
rows16_finish(const void *strip, uint32_t columns, const int32_t *of_rows, uint32_t row_count,
              float vector_base, float *out)
{
    const void *bases = (const struct rows16_group *)strip + columns / ROWS16_GROUP;
    rows16_results(bases, of_rows, row_count, vector_base, ROWS16_UNIT_BITS, out);
}

/*
 * What a scale of 1 stands for, for a row of a file: a power of two, or 0. A scale that is no
 * number, or is too large, makes the row none.
 */
float rows16_base(enum engine_format format, const struct engine_rows *rows, uint32_t row,
                  uint32_t columns);

/* The same for a row whose greatest scale is `most`. */
float rows16_base_of(float most);

/* Rows of a format that has blocks, through floats: as struct engine_layout says of `pack`. */
void rows16_pack_blocks(enum engine_format format, const struct engine_rows *rows,
                        uint32_t row_count, uint32_t columns, void *to);

/* Attention in C, as engine_kernel.sums says. */
void rows16_q8_sums(const void *strips, const int16_t *quants, const int16_t *fine,
                    const int32_t *scales, uint64_t halves, int32_t *out, uint64_t strip_bytes,
                    uint64_t strip_count);

void rows16_q8_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                      uint32_t group, float *out);

#endif
