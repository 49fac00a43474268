/* Rows of numbers in the formats that can be written. */
#include "tool.h"

#include "engine/kernel.h"

#include <math.h>
#include <string.h>

#define GROUP 32

/* To the nearest half, to the even one of two. */
static uint16_t
to_half(float number, const char *what)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 31 << 15);
    float size = fabsf(number);
    if (!(size < 65520))
        fail("%s: %g has no place in half precision", what, (double)number);
    if (size == 0)
        return sign;
    int exponent;
    (void)frexpf(size, &exponent); /* size is at least 2^(exponent - 1) */
    int unit = exponent < -13 ? -24 : exponent - 11;
    uint32_t units =
        (uint32_t)nearbyintf(ldexpf(size, -unit)); /* 2,048 carries into the exponent */
    uint32_t base = unit == -24 ? 0 : (uint32_t)(unit + 24) << 10;
    return (uint16_t)(sign | (base + units));
}

static void
put_half(struct output *output, float number, const char *what)
{
    uint16_t half = to_half(number, what);
    const uint8_t bytes[] = {(uint8_t)half, (uint8_t)(half >> 8)};
    output_write(output, bytes, sizeof bytes);
}

static void
put_q8_0(struct output *output, const float *group, const char *what)
{
    int8_t quants[GROUP];
    float scale;
    engine_quantise(group, GROUP, GROUP, quants, &scale);
    put_half(output, scale, what);
    output_write(output, quants, GROUP);
}

/* The number that is furthest from zero becomes -8: that end of the scale is the longer one. */
static void
put_q4_0(struct output *output, const float *group, const char *what)
{
    float furthest = 0;
    uint8_t bytes[GROUP / 2] = {0};
    for (uint32_t i = 0; i < GROUP; i++)
        if (fabsf(group[i]) > fabsf(furthest))
            furthest = group[i];
    float scale = furthest / -8;
    for (uint32_t i = 0; i < GROUP; i++) {
        float quant = scale != 0 ? floorf(group[i] / scale + 8.5f) : 8;
        uint8_t nibble = (uint8_t)(quant > 15 ? 15 : quant);
        bytes[i % (GROUP / 2)] |= (uint8_t)(i < GROUP / 2 ? nibble : nibble << 4);
    }
    put_half(output, scale, what);
    output_write(output, bytes, sizeof bytes);
}

void
put_row(struct output *output, const struct target *target, const float *row, uint32_t columns,
        const char *what)
{
    for (uint32_t i = 0; i < columns; i++)
        if (!isfinite(row[i]))
            fail("%s: a weight is no number", what);
    if (target->format == ENGINE_F32)
        output_write(output, row, (uint64_t)columns * sizeof *row);
    for (uint32_t i = 0; target->format == ENGINE_F16 && i < columns; i++)
        put_half(output, row[i], what);
    for (uint32_t i = 0; target->format == ENGINE_Q8_0 && i < columns; i += GROUP)
        put_q8_0(output, row + i, what);
    for (uint32_t i = 0; target->format == ENGINE_Q4_0 && i < columns; i += GROUP)
        put_q4_0(output, row + i, what);
}
