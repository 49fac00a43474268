/*
 * Every kernel of this build for the layouts rows32-q4 and rows32-q4-pairs against the scalar one,
 * bit for bit; the scalar one against its definition; and what packing keeps.
 */
#include "rows32.h"

#include <math.h>
#include <string.h>

#include "cpu.h"
#include "groups.h"
#include "products.h"
#include "tap.h"

#define COLUMNS_MAX 5632
#define GROUPS_MAX  (COLUMNS_MAX / 32)
#define VECTORS_MAX 5
#define ROWS        ENGINE_BLOCK_ROWS
#define ALIGNED     __attribute__((aligned(ENGINE_ARENA_ALIGN)))
#define LAYOUTS     2

/* Of a file: a half as the scale, column i low and i + 16 high, plus 8. */
struct file_group {
    uint8_t scale[2], quants[16];
};

static uint64_t state = 1;
static struct engine_machine machine;
static struct file_group file[ROWS * GROUPS_MAX];
static uint8_t packed[GROUPS_MAX * sizeof(struct rows32_group) + ROWS * 4] ALIGNED;
static int8_t plain[VECTORS_MAX * COLUMNS_MAX]; /* the vectors' quants as they are */
static int16_t pairs[VECTORS_MAX * COLUMNS_MAX] ALIGNED;
static struct engine_single_group singles[VECTORS_MAX * GROUPS_MAX] ALIGNED;
static int32_t scales[VECTORS_MAX * GROUPS_MAX] ALIGNED;
static float bases[VECTORS_MAX] = {1, 0.5f, 3e-5f, 1e9f, 1};
/* Results go behind those of a first block, as in a step. */
static float results[2][VECTORS_MAX][2 * ROWS];

/* From 2^-14 to 2^15, or 0. */
static void
draw_scale(uint8_t scale[2])
{
    scale[0] = (uint8_t)tap_random(&state, 256);
    scale[1] = tap_random(&state, 8) == 0 ? 0 : (uint8_t)tap_random(&state, 0x78);
    scale[1] = (uint8_t)(scale[1] | tap_random(&state, 2) << 7);
}

static void
make_vectors(uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 2) {
        pairs[i] = plain[i];
        pairs[i + 1] = (int16_t)(plain[i + 1] - 256 * plain[i]);
    }
    engine_single_quants(pairs, count, singles);
}

static void
fill(uint32_t columns)
{
    uint32_t groups = columns / 32;
    for (uint32_t i = 0; i < ROWS * groups; i++) {
        draw_scale(file[i].scale);
        for (int j = 0; j < 16; j++)
            file[i].quants[j] =
                (uint8_t)(tap_extreme(&state, 0, 15) | tap_extreme(&state, 0, 15) << 4);
    }
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        plain[i] = (int8_t)tap_extreme(&state, -127, 127);
    for (uint32_t i = 0; i < VECTORS_MAX * groups; i++)
        scales[i] = tap_extreme(&state, 0, 4095);
    make_vectors(VECTORS_MAX * columns);
}

/* All quants -8 or 7, all of the vector's 127 with the sign, all scales the greatest. */
static void
fill_with_extremes(uint32_t columns, uint8_t quants, int8_t vector)
{
    for (uint32_t i = 0; i < ROWS * columns / 32; i++) {
        file[i] = (struct file_group){{0xff, 0x0f}, {0}}; /* 2^-12 less a little: 4094 of 2^-24 */
        memset(file[i].quants, quants, 16);
    }
    memset(plain, vector, VECTORS_MAX * columns);
    for (uint32_t g = 0; g < VECTORS_MAX * columns / 32; g++)
        scales[g] = 4095;
    make_vectors(VECTORS_MAX * columns);
}

static void
pack_as(const struct engine_layout *layout, uint32_t rows, uint32_t columns)
{
    const struct engine_rows from = {.values = file, .group = 32};
    products_pack(layout, &from, rows, columns, packed, sizeof packed);
}

static void
pack(uint32_t rows, uint32_t columns)
{
    pack_as(&rows32_layout, rows, columns);
}

static void
run_kernel(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns, uint32_t vectors,
           float out[VECTORS_MAX][2 * ROWS])
{
    const struct engine_vectors v = {.count = vectors,
                                     .columns = columns,
                                     .group = 32,
                                     .singles = singles,
                                     .integer_scales = scales,
                                     .bases = bases};
    products_make(kernel, packed, rows, &v,
                  &(struct products){out[0], VECTORS_MAX, 2 * ROWS, ROWS});
}

static bool
can_run(const struct engine_kernel *kernel)
{
    return (kernel->features & ~machine.features) == 0 &&
           (kernel->vector_bytes == 0 || kernel->vector_bytes == machine.vector_bytes);
}

/* All kernels with what the scalar one of rows32-q4 makes of the same file; how many there were. */
static uint32_t
compare_all(uint32_t rows, uint32_t columns, uint32_t vectors)
{
    static const struct engine_layout *const layouts[LAYOUTS] = {&rows32_layout,
                                                                 &rows32_pairs_layout};
    uint32_t count, compared = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    pack(rows, columns);
    run_kernel(&rows32_scalar, rows, columns, vectors, results[0]);
    for (int l = 0; l < LAYOUTS; l++) {
        pack_as(layouts[l], rows, columns);
        for (uint32_t k = 0; k < count; k++) {
            if (kernels[k]->layout != layouts[l] || !can_run(kernels[k]))
                continue;
            compared++;
            run_kernel(kernels[k], rows, columns, vectors, results[1]);
            if (memcmp(results[0], results[1], sizeof results[0]) != 0)
                printf("# %s differs: %u rows, %u columns, %u vectors\n", kernels[k]->name, rows,
                       columns, vectors);
            CHECK_EQ(memcmp(results[0], results[1], sizeof results[0]), 0);
        }
    }
    return compared;
}

static void
each_kernel_is_bit_for_bit_the_scalar_one(void)
{
    static const uint32_t columns[] = {32, 64, 96, 288, 768, 2048, COLUMNS_MAX};
    static const uint32_t rows[] = {1, 7, 8, 15, 16, 17, 31, 32};
    cpu_describe(&machine, 32);
    printf("# features %#x, vectors of %u bytes\n", machine.features, machine.vector_bytes);
    for (size_t i = 0; i < sizeof columns / sizeof *columns * sizeof rows / sizeof *rows; i++) {
        fill(columns[i / 8]);
        uint32_t compared = compare_all(rows[i % 8], columns[i / 8], 1 + i % VECTORS_MAX);
        CHECK(compared > LAYOUTS);
        CHECK(compared > LAYOUTS + 1 || machine.vector_bytes != 32);
    }
}

static void
each_kernel_takes_extremes(void)
{
    static const uint8_t quants[] = {0x00, 0xff, 0xf0, 0x0f};
    cpu_describe(&machine, 32);
    for (uint32_t i = 0; i < 8; i++) {
        fill_with_extremes(COLUMNS_MAX, quants[i / 2], i % 2 ? 127 : -127);
        (void)compare_all(ROWS, COLUMNS_MAX, 1 + i % VECTORS_MAX);
    }
}

/* The definition, in 64 bits: what overflows 32, or a dot 16, shows here. */
static int64_t
sum_of_row(uint32_t r, uint32_t columns, float base)
{
    uint32_t groups = columns / 32;
    int64_t sum = 0;
    for (uint32_t g = 0; g < groups; g++) {
        int8_t quants[32];
        const struct engine_rows rows = {.values = file};
        int64_t scale = lroundf(groups_read(ENGINE_Q4_0, &rows, r, columns, g, quants) / base),
                dot = 0;
        CHECK(scale >= -4095 && scale <= 4095);
        for (uint32_t i = 0; i < 32; i++)
            dot += quants[i] * plain[g * 32 + i];
        CHECK(dot >= INT16_MIN && dot <= INT16_MAX);
        sum += (((dot * scale + 2048) >> 12) * scales[g] + 64) >> 7;
    }
    return sum;
}

static void
the_scalar_kernel_is_its_definition_and_never_overflows(void)
{
    const float *row_bases = (const void *)(packed + GROUPS_MAX * sizeof(struct rows32_group));
    for (int round = 0; round < 5; round++) {
        fill(COLUMNS_MAX);
        if (round > 0)
            fill_with_extremes(COLUMNS_MAX, round > 2 ? 0xff : 0, round % 2 ? 127 : -127);
        pack(ROWS, COLUMNS_MAX);
        run_kernel(&rows32_scalar, ROWS, COLUMNS_MAX, 1, results[0]);
        for (uint32_t r = 0; r < ROWS; r++) {
            int64_t sum = sum_of_row(r, COLUMNS_MAX, row_bases[r]);
            CHECK(sum >= INT32_MIN && sum <= INT32_MAX);
            CHECK(results[0][0][ROWS + r] == (float)sum * 0x1p19f * row_bases[r]);
        }
    }
}

/* As the layout is described, and as the file has it within half a scale. */
static void
packed_rows_are_those_of_the_file(void)
{
    float row[288];
    const struct engine_rows rows = {.values = file};
    fill(288);
    pack(20, 288);
    for (uint32_t r = 0; r < 20; r++) {
        float most = 0, size[9];
        int8_t quants[9][32];
        for (uint32_t g = 0; g < 9; g++) {
            size[g] = groups_read(ENGINE_Q4_0, &rows, r, 288, g, quants[g]);
            most = fmaxf(most, fabsf(size[g]));
        }
        rows32_q4_expand(&(struct engine_rows){.values = packed}, r, 288, 32, row);
        for (uint32_t i = 0; i < 288; i++) {
            const struct rows32_group *group = (const struct rows32_group *)(void *)packed + i / 32;
            int32_t quant = group->quants[i % 32][r % 8] >> r / 8 * 4 & 15;
            CHECK_EQ(quant - 8, quants[i / 32][i % 32]);
            CHECK(fabsf(row[i] - (float)(quant - 8) * size[i / 32]) <= 8 * most / 4095);
        }
    }
}

/* Each two vectors of words in turn, and the same floats. */
static void
packed_pairs_are_the_same_rows(void)
{
    static uint16_t words[sizeof packed / 2];
    float row[2][288];
    const struct engine_rows rows = {.values = packed};
    const uint16_t *in_pairs = (const void *)packed;
    fill(288);
    pack(ROWS, 288);
    memcpy(words, packed, sizeof packed);
    rows32_q4_expand(&rows, 29, 288, 32, row[0]);
    pack_as(&rows32_pairs_layout, ROWS, 288);
    rows32_q4_pairs_expand(&rows, 29, 288, 32, row[1]);
    CHECK_EQ(memcmp(row[0], row[1], sizeof row[0]), 0);
    for (uint32_t i = 0; i < 9 * sizeof(struct rows32_group) / 2; i++)
        CHECK_EQ(in_pairs[i], words[i / 16 * 16 + i % 2 * 8 + i % 16 / 2]);
}

/* Against a division of floats, for every half that is a number, beside greatest ones of every
 * size; rows that are not there have none. */
static void
scales_are_the_nearest_parts_of_the_base(void)
{
    const struct engine_rows rows = {.values = file};
    const struct rows32_group *groups = (const void *)packed;
    const float *row_bases = (const void *)&groups[GROUPS_MAX];
    uint32_t half = 0;
    for (uint32_t exponent = 0; exponent < 31; exponent++) {
        fill(COLUMNS_MAX);
        for (uint32_t i = 0; i < (ROWS - 1) * GROUPS_MAX; i++, half = (half + 1) % 0x7c00) {
            bool most = i % GROUPS_MAX == 0;
            uint32_t bits = most ? exponent << 10 | (i & 1023) : half % (exponent << 10 | 1023);
            file[i].scale[0] = (uint8_t)bits;
            file[i].scale[1] = (uint8_t)(bits >> 8 | (i % 3 == 0 ? 0x80 : 0));
        }
        pack(ROWS - 1, COLUMNS_MAX);
        for (uint32_t i = 0; i < (ROWS - 1) * GROUPS_MAX; i++) {
            uint32_t row = i / GROUPS_MAX, g = i % GROUPS_MAX;
            float scale = groups_read(ENGINE_Q4_0, &rows, row, COLUMNS_MAX, g, NULL);
            CHECK(row_bases[row] == rows16_base(ENGINE_Q4_0, &rows, row, COLUMNS_MAX));
            float part = row_bases[row] > 0 ? scale / row_bases[row] : 0;
            CHECK_EQ(groups[g].scales[row], (int16_t)(part < 0 ? part - 0.5f : part + 0.5f));
        }
        CHECK_EQ(groups[0].scales[ROWS - 1], 0);
        CHECK_EQ(groups[GROUPS_MAX - 1].quants[31][7] >> 12, 0);
    }
}

static void
scales_that_are_no_numbers_stay_in_their_row(void)
{
    static const uint8_t bad[] = {0x7c, 0xfc, 0x7e}; /* infinite, and none */
    for (size_t i = 0; i < 3; i++) {
        fill(64);
        file[2 * 3 + 1].scale[1] = bad[i]; /* of row 3 */
        pack(16, 64);
        run_kernel(&rows32_scalar, 16, 64, 1, results[0]);
        for (uint32_t r = 0; r < 16; r++)
            CHECK_EQ(isnan(results[0][0][ROWS + r]) != 0, r == 3);
    }
}

static void
singles_are_the_quants_and_what_sums_begin_with(void)
{
    static const int32_t factors[] = {4369, 273, 17, 1};
    fill(COLUMNS_MAX);
    fill_with_extremes(64, 0, -127);
    for (uint32_t g = 0; g < GROUPS_MAX; g++) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < 32; i++) {
            CHECK_EQ(singles[g].quants[i], plain[g * 32 + i]);
            sum += plain[g * 32 + i];
        }
        for (int i = 0; i < 4; i++)
            CHECK_EQ(singles[g].begin[i], (int16_t)(-8 * sum * factors[i]));
    }
}

static const struct tap_test tests[] = {
    TAP(each_kernel_is_bit_for_bit_the_scalar_one),
    TAP(each_kernel_takes_extremes),
    TAP(the_scalar_kernel_is_its_definition_and_never_overflows),
    TAP(packed_rows_are_those_of_the_file),
    TAP(packed_pairs_are_the_same_rows),
    TAP(scales_are_the_nearest_parts_of_the_base),
    TAP(scales_that_are_no_numbers_stay_in_their_row),
    TAP(singles_are_the_quants_and_what_sums_begin_with),
};
TAP_MAIN(tests)
