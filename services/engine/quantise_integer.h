/* Quantising what is in integers already. */
#ifndef ENGINE_QUANTISE_INTEGER_H
#define ENGINE_QUANTISE_INTEGER_H

#include "engine/kernel.h"

/*
 * As engine_quantise_integers, for numbers of less than 2^24 either way. The base is the result
 * divided by 127 * ENGINE_SCALE_MAX: the greatest size there is.
 */
uint32_t quantise_fixed(const int32_t *values, uint32_t columns, int16_t *quants, int32_t *scales);

#endif
