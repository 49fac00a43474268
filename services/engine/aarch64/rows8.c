/* Kernels for the layouts rows8-dot-q8 and -q4. */
#include "rows8.h"

#include "kernels.h"

#include <string.h>

/* What a call of rows8.S is about. */
struct rows8_extent {
    uint64_t strips, groups, pieces, columns;
};

typedef void multiply_strips(const void *strips, const int8_t *quants, const float *scales,
                             const struct rows8_extent *extent, float *out);

multiply_strips rows8_q8_sdot, rows8_q4_sdot;   /* one vector */
multiply_strips rows8_q8_smmla, rows8_q4_smmla; /* two */

/* Vectors from `v` on, `together` of them. */
static void
multiply_some(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
              const struct engine_vectors *vectors, uint32_t v, uint32_t together,
              multiply_strips *multiply, float *const *out)
{
    uint32_t groups = vectors->columns / vectors->group;
    const struct rows8_extent extent = {.strips = (row_count + ROWS8_ROWS - 1) / ROWS8_ROWS,
                                        .groups = groups,
                                        .pieces = vectors->group / ROWS8_COLUMNS,
                                        .columns = vectors->columns};
    float results[2][ENGINE_BLOCK_ROWS];
    multiply(rows->values, vectors->quants + (size_t)v * vectors->columns,
             vectors->scales + (size_t)v * groups, &extent, results[0]);
    for (uint32_t i = 0; i < together; i++)
        memcpy(out[v + i] + first_row, results[i], row_count * sizeof(float));
}

/* Two at a time where `two` can, the others alone. */
static void
multiply_all(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
             const struct engine_vectors *vectors, multiply_strips *two, multiply_strips *one,
             float *const *out)
{
    uint32_t v = 0;
    for (; two != NULL && v + 2 <= vectors->count; v += 2)
        multiply_some(rows, first_row, row_count, vectors, v, 2, two, out);
    for (; v < vectors->count; v++)
        multiply_some(rows, first_row, row_count, vectors, v, 1, one, out);
}

static void
multiply_sdot_q8(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                 const struct engine_vectors *vectors, float *const *out)
{
    multiply_all(rows, first_row, row_count, vectors, NULL, rows8_q8_sdot, out);
}

static void
multiply_sdot_q4(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                 const struct engine_vectors *vectors, float *const *out)
{
    multiply_all(rows, first_row, row_count, vectors, NULL, rows8_q4_sdot, out);
}

static void
multiply_smmla_q8(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, float *const *out)
{
    multiply_all(rows, first_row, row_count, vectors, rows8_q8_smmla, rows8_q8_sdot, out);
}

static void
multiply_smmla_q4(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                  const struct engine_vectors *vectors, float *const *out)
{
    multiply_all(rows, first_row, row_count, vectors, rows8_q4_smmla, rows8_q4_sdot, out);
}

#define SDOT  (ENGINE_NEON | ENGINE_DOTPROD)
#define SMMLA (SDOT | ENGINE_I8MM)

const struct engine_kernel rows8_sdot[ROWS8_FORMATS] = {
    ROWS8_KERNELS("sdot", SDOT, 16, 1, multiply_sdot_q8, multiply_sdot_q4, rows16_attention_neon)};
const struct engine_kernel rows8_smmla[ROWS8_FORMATS] = {ROWS8_KERNELS(
    "smmla", SMMLA, 16, 2, multiply_smmla_q8, multiply_smmla_q4, rows16_attention_neon)};
