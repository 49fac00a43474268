/*
 * Kernels: how a block of rows is multiplied with vectors.
 */
#ifndef ENGINE_KERNEL_H
#define ENGINE_KERNEL_H

#include "engine/weights.h"

/* Vectors that rows are multiplied with: `count` of `columns` numbers each, one behind the other.
 */
struct engine_vectors {
    uint32_t count, columns;
    uint32_t group;       /* columns that share a scale */
    const float *values;  /* for kernels that take floats */
    const int8_t *quants; /* for those that take integers: [count][columns] */
    const float *scales;  /* of the quants: [count][columns / group] */
};

struct engine_kernel {
    const char *name;
    enum engine_format format; /* of the tensors that it is for */
    bool quantised;            /* it reads quants and scales of the vectors; else values */
    /*
     * out[v][first_row + r] = row r of `rows` times vector v, for `row_count` rows (at most
     * ENGINE_BLOCK_ROWS) and all vectors. Vectors and rows are of the same group.
     */
    void (*multiply)(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                     const struct engine_vectors *vectors, float *const *out);
    /* Row `row` of the block as floats: the embedding of a word. */
    void (*expand)(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
                   float *out);
};

/* The scalar kernel for a format: what all others are compared with. */
const struct engine_kernel *engine_kernel_reference(enum engine_format format);

/*
 * Quantises `columns` numbers in groups: scale = max |x| / 127, quant = round(x / scale), half away
 * from zero (as llama2.c does).
 */
void engine_quantise(const float *values, uint32_t columns, uint32_t group, int8_t *quants,
                     float *scales);

#endif
