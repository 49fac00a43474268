/*
 * Q4_0 as it is in a file, packed into the layout rows32-q4: a group of all rows at a time, in
 * vectors, since a model that is read when it is touched waits for this.
 */
#include "rows32.h"

#include "groups.h"

#include <string.h>

#define BYTES       (ROWS32_GROUP / 2) /* of a group's quants in a file */
#define GROUP_BYTES (2 + BYTES)        /* behind a half, its scale */

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t words8 __attribute__((vector_size(16)));

/* --- Quants ----------------------------------------------------------------------------------- */

static inline words8
zip_low(words8 a, words8 b)
{
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline words8
zip_high(words8 a, words8 b)
{
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* The bytes of `low` and `high`, each pair a word: of columns 0 to 7, and 8 to 15. */
static inline void
join(bytes16 low, bytes16 high, words8 *first, words8 *second)
{
    *first = (words8)__builtin_shufflevector(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                             22, 7, 23);
    *second = (words8)__builtin_shufflevector(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                              29, 14, 30, 15, 31);
}

/* Three perfect shuffles of 64 words turn rows into columns. */
static inline void
store_turned(const words8 *rows, uint16_t (*to)[ROWS32_LANES])
{
    words8 from[ROWS32_LANES], next[ROWS32_LANES];
    memcpy(next, rows, sizeof next);
    for (int shuffle = 0; shuffle < 3; shuffle++) {
        memcpy(from, next, sizeof from);
        for (uint32_t i = 0; i < ROWS32_LANES / 2; i++) {
            next[2 * i] = zip_low(from[i], from[i + ROWS32_LANES / 2]);
            next[2 * i + 1] = zip_high(from[i], from[i + ROWS32_LANES / 2]);
        }
    }
    memcpy(to, next, sizeof next);
}

static inline bytes16
load(const uint8_t *from)
{
    bytes16 bytes;
    memcpy(&bytes, from, sizeof bytes);
    return bytes;
}

/* A word of the strip has four rows of one column. */
void
rows32_pack_quants(const uint8_t *const *rows, uint16_t (*quants)[ROWS32_LANES])
{
    words8 columns[4][ROWS32_LANES];
    for (uint32_t lane = 0; lane < ROWS32_LANES; lane++) {
        bytes16 a = load(rows[lane]), b = load(rows[lane + 8]), c = load(rows[lane + 16]),
                d = load(rows[lane + 24]);
        join((a & 15) | (b << 4), (c & 15) | (d << 4), &columns[0][lane], &columns[1][lane]);
        join((a >> 4) | (b & 240), (c >> 4) | (d & 240), &columns[2][lane], &columns[3][lane]);
    }
    for (uint32_t i = 0; i < 4; i++)
        store_turned(columns[i], quants + (size_t)i * 8);
}

/* --- Scales ----------------------------------------------------------------------------------- */

/*
 * A half over a power of two, to the nearest integer, halves away from zero: `exponent` is that of
 * the power. Of a half that is no number the row's base is none, and this is not called.
 */
static int16_t
scale_of(uint32_t half, int exponent)
{
    uint32_t exponent_bits = half >> 10 & 31, size = half & 1023;
    int shift = (exponent_bits ? (int)exponent_bits : 1) - 25 - exponent;
    size |= exponent_bits ? 1024 : 0;
    if (shift >= 0)
        size <<= shift;
    else
        size = shift > -16 ? (size + (1u << (-shift - 1))) >> -shift : 0;
    return (int16_t)(half >> 15 ? -(int32_t)size : (int32_t)size);
}

static uint32_t
half_at(const uint8_t *group)
{
    return (uint32_t)group[0] | (uint32_t)group[1] << 8;
}

/* The group with the greatest scale; what is no number is greater than any. */
static const uint8_t *
greatest_group(const uint8_t *groups, uint32_t count)
{
    const uint8_t *greatest = groups;
    for (uint32_t g = 1; g < count; g++) {
        const uint8_t *group = groups + (size_t)g * GROUP_BYTES;
        if ((half_at(group) & 0x7fff) > (half_at(greatest) & 0x7fff))
            greatest = group;
    }
    return greatest;
}

static int
exponent_of(float power)
{
    uint32_t bits;
    memcpy(&bits, &power, sizeof bits);
    return (int)(bits >> 23) - 127;
}

static void
pack_scales(const uint8_t *groups, uint32_t count, uint32_t row, struct rows32_group *to)
{
    const struct engine_rows greatest = {.values = greatest_group(groups, count)};
    float base = rows16_base(ENGINE_Q4_0, &greatest, 0, ROWS32_GROUP);
    int exponent = exponent_of(base);
    memcpy((float *)(void *)&to[count] + row, &base, sizeof base);
    for (uint32_t g = 0; g < count; g++)
        to[g].scales[row] =
            base > 0 ? scale_of(half_at(groups + (size_t)g * GROUP_BYTES), exponent) : 0;
}

/* Rows that are not there are zeros, and so are their scales. */
void
rows32_q4_pack(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    static const uint8_t nothing[BYTES];
    const uint8_t *at[ROWS32_ROWS];
    uint32_t count = columns / ROWS32_GROUP;
    struct rows32_group *groups = to;
    memset(&groups[count], 0, ROWS32_ROWS * sizeof(float));
    for (uint32_t g = 0; g < count; g++) {
        for (uint32_t r = 0; r < ROWS32_ROWS; r++)
            at[r] = r < row_count
                        ? (const uint8_t *)rows->values + ((size_t)r * count + g) * GROUP_BYTES + 2
                        : nothing;
        rows32_pack_quants(at, groups[g].quants);
        memset(groups[g].scales, 0, sizeof groups[g].scales);
    }
    for (uint32_t r = 0; r < row_count; r++)
        pack_scales((const uint8_t *)rows->values + (size_t)r * count * GROUP_BYTES, count, r,
                    groups);
}

/* Vectors of words, two by two: each pair's in turn. */
void
rows32_q4_pairs_pack(const struct engine_rows *rows, uint32_t row_count, uint32_t columns, void *to)
{
    size_t count = columns / ROWS32_GROUP * sizeof(struct rows32_group) / sizeof(words8);
    uint8_t *at = to;
    rows32_q4_pack(rows, row_count, columns, to);
    for (size_t i = 0; i < count; i += 2, at += 2 * sizeof(words8)) {
        words8 pair[2];
        memcpy(pair, at, sizeof pair);
        words8 turned[2] = {zip_low(pair[0], pair[1]), zip_high(pair[0], pair[1])};
        memcpy(at, turned, sizeof turned);
    }
}
