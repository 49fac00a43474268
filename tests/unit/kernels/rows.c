#include "rows.h"

#include <math.h>
#include <string.h>

#include "products.h"
#include "tap.h"

uint64_t draws = 1;
int8_t quants[ENGINE_BLOCK_ROWS * COLUMNS_MAX];
float scales[ENGINE_BLOCK_ROWS * COLUMNS_MAX / 32];
uint8_t packed[BLOCK_BYTES] ALIGNED;
int16_t integers[VECTORS_MAX * COLUMNS_MAX] ALIGNED;
int32_t integer_scales[VECTORS_MAX * COLUMNS_MAX / 32] ALIGNED;
float bases[VECTORS_MAX];
float results[2][VECTORS_MAX][2 * ENGINE_BLOCK_ROWS];

void
pair_up(uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 2)
        integers[i + 1] = (int16_t)(integers[i + 1] - 256 * integers[i]);
}

int16_t
quant_of(const int16_t *paired, uint32_t i)
{
    return i % 2 ? engine_second_quant(paired + i - 1) : paired[i];
}

void
fill(uint32_t columns)
{
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns; i++)
        quants[i] = (int8_t)tap_extreme(&draws, -128, 127);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns / 32; i++)
        scales[i] = (float)tap_extreme(&draws, 0, 4095);
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        integers[i] = (int16_t)tap_extreme(&draws, -127, 127);
    pair_up(VECTORS_MAX * columns);
    for (uint32_t i = 0; i < VECTORS_MAX * columns / 32; i++)
        integer_scales[i] = tap_extreme(&draws, 0, 4095);
    for (uint32_t v = 0; v < VECTORS_MAX; v++)
        bases[v] = ldexpf(1, -(int)v);
}

void
fill_with_extremes(uint32_t columns, int8_t quant)
{
    memset(quants, quant, ENGINE_BLOCK_ROWS * columns);
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        integers[i] = -127;
    pair_up(VECTORS_MAX * columns);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns / 32; i++)
        scales[i] = 4095;
    for (uint32_t g = 0; g < VECTORS_MAX * columns / 32; g++)
        integer_scales[g] = 4095;
}

void
pack(uint32_t rows, uint32_t columns)
{
    const struct engine_rows from = {quants, scales, 32};
    products_pack(&rows16_layouts[0], &from, rows, columns, packed, sizeof packed);
}

void
run_kernel_from(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns, uint32_t first,
                uint32_t vectors, float out[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS])
{
    const struct engine_vectors v = {.count = vectors,
                                     .columns = columns,
                                     .group = 32,
                                     .integers = integers + (size_t)first * columns,
                                     .integer_scales =
                                         integer_scales + (size_t)first * columns / 32,
                                     .bases = bases + first};
    products_make(
        kernel, packed, rows, &v,
        &(struct products){out[0], VECTORS_MAX, 2 * ENGINE_BLOCK_ROWS, ENGINE_BLOCK_ROWS});
}

void
run_kernel(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns, uint32_t vectors,
           float out[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS])
{
    run_kernel_from(kernel, rows, columns, 0, vectors, out);
}
