/* Types of matrices: random bytes, and the numbers that they stand for. */
#include <math.h>

#include "variant_private.h"

#define BLOCK_BYTES 256 /* no type has longer ones */

uint32_t
variant_random(struct variant *v)
{
    v->state ^= v->state << 13;
    v->state ^= v->state >> 7;
    v->state ^= v->state << 17;
    return (uint32_t)(v->state >> 32);
}

struct type {
    uint32_t number, columns, bytes;
    struct {
        uint32_t at;
        double size; /* that makes numbers of a usual size 1 out of random bytes */
    } halves[2];     /* the scales; twice the same where there is one */
};

static const struct type types[] = {
    {VARIANT_Q4_1, 32, 20, {{0, 1.0 / 8}, {2, 1}}},
    {VARIANT_Q5_0, 32, 22, {{0, 1.0 / 9}, {0, 1.0 / 9}}},
    {VARIANT_Q8_0, 32, 34, {{0, 1.0 / 96}, {0, 1.0 / 96}}},
    {VARIANT_Q4_K, 256, 144, {{0, 1.0 / 280}, {2, 7.5 / 280}}},
    {VARIANT_Q5_K, 256, 176, {{0, 1.0 / 560}, {2, 15.5 / 560}}},
    {VARIANT_Q6_K, 256, 210, {{208, 1.0 / 1300}, {208, 1.0 / 1300}}},
};

static const struct type *
type_of(uint32_t number)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].number == number)
            return &types[i];
    return NULL;
}

bool
variant_has_blocks(enum variant_type type)
{
    return type_of(type) != NULL;
}

static double
half_at(const uint8_t *at)
{
    uint32_t half = at[0] | (uint32_t)at[1] << 8, exponent = half >> 10 & 31;
    double value =
        exponent == 0 ? ldexp(half & 1023, -24) : ldexp(1024 + (half & 1023), (int)exponent - 25);
    return half >> 15 ? -value : value;
}

/* A half of that size, up to a factor of two. */
static void
put_half(struct variant *v, uint8_t *at, double size)
{
    int exponent;
    (void)frexp(size, &exponent);
    uint32_t half = (uint32_t)(exponent + 14) << 10 | (variant_random(v) & 1023);
    at[0] = (uint8_t)half;
    at[1] = (uint8_t)(half >> 8);
}

static uint32_t
bit(const uint8_t *bytes, uint32_t number)
{
    return bytes[number / 8] >> number % 8 & 1u;
}

/* The six bits of group g, of scales (second false) or minima, in the 12 bytes of the K types. */
static uint32_t
six_bits(const uint8_t *packed, uint32_t g, bool second)
{
    const uint8_t *own = packed + (second ? 4 : 0);
    if (g < 4)
        return own[g] & 63u;
    uint32_t low = second ? packed[8 + g - 4] >> 4 : packed[8 + g - 4] & 15u;
    return low + 16u * (own[g - 4] >> 6);
}

static double
value_k(const uint8_t *at, uint32_t c, bool has_fifth)
{
    uint32_t g = c / 32, pair = g / 2, i = c % 32;
    const uint8_t *nibbles = at + 16 + (has_fifth ? 32 : 0);
    uint32_t byte = nibbles[32 * pair + i], q = g % 2 ? byte / 16 : byte % 16;
    if (has_fifth)
        q += 16 * bit(at + 16 + i, g);
    return half_at(at) * six_bits(at + 4, g, false) * q -
           half_at(at + 2) * six_bits(at + 4, g, true);
}

static double
value_q6_k(const uint8_t *at, uint32_t c)
{
    uint32_t half = c / 128, quarter = c % 128 / 32, i = c % 32;
    uint32_t byte = at[64 * half + 32 * (quarter % 2) + i];
    uint32_t low = quarter < 2 ? byte % 16 : byte / 16;
    uint32_t high = (uint32_t)at[128 + 32 * half + i] >> (2 * quarter) & 3;
    return half_at(at + 208) * (int8_t)at[192 + c / 16] * ((double)(low + 16 * high) - 32);
}

static double
value_32(uint32_t type, const uint8_t *at, uint32_t c)
{
    if (type == VARIANT_Q8_0)
        return half_at(at) * (int8_t)at[2 + c];
    uint32_t start = type == VARIANT_Q4_1 ? 4 : 6, byte = at[start + c % 16];
    uint32_t nibble = c < 16 ? byte % 16 : byte / 16;
    if (type == VARIANT_Q4_1)
        return half_at(at) * nibble + half_at(at + 2);
    return half_at(at) * ((double)(nibble + 16 * bit(at + 2, c)) - 16);
}

static double
value_of(uint32_t type, const uint8_t *at, uint32_t c)
{
    switch (type) {
    case VARIANT_Q4_K: return value_k(at, c, false);
    case VARIANT_Q5_K: return value_k(at, c, true);
    case VARIANT_Q6_K: return value_q6_k(at, c);
    default: return value_32(type, at, c);
    }
}

void
variant_fill(struct variant *v, struct matrix *m, double size)
{
    const struct type *type = type_of(m->type);
    size_t count = (size_t)m->rows * m->columns;
    for (size_t start = 0; start < count; start += type->columns) {
        uint8_t block[BLOCK_BYTES];
        for (uint32_t i = 0; i < type->bytes; i++)
            block[i] = (uint8_t)variant_random(v);
        for (uint32_t i = 0; i < 2; i++)
            put_half(v, block + type->halves[i].at, size * type->halves[i].size);
        if (type->number == VARIANT_Q4_1)
            block[3] |= 0x80; /* about what is taken off */
        for (uint32_t c = 0; c < type->columns; c++)
            m->values[start + c] = value_of(type->number, block, c);
        put(&m->bytes, block, type->bytes);
    }
}
