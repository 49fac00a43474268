/* The kernels that every machine has: the scalar ones, and vectors of the compiler's making. */
#include "kernels.h"
#include "lanes.h"
#include "rows16_q15.h"
#include "rows32_minima.h"
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

#define AT_ONCE 4

/* What a group adds to the sums of `count` vectors, which share what is unpacked of the rows. */
static inline void
sum_group(const struct rows16_group *group, const struct engine_vectors *vectors, uint32_t first,
          uint32_t count, uint32_t g, ints sums[])
{
    const int16_t *quants =
        vectors->integers + (size_t)first * vectors->columns + (size_t)g * ROWS16_GROUP;
    const int32_t *scales =
        vectors->integer_scales + (size_t)first * vectors->columns / ROWS16_GROUP + g;
    words dots[AT_ONCE];
    uwords row_scales;
    for (uint32_t v = 0; v < count; v++)
        dots[v] = (words){0} + ROWS16_HALF;
    for (uint32_t i = 0; i < ROWS16_GROUP / 2; i++) {
        words pairs = load_pairs(group, i), seconds = (pairs + 128) >> 8;
        for (uint32_t v = 0; v < count; v++)
            dots[v] += product(pairs, seconds, quants + (size_t)v * vectors->columns + 2 * i) >>
                       ROWS16_PAIR_SHIFT;
    }
    memcpy(&row_scales, group->scales, sizeof row_scales);
    for (uint32_t v = 0; v < count; v++) {
        ints scaled =
            __builtin_convertvector(dots[v], ints) * __builtin_convertvector(row_scales, ints);
        sums[v] +=
            ((scaled >> ROWS16_ROW_SHIFT) * scales[(size_t)v * vectors->columns / ROWS16_GROUP]) >>
            ROWS16_SUM_SHIFT;
    }
}

/* `count` of the vectors, from `first` on; a number that the compiler knows. */
static inline void
multiply_strip(const void *strip, uint32_t row_count, const struct engine_vectors *vectors,
               uint32_t first, uint32_t count, uint32_t first_row, float *const *out)
{
    const struct rows16_group *groups = strip;
    ints sums[AT_ONCE] = {0};
    for (uint32_t g = 0; g < vectors->columns / ROWS16_GROUP; g++)
        sum_group(&groups[g], vectors, first, count, g, sums);
    for (uint32_t v = 0; v < count; v++) {
        int32_t of_rows[ROWS16_ROWS];
        lanes_store(of_rows, sums[v]);
        rows16_finish(strip, vectors->columns, of_rows, row_count, vectors->bases[first + v],
                      out[first + v] + first_row);
    }
}

static void
multiply(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
         const struct engine_vectors *vectors, float *const *out)
{
    const uint8_t *strip = rows->values;
    for (uint32_t r = 0; r < row_count; r += ROWS16_ROWS) {
        uint32_t left = row_count - r < ROWS16_ROWS ? row_count - r : ROWS16_ROWS, v = 0;
        for (; v + AT_ONCE <= vectors->count; v += AT_ONCE)
            multiply_strip(strip, left, vectors, v, AT_ONCE, first_row + r, out);
        for (; v < vectors->count; v++)
            multiply_strip(strip, left, vectors, v, 1, first_row + r, out);
        strip += rows16_strip_bytes(vectors->columns);
    }
}

static ints
sum_exactly(const struct rows16_group *strip, const int16_t *quants, const int16_t *fine,
            const int32_t *scales, uint64_t groups)
{
    const int32_t half = 1 << (ENGINE_FINE_BITS - 1);
    ints sum = {0};
    for (uint64_t g = 0; g < groups; g++) {
        ints dot = {0};
        for (uint32_t i = 0; i < ROWS16_GROUP / 2; i++, quants += 2, fine += 2) {
            words pairs = load_pairs(&strip[g], i), seconds = (pairs + 128) >> 8;
            ints part = __builtin_convertvector(product(pairs, seconds, fine), ints);
            dot += __builtin_convertvector(product(pairs, seconds, quants), ints);
            dot += (part + half) >> ENGINE_FINE_BITS;
        }
        sum += (dot * scales[g]) >> ROWS16_ATTENTION_SHIFT;
    }
    return sum;
}

void
rows16_lanes_sums(const void *strips, const int16_t *quants, const int16_t *fine,
                  const int32_t *scales, uint64_t halves, int32_t *out, uint64_t strip_bytes,
                  uint64_t strip_count)
{
    for (uint64_t s = 0; s < strip_count; s++)
        lanes_store(out + s * ROWS16_ROWS,
                    sum_exactly((const void *)((const uint8_t *)strips + s * strip_bytes), quants,
                                fine, scales, (halves + 1) / 2));
}

static const struct engine_kernel lanes[] = {
    ROWS16_KERNELS("lanes-int16", 0, 0, LANES, AT_ONCE, multiply, rows16_lanes_sums)};

static void
multiply_q15(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
             const struct engine_vectors *vectors, float *const *out)
{
    q15_multiply(rows, first_row, row_count, vectors, out, rows16_lanes_sums);
}

static const struct engine_kernel q15_lanes[] = {
    Q15_KERNELS("lanes-int15", 0, LANES, multiply_q15)};

static void
multiply_minima(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out)
{
    rows32_lanes.multiply(rows, first_row, row_count, vectors, out);
    minima_add(rows, first_row, row_count, vectors, out);
}

static const struct engine_kernel minima_lanes[] = {
    MINIMA_KERNELS("lanes-int4", 0, LANES, 1, multiply_minima, rows16_lanes_sums)};

/* By layouts, each with the scalar one first. */
#define ROWS16(i) &rows16_scalar[i], &lanes[i]
#define MINIMA(i) &minima_scalar[i], &minima_lanes[i]
#define Q15(i)    &q15_scalar[i], &q15_lanes[i]
static const struct engine_kernel *const kernels[] = {
    ROWS16(0),        ROWS16(1),        &rows32_scalar,   &rows32_lanes, &rows32_pairs_scalar,
    &rows8_scalar[0], &rows8_scalar[1], &rows8_scalar[2], ROWS16(2),     ROWS16(3),
    ROWS16(4),        MINIMA(0),        MINIMA(1),        Q15(0),        Q15(1),
    Q15(2),
};

const struct engine_kernel *const *
engine_kernels(uint32_t *count)
{
    *count = sizeof kernels / sizeof *kernels;
    return kernels;
}
