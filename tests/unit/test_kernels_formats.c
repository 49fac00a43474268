/*
 * Formats of GGUF that are packed for kernels in integers: what packing keeps of their weights,
 * that each kernel is bit for bit its layout's scalar one, and numbers that are none.
 */
#include "rows16.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "products.h"
#include "tap.h"

#define COLUMNS_MAX 768
#define ROWS        ENGINE_BLOCK_ROWS
#define VECTORS_MAX 5
#define ALIGNED     __attribute__((aligned(ENGINE_ARENA_ALIGN)))

static const struct {
    enum engine_format format;
    uint32_t columns;               /* of a block */
    uint32_t halves[2], half_count; /* where in it numbers in half precision are */
} formats[] = {
    {ENGINE_F32, 1, {0}, 0},       {ENGINE_F16, 1, {0}, 1},      {ENGINE_BF16, 1, {0}, 0},
    {ENGINE_Q4_1, 32, {0, 2}, 2},  {ENGINE_Q5_0, 32, {0}, 1},    {ENGINE_Q4_K, 256, {0, 2}, 2},
    {ENGINE_Q5_K, 256, {0, 2}, 2}, {ENGINE_Q6_K, 256, {208}, 1},
};
#define FORMATS (sizeof formats / sizeof *formats)

static uint64_t state = 1;
static struct engine_machine machine;
static uint8_t file[ROWS * COLUMNS_MAX * 4] ALIGNED, packed[ROWS * COLUMNS_MAX * 4] ALIGNED;
static float values[VECTORS_MAX * COLUMNS_MAX];
static int16_t integers[VECTORS_MAX * COLUMNS_MAX] ALIGNED, fine[VECTORS_MAX * COLUMNS_MAX] ALIGNED;
static struct engine_single_group singles[VECTORS_MAX * COLUMNS_MAX / 32] ALIGNED;
static int32_t scales[VECTORS_MAX * COLUMNS_MAX / 32] ALIGNED;
static float bases[VECTORS_MAX];
static float results[2][VECTORS_MAX][ROWS];

/* From 2^-10 to 2^6 with either sign, or 0; as a half, or as the upper half of a float. */
static uint16_t
draw_number(bool is_half)
{
    uint32_t sign = tap_random(&state, 2) << 15, exponent = tap_random(&state, 16);
    if (tap_random(&state, 16) == 0)
        return (uint16_t)sign;
    return (uint16_t)(sign | (is_half ? (exponent + 5) << 10 | tap_random(&state, 1024)
                                      : (exponent + 117) << 7 | tap_random(&state, 128)));
}

static void
put_number(uint8_t *at, uint16_t number)
{
    at[0] = (uint8_t)number;
    at[1] = (uint8_t)(number >> 8);
}

/* Rows of a format with quants of chance. */
static void
fill(size_t f, uint32_t columns)
{
    enum engine_format format = formats[f].format;
    uint64_t bytes = ROWS * engine_row_bytes(format, columns),
             step = engine_row_bytes(format, formats[f].columns);
    for (uint64_t i = 0; i < bytes; i++)
        file[i] = (uint8_t)tap_random(&state, 256);
    for (uint64_t i = 0; i < bytes; i += step) {
        for (uint32_t h = 0; h < formats[f].half_count; h++)
            put_number(file + i + formats[f].halves[h], draw_number(true));
        if (formats[f].half_count == 0)
            put_number(file + i + step - 2, draw_number(false));
    }
}

static void
fill_vectors(uint32_t columns)
{
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        values[i] = (float)tap_extreme(&state, -1000, 1000);
    for (uint32_t v = 0; v < VECTORS_MAX; v++)
        engine_quantise_fine(values + v * columns, columns, integers + v * columns,
                             fine + v * columns, scales + v * columns / 32, &bases[v]);
    engine_single_quants(integers, VECTORS_MAX * columns, singles);
}

static void
run_kernel(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns, uint32_t vectors,
           float out[VECTORS_MAX][ROWS])
{
    const struct engine_vectors v = {.count = vectors,
                                     .columns = columns,
                                     .group = 32,
                                     .integers = integers,
                                     .fine = fine,
                                     .singles = singles,
                                     .integer_scales = scales,
                                     .bases = bases};
    products_make(kernel, packed, rows, &v, &(struct products){out[0], VECTORS_MAX, ROWS, 0});
}

/* The first kernel of a format, which is its layout's scalar one. */
static const struct engine_kernel *
scalar_of(enum engine_format format)
{
    uint32_t count, i = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    while (i < count && kernels[i]->layout->format != format)
        i++;
    CHECK(i < count);
    return kernels[i];
}

static void
pack(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns)
{
    const struct engine_rows from = {.values = file, .group = 1};
    products_pack(kernel->layout, &from, rows, columns, packed, sizeof packed);
}

/* --- Weights ---------------------------------------------------------------------------------- */

/* Blocks, rounded to 8 bits: 1/200 of the group's greatest and of 1/2047 of the row's. Floats, to
 * 15: 1/16000 of the row's. */
static void
check_row(enum engine_format format, const float *expected, const float *row, uint32_t columns)
{
    bool is_minima = format == ENGINE_Q4_1 || format == ENGINE_Q4_K;
    bool is_float = format == ENGINE_F32 || format == ENGINE_F16 || format == ENGINE_BF16;
    float of_row = 0;
    for (uint32_t i = 0; i < columns; i++)
        of_row = fmaxf(of_row, fabsf(expected[i]));
    for (uint32_t g = 0; g < columns; g += 32) {
        float of_group = 0;
        for (uint32_t i = g; i < g + 32; i++)
            of_group = fmaxf(of_group, fabsf(expected[i]));
        float most = is_float    ? of_row / 16000
                     : is_minima ? of_row / 3000
                                 : (of_group + of_row / 2047) / 200;
        for (uint32_t i = g; i < g + 32; i++)
            if (fabsf(row[i] - expected[i]) > most) {
                printf("# format %d: %g is %g\n", (int)format, expected[i], row[i]);
                CHECK(false);
            }
    }
}

static void
packed_weights_are_within_their_bound_of_the_files(void)
{
    static const uint32_t columns[] = {256, 768};
    static float expected[COLUMNS_MAX], row[COLUMNS_MAX];
    for (size_t i = 0; i < 2 * FORMATS; i++) {
        enum engine_format format = formats[i / 2].format;
        uint32_t count = formats[i / 2].columns < 256 && i % 2 ? 288 : columns[i % 2];
        const struct engine_kernel *kernel = scalar_of(format);
        const struct engine_rows from = {.values = file}, to = {.values = packed};
        fill(i / 2, count);
        pack(kernel, 27, count);
        for (uint32_t r = 0; r < 27; r++) {
            engine_kernel_reference(format)->expand(&from, r, count, 1, expected);
            kernel->expand(&to, r, count, 1, row);
            check_row(format, expected, row, count);
        }
    }
}

/* In a group, and in another one of the same row: the row is none; the others are as they were. */
static void
numbers_that_are_none_stay_in_their_row(void)
{
    for (size_t f = 0; f < FORMATS; f++) {
        const struct engine_kernel *kernel = scalar_of(formats[f].format);
        uint64_t row_bytes = engine_row_bytes(formats[f].format, 256);
        uint32_t at = formats[f].half_count > 0         ? formats[f].halves[0]
                      : formats[f].format == ENGINE_F32 ? 2
                                                        : 0;
        fill(f, 256);
        fill_vectors(256);
        put_number(file + 3 * row_bytes + at, 0x7fc0);
        pack(kernel, ROWS, 256);
        run_kernel(kernel, ROWS, 256, 1, results[0]);
        for (uint32_t r = 0; r < ROWS; r++)
            CHECK_EQ(isnan(results[0][0][r]) != 0, r == 3);
    }
}

/* --- Kernels ---------------------------------------------------------------------------------- */

static void
each_kernel_is_bit_for_bit_the_scalar_one_of_its_layout(void)
{
    static const uint32_t rows[] = {1, 15, 17, 32};
    uint32_t count, others = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    cpu_describe(&machine, 32);
    for (size_t i = 0; i < 4 * FORMATS; i++) {
        const struct engine_kernel *scalar = scalar_of(formats[i / 4].format);
        uint32_t columns = i % 2 ? 768 : 256, vectors = 1 + i % VECTORS_MAX;
        fill(i / 4, columns);
        fill_vectors(columns);
        pack(scalar, rows[i % 4], columns);
        run_kernel(scalar, rows[i % 4], columns, vectors, results[0]);
        for (uint32_t k = 0; k < count; k++) {
            if (kernels[k]->layout != scalar->layout || kernels[k] == scalar ||
                (kernels[k]->features & ~machine.features) != 0 ||
                (kernels[k]->vector_bytes != 0 && kernels[k]->vector_bytes != machine.vector_bytes))
                continue;
            others++;
            run_kernel(kernels[k], rows[i % 4], columns, vectors, results[1]);
            if (memcmp(results[0], results[1], sizeof results[0]) != 0)
                printf("# %s differs\n", kernels[k]->name);
            CHECK_EQ(memcmp(results[0], results[1], sizeof results[0]), 0);
        }
    }
    CHECK(others >= 4 * FORMATS);
}

/* The widest rows with the greatest numbers, all of one sign: what overflowed would show. */
static void
sums_of_the_widest_rows_do_not_overflow(void)
{
    enum { COLUMNS = ENGINE_DIM_MAX, GROUPS = COLUMNS / 32 };
    static const float weights[][2] = {{15, 1}, {15, -16}, {0, -16}}; /* quant, and added to it */
    static uint8_t rows[COLUMNS * 4] ALIGNED, strip[COLUMNS * ROWS * 3] ALIGNED;
    static float vector[COLUMNS];
    static int16_t quants[COLUMNS] ALIGNED, rest[COLUMNS] ALIGNED;
    static struct engine_single_group of_groups[GROUPS] ALIGNED;
    static int32_t group_scales[GROUPS] ALIGNED;
    float base, out[ROWS], *to = out;
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    const struct engine_rows from = {.values = rows, .group = 1}, packed_rows = {.values = strip};
    const struct engine_vectors v = {.count = 1,
                                     .columns = COLUMNS,
                                     .group = 32,
                                     .integers = quants,
                                     .fine = rest,
                                     .singles = of_groups,
                                     .integer_scales = group_scales,
                                     .bases = &base};
    cpu_describe(&machine, 32);
    for (uint32_t i = 0; i < COLUMNS; i++)
        vector[i] = -1000;
    engine_quantise_fine(vector, COLUMNS, quants, rest, group_scales, &base);
    engine_single_quants(quants, COLUMNS, of_groups);
    for (size_t i = 0; i < 3; i++)
        for (uint32_t k = 0; k < count; k++) {
            bool is_float = kernels[k]->layout->format == ENGINE_F32;
            /* Just below a power of two a float has its greatest halves. */
            float weight = (weights[i][0] + weights[i][1]) * (is_float ? 0.9955f : 1);
            float sum = weight * -1000 * COLUMNS;
            if ((!is_float && kernels[k]->layout->format != ENGINE_Q4_1) ||
                (kernels[k]->features & ~machine.features) != 0)
                continue;
            for (uint32_t c = 0; is_float && c < COLUMNS; c++)
                memcpy(rows + c * sizeof weight, &weight, sizeof weight);
            for (uint32_t g = 0; !is_float && g < GROUPS; g++) {
                put_number(rows + g * 20, 0x3c00);
                put_number(rows + g * 20 + 2, weights[i][1] > 0 ? 0x3c00 : 0xcc00);
                memset(rows + g * 20 + 4, weights[i][0] > 0 ? 0xff : 0, 16);
            }
            kernels[k]->layout->pack(&from, 1, COLUMNS, strip);
            kernels[k]->multiply(&packed_rows, 0, 1, &v, &to);
            CHECK(fabsf(out[0] / sum - 1) < 2e-3f);
        }
}

static const struct tap_test tests[] = {
    TAP(packed_weights_are_within_their_bound_of_the_files),
    TAP(numbers_that_are_none_stay_in_their_row),
    TAP(each_kernel_is_bit_for_bit_the_scalar_one_of_its_layout),
    TAP(sums_of_the_widest_rows_do_not_overflow),
};
TAP_MAIN(tests)
