/*
 * The layouts rows8-dot-q8 and rows8-dot-q4, for instructions that sum products of bytes up
 * themselves (SDOT, SMMLA): strips of 8 rows. For each group of 32 columns a strip has four times
 * eight columns, of these two rows at a time in 16 bytes: one row's eight and the next one's.
 * Behind the quants stands the group's scale of each row, a float.
 *
 * With 4 bits two such sixteens share their bytes: columns 0 to 7 low, 8 to 15 high, and the other
 * half of the group in the same way. Kernels take these quants times 16, as they are when the other
 * half of a byte is gone, so that the scales there are a 16th of the file's.
 *
 * Vectors are quantised as for the reference (ENGINE_QUANTS), and so is the result defined: of each
 * group the sum of the products, exactly; as a float, times the row's scale, times the vector's;
 * these added up in the order of the groups, each rounded. Every kernel gives the reference's
 * results, bit for bit. Tensors in groups of several times 32 have the same scale as often.
 */
#ifndef ENGINE_ROWS8_H
#define ENGINE_ROWS8_H

#include "kernel_of.h"

#define ROWS8_ROWS    8
#define ROWS8_COLUMNS 32
#define ROWS8_EIGHTS  (ROWS8_COLUMNS / 8)
#define ROWS8_PAIRS   (ROWS8_ROWS / 2)
#define ROWS8_Q4_UNIT 16

struct rows8_q8_group {
    int8_t quants[ROWS8_EIGHTS][ROWS8_PAIRS][16];
    float scales[ROWS8_ROWS];
};

struct rows8_q4_group {
    uint8_t quants[ROWS8_EIGHTS / 2][ROWS8_PAIRS][16];
    float scales[ROWS8_ROWS];
};

/* Of the formats ENGINE_Q8_SPLIT, ENGINE_Q8_0 and ENGINE_Q4_0, in this order. */
#define ROWS8_FORMATS 3
#define ROWS8_Q4      2
extern const struct engine_layout rows8_layouts[ROWS8_FORMATS];
extern const struct engine_kernel rows8_scalar[ROWS8_FORMATS];

#define ROWS8_KERNEL(name, index, needs, ...)                                          \
    KERNEL_OF(rows8_layouts[index], ENGINE_QUANTS,                                     \
              (index) == ROWS8_Q4 ? rows8_q4_expand : rows8_q8_expand, name, needs, 0, \
              __VA_ARGS__)
#define ROWS8_KERNELS(name, needs, in_lanes, at_once, multiply_q8, multiply_q4, sum_strip) \
    ROWS8_KERNEL(name "-q8", 0, needs, in_lanes, at_once, multiply_q8, sum_strip),         \
        ROWS8_KERNEL(name "-q8_0", 1, needs, in_lanes, at_once, multiply_q8, sum_strip),   \
        ROWS8_KERNEL(name "-q4_0", ROWS8_Q4, needs, in_lanes, at_once, multiply_q4, sum_strip)

void rows8_q8_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                     float *out);
void rows8_q4_expand(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                     float *out);

#endif
