/* Sixteen words at a time. */
#include "word_weights.h"

#include "engine/engine.h"
#include "lanes.h"

#define RANGE    20.8f /* the logarithm of 2^30 */
#define LOG2_E   1.44269504f
#define LOW_BITS 9 /* of a difference: the other 16 are multiplied apart */

/* How logits become exponents of two. */
struct scale {
    uint32_t exponent; /* of the farthest from 0 of those that count */
    ints least;        /* that counts, in the order of floats */
    ints most;         /* the greatest */
    ints factor, shift,
        lower; /* what differences are multiplied with, then shifted; the low part */
};

static int32_t
bits_of(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static bool
begin(struct scale *scale, float most, float temperature)
{
    float least = most - RANGE * temperature;
    int32_t factor = bits_of(LOG2_E / temperature);
    int32_t sizes[2] = {bits_of(most) & LANES_SIZE_BITS, bits_of(least) & LANES_SIZE_BITS};
    int32_t exponent = (sizes[0] > sizes[1] ? sizes[0] : sizes[1]) >> LANES_MANTISSA;
    /* Differences less LOW_BITS, times 16 bits of the factor; 16 are of fraction. */
    int32_t shift = 2 * LANES_BIAS + LANES_MANTISSA + 15 - 16 - LOW_BITS - exponent -
                    (factor >> LANES_MANTISSA);
    if (shift < 0 || exponent == 255)
        return false;
    scale->exponent = (uint32_t)exponent;
    scale->least = lanes_order(lanes_all(bits_of(least)));
    scale->most = lanes_fixed(lanes_all(bits_of(most)), scale->exponent);
    scale->factor = lanes_all(((factor & 0x7fffff) | 0x800000) >> 8);
    scale->shift = lanes_all(shift > 31 ? 31 : shift);
    scale->lower = lanes_all(shift + LOW_BITS > 31 ? 31 : shift + LOW_BITS);
    return true;
}

static ints
weigh(const struct scale *scale, ints logits)
{
    ints below = scale->most - lanes_fixed(logits, scale->exponent);
    ints high = lanes_least(below >> LOW_BITS, lanes_all(0xffff)) * scale->factor;
    ints low = (below & ((1 << LOW_BITS) - 1)) * scale->factor;
    ints exponents = lanes_shift(high, scale->shift) + lanes_shift(low, scale->lower);
    return lanes_power(exponents) & (lanes_order(logits) >= scale->least);
}

/* The last lanes, of which there are `count`; behind them zeros. */
static ints
load_last(const void *from, uint32_t count)
{
    int32_t last[LANES] = {0};
    memcpy(last, from, count * sizeof *last);
    return lanes_load(last);
}

bool
word_weights_of(const float *logits, uint32_t count, float temperature, int32_t *weights)
{
    struct scale scale;
    uint32_t whole = count / LANES * LANES;
    if (!begin(&scale, logits[engine_greedy(logits, count)], temperature))
        return false;
    for (uint32_t i = 0; i < whole; i += LANES)
        lanes_store(weights + i, weigh(&scale, lanes_load(logits + i)));
    ints last = weigh(&scale, load_last(logits + whole, count - whole));
    memcpy(weights + whole, &last, (count - whole) * sizeof *weights);
    return true;
}

bool
word_weights_sum(const float *logits, uint32_t count, float most, uint64_t *sum)
{
    struct scale scale;
    ints low = {0}, high = {0};
    uint32_t whole = count / LANES * LANES;
    if (!begin(&scale, most, 1))
        return false;
    for (uint32_t i = 0; i < whole; i += LANES) {
        ints weights = weigh(&scale, lanes_load(logits + i));
        low += weights & 0xffff;
        high += weights >> 16;
    }
    *sum = lanes_total(low, high);
    if (whole == count)
        return true;
    int32_t last[LANES];
    lanes_store(last, weigh(&scale, load_last(logits + whole, count - whole)));
    for (uint32_t i = whole; i < count; i++)
        *sum += (uint32_t)last[i - whole];
    return true;
}

struct word_weights_part
word_weights_from(const int32_t *weights, uint32_t count, int32_t least)
{
    ints low = {0}, high = {0}, counted = {0};
    for (uint32_t i = 0; i < count; i += LANES) {
        ints lanes =
            count - i < LANES ? load_last(weights + i, count - i) : lanes_load(weights + i);
        ints in = lanes >= least;
        low += lanes & in & 0xffff;
        high += (lanes & in) >> 16;
        counted -= in;
    }
    return (struct word_weights_part){lanes_total(low, high),
                                      (uint32_t)lanes_total(counted, (ints){0})};
}
