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
    engine_quantise_integers(bench->values + at, columns, bench->integers + at,
                             bench->integer_scales + at_integers, &bench->bases[v]);
    engine_single_quants(bench->integers + at, columns, bench->singles + at_integers);
}

/* Bytes of chance are good quants; scales are numbers, in halves and in floats. */
static void
fill(struct bench *bench)
{
    uint64_t state = 1;
    const struct engine_tensor *tensor = bench->tensor;
    uint64_t row_bytes = engine_row_bytes(tensor->format, bench->columns);
    uint64_t group_bytes = engine_row_bytes(tensor->format, tensor->group);
    for (uint64_t i = 0; i < ENGINE_BLOCK_ROWS * row_bytes; i++)
        bench->rows[i] = (uint8_t)draw(&state);
    for (uint64_t i = 1; tensor->format != ENGINE_Q8_SPLIT && i < ENGINE_BLOCK_ROWS * row_bytes;
         i += group_bytes)
        bench->rows[i] = (uint8_t)(0x20 + draw(&state) % 16);
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
    bench->rows = engine_arena_take(scratch, count, 2);
    bench->scales = engine_arena_take(scratch, count / tensor->group, sizeof(float));
    bench->values = engine_arena_take(scratch, of_vectors, sizeof(float));
    bench->quants = engine_arena_take(scratch, of_vectors, sizeof(int8_t));
    bench->quant_scales = engine_arena_take(scratch, of_vectors / tensor->group, sizeof(float));
    bench->integers = engine_arena_take(scratch, of_vectors, sizeof(int16_t));
    bench->singles = engine_arena_take(scratch, groups, sizeof(struct engine_single_group));
    bench->integer_scales = engine_arena_take(scratch, groups, sizeof(int32_t));
    bench->packed = engine_arena_take(scratch, count, 2);
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
