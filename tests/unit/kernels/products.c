#include "products.h"

#include <string.h>

#include "tap.h"

#define VECTORS_MAX 32

void
products_pack(const struct engine_layout *layout, const struct engine_rows *from, uint32_t rows,
              uint32_t columns, uint8_t *to, size_t room)
{
    CHECK(layout->block_bytes(rows, columns) <= room);
    memset(to, 0x77, room);
    layout->pack(from, rows, columns, to);
}

void
products_make(const struct engine_kernel *kernel, const uint8_t *packed, uint32_t rows,
              const struct engine_vectors *vectors, const struct products *products)
{
    const struct engine_rows packed_rows = {.values = packed};
    float *pointers[VECTORS_MAX];
    CHECK(products->most <= VECTORS_MAX);
    for (uint32_t i = 0; i < products->most; i++)
        pointers[i] = products->results + (size_t)i * products->stride;
    memset(products->results, 0x55,
           (size_t)products->most * products->stride * sizeof *products->results);
    kernel->multiply(&packed_rows, products->first, rows, vectors, pointers);
}
