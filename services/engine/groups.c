#include "groups.h"

#include <string.h>

float
groups_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31,
             fraction = half & 1023;
    if (exponent == 0) {
        float small = (float)fraction * 0x1p-24f;
        return sign ? -small : small;
    }
    uint32_t bits = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

static float
read_split(const struct engine_rows *rows, uint32_t row, uint32_t columns, uint32_t group,
           int8_t *quants)
{
    size_t at = (size_t)row * columns + (size_t)group * GROUP_COLUMNS;
    if (quants != NULL)
        memcpy(quants, (const int8_t *)rows->values + at, GROUP_COLUMNS);
    return rows->scales[at / rows->group];
}

/* The bytes behind the scale. */
static void
spread(enum engine_format format, const uint8_t *bytes, int8_t *quants)
{
    for (uint32_t i = 0; i < GROUP_COLUMNS / 2; i++)
        if (format == ENGINE_Q4_0) {
            quants[i] = (int8_t)((bytes[i] & 15) - 8);
            quants[i + GROUP_COLUMNS / 2] = (int8_t)((bytes[i] >> 4) - 8);
        } else {
            memcpy(quants + 2 * i, bytes + 2 * i, 2);
        }
}

float
groups_read(enum engine_format format, const struct engine_rows *rows, uint32_t row,
            uint32_t columns, uint32_t group, int8_t *quants)
{
    if (format == ENGINE_Q8_SPLIT)
        return read_split(rows, row, columns, group, quants);
    const uint8_t *at = (const uint8_t *)rows->values + row * engine_row_bytes(format, columns) +
                        group * engine_row_bytes(format, GROUP_COLUMNS);
    if (quants != NULL)
        spread(format, at + 2, quants);
    return groups_half((uint16_t)(at[0] | at[1] << 8));
}
