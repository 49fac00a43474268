/*
 * The layout rows16-q15, for weights that are floats: of a row's unit, a power of two, a weight is
 * -16319 to 16319, and stands in two strips of the layout rows16-q8 whose scales are all one. The
 * first has it less 7 bits, rounded, the second what that leaves; behind both are the units of the
 * 16 rows.
 *
 * A weight is off by at most 1/16000 of its row's greatest. Vectors have 15 bits, too
 * (ENGINE_FINE), and the result is defined in integers, as engine_kernel.sums says: as a float that
 * of the first strip, times 128, plus that of the second.
 */
#ifndef ENGINE_ROWS16_Q15_H
#define ENGINE_ROWS16_Q15_H

#include "rows16.h"

#define Q15_LOW_BITS 7

/* Of the formats ENGINE_F32, ENGINE_F16 and ENGINE_BF16, in this order. */
#define Q15_FORMATS 3
extern const struct engine_layout q15_layouts[Q15_FORMATS];
extern const struct engine_kernel q15_scalar[Q15_FORMATS];

/* What sums strips up: engine_kernel.sums. */
typedef void q15_sums(const void *strips, const int16_t *integers, const int16_t *fine,
                      const int32_t *scales, uint64_t halves, int32_t *out, uint64_t strip_bytes,
                      uint64_t strip_count);

/* The kernel that does it so. */
void q15_multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, float *const *out, q15_sums *sums);

/* None is for attention: who gives weights in floats gets keys and values in floats. */
#define Q15_KERNEL(name, index, needs, in_lanes, multiply_rows)                         \
    KERNEL_OF(q15_layouts[index], ENGINE_FINE, q15_expand, name, needs, 0, in_lanes, 1, \
              multiply_rows, NULL)
#define Q15_KERNELS(name, ...)                                                        \
    Q15_KERNEL(name "-f32", 0, __VA_ARGS__), Q15_KERNEL(name "-f16", 1, __VA_ARGS__), \
        Q15_KERNEL(name "-bf16", 2, __VA_ARGS__)

void q15_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                float *out);

#endif
