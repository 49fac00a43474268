/*
 * The kernels for the layouts rows8-dot: each gives what the reference gives for the file's layout,
 * bit for bit; on a CPU that lacks their instructions the scalar one does.
 */
#include "rows8.h"

#include <string.h>

#include "cpu.h"
#include "tap.h"

#define COLUMNS_MAX 2048
#define VECTORS_MAX 5
#define ROWS        ENGINE_BLOCK_ROWS
#define ALIGNED     __attribute__((aligned(ENGINE_ARENA_ALIGN)))

static uint64_t state = 1;
static uint8_t file[ROWS * COLUMNS_MAX * 2] ALIGNED;
static float file_scales[ROWS * COLUMNS_MAX / 32];
static uint8_t packed[ROWS * COLUMNS_MAX * 2] ALIGNED;
static int8_t quants[VECTORS_MAX * COLUMNS_MAX];
static float scales[VECTORS_MAX * COLUMNS_MAX / 32];
static struct engine_machine machine;
/* Results go behind those of a first block, as in a step. */
static float results[2][VECTORS_MAX][2 * ROWS];

static float
draw_scale(void)
{
    return ((float)tap_random(&state, 20001) - 10000) * 1e-5f;
}

/* Numbers of all sizes, none that is no number. */
static void
fill(enum engine_format format, uint32_t columns, uint32_t group)
{
    uint64_t group_bytes = engine_row_bytes(format, 32);
    for (uint64_t i = 0; i < ROWS * engine_row_bytes(format, columns); i++)
        file[i] = (uint8_t)(format == ENGINE_Q4_0 ? (int32_t)tap_random(&state, 256)
                                                  : (int8_t)tap_extreme(&state, -128, 127));
    for (uint64_t i = 1; format != ENGINE_Q8_SPLIT && i < ROWS * engine_row_bytes(format, columns);
         i += group_bytes)
        file[i] = (uint8_t)(tap_random(&state, 2) << 7 | tap_random(&state, 0x60));
    for (uint32_t i = 0; i < ROWS * columns / group; i++)
        file_scales[i] = draw_scale();
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        quants[i] = (int8_t)tap_extreme(&state, -127, 127);
    for (uint32_t i = 0; i < VECTORS_MAX * columns / group; i++)
        scales[i] = draw_scale();
}

static void
run_kernel(const struct engine_kernel *kernel, const struct engine_rows *rows, uint32_t row_count,
           const struct engine_vectors *vectors, float out[VECTORS_MAX][2 * ROWS])
{
    float *pointers[VECTORS_MAX];
    for (uint32_t i = 0; i < VECTORS_MAX; i++)
        pointers[i] = out[i];
    memset(out, 0x55, sizeof results[0]);
    kernel->multiply(rows, ROWS, row_count, vectors, pointers);
}

/* Of one format; returns how many kernels there were. */
static uint32_t
compare(enum engine_format format, uint32_t rows, const struct engine_vectors *vectors)
{
    const struct engine_rows from = {file, file_scales, vectors->group};
    const struct engine_rows in_layout = {.values = packed, .group = vectors->group};
    uint32_t count, found = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    run_kernel(engine_kernel_reference(format), &from, rows, vectors, results[0]);
    for (uint32_t k = 0; k < count; k++) {
        const struct engine_layout *layout = kernels[k]->layout;
        if (kernels[k]->form != ENGINE_QUANTS || layout->format != format ||
            (kernels[k]->features & ~machine.features) != 0)
            continue;
        found++;
        memset(packed, 0x77, sizeof packed);
        CHECK(layout->block_bytes(rows, vectors->columns) <= sizeof packed);
        layout->pack(&from, rows, vectors->columns, packed);
        run_kernel(kernels[k], &in_layout, rows, vectors, results[1]);
        if (memcmp(results[0], results[1], sizeof results[0]) != 0)
            printf("# %s differs: %u rows, %u columns\n", kernels[k]->name, rows, vectors->columns);
        CHECK_EQ(memcmp(results[0], results[1], sizeof results[0]), 0);
    }
    return found;
}

static void
compare_all(enum engine_format format, uint32_t group)
{
    static const uint32_t columns[] = {64, 128, 192, 320, 768, COLUMNS_MAX};
    static const uint32_t rows[] = {1, 7, 8, 9, 16, 23, 31, 32};
    uint32_t kernels =
        1 + ((machine.features & ENGINE_DOTPROD) != 0) + ((machine.features & ENGINE_I8MM) != 0);
    for (size_t i = 0; i < sizeof columns / sizeof *columns * sizeof rows / sizeof *rows; i++) {
        const struct engine_vectors vectors = {.count = 1 + i % VECTORS_MAX,
                                               .columns = columns[i / 8],
                                               .group = group,
                                               .quants = quants,
                                               .scales = scales};
        fill(format, vectors.columns, group);
        CHECK_EQ(compare(format, rows[i % 8], &vectors), kernels);
    }
}

static void
each_kernel_is_bit_for_bit_the_reference(void)
{
    cpu_describe(&machine, 16);
    compare_all(ENGINE_Q8_SPLIT, 32);
    compare_all(ENGINE_Q8_0, 32);
    compare_all(ENGINE_Q4_0, 32);
}

static void
longer_groups_are_summed_up_before_they_are_scaled(void)
{
    cpu_describe(&machine, 16);
    compare_all(ENGINE_Q8_SPLIT, 64);
}

/* All products of a group are the greatest. */
static void
extremes_do_not_overflow(void)
{
    static const uint8_t ends[] = {0x00, 0xff, 0x80, 0x7f};
    const struct engine_vectors vectors = {
        .count = 3, .columns = 256, .group = 32, .quants = quants, .scales = scales};
    cpu_describe(&machine, 16);
    for (int i = 0; i < 8; i++) {
        fill(i < 4 ? ENGINE_Q8_SPLIT : ENGINE_Q4_0, 256, 32);
        memset(file, ends[i % 4], sizeof file);
        for (uint32_t g = 0; i >= 4 && g < ROWS * 8; g++)
            file[18 * g + 1] = 0x30;
        memset(quants, i % 2 ? 127 : -127, sizeof quants);
        compare(i < 4 ? ENGINE_Q8_SPLIT : ENGINE_Q4_0, ROWS, &vectors);
    }
}

static void
packed_rows_are_those_of_the_file(void)
{
    for (uint32_t i = 0; i < ROWS8_FORMATS; i++) {
        float expected[320], row[320];
        enum engine_format format = rows8_layouts[i].format;
        const struct engine_rows from = {file, file_scales, 32}, to = {.values = packed};
        fill(format, 320, 32);
        rows8_layouts[i].pack(&from, 20, 320, packed);
        for (uint32_t r = 0; r < 20; r++) {
            engine_kernel_reference(format)->expand(&from, r, 320, 32, expected);
            rows8_scalar[i].expand(&to, r, 320, 32, row);
            CHECK_EQ(memcmp(row, expected, sizeof row), 0);
        }
    }
}

static const struct tap_test tests[] = {
    TAP(each_kernel_is_bit_for_bit_the_reference),
    TAP(longer_groups_are_summed_up_before_they_are_scaled),
    TAP(extremes_do_not_overflow),
    TAP(packed_rows_are_those_of_the_file),
};
TAP_MAIN(tests)
