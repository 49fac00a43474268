/* The kernels that every machine has: the scalar ones, and vectors of the compiler's making. */
#include "kernels.h"
#include "lanes.h"
#include "rows32.h"
#include "rows8.h"

/* A strip's 16 rows. */
typedef int16_t words __attribute__((vector_size(32)));
typedef uint16_t uwords __attribute__((vector_size(32)));
_Static_assert(LANES == ROWS16_ROWS, "a row is a lane");

/* w0 * x0 + w1 * x1 of all rows, modulo 2^16: as in aarch64/rows16_neon.S. */
static inline words
product(words pairs, words seconds, const int16_t *quants)
{
    return (words)((uwords)pairs * (uint16_t)quants[0] + (uwords)seconds * (uint16_t)quants[1]);
}

static inline words
load_pairs(const struct rows16_group *group, uint32_t i)
{
    words pairs;
    memcpy(&pairs, group->pairs[i], sizeof pairs);
    return pairs;
}

static ints
sum_strip(const struct rows16_group *group, const int16_t *quants, const int32_t *scales,
          uint32_t groups)
{
    ints sum = {0};
    for (uint32_t g = 0; g < groups; g++, group++, quants += ROWS16_GROUP) {
        words dot = (words){0} + ROWS16_HALF;
        uwords row_scales;
        for (uint32_t i = 0; i < ROWS16_GROUP / 2; i++) {
            words pairs = load_pairs(group, i), seconds = (pairs + 128) >> 8;
            dot += product(pairs, seconds, quants + 2 * i) >> ROWS16_PAIR_SHIFT;
        }
        memcpy(&row_scales, group->scales, sizeof row_scales);
        ints scaled =
            __builtin_convertvector(dot, ints) * __builtin_convertvector(row_scales, ints);
        sum += ((scaled >> ROWS16_ROW_SHIFT) * scales[g]) >> ROWS16_SUM_SHIFT;
    }
    return sum;
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    uint32_t groups = vectors->columns / ROWS16_GROUP;
    const uint8_t *strip = rows->values;
    for (uint32_t r = 0; r < row_count; r += ROWS16_ROWS) {
        uint32_t left = row_count - r < ROWS16_ROWS ? row_count - r : ROWS16_ROWS;
        for (uint32_t v = 0; v < vectors->count; v++) {
            int32_t sums[ROWS16_ROWS];
            lanes_store(sums, sum_strip((const void *)strip,
                                        vectors->integers + (size_t)v * vectors->columns,
                                        vectors->integer_scales + (size_t)v * groups, groups));
            rows16_finish(strip, vectors->columns, sums, left, vectors->bases[v],
                          out[v] + first_row + r);
        }
        strip += rows16_strip_bytes(vectors->columns);
    }
}

void
rows16_lanes_sums(const void *strip, const int16_t *quants, const int16_t *fine,
                  const int32_t *scales, uint64_t groups, int32_t out[ROWS16_ROWS])
{
    const struct rows16_group *group = strip;
    const int32_t half = 1 << (ENGINE_FINE_BITS - 1);
    ints sum = {0};
    for (uint64_t g = 0; g < groups; g++) {
        ints dot = {0};
        for (uint32_t i = 0; i < ROWS16_GROUP / 2; i++, quants += 2, fine += 2) {
            words pairs = load_pairs(&group[g], i), seconds = (pairs + 128) >> 8;
            ints part = __builtin_convertvector(product(pairs, seconds, fine), ints);
            dot += __builtin_convertvector(product(pairs, seconds, quants), ints);
            dot += (part + half) >> ENGINE_FINE_BITS;
        }
        sum += (dot * scales[g]) >> ROWS16_ATTENTION_SHIFT;
    }
    lanes_store(out, sum);
}

static const struct engine_kernel lanes[] = {
    ROWS16_KERNELS("lanes-int16", 0, 0, multiply, rows16_lanes_sums)};

/* By layouts, each with the scalar one first. */
static const struct engine_kernel *const kernels[] = {
    &rows16_scalar[0], &lanes[0],        &rows16_scalar[1], &lanes[1],        &rows32_scalar,
    &rows32_lanes,     &rows8_scalar[0], &rows8_scalar[1],  &rows8_scalar[2],
};

const struct engine_kernel *const *
engine_kernels(uint32_t *count)
{
    *count = sizeof kernels / sizeof *kernels;
    return kernels;
}
