/*
 * The layout rows32-q4: strips of 32 rows in 4 bits, half the bytes of rows16-q8. For each column
 * a strip has 8 words of 16 bits, so that a lane is four rows: lane l has row 8 k + l in its bits
 * 4 k to 4 k + 3, a quant plus 8. Behind each group of 32 columns stand the 12-bit scales of the
 * rows, with a sign; behind all groups a float for every row, a power of two: what a scale of 1
 * stands for.
 *
 * Quants are -8 to 7, those of vectors -127 to 127: a group's sum of products has 16 bits, and
 * whatever is added to it on the way may overflow. So a kernel multiplies a word as a whole, then
 * less 4 bits, 8 and 12: the sum of the first has 16 times that of the second in it, and no row has
 * to be unpacked. What the 8 of the quants adds is in the vector's form (ENGINE_SINGLES). The
 * result of a row and a vector is defined in integers, shifts rounding to the nearest, halves up:
 *
 *   of a group   dot  = sum of w * x                                              (16 bits)
 *   of all       sum of ((dot * row scale) >> 12) * vector scale) >> 7            (32 bits)
 *
 * Nothing is lost of a dot. No product leaves 32 bits, nor does the sum of ENGINE_DIM_MAX columns.
 *
 * The layout rows32-q4-pairs is the same for registers of 256 bits: of a group's 36 vectors of 8
 * words (32 columns, then the scales of 32 rows) each two stand word by word in turn, so that two
 * numbers of the vector, one beside the other, are broadcast together.
 */
#ifndef ENGINE_ROWS32_H
#define ENGINE_ROWS32_H

#include "rows16.h"

#define ROWS32_ROWS      32
#define ROWS32_LANES     8
#define ROWS32_GROUP     ENGINE_INTEGER_GROUP
#define ROWS32_BIAS      8
#define ROWS32_ROW_SHIFT 12
#define ROWS32_SUM_SHIFT 7
#define ROWS32_UNIT_BITS (ROWS32_ROW_SHIFT + ROWS32_SUM_SHIFT)

/* What a strip has for one group. */
struct rows32_group {
    uint16_t quants[ROWS32_GROUP][ROWS32_LANES];
    int16_t scales[ROWS32_ROWS];
};
_Static_assert(sizeof(struct rows32_group) == 576, "a group has no padding");
_Static_assert(ENGINE_BLOCK_ROWS == ROWS32_ROWS, "a block is a strip");

extern const struct engine_layout rows32_layout, rows32_pairs_layout;
extern const struct engine_kernel rows32_scalar, rows32_pairs_scalar;

/* The kernel of a machine: it computes the sums of a strip's rows, in 2^-ROWS32_UNIT_BITS. */
#define ROWS32_KERNEL_OF(layout, expand, ...) KERNEL_OF(layout, ENGINE_SINGLES, expand, __VA_ARGS__)
#define ROWS32_KERNEL(...)                    ROWS32_KERNEL_OF(rows32_layout, rows32_q4_expand, __VA_ARGS__)
#define ROWS32_PAIRS_KERNEL(...) \
    ROWS32_KERNEL_OF(rows32_pairs_layout, rows32_q4_pairs_expand, __VA_ARGS__)

static inline const struct engine_single_group *
rows32_vector(const struct engine_vectors *vectors, uint32_t v)
{
    return vectors->singles + (size_t)v * (vectors->columns / ROWS32_GROUP);
}

static inline const int32_t *
rows32_scales(const struct engine_vectors *vectors, uint32_t v)
{
    return vectors->integer_scales + (size_t)v * (vectors->columns / ROWS32_GROUP);
}

/* Floats from the sums of `row_count` rows of a strip. */
static inline void
rows32_finish(const void *strip, const struct engine_vectors *vectors, uint32_t v,
              const int32_t *sums, uint32_t row_count, float *out)
{
    const float *bases =
        (const void *)((const struct rows32_group *)strip + vectors->columns / ROWS32_GROUP);
    for (uint32_t r = 0; r < row_count; r += ROWS16_ROWS) {
        uint32_t left = row_count - r < ROWS16_ROWS ? row_count - r : ROWS16_ROWS;
        rows16_results(bases + r, sums + r, left, vectors->bases[v], ROWS32_UNIT_BITS, out + r);
    }
}

/* Of 32 rows a group's bytes, which have column i in their low halves, i + 16 in their high ones.
 */
void rows32_pack_quants(const uint8_t *const *rows, uint16_t (*quants)[ROWS32_LANES]);

/* As struct engine_layout says of `pack`. */
void rows32_q4_pack(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to);
void rows32_q4_pairs_pack(const struct engine_rows *rows, uint32_t row_count, uint32_t columns,
                          void *to);

void rows32_q4_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                      uint32_t group, float *out);
void rows32_q4_pairs_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                            uint32_t group, float *out);

#endif
