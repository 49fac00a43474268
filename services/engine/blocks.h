/* Blocks of columns as GGUF's types have them, made into floats. */
#ifndef ENGINE_BLOCKS_H
#define ENGINE_BLOCKS_H

#include "engine/weights.h"

#define BLOCKS_COLUMNS 256 /* a multiple of each format's block */

/* The columns of a row from `at` on as floats: whole blocks. */
void blocks_expand(enum engine_format format, const uint8_t *at, uint32_t columns, float *out);

/* Of group `group` of 32 columns of a row in ENGINE_Q4_1 or ENGINE_Q4_K: a weight is its quant, 0
 * to 15, times the scale, plus the offset. */
void blocks_scale(enum engine_format format, const uint8_t *row, uint32_t group, float *scale,
                  float *offset);

#endif
