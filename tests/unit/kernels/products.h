/* Rows of a block into a layout, and a kernel's products with them. Functions end the test when
 * what they need fails. */
#ifndef TESTS_KERNELS_PRODUCTS_H
#define TESTS_KERNELS_PRODUCTS_H

#include "engine/kernel.h"

/* Into `room` bytes at `to`, of which none that is not written keeps its value. */
void products_pack(const struct engine_layout *layout, const struct engine_rows *from,
                   uint32_t rows, uint32_t columns, uint8_t *to, size_t room);

/* Results of `most` vectors, each `stride` floats behind the one before; those of rows go from
 * `first` on, and what is not written gets other values. */
struct products {
    float *results;
    uint32_t most, stride, first;
};

void products_make(const struct engine_kernel *kernel, const uint8_t *packed, uint32_t rows,
                   const struct engine_vectors *vectors, const struct products *products);

#endif
