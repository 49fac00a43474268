/* A strip in the layout rows32-q4, in vectors of the compiler's making: as aarch64/rows32_neon.S.
 */
#include "rows32.h"
#include "kernels.h"

#define PARTS (ROWS32_ROWS / ROWS32_LANES)

typedef uint16_t words __attribute__((vector_size(32)));
typedef uint16_t half_words __attribute__((vector_size(16)));
typedef int16_t numbers __attribute__((vector_size(32)));

/* Of two columns the words of all lanes, one behind the other. */
static words
load_columns(const struct rows32_group *group, uint32_t column)
{
    words columns;
    memcpy(&columns, group->quants[column], sizeof columns);
    return columns;
}

static words
spread(const int16_t *quants)
{
    words first = (words){0} + (uint16_t)quants[0], second = (words){0} + (uint16_t)quants[1];
    return __builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29,
                                   30, 31);
}

static half_words
add_halves(words both)
{
    return __builtin_shufflevector(both, both, 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(both, both, 8, 9, 10, 11, 12, 13, 14, 15);
}

static void
dot_group(const struct rows32_group *group, const struct engine_single_group *vector,
          half_words dots[PARTS])
{
    words sums[PARTS] = {0};
    for (uint32_t i = 0; i < ROWS32_GROUP; i += 2) {
        words weights = load_columns(group, i), quants = spread(vector->quants + i);
        for (uint32_t part = 0; part < PARTS; part++)
            sums[part] += (weights >> 4 * part) * quants;
    }
    for (uint32_t part = 0; part < PARTS; part++)
        dots[part] = add_halves(sums[part]) + (uint16_t)vector->begin[part];
    for (uint32_t part = 0; part + 1 < PARTS; part++)
        dots[part] -= dots[part + 1] << 4;
}

/* Of half a strip. */
static ints
scale_dots(half_words first, half_words second, const int16_t *row_scales, int32_t scale)
{
    numbers scales, dots = (numbers)__builtin_shufflevector(first, second, 0, 1, 2, 3, 4, 5, 6, 7,
                                                            8, 9, 10, 11, 12, 13, 14, 15);
    memcpy(&scales, row_scales, sizeof scales);
    ints products = __builtin_convertvector(dots, ints) * __builtin_convertvector(scales, ints);
    ints scaled = (products + (1 << (ROWS32_ROW_SHIFT - 1))) >> ROWS32_ROW_SHIFT;
    return (scaled * scale + (1 << (ROWS32_SUM_SHIFT - 1))) >> ROWS32_SUM_SHIFT;
}

static void
sum_strip(const struct rows32_group *group, const struct engine_single_group *vector,
          const int32_t *scales, uint32_t groups, int32_t out[ROWS32_ROWS])
{
    ints low = {0}, high = {0};
    for (uint32_t g = 0; g < groups; g++, group++) {
        half_words dots[PARTS];
        dot_group(group, &vector[g], dots);
        low += scale_dots(dots[0], dots[1], group->scales, scales[g]);
        high += scale_dots(dots[2], dots[3], group->scales + LANES, scales[g]);
    }
    lanes_store(out, low);
    lanes_store(out + LANES, high);
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    for (uint32_t v = 0; v < vectors->count; v++) {
        int32_t sums[ROWS32_ROWS];
        sum_strip(rows->values, rows32_vector(vectors, v), rows32_scales(vectors, v),
                  vectors->columns / ROWS32_GROUP, sums);
        rows32_finish(rows->values, vectors, v, sums, row_count, out[v] + first_row);
    }
}

const struct engine_kernel rows32_lanes =
    ROWS32_KERNEL("lanes-int4-q4_0", 0, 0, 16, 1, multiply, rows16_lanes_sums);
