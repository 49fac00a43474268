/* Blocks of columns as GGUF's types have them, made into floats. */
#ifndef ENGINE_BLOCKS_H
#define ENGINE_BLOCKS_H

#include "engine/weights.h"

#define BLOCKS_COLUMNS 256 /* a multiple of each format's block */

/* The columns of a row from `at` on as floats: whole blocks. */
void blocks_expand(enum engine_format format, const uint8_t *at, uint32_t columns, float *out);

#endif
