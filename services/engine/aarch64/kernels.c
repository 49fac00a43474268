/* The kernels for 64-bit Arm. */
#include "kernels.h"

#include "rows16_q15.h"
#include "rows32_minima.h"

#include <string.h>

#define VECTORS_AT_ONCE 4

/* rows16_neon.S, rows16_several_neon.S: strips times one, two or four vectors. */
typedef void multiply_strips(const void *strips, const int16_t *quants, const int32_t *scales,
                             uint64_t groups, float *const *out, uint64_t strip_count,
                             uint64_t first_row, const float *bases);
multiply_strips rows16_q8_neon, rows16_q8_neon_2, rows16_q8_neon_4;

/* rows16_sve.S: sums of the rows of two strips, times one vector. */
void rows16_q8_sve(const void *strip, uint64_t strip_bytes, const int16_t *quants,
                   const int32_t *scales, uint64_t groups, int32_t out[2 * ROWS16_ROWS]);

/* rows32_neon.S: a strip times one vector, as rows32_finish leaves it. */
void rows32_q4_neon(const void *strip, const struct engine_single_group *vector,
                    const int32_t *scales, uint64_t groups, float out[ROWS32_ROWS], int32_t factor);

/* rows32_several_neon.S, rows32_sve.S: sums of the rows of a strip, times several vectors, or one.
 */
typedef void sum_strip(const void *strip, const struct engine_single_group *vectors,
                       const int32_t *scales, uint64_t groups, int32_t (*out)[ROWS32_ROWS]);
sum_strip rows32_q4_neon_2, rows32_q4_neon_4, rows32_q4_sve;

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* So many vectors are multiplied at once where as many are left; no result depends on the others.
 */
static const struct {
    uint32_t vectors;
    multiply_strips *multiply;
} at_once[] = {{VECTORS_AT_ONCE, rows16_q8_neon_4}, {2, rows16_q8_neon_2}, {1, rows16_q8_neon}};

/* Calls are few: an emulator takes long for those that leave the page. */
static void
multiply_neon_whole(const struct engine_rows *rows, uint32_t first_row, uint32_t strip_count,
                    const struct engine_vectors *vectors, float *const *out)
{
    uint32_t columns = vectors->columns, groups = columns / ROWS16_GROUP, first = 0;
    for (int k = 0; first < vectors->count; first += at_once[k].vectors) {
        while (vectors->count - first < at_once[k].vectors)
            k++;
        at_once[k].multiply(rows->values, vectors->integers + (size_t)first * columns,
                            vectors->integer_scales + (size_t)first * groups, groups, out + first,
                            strip_count, first_row, vectors->bases + first);
    }
}

/* A block whose last strip has fewer rows: by a place where there is room for all. */
static void
multiply_neon_part(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                   const struct engine_vectors *vectors, float *const *out)
{
    uint32_t columns = vectors->columns;
    for (uint32_t v = 0; v < vectors->count; v++) {
        float results[ENGINE_BLOCK_ROWS], *to = results;
        rows16_q8_neon(rows->values, vectors->integers + (size_t)v * columns,
                       vectors->integer_scales + (size_t)v * columns / ROWS16_GROUP,
                       columns / ROWS16_GROUP, &to, row_count > ROWS16_ROWS ? 2 : 1, 0,
                       &vectors->bases[v]);
        memcpy(out[v] + first_row, results, row_count * sizeof *results);
    }
}

static void
make_none(float *floats, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, &floats[i], sizeof bits);
        bits |= ROWS16_NAN;
        memcpy(&floats[i], &bits, sizeof bits);
    }
}

/* What is no number in a vector's base is in all results. */
static void
multiply_neon_any(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, float *const *out)
{
    if (row_count % ROWS16_ROWS == 0)
        multiply_neon_whole(rows, first_row, row_count / ROWS16_ROWS, vectors, out);
    else
        multiply_neon_part(rows, first_row, row_count, vectors, out);
    for (uint32_t v = 0; v < vectors->count; v++)
        if (!(vectors->bases[v] >= 0))
            make_none(out[v] + first_row, row_count);
}

/* A whole block and one vector: what a step of one text does, as directly as can be. */
static void
multiply_neon(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
              const struct engine_vectors *vectors, float *const *out)
{
    if (vectors->count == 1 && row_count == ENGINE_BLOCK_ROWS && vectors->bases[0] >= 0)
        rows16_q8_neon(rows->values, vectors->integers, vectors->integer_scales,
                       vectors->columns / ROWS16_GROUP, out, ENGINE_BLOCK_ROWS / ROWS16_ROWS,
                       first_row, vectors->bases);
    else
        multiply_neon_any(rows, first_row, row_count, vectors, out);
}

/* Two strips at once; a block that has only one is multiplied with it twice. */
static void
multiply_sve(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
             const struct engine_vectors *vectors, float *const *out)
{
    uint32_t columns = vectors->columns, groups = columns / ROWS16_GROUP;
    size_t strip_bytes = rows16_strip_bytes(columns);
    const uint8_t *strip = rows->values;
    for (uint32_t v = 0; v < vectors->count; v++) {
        int32_t sums[2 * ROWS16_ROWS];
        rows16_q8_sve(strip, row_count > ROWS16_ROWS ? strip_bytes : 0,
                      vectors->integers + (size_t)v * columns,
                      vectors->integer_scales + (size_t)v * groups, groups, sums);
        rows16_finish(strip, columns, sums, least(row_count, ROWS16_ROWS), vectors->bases[v],
                      out[v] + first_row);
        if (row_count > ROWS16_ROWS)
            rows16_finish(strip + strip_bytes, columns, sums + ROWS16_ROWS, row_count - ROWS16_ROWS,
                          vectors->bases[v], out[v] + first_row + ROWS16_ROWS);
    }
}

/* `count` vectors from `first` on. */
static void
multiply_int4_several(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                      const struct engine_vectors *vectors, uint32_t first, uint32_t count,
                      sum_strip *sum, float *const *out)
{
    int32_t sums[VECTORS_AT_ONCE][ROWS32_ROWS];
    sum(rows->values, rows32_vector(vectors, first), rows32_scales(vectors, first),
        vectors->columns / ROWS32_GROUP, sums);
    for (uint32_t v = 0; v < count; v++)
        rows32_finish(rows->values, vectors, first + v, sums[v], row_count,
                      out[first + v] + first_row);
}

/* What is no number in a vector's base is in all results. */
static void
multiply_int4_one(const struct engine_rows *rows, uint32_t row_count,
                  const struct engine_vectors *vectors, uint32_t v, float *out)
{
    float results[ROWS32_ROWS];
    rows32_q4_neon(rows->values, rows32_vector(vectors, v), rows32_scales(vectors, v),
                   vectors->columns / ROWS32_GROUP, results,
                   rows16_factor(vectors->bases[v], ROWS32_UNIT_BITS));
    for (uint32_t r = 0; r < ROWS32_ROWS && !(vectors->bases[v] >= 0); r += LANES)
        lanes_store(results + r, lanes_load(results + r) | ROWS16_NAN);
    memcpy(out, results, row_count * sizeof *out);
}

static void
multiply_int4_any(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, uint32_t v, float *const *out)
{
    for (; v + 2 <= vectors->count; v += 2)
        multiply_int4_several(rows, first_row, row_count, vectors, v, 2, rows32_q4_neon_2, out);
    if (v < vectors->count)
        multiply_int4_one(rows, row_count, vectors, v, out[v] + first_row);
}

/* A whole strip and one vector: what a step of one text does, as directly as can be. */
static void
multiply_int4(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
              const struct engine_vectors *vectors, float *const *out)
{
    if (vectors->count == 1 && row_count == ROWS32_ROWS && vectors->bases[0] >= 0)
        rows32_q4_neon(rows->values, vectors->singles, vectors->integer_scales,
                       vectors->columns / ROWS32_GROUP, out[0] + first_row,
                       rows16_factor(vectors->bases[0], ROWS32_UNIT_BITS));
    else
        multiply_int4_any(rows, first_row, row_count, vectors, 0, out);
}

static void
multiply_int4x4(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out)
{
    uint32_t v = 0;
    for (; v + 4 <= vectors->count; v += 4)
        multiply_int4_several(rows, first_row, row_count, vectors, v, 4, rows32_q4_neon_4, out);
    if (v == 0)
        multiply_int4(rows, first_row, row_count, vectors, out);
    else
        multiply_int4_any(rows, first_row, row_count, vectors, v, out);
}

static void
multiply_int4_sve(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, float *const *out)
{
    for (uint32_t v = 0; v < vectors->count; v++)
        multiply_int4_several(rows, first_row, row_count, vectors, v, 1, rows32_q4_sve, out);
}

_Static_assert(ENGINE_BLOCK_ROWS == 2 * ROWS16_ROWS, "a block is two strips");

static const struct engine_kernel neon[] = {ROWS16_KERNELS(
    "neon-int16", ENGINE_NEON, 0, 8, VECTORS_AT_ONCE, multiply_neon, rows16_attention_neon)};
static const struct engine_kernel sve[] = {ROWS16_KERNELS(
    "sve256-int16", ENGINE_NEON | ENGINE_SVE2, 32, 16, 1, multiply_sve, rows16_attention_neon)};
static const struct engine_kernel int4 =
    ROWS32_KERNEL("neon-int4-q4_0", ENGINE_NEON, 0, 8, 2, multiply_int4, rows16_attention_neon);
static const struct engine_kernel int4x4 =
    ROWS32_KERNEL("neon-int4x4-q4_0", ENGINE_NEON, 0, 8, 4, multiply_int4x4, rows16_attention_neon);
static const struct engine_kernel int4_sve =
    ROWS32_PAIRS_KERNEL("sve256-int4-q4_0", ENGINE_NEON | ENGINE_SVE2, 32, 16, 1, multiply_int4_sve,
                        rows16_attention_neon);

static void
multiply_q15(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
             const struct engine_vectors *vectors, float *const *out)
{
    q15_multiply(rows, first_row, row_count, vectors, out, rows16_attention_neon);
}

static const struct engine_kernel q15_neon[] = {
    Q15_KERNELS("neon-int15", ENGINE_NEON, 8, multiply_q15)};

static void
multiply_minima(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out)
{
    multiply_int4(rows, first_row, row_count, vectors, out);
    minima_add(rows, first_row, row_count, vectors, out);
}

static const struct engine_kernel minima_neon[] = {
    MINIMA_KERNELS("neon-int4", ENGINE_NEON, 8, 2, multiply_minima, rows16_attention_neon)};

/* By layouts, each with the scalar one first. */
#define ROWS16(i) &rows16_scalar[i], &neon[i], &sve[i]
#define ROWS8(i)  &rows8_scalar[i], &rows8_sdot[i], &rows8_smmla[i]
#define MINIMA(i) &minima_scalar[i], &minima_neon[i]
#define Q15(i)    &q15_scalar[i], &q15_neon[i]
static const struct engine_kernel *const kernels[] = {
    ROWS16(0), ROWS16(1), &rows32_scalar, &int4,    &int4x4,   &rows32_pairs_scalar,
    &int4_sve, ROWS8(0),  ROWS8(1),       ROWS8(2), ROWS16(2), ROWS16(3),
    ROWS16(4), MINIMA(0), MINIMA(1),      Q15(0),   Q15(1),    Q15(2),
};

const struct engine_kernel *const *
engine_kernels(uint32_t *count)
{
    *count = sizeof kernels / sizeof *kernels;
    return kernels;
}
