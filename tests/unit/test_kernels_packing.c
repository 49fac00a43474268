/*
 * What packing rows for the kernels named rows16 and quantising vectors for them keep and lose.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "tap.h"

static void
packed_rows_are_those_of_the_file(void)
{
    uint32_t columns = 288;
    float row[288];
    fill(columns);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns / 32; i++)
        scales[i] = (float)tap_extreme(&draws, -3000, 3000) * 1e-4f;
    pack(20, columns);
    for (uint32_t r = 0; r < 20; r++) {
        float most = 0;
        for (uint32_t g = 0; g < 9; g++)
            most = fmaxf(most, fabsf(scales[r * 9 + g]));
        rows16_q8_expand(&(struct engine_rows){.values = packed}, r, columns, 32, row);
        for (uint32_t i = 0; i < columns; i++) {
            float scale = scales[r * 9 + i / 32], expected = quants[r * columns + i] * scale;
            float bound = 127 * most / 4095 * 1.001f + (scale < 0 ? -scale : scale);
            CHECK(fabsf(row[i] - expected) <= bound);
        }
    }
}

/* llama2.c's tools make groups of 64 where the model is wide enough. */
static void
longer_groups_are_packed_as_groups_of_32_with_one_scale(void)
{
    static uint8_t expected[8192] ALIGNED;
    float shared[ENGINE_BLOCK_ROWS * 2];
    struct engine_rows rows = {quants, shared, 64};
    fill(128);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * 4; i++)
        shared[i / 2] = scales[i & ~1u], scales[i] = scales[i & ~1u];
    CHECK(rows16_layouts[0].block_bytes(20, 128) <= sizeof expected);
    rows16_layouts[0].pack(&rows, 20, 128, expected);
    pack(20, 128);
    CHECK_EQ(memcmp(packed, expected, rows16_layouts[0].block_bytes(20, 128)), 0);
}

static void
scales_that_are_no_numbers_stay_in_their_row(void)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        fill(64);
        scales[2 * 3 + 1] = bad[i]; /* of row 3 */
        pack(16, 64);
        run_kernel(&rows16_scalar[0], 16, 64, 1, results[0]);
        for (uint32_t r = 0; r < 16; r++)
            CHECK_EQ(isnan(results[0][0][ENGINE_BLOCK_ROWS + r]) != 0, r == 3);
    }
}

static void
rows_of_zeros_are_zero(void)
{
    fill(64);
    memset(scales, 0, sizeof scales);
    pack(16, 64);
    run_kernel(&rows16_scalar[0], 16, 64, 1, results[0]);
    for (uint32_t r = 0; r < 16; r++)
        CHECK(results[0][0][ENGINE_BLOCK_ROWS + r] == 0);
}

static void
integers_of_a_vector_are_as_near_as_is_said(void)
{
    float values[288], base;
    for (int round = 0; round < 2000; round++) {
        float most = 0;
        for (int i = 0; i < 288; i++) {
            float size = (i / 32 % 3 == 0) ? 1e-4f : 10.0f;
            values[i] = size * ((float)tap_random(&draws, 20001) / 10000.0f - 1);
            most = fmaxf(most, fabsf(values[i]));
        }
        engine_quantise_integers(values, 288, integers, integer_scales, &base);
        for (int i = 0; i < 288; i++) {
            float group = 0;
            for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++)
                group = fmaxf(group, fabsf(values[j]));
            CHECK(abs(quant_of(integers, (uint32_t)i)) <= 127);
            CHECK(integer_scales[i / 32] >= 0 && integer_scales[i / 32] <= 4095);
            float quant = quant_of(integers, (uint32_t)i);
            float error = fabsf(quant * (float)integer_scales[i / 32] * base - values[i]);
            CHECK(error <= (group + most / 2047) / 200);
        }
    }
}

static void
vectors_of_zeros_and_of_no_numbers_are_taken(void)
{
    float values[32] = {0}, base;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK(base == 0 && integers[5] == 0 && integer_scales[0] == 0);
    values[4] = 2;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK_EQ(integers[3], 0);
    CHECK_EQ(integers[4], 127);
    for (int i = 0; i < 2; i++) {
        values[3] = i ? NAN : -INFINITY;
        engine_quantise_integers(values, 32, integers, integer_scales, &base);
        CHECK(isnan(base) && integers[4] == 0);
    }
    values[3] = 0x1p58f;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK(base > 0 && quant_of(integers, 3) == 127);
    values[3] = 0x1p59f;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK(isnan(base));
}

static const struct tap_test tests[] = {
    TAP(packed_rows_are_those_of_the_file),
    TAP(longer_groups_are_packed_as_groups_of_32_with_one_scale),
    TAP(scales_that_are_no_numbers_stay_in_their_row),
    TAP(rows_of_zeros_are_zero),
    TAP(integers_of_a_vector_are_as_near_as_is_said),
    TAP(vectors_of_zeros_and_of_no_numbers_are_taken),
};
TAP_MAIN(tests)
