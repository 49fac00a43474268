/* Blocks of columns as GGUF's types have them, made into floats. */
#ifndef ENGINE_BLOCKS_H
#define ENGINE_BLOCKS_H

#include "engine/weights.h"

#define BLOCKS_COLUMNS_MAX 256

/* Columns of a block of that format; 0: it is not read in blocks. */
uint32_t blocks_columns(enum engine_format format);

/* The columns of the block at `at` as floats. */
void blocks_expand(enum engine_format format, const uint8_t *at, float *out);

#endif
