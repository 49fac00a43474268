/*
 * The layout rows16-q8: strips of 16 rows, so that a 16-bit lane is a row. For each group of 32
 * columns a strip has 16 pairs of columns, each with two int8 of every row, then a 12-bit scale for
 * every row; behind all groups a float for every row, what a scale of 1 stands for.
 *
 * The result of a row and a vector is defined in integers:
 *
 *   sum over groups of ((dot * row scale) >> 12) * vector scale) >> 11
 *
 * with shifts that round down. `dot` is at most 32 * 128 * 127, so that no product leaves 32 bits,
 * nor does the sum of ENGINE_DIM_MAX columns.
 */
#ifndef ENGINE_ROWS16_H
#define ENGINE_ROWS16_H

#include "engine/kernel.h"

#define ROWS16_ROWS        16
#define ROWS16_GROUP       ENGINE_INTEGER_GROUP
#define ROWS16_GROUP_BYTES (ROWS16_ROWS * ROWS16_GROUP + ROWS16_ROWS * 2)
#define ROWS16_ROW_SHIFT   12
#define ROWS16_SUM_SHIFT   11
#define ROWS16_UNIT        ((float)(1 << (ROWS16_ROW_SHIFT + ROWS16_SUM_SHIFT)))

/* Of the formats ENGINE_Q8_SPLIT, ENGINE_Q8_0 and ENGINE_Q4_0, in this order. */
#define ROWS16_FORMATS 3
extern const struct engine_layout rows16_layouts[ROWS16_FORMATS];
extern const struct engine_kernel rows16_scalar[ROWS16_FORMATS];

/* A kernel for each of the formats. */
#define ROWS16_KERNEL(kernel_name, index, needs, length, multiply_rows, sum_strip) \
    {.name = (kernel_name),                                                        \
     .layout = &rows16_layouts[index],                                             \
     .form = ENGINE_INTEGERS,                                                      \
     .features = (needs),                                                          \
     .vector_bytes = (length),                                                     \
     .multiply = (multiply_rows),                                                  \
     .sums = (sum_strip),                                                          \
     .expand = rows16_q8_expand}
#define ROWS16_KERNELS(name, needs, length, multiply_rows, sum_strip)            \
    ROWS16_KERNEL(name "-q8", 0, needs, length, multiply_rows, sum_strip),       \
        ROWS16_KERNEL(name "-q8_0", 1, needs, length, multiply_rows, sum_strip), \
        ROWS16_KERNEL(name "-q4_0", 2, needs, length, multiply_rows, sum_strip)

static inline size_t
rows16_strip_bytes(uint32_t columns)
{
    return (size_t)columns / ROWS16_GROUP * ROWS16_GROUP_BYTES + ROWS16_ROWS * sizeof(float);
}

/* Floats from the sums of `row_count` rows of a strip: the base of the row and of the vector. */
void rows16_finish(const void *strip, uint32_t columns, const int32_t *sums, uint32_t row_count,
                   float vector_base, float *out);

void rows16_q8_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns,
                      uint32_t group, float *out);

#endif
