/*
 * Every kernel of this build against the scalar one of its layout, bit for bit; the scalar one
 * against its definition.
 */
#include <math.h>
#include <string.h>

#include "rows.h"
#include "tap.h"

/* Of the formats one will do: it is packed into the same. */
static bool
is_for_q8(const struct engine_kernel *kernel)
{
    return kernel->layout == &rows16_layouts[0];
}

/* All of this layout and the scalar one, on what is packed. */
static void
compare_kernels(uint32_t rows, uint32_t columns, uint32_t vectors)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    run_kernel(&rows16_scalar[0], rows, columns, vectors, results[0]);
    for (uint32_t k = 0; k < count; k++) {
        if (!is_for_q8(kernels[k]))
            continue;
        run_kernel(kernels[k], rows, columns, vectors, results[1]);
        bool same = memcmp(results[0], results[1], sizeof results[0]) == 0;
        if (!same)
            printf("# %s differs: %u rows, %u columns, %u vectors\n", kernels[k]->name, rows,
                   columns, vectors);
        CHECK(same);
    }
}

static void
each_kernel_is_bit_for_bit_the_scalar_one(void)
{
    static const uint32_t columns[] = {32, 64, 96, 288, 768, 2048, COLUMNS_MAX};
    static const uint32_t rows[] = {1, 15, 16, 17, 31, 32};
    for (size_t i = 0; i < sizeof columns / sizeof *columns * sizeof rows / sizeof *rows; i++) {
        fill(columns[i / 6]);
        pack(rows[i % 6], columns[i / 6]);
        compare_kernels(rows[i % 6], columns[i / 6], 1 + i % 5);
    }
}

static void
each_kernel_takes_any_number_of_vectors(void)
{
    static const uint32_t rows[] = {5, 16, 27, 32};
    for (uint32_t vectors = 1; vectors <= VECTORS_MAX; vectors++)
        for (uint32_t i = 0; i < 8; i++) {
            fill(i < 4 ? 96 : 288);
            bases[i % vectors] = i % 2 ? NAN : 1; /* and that of a row */
            scales[0] = i % 3 ? NAN : 1;
            pack(rows[i % 4], i < 4 ? 96 : 288);
            compare_kernels(rows[i % 4], i < 4 ? 96 : 288, vectors);
        }
    for (uint32_t vectors = 1; vectors <= VECTORS_MAX; vectors++) {
        fill(2048);
        fill_with_extremes(2048, vectors % 2 ? -128 : 127);
        pack(32, 2048);
        compare_kernels(32, 2048, vectors);
    }
}

/* Each vector's results are those that it has alone, whoever is multiplied with it. */
static void
results_do_not_depend_on_the_other_vectors(void)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    static float alone[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS];
    fill(96);
    pack(27, 96);
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t first = 0; is_for_q8(kernels[k]) && first < VECTORS_MAX; first++) {
            run_kernel_from(kernels[k], 27, 96, first, 1, alone);
            for (uint32_t from = 0; from <= first; from++) {
                run_kernel_from(kernels[k], 27, 96, from, VECTORS_MAX - from, results[0]);
                CHECK_EQ(memcmp(results[0][first - from], alone[0], sizeof alone[0]), 0);
            }
        }
}

/* The definition, in 64 bits: what overflows 32, or a dot 16, shows here. */
static int64_t
sum_of_row(uint32_t r, uint32_t columns)
{
    uint32_t groups = columns / 32;
    int64_t sum = 0;
    for (uint32_t g = 0; g < groups; g++) {
        int64_t dot = 8;
        for (uint32_t i = g * 32; i < g * 32 + 32; i += 2) {
            int64_t pair = 0;
            for (uint32_t j = i; j < i + 2; j++) {
                int8_t quant = quants[r * columns + j];
                pair += (quant == -128 ? -127 : quant) * quant_of(integers, j);
            }
            dot += pair >> 4;
        }
        CHECK(dot >= INT16_MIN && dot <= INT16_MAX);
        sum += (((dot * (int64_t)scales[r * groups + g]) >> 12) * integer_scales[g]) >> 7;
    }
    return sum;
}

static void
the_scalar_kernel_is_its_definition_and_never_overflows(void)
{
    uint32_t columns = COLUMNS_MAX;
    for (int round = 0; round < 3; round++) {
        fill(columns);
        if (round > 0)
            fill_with_extremes(columns, round == 1 ? -128 : 127);
        for (uint32_t r = 0; r < ENGINE_BLOCK_ROWS; r++)
            scales[r * (columns / 32)] = 4095; /* so that a scale is itself */
        pack(ENGINE_BLOCK_ROWS, columns);
        run_kernel(&rows16_scalar[0], ENGINE_BLOCK_ROWS, columns, 1, results[0]);
        for (uint32_t r = 0; r < ENGINE_BLOCK_ROWS; r++)
            CHECK(results[0][0][ENGINE_BLOCK_ROWS + r] == (float)sum_of_row(r, columns) * 0x1p23f);
    }
}

/* What attention uses; fine parts are at most half a quant. */
static void
each_kernel_for_attention_is_bit_for_bit_the_scalar_one(void)
{
    static const uint32_t groups[] = {1, 2, 3, 17, 64};
    static int16_t fine[VECTORS_MAX * COLUMNS_MAX];
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    for (size_t i = 0; i < 20 * sizeof groups / sizeof *groups; i++) {
        static int32_t expected[32], out[32];
        uint32_t n = groups[i / 20], halves = 2 * n - i % 2, strips = 1 + i / 2 % 2;
        for (uint32_t j = 0; j < n * 32; j++)
            integers[j] = (int16_t)(j < halves * 16 ? tap_extreme(&draws, -64, 64) : 0);
        pair_up(n * 32);
        memcpy(fine, integers, n * 32 * sizeof *fine);
        fill(n * 32);
        memset(integers + halves * 16, 0, (n * 32 - halves * 16) * sizeof *integers);
        pack(32, n * 32);
        memset(expected, 0x55, sizeof expected);
        rows16_scalar[0].sums(packed, integers, fine, integer_scales, halves, expected,
                              rows16_strip_bytes(n * 32), strips);
        for (uint32_t k = 0; k < count; k++) {
            memset(out, 0x55, sizeof out);
            if (kernels[k]->sums != NULL)
                kernels[k]->sums(packed, integers, fine, integer_scales, halves, out,
                                 rows16_strip_bytes(n * 32), strips);
            CHECK(kernels[k]->sums == NULL || memcmp(out, expected, sizeof out) == 0);
        }
    }
}

/* The definition, in 64 bits: what overflows shows here. */
static void
the_scalar_kernel_for_attention_is_its_definition(void)
{
    static int16_t fine[32];
    for (int round = 0; round < 2000; round++) {
        int32_t out[16];
        fill(32);
        for (uint32_t j = 0; j < 32; j++)
            fine[j] = (int16_t)tap_extreme(&draws, -64, 64);
        for (uint32_t j = 1; j < 32; j += 2)
            fine[j] = (int16_t)(fine[j] - 256 * fine[j - 1]);
        if (round == 0)
            fill_with_extremes(32, 127);
        pack(16, 32);
        rows16_scalar[0].sums(packed, integers, fine, integer_scales, 2, out,
                              rows16_strip_bytes(32), 1);
        for (uint32_t r = 0; r < 16; r++) {
            int64_t dot = 0;
            for (uint32_t i = 0; i < 32; i += 2) {
                int64_t part = 0;
                for (uint32_t j = i; j < i + 2; j++) {
                    int8_t quant = quants[r * 32 + j] == -128 ? -127 : quants[r * 32 + j];
                    dot += quant * quant_of(integers, j);
                    part += quant * quant_of(fine, j);
                }
                dot += (part + 64) >> 7;
            }
            CHECK_EQ(out[r], (dot * integer_scales[0]) >> 11);
        }
    }
}

static const struct tap_test tests[] = {
    TAP(each_kernel_is_bit_for_bit_the_scalar_one),
    TAP(each_kernel_takes_any_number_of_vectors),
    TAP(results_do_not_depend_on_the_other_vectors),
    TAP(the_scalar_kernel_is_its_definition_and_never_overflows),
    TAP(each_kernel_for_attention_is_bit_for_bit_the_scalar_one),
    TAP(the_scalar_kernel_for_attention_is_its_definition),
};
TAP_MAIN(tests)
