#include "trial.h"

#include <string.h>

#define RUNS        3
#define BLOCKS      4 /* at least, since reading the clock takes its time, too */
#define RUN_NS      200000
#define COLUMNS_MAX 1024
#define FAR         2 /* times the best kernel's time: such a one is not measured any longer */

/* Of a row of blocks most are multiplied with one vector, as answers are, some with four. */
#define VECTORS_OF(block) ((block) % 4 == 3 ? 4u : 1u)

static uint32_t
draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void
fill_vector(struct bench *bench, uint32_t v, uint64_t *state)
{
    uint32_t columns = bench->columns, group = bench->tensor->group;
    uint32_t at = v * columns, at_integers = at / ENGINE_INTEGER_GROUP;
    for (uint32_t i = at; i < at + columns; i++)
        bench->values[i] = (float)(draw(state) % 2001) - 1000;
    engine_quantise(bench->values + at, columns, group, bench->quants + at,
                    bench->quant_scales + at / group);
    engine_quantise_fine(bench->values + at, columns, bench->integers + at, bench->fine + at,
                         bench->integer_scales + at_integers, &bench->bases[v]);
    engine_single_quants(bench->integers + at, columns, bench->singles + at_integers);
}

/* Of so many columns of a format, the bytes that have the exponents of its floats. */
static const struct {
    uint32_t columns, at[2];
} exponents[ENGINE_FORMATS] = {
    [ENGINE_F32] = {1, {3, 3}},        [ENGINE_F16] = {1, {1, 1}},    [ENGINE_BF16] = {1, {1, 1}},
    [ENGINE_Q8_0] = {32, {1, 1}},      [ENGINE_Q4_0] = {32, {1, 1}},  [ENGINE_Q4_1] = {32, {1, 3}},
    [ENGINE_Q5_0] = {32, {1, 1}},      [ENGINE_Q4_K] = {256, {1, 3}}, [ENGINE_Q5_K] = {256, {1, 3}},
    [ENGINE_Q6_K] = {256, {209, 209}},
};

/* Bytes of chance are good quants, with exponents that are no extremes. */
static void
fill_rows(struct bench *bench, uint64_t *state)
{
    enum engine_format format = bench->tensor->format;
    uint64_t bytes = ENGINE_BLOCK_ROWS * engine_row_bytes(format, bench->columns);
    for (uint64_t i = 0; i < bytes; i++)
        bench->rows[i] = (uint8_t)draw(state);
    for (uint64_t i = 0; format != ENGINE_Q8_SPLIT && i < bytes;
         i += engine_row_bytes(format, exponents[format].columns))
        for (int part = 0; part < 2; part++)
            bench->rows[i + exponents[format].at[part]] = (uint8_t)(0x30 + draw(state) % 16);
}

static void
fill(struct bench *bench)
{
    uint64_t state = 1;
    const struct engine_tensor *tensor = bench->tensor;
    fill_rows(bench, &state);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * bench->columns / tensor->group; i++)
        bench->scales[i] = (float)(draw(&state) % 1000 + 1);
    for (uint32_t v = 0; v < BENCH_VECTORS; v++)
        fill_vector(bench, v, &state);
}

/* Whole groups. */
static uint32_t
columns_of(const struct engine_tensor *tensor)
{
    if (tensor->columns <= COLUMNS_MAX || tensor->group > COLUMNS_MAX)
        return tensor->columns;
    return COLUMNS_MAX / tensor->group * tensor->group;
}

/* Of a block in the layout that takes most room. */
static size_t
packed_bytes(const struct engine_tensor *tensor, uint32_t columns)
{
    uint32_t count;
    size_t most = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (!engine_layout_fits(kernels[i]->layout, tensor))
            continue;
        size_t bytes = kernels[i]->layout->block_bytes(ENGINE_BLOCK_ROWS, columns);
        most = bytes > most ? bytes : most;
    }
    return most;
}

bool
bench_begin(struct bench *bench, const struct engine_tensor *tensor, struct engine_arena *scratch)
{
    uint32_t columns = columns_of(tensor);
    size_t count = (size_t)ENGINE_BLOCK_ROWS * columns, of_vectors = BENCH_VECTORS * columns;
    size_t results = BENCH_VECTORS * ENGINE_BLOCK_ROWS;
    size_t groups = of_vectors / ENGINE_INTEGER_GROUP;
    bench->tensor = tensor;
    bench->columns = columns;
    bench->layout = NULL;
    bench->rows =
        engine_arena_take(scratch, ENGINE_BLOCK_ROWS, engine_row_bytes(tensor->format, columns));
    bench->scales = engine_arena_take(scratch, count / tensor->group, sizeof(float));
    bench->values = engine_arena_take(scratch, of_vectors, sizeof(float));
    bench->quants = engine_arena_take(scratch, of_vectors, sizeof(int8_t));
    bench->quant_scales = engine_arena_take(scratch, of_vectors / tensor->group, sizeof(float));
    bench->integers = engine_arena_take(scratch, of_vectors, sizeof(int16_t));
    bench->fine = engine_arena_take(scratch, of_vectors, sizeof(int16_t));
    bench->singles = engine_arena_take(scratch, groups, sizeof(struct engine_single_group));
    bench->integer_scales = engine_arena_take(scratch, groups, sizeof(int32_t));
    bench->packed = engine_arena_take(scratch, 1, packed_bytes(tensor, columns));
    bench->out = engine_arena_take(scratch, results, sizeof(float));
    bench->expected = engine_arena_take(scratch, results, sizeof(float));
    if (bench->expected == NULL)
        return false;
    fill(bench);
    return true;
}

static void
multiply(const struct bench *bench, const struct engine_kernel *kernel, uint32_t count, float *out)
{
    struct engine_rows rows = {.values = bench->packed};
    struct engine_vectors vectors = {.count = count,
                                     .columns = bench->columns,
                                     .group = bench->tensor->group,
                                     .quants = bench->quants,
                                     .scales = bench->quant_scales,
                                     .integers = bench->integers,
                                     .fine = bench->fine,
                                     .singles = bench->singles,
                                     .integer_scales = bench->integer_scales,
                                     .bases = bench->bases};
    float *of_vectors[BENCH_VECTORS];
    for (uint32_t v = 0; v < count; v++)
        of_vectors[v] = out + (size_t)v * ENGINE_BLOCK_ROWS;
    kernel->multiply(&rows, 0, ENGINE_BLOCK_ROWS, &vectors, of_vectors);
}

static const struct engine_kernel *
scalar_of(const struct engine_layout *layout)
{
    uint32_t count, i = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    while (kernels[i]->layout != layout)
        i++;
    return kernels[i];
}

/* In the layout, with the results that are right. */
static void
pack(struct bench *bench, const struct engine_layout *layout)
{
    struct engine_rows rows = {bench->rows, bench->scales, bench->tensor->group};
    if (bench->layout == layout)
        return;
    layout->pack(&rows, ENGINE_BLOCK_ROWS, bench->columns, bench->packed);
    multiply(bench, scalar_of(layout), BENCH_VECTORS, bench->expected);
    bench->layout = layout;
}

static bool
is_exact(struct bench *bench, const struct engine_kernel *kernel)
{
    pack(bench, kernel->layout);
    if (kernel == scalar_of(kernel->layout))
        return true;
    multiply(bench, kernel, BENCH_VECTORS, bench->out);
    return memcmp(bench->out, bench->expected, BENCH_VECTORS * ENGINE_BLOCK_ROWS * sizeof(float)) ==
           0;
}

/* Multiplies `blocks` of them at least, for `least_ns` at least; keeps the fastest of such runs. */
static void
run(const struct bench *bench, const struct engine_machine *machine, uint64_t blocks,
    uint64_t least_ns, struct engine_trial *trial)
{
    uint64_t start = machine->now_ns(machine->context), time = 0, macs = 0, vectors = 0;
    for (uint64_t i = 0; i < blocks; i++)
        vectors += VECTORS_OF(i);
    do {
        for (uint64_t i = 0; i < blocks; i++)
            multiply(bench, trial->kernel, VECTORS_OF(i), bench->out);
        macs += vectors * ENGINE_BLOCK_ROWS * bench->columns;
        time = machine->now_ns(machine->context) - start;
    } while (time < least_ns);
    if (trial->macs == 0 ||
        (double)macs / (double)time > (double)trial->macs / (double)trial->time_ns) {
        trial->macs = macs;
        trial->time_ns = time;
    }
}

static bool
is_far_behind(const struct engine_trial *trial, const struct engine_trial *best)
{
    return best->kernel != NULL && FAR * (double)trial->macs / (double)trial->time_ns <
                                       (double)best->macs / (double)best->time_ns;
}

/*
 * One block, a few times: something may come between. What is near the best then runs longer, as
 * often as a fast one has time for; but not scalar kernels, which are slow enough for the clock.
 */
static void
measure(const struct bench *bench, const struct engine_machine *machine,
        const struct engine_trial *best, struct engine_trial *trial)
{
    for (int i = 0; i < RUNS; i++)
        run(bench, machine, 1, 1, trial);
    if (trial->kernel == scalar_of(trial->kernel->layout))
        return;
    uint64_t end_ns = machine->now_ns(machine->context) + RUNS * RUN_NS;
    while (!is_far_behind(trial, best) && machine->now_ns(machine->context) < end_ns)
        run(bench, machine, BLOCKS, RUN_NS, trial);
}

struct engine_trial
bench_try(struct bench *bench, const struct engine_machine *machine,
          const struct engine_kernel *kernel, const struct engine_trial *best)
{
    struct engine_trial trial = {
        .kernel = kernel, .format = bench->tensor->format, .columns = bench->tensor->columns};
    trial.differs = !is_exact(bench, kernel);
    if (!trial.differs && machine->now_ns != NULL)
        measure(bench, machine, best, &trial);
    return trial;
}
