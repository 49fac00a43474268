/*
 * Quantising in integers, from the bits of floats: where floats are emulated this takes a tenth of
 * the time, and it is the same on every machine.
 */
#include "engine/kernel.h"

#include <string.h>

#define GROUP         ENGINE_INTEGER_GROUP
#define QUANT_MAX     127u
#define MANTISSA_BITS 23
#define RATIO_BITS    40
#define LEAST_UNIT    5
/* Of the greatest number, with the bias: what is beyond is none, what is below is zero. */
#define EXPONENT_MOST  (127 + 58)
#define EXPONENT_LEAST (127 - 56)

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

static int32_t
rounded(int64_t product, int bits)
{
    return (int32_t)((product + ((int64_t)1 << (bits - 1))) >> bits);
}

/*
 * With the group's scale so that no quant is greater than QUANT_MAX; a scale of 1 is worth 2^unit.
 * `fine` may be NULL.
 */
static int32_t
quantise_group(const int32_t *values, uint32_t unit, int16_t *quants, int16_t *fine)
{
    uint32_t most = greatest(values, GROUP),
             scale = (most + (QUANT_MAX << unit) - 1) / QUANT_MAX >> unit;
    int64_t ratio = scale == 0 ? 0 : (int64_t)(((uint64_t)1 << RATIO_BITS) / (scale << unit));
    for (uint32_t i = 0; fine == NULL && i < GROUP; i++)
        quants[i] = (int16_t)rounded(values[i] * ratio, RATIO_BITS);
    for (uint32_t i = 0; fine != NULL && i < GROUP; i++) {
        int32_t quant = rounded(values[i] * ratio, RATIO_BITS - ENGINE_FINE_BITS);
        quants[i] = (int16_t)rounded(quant, ENGINE_FINE_BITS);
        fine[i] = (int16_t)(quant - quants[i] * (1 << ENGINE_FINE_BITS));
    }
    return (int32_t)scale;
}

static void
pair(int16_t *quants)
{
    for (uint32_t i = 0; i < GROUP; i += 2)
        quants[i + 1] = (int16_t)(quants[i + 1] - 256 * quants[i]);
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

/* 2^(exponent - 127 - 23). */
static float
unit_of(uint32_t exponent)
{
    uint32_t bits = (exponent - MANTISSA_BITS) << MANTISSA_BITS;
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

/* The least power of two, of the unit 2^(exponent - 127 - 23), that makes no scale greater than
   ENGINE_SCALE_MAX. */
static uint32_t
unit_bits(uint32_t most)
{
    return most > ((QUANT_MAX * ENGINE_SCALE_MAX) << LEAST_UNIT) ? LEAST_UNIT + 1 : LEAST_UNIT;
}

void
engine_quantise_fine(const float *values, uint32_t columns, int16_t *quants, int16_t *fine,
                     int32_t *scales, float *base)
{
    uint32_t bits = greatest_bits(values, columns), exponent = bits >> MANTISSA_BITS;
    uint32_t unit = unit_bits((bits & 0x7fffff) | 0x800000);
    if (exponent > EXPONENT_MOST || exponent < EXPONENT_LEAST) {
        *base = exponent > EXPONENT_MOST ? __builtin_nanf("") : 0;
        quantise_zeros(columns, quants, fine, scales);
        return;
    }
    *base = unit_of(exponent + unit);
    for (uint32_t start = 0; start < columns; start += GROUP) {
        int32_t fixed[GROUP];
        for (uint32_t i = 0; i < GROUP; i++)
            fixed[i] = fixed_of(values[start + i], exponent);
        scales[start / GROUP] =
            quantise_group(fixed, unit, quants + start, fine != NULL ? fine + start : NULL);
        pair(quants + start);
        if (fine != NULL)
            pair(fine + start);
    }
}

void
engine_quantise_integers(const float *values, uint32_t columns, int16_t *quants, int32_t *scales,
                         float *base)
{
    engine_quantise_fine(values, columns, quants, NULL, scales, base);
}
