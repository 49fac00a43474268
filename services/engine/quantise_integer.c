/*
 * Quantising in integers, from the bits of floats: where floats are emulated this takes a tenth of
 * the time, and it is the same on every machine.
 */
#include "engine/kernel.h"

#include <string.h>

#define GROUP         ENGINE_INTEGER_GROUP
#define QUANT_MAX     127
#define MANTISSA_BITS 23
#define EXPONENT_NONE 255 /* of infinities and of what is no number */
#define RATIO_BITS    40

static uint32_t
bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint32_t
greatest(const int32_t *values, uint32_t count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = values[i] < 0 ? (uint32_t)-values[i] : (uint32_t)values[i];
        most = size > most ? size : most;
    }
    return most;
}

/* What one quant stands for in a group: a quant is a number times this, less RATIO_BITS bits. */
static int64_t
ratio_of(uint64_t scale, uint32_t most)
{
    return scale == 0 ? 0
                      : (int64_t)(((uint64_t)(QUANT_MAX * ENGINE_SCALE_MAX) << RATIO_BITS) /
                                  (scale * most));
}

static int32_t
rounded(int64_t product, int bits)
{
    return (int32_t)((product + ((int64_t)1 << (bits - 1))) >> bits);
}

/* With the group's scale so that no quant is greater than QUANT_MAX. `fine` may be NULL. */
static int32_t
quantise_group(const int32_t *values, uint32_t most, int16_t *quants, int16_t *fine)
{
    uint64_t scale = ((uint64_t)greatest(values, GROUP) * ENGINE_SCALE_MAX + most - 1) / most;
    int64_t ratio = ratio_of(scale, most);
    for (uint32_t i = 0; fine == NULL && i < GROUP; i++)
        quants[i] = (int16_t)rounded(values[i] * ratio, RATIO_BITS);
    for (uint32_t i = 0; fine != NULL && i < GROUP; i++) {
        int32_t quant = rounded(values[i] * ratio, RATIO_BITS - ENGINE_FINE_BITS);
        quants[i] = (int16_t)rounded(quant, ENGINE_FINE_BITS);
        fine[i] = (int16_t)(quant - quants[i] * (1 << ENGINE_FINE_BITS));
    }
    return (int32_t)scale;
}

/* The bits of the greatest number, without its sign. */
static uint32_t
greatest_bits(const float *values, uint32_t count)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = bits_of(values[i]) & 0x7fffffff;
        most = size > most ? size : most;
    }
    return most;
}

/* A float as a multiple of 2^(exponent - 127 - 23): what is below that is cut off. */
static int32_t
fixed_of(float value, uint32_t exponent)
{
    uint32_t bits = bits_of(value), shift = exponent - (bits >> MANTISSA_BITS & 255);
    uint32_t mantissa = (bits & 0x7fffff) | 0x800000;
    int32_t size = shift > MANTISSA_BITS ? 0 : (int32_t)(mantissa >> shift);
    return bits >> 31 ? -size : size;
}

/* 2^(exponent - 127 - 23); 0 where that is too small for a float. */
static float
unit_of(uint32_t exponent)
{
    uint32_t bits = exponent > MANTISSA_BITS ? (exponent - MANTISSA_BITS) << MANTISSA_BITS : 0;
    float unit;
    memcpy(&unit, &bits, sizeof unit);
    return unit;
}

static void
quantise_zeros(uint32_t columns, int16_t *quants, int16_t *fine, int32_t *scales)
{
    memset(quants, 0, columns * sizeof *quants);
    memset(scales, 0, columns / GROUP * sizeof *scales);
    if (fine != NULL)
        memset(fine, 0, columns * sizeof *fine);
}

void
engine_quantise_fine(const float *values, uint32_t columns, int16_t *quants, int16_t *fine,
                     int32_t *scales, float *base)
{
    uint32_t bits = greatest_bits(values, columns), exponent = bits >> MANTISSA_BITS;
    uint32_t most = (bits & 0x7fffff) | 0x800000;
    *base = (float)most * unit_of(exponent) / (QUANT_MAX * ENGINE_SCALE_MAX);
    if (exponent == EXPONENT_NONE || exponent <= MANTISSA_BITS) {
        *base = exponent == EXPONENT_NONE ? __builtin_nanf("") : 0;
        quantise_zeros(columns, quants, fine, scales);
        return;
    }
    for (uint32_t start = 0; start < columns; start += GROUP) {
        int32_t fixed[GROUP];
        for (uint32_t i = 0; i < GROUP; i++)
            fixed[i] = fixed_of(values[start + i], exponent);
        scales[start / GROUP] =
            quantise_group(fixed, most, quants + start, fine != NULL ? fine + start : NULL);
    }
}

void
engine_quantise_integers(const float *values, uint32_t columns, int16_t *quants, int32_t *scales,
                         float *base)
{
    engine_quantise_fine(values, columns, quants, NULL, scales, base);
}
