/*
 * Quantising in integers, from the bits of floats, many at once: where floats are emulated this
 * takes a tenth of the time, and it is the same on every machine.
 */
#include "engine/kernel.h"
#include "engine_private.h"
#include "lanes.h"

#define GROUP      ENGINE_INTEGER_GROUP
#define QUANT_MAX  127u
#define LEAST_UNIT 5
#define SIZE_BITS  16 /* that numbers are rounded down to, in relation to their group's greatest */
#define ROW_BITS   40
#define RATIO_BITS 25 /* of fraction: QUANT_MAX and a half then fill 32 bits */

/* Of the greatest number, with the bias: what is beyond is none, what is below is zero. */
#define EXPONENT_MOST  (LANES_BIAS + 58)
#define EXPONENT_LEAST (LANES_BIAS - 56)

static ints
size_of(ints floats)
{
    return floats & LANES_SIZE_BITS;
}

uint32_t
quantise_greatest(const float *values, uint32_t count)
{
    ints most = {0};
    uint32_t i = 0;
    for (; i + LANES <= count; i += LANES)
        most = lanes_greatest(most, size_of(lanes_load(values + i)));
    for (; i < count; i++) {
        int32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        most = lanes_greatest(most, size_of(lanes_all(bits)));
    }
    return (uint32_t)lanes_most(most);
}

/* 2^(exponent - 127 - 23). */
static float
unit_of(uint32_t exponent)
{
    uint32_t bits = (exponent - LANES_MANTISSA) << LANES_MANTISSA;
    float unit;
    memcpy(&unit, &bits, sizeof unit);
    return unit;
}

/* Floats without sign as multiples of 2^(exponent - 127 - 15): what is below that is cut off. */
static ints
sizes_of(ints floats, uint32_t exponent)
{
    ints shift = (int32_t)exponent + LANES_MANTISSA + 1 - SIZE_BITS - lanes_exponents(floats);
    return lanes_shift(lanes_mantissas(floats), lanes_least(shift, lanes_all(31)));
}

/* Of a group the pairs, as engine_quantise_integers leaves them. */
static void
store_pairs(int16_t *to, ints low, ints high)
{
    ints first = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
                                         26, 28, 30);
    ints second = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25,
                                          27, 29, 31);
    lanes_store(to, (ints)((uints)(second - (first << 8)) << 16) | (first & 0xffff));
}

static ints
quantise_lanes(ints floats, uint32_t exponent, ints ratio)
{
    ints sizes = sizes_of(floats, exponent);
    return lanes_signed(lanes_shift(sizes * ratio + (1 << (RATIO_BITS - 1)), lanes_all(RATIO_BITS)),
                        floats >> 31);
}

/* The quant, and what it leaves. */
static ints
quantise_lanes_fine(ints floats, uint32_t exponent, ints ratio, ints *fine)
{
    ints sizes = sizes_of(floats, exponent);
    ints all = lanes_shift(sizes * ratio + (1 << (RATIO_BITS - ENGINE_FINE_BITS - 1)),
                           lanes_all(RATIO_BITS - ENGINE_FINE_BITS));
    ints quants = (all + (1 << (ENGINE_FINE_BITS - 1))) >> ENGINE_FINE_BITS;
    *fine = lanes_signed(all - (quants << ENGINE_FINE_BITS), floats >> 31);
    return lanes_signed(quants, floats >> 31);
}

int32_t
quantise_group(const float *values, const struct quantise_unit *of, int16_t *quants, int16_t *fine)
{
    uint32_t exponent = of->exponent, unit = of->bits;
    ints low = lanes_load(values), high = lanes_load(values + LANES), fine_low, fine_high;
    uint32_t bits = (uint32_t)lanes_most(lanes_greatest(size_of(low), size_of(high)));
    uint32_t below = exponent - (bits >> LANES_MANTISSA);
    uint32_t most = below > LANES_MANTISSA ? 0 : ((bits & 0x7fffff) | 0x800000) >> below;
    uint32_t scale = (most + (QUANT_MAX << unit) - 1) / QUANT_MAX >> unit;
    uint64_t one = (uint64_t)1 << (RATIO_BITS + LANES_MANTISSA + 1 - SIZE_BITS - unit);
    ints ratio = lanes_all(scale == 0 ? 0 : (int32_t)((one >> below) / scale));
    exponent -= below;
    if (fine == NULL) {
        store_pairs(quants, quantise_lanes(low, exponent, ratio),
                    quantise_lanes(high, exponent, ratio));
    } else {
        low = quantise_lanes_fine(low, exponent, ratio, &fine_low);
        high = quantise_lanes_fine(high, exponent, ratio, &fine_high);
        store_pairs(quants, low, high);
        store_pairs(fine, fine_low, fine_high);
    }
    return (int32_t)scale;
}

static void
quantise_zeros(uint32_t columns, int16_t *quants, int16_t *fine, int32_t *scales)
{
    memset(quants, 0, columns * sizeof *quants);
    memset(scales, 0, columns / GROUP * sizeof *scales);
    if (fine != NULL)
        memset(fine, 0, columns * sizeof *fine);
}

/*
 * The least power of two, of the unit 2^(exponent - 127 - 23), that makes no scale greater than
 * ENGINE_SCALE_MAX.
 */
static uint32_t
unit_bits(uint32_t most)
{
    return most > ((QUANT_MAX * ENGINE_SCALE_MAX) << LEAST_UNIT) ? LEAST_UNIT + 1 : LEAST_UNIT;
}

struct quantise_unit
quantise_unit_of(uint32_t greatest)
{
    struct quantise_unit unit = {greatest >> LANES_MANTISSA, 0, 0};
    if (unit.exponent > EXPONENT_MOST)
        unit.base = __builtin_nanf("");
    if (unit.exponent > EXPONENT_MOST || unit.exponent < EXPONENT_LEAST)
        return unit;
    unit.bits = unit_bits((greatest & 0x7fffff) | 0x800000);
    unit.base = unit_of(unit.exponent + unit.bits);
    return unit;
}

void
engine_quantise_fine(const float *values, uint32_t columns, int16_t *quants, int16_t *fine,
                     int32_t *scales, float *base)
{
    struct quantise_unit unit = quantise_unit_of(quantise_greatest(values, columns));
    *base = unit.base;
    if (!(unit.base > 0)) {
        quantise_zeros(columns, quants, fine, scales);
        return;
    }
    for (uint32_t start = 0; start < columns; start += GROUP)
        scales[start / GROUP] = quantise_group(values + start, &unit, quants + start,
                                               fine != NULL ? fine + start : NULL);
}

void
engine_quantise_integers(const float *values, uint32_t columns, int16_t *quants, int32_t *scales,
                         float *base)
{
    engine_quantise_fine(values, columns, quants, NULL, scales, base);
}

void
quantise_row(const float *values, uint32_t columns, int8_t *quants, float *unit)
{
    uint32_t most = quantise_greatest(values, columns), exponent = most >> LANES_MANTISSA;
    if (exponent > EXPONENT_MOST || exponent < EXPONENT_LEAST) {
        *unit = exponent > EXPONENT_MOST ? __builtin_nanf("") : 0;
        memset(quants, 0, columns);
        return;
    }
    most = (most & 0x7fffff) | 0x800000;
    uint64_t ratio = ((uint64_t)QUANT_MAX << ROW_BITS) / most;
    *unit = unit_of(exponent) * ((float)most / QUANT_MAX);
    for (uint32_t i = 0; i < columns; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        uint32_t below = exponent - (bits >> LANES_MANTISSA & 255);
        uint64_t size = below > LANES_MANTISSA ? 0 : ((bits & 0x7fffff) | 0x800000) >> below;
        int32_t quant = (int32_t)((size * ratio + ((uint64_t)1 << (ROW_BITS - 1))) >> ROW_BITS);
        quants[i] = (int8_t)(bits >> 31 ? -quant : quant);
    }
}
