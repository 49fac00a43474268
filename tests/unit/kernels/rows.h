/*
 * A block of random rows, as a file has it and packed for the kernels named rows16, and vectors to
 * multiply it with. Functions end the test when what they need fails.
 */
#ifndef TESTS_KERNELS_ROWS_H
#define TESTS_KERNELS_ROWS_H

#include "rows16.h"

#define COLUMNS_MAX 5632
#define VECTORS_MAX 17
#define BLOCK_BYTES (2 * (COLUMNS_MAX / 32 * 544 + 64))
#define ALIGNED     __attribute__((aligned(ENGINE_ARENA_ALIGN)))

extern uint64_t draws; /* of tap_random() */
extern int8_t quants[ENGINE_BLOCK_ROWS * COLUMNS_MAX];
extern float scales[ENGINE_BLOCK_ROWS * COLUMNS_MAX / 32];
extern uint8_t packed[BLOCK_BYTES] ALIGNED;
extern int16_t integers[VECTORS_MAX * COLUMNS_MAX] ALIGNED;
extern int32_t integer_scales[VECTORS_MAX * COLUMNS_MAX / 32] ALIGNED;
extern float bases[VECTORS_MAX];
/* Results go behind those of a first block, as in a step. */
extern float results[2][VECTORS_MAX][2 * ENGINE_BLOCK_ROWS];

/* The first `count` of `integers`, as engine_quantise_integers leaves them; and what one of them
 * was. */
void pair_up(uint32_t count);
int16_t quant_of(const int16_t *paired, uint32_t i);

/* Rows and vectors of so many columns: random ones, or such that all products have the greatest
 * size. */
void fill(uint32_t columns);
void fill_with_extremes(uint32_t columns, int8_t quant);

/* `quants` and `scales` into `packed`. */
void pack(uint32_t rows, uint32_t columns);

/* What is packed times the first vectors, or with `vectors` of them from `first` on. */
void run_kernel(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns,
                uint32_t vectors, float out[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS]);
void run_kernel_from(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns,
                     uint32_t first, uint32_t vectors,
                     float out[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS]);

#endif
