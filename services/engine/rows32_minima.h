/*
 * The layout rows32-q4-minima, for quants of 4 bits that something is added to: a strip of the
 * layout rows32-q4, and behind its bases, for each group, what is added to a weight of each row, in
 * its base: with the 8 that quants are less there, 16 bits.
 *
 * A weight is off by at most 1/3000 of its row's greatest. The result is that of the strip, a
 * float, plus this one, which is defined in integers, shifts rounding to the nearest, halves up: of
 * a group the quants' sum times the vector's scale >> 9, times what is added >> 10; of all their
 * sum, in 2^-ROWS32_UNIT_BITS. Nothing leaves 32 bits.
 */
#ifndef ENGINE_ROWS32_MINIMA_H
#define ENGINE_ROWS32_MINIMA_H

#include "rows32.h"

/* Of the formats ENGINE_Q4_1 and ENGINE_Q4_K, in this order. */
#define MINIMA_FORMATS 2
extern const struct engine_layout minima_layouts[MINIMA_FORMATS];
extern const struct engine_kernel minima_scalar[MINIMA_FORMATS];

#define MINIMA_KERNEL(kernel_name, index, needs, in_lanes, at_once, multiply_rows, sum_strip) \
    ROWS32_KERNEL_OF(minima_layouts[index], minima_expand, kernel_name, needs, 0, in_lanes,   \
                     at_once, multiply_rows, sum_strip)
#define MINIMA_KERNELS(name, ...) \
    MINIMA_KERNEL(name "-q4_1", 0, __VA_ARGS__), MINIMA_KERNEL(name "-q4_k", 1, __VA_ARGS__)

/* Adds what is added to the products of the strip, which are in `out`. */
void minima_add(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out);

void minima_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                   float *out);

#endif
