/*
 * Sixteen numbers at once, in as many vector registers as the compiler takes for them. Integers:
 * where they are emulated a vector of them costs as much as one, and floats ten times as much.
 * Several registers at once, since an emulator keeps them in memory: each result takes a while to
 * get there, and what was just loaded, in pieces, stalls who reads it at once.
 *
 * Shift counts are vectors of 0 to 31. Nothing is multiplied by one number for all lanes but as a
 * vector of equal ones, and that must not be a lane of another: that instruction is slow, too.
 */
#ifndef ENGINE_LANES_H
#define ENGINE_LANES_H

#include <stdint.h>
#include <string.h>

typedef float reals __attribute__((vector_size(64)));
typedef int32_t ints __attribute__((vector_size(64)));
typedef uint32_t uints __attribute__((vector_size(64)));

#define LANES            16
#define LANES_MANTISSA   23
#define LANES_BIAS       127
#define LANES_ONE        65536 /* in 16 bits of fraction */
#define LANES_SIZE_BITS  0x7fffffff
#define LANES_INFINITY   0x7f800000
#define LANES_LOG2_E_LOW 29013 /* log2(e) - 1, in 16 bits of fraction */

static inline ints
lanes_load(const void *from)
{
    ints lanes;
    memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

static inline void
lanes_store(void *to, ints lanes)
{
    memcpy(to, &lanes, sizeof lanes);
}

static inline ints
lanes_all(int32_t x)
{
    return x - (ints){0};
}

static inline ints
lanes_choose(ints mask, ints yes, ints no)
{
    return (yes & mask) | (no & ~mask);
}

static inline ints
lanes_least(ints a, ints b)
{
    return lanes_choose(a < b, a, b);
}

static inline ints
lanes_greatest(ints a, ints b)
{
    return lanes_choose(a > b, a, b);
}

/* Of sizes: numbers that are not negative. */
static inline ints
lanes_shift(ints sizes, ints by)
{
    return (ints)((uints)sizes >> (uints)by);
}

static inline reals
lanes_to_floats(ints lanes)
{
    return __builtin_convertvector(lanes, reals);
}

static inline int32_t
lanes_most(ints lanes)
{
    typedef int32_t eight __attribute__((vector_size(32)));
    typedef int32_t four __attribute__((vector_size(16)));
    eight a = __builtin_shufflevector(lanes, lanes, 0, 1, 2, 3, 4, 5, 6, 7);
    eight b = __builtin_shufflevector(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15);
    a = (a & (a > b)) | (b & ~(a > b));
    four c = __builtin_shufflevector(a, a, 0, 1, 2, 3),
         d = __builtin_shufflevector(a, a, 4, 5, 6, 7);
    c = (c & (c > d)) | (d & ~(c > d));
    int32_t most = c[0];
    for (int i = 1; i < 4; i++)
        most = c[i] > most ? c[i] : most;
    return most;
}

/* Sums of lanes, of their halves of 16 bits: for 65,536 times as many numbers. */
static inline uint64_t
lanes_total(ints low, ints high)
{
    uint32_t lows[LANES], highs[LANES];
    uint64_t sum = 0;
    lanes_store(lows, low);
    lanes_store(highs, high);
    for (uint32_t i = 0; i < LANES; i++)
        sum += lows[i] + ((uint64_t)highs[i] << 16);
    return sum;
}

/* A number that the compiler knows nothing about: it would pick a product of halves, which is slow.
 */
static inline int32_t
lanes_plain(int32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

/* The mantissas of floats (24 bits), and their exponents with the bias. */
static inline ints
lanes_mantissas(ints floats)
{
    return (floats & 0x7fffff) | 0x800000;
}

static inline ints
lanes_exponents(ints floats)
{
    return (floats >> LANES_MANTISSA) & 255;
}

/* Where `negative` is -1 (else 0), the other sign. */
static inline ints
lanes_signed(ints sizes, ints negative)
{
    return (sizes ^ negative) - negative;
}

/* Integers in the order of floats, of their bits; what is no number is least. */
static inline ints
lanes_order(ints floats)
{
    ints size = floats & LANES_SIZE_BITS;
    return lanes_choose(size > LANES_INFINITY, lanes_all(INT32_MIN),
                        lanes_signed(size, floats >> 31));
}

/* Floats whose exponent is at most `exponent`, in parts of its 24 bits. */
static inline ints
lanes_fixed(ints floats, uint32_t exponent)
{
    ints shift = lanes_least((int32_t)exponent - lanes_exponents(floats), lanes_all(31));
    return lanes_signed(lanes_shift(lanes_mantissas(floats), shift), floats >> 31);
}

/* 2^-d in 30 bits of fraction, d having 16 and being at least 0: within 6e-5 of it, and a unit. */
static inline ints
lanes_power(ints d)
{
    ints fraction = d & (LANES_ONE - 1), sum = lanes_all(lanes_plain(449));
    sum = 3491 - lanes_shift(fraction * sum, lanes_all(16));
    sum = 15695 - lanes_shift(fraction * sum, lanes_all(16));
    sum = 45421 - lanes_shift(fraction * sum, lanes_all(16));
    sum = LANES_ONE - lanes_shift(fraction * sum, lanes_all(16));
    return lanes_shift(sum << 14, lanes_least(d >> 16, lanes_all(31)));
}

/* 1 / y in 16 bits of fraction, for y of 1 to 2 in 15 bits: a line, and twice Newton. */
static inline ints
lanes_inverse(ints y)
{
    ints inverse = 92521 - lanes_shift(y * lanes_plain(15420), lanes_all(14));
    for (int i = 0; i < 2; i++) {
        ints product = lanes_shift(y * lanes_shift(inverse, lanes_all(1)), lanes_all(14));
        inverse = lanes_shift(inverse * lanes_shift(2 * LANES_ONE - product, lanes_all(2)),
                              lanes_all(14));
    }
    return inverse + 3;
}

/* 1 / (1 + e^-x), of the bits of floats, in 16 bits of fraction: within 1e-4. */
static inline ints
lanes_sigmoid(ints x)
{
    ints size = x & LANES_SIZE_BITS, exponents = lanes_exponents(size);
    ints shift = lanes_choose(exponents > LANES_BIAS + 3, lanes_all(4),
                              lanes_least(LANES_BIAS + 7 - exponents, lanes_all(31)));
    ints fixed = lanes_shift(lanes_mantissas(size), shift) |
                 ((exponents > LANES_BIAS + 3) & ((16 << 16) - 1));
    ints d = fixed + lanes_shift(lanes_shift(fixed, lanes_all(4)) * lanes_plain(LANES_LOG2_E_LOW),
                                 lanes_all(12));
    ints inverse = lanes_inverse((1 << 15) + lanes_shift(lanes_power(d), lanes_all(15)));
    return lanes_choose(x < 0, LANES_ONE - inverse, inverse);
}

#endif
