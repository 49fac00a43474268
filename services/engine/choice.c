/*
 * Trying kernels. Each kind of tensor (format, columns, group) is tried with two blocks of random
 * rows; a kernel that differs from the scalar one of its layout in a single bit is not used.
 */
#include "engine/choice.h"

#include <string.h>

#define RUNS   3
#define BLOCKS 8 /* at least, since reading the clock takes its time, too */
#define RUN_NS 300000

/* What is tried on: rows as in a file, and packed; a vector; results. */
struct bench {
    const struct engine_tensor *tensor;
    uint8_t *rows;
    float *scales, *values;
    int16_t *integers;
    struct engine_single_group *singles;
    int32_t *integer_scales;
    uint8_t *packed;
    float base, *out, *expected;
};

static uint32_t
draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Bytes of chance are good quants; scales are numbers, in halves and in floats. */
static void
fill(struct bench *bench)
{
    uint64_t state = 1;
    const struct engine_tensor *tensor = bench->tensor;
    uint64_t row_bytes = engine_row_bytes(tensor->format, tensor->columns);
    uint64_t group_bytes = engine_row_bytes(tensor->format, tensor->group);
    for (uint64_t i = 0; i < ENGINE_BLOCK_ROWS * row_bytes; i++)
        bench->rows[i] = (uint8_t)draw(&state);
    for (uint64_t i = 1; tensor->format != ENGINE_Q8_SPLIT && i < ENGINE_BLOCK_ROWS * row_bytes;
         i += group_bytes)
        bench->rows[i] = (uint8_t)(0x20 + draw(&state) % 16);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * tensor->columns / tensor->group; i++)
        bench->scales[i] = (float)(draw(&state) % 1000 + 1);
    for (uint32_t i = 0; i < tensor->columns; i++)
        bench->values[i] = (float)(draw(&state) % 2001) - 1000;
    engine_quantise_integers(bench->values, tensor->columns, bench->integers, bench->integer_scales,
                             &bench->base);
    engine_single_quants(bench->integers, tensor->columns, bench->singles);
}

static bool
take_bench(struct bench *bench, const struct engine_tensor *tensor, struct engine_arena *scratch)
{
    size_t count = (size_t)ENGINE_BLOCK_ROWS * tensor->columns;
    bench->tensor = tensor;
    bench->rows = engine_arena_take(scratch, count, 2);
    bench->scales = engine_arena_take(scratch, count / tensor->group, sizeof(float));
    bench->values = engine_arena_take(scratch, tensor->columns, sizeof(float));
    bench->integers = engine_arena_take(scratch, tensor->columns, sizeof(int16_t));
    bench->singles = engine_arena_take(scratch, tensor->columns / ENGINE_INTEGER_GROUP,
                                       sizeof(struct engine_single_group));
    bench->integer_scales = engine_arena_take(scratch, tensor->columns, sizeof(int32_t));
    bench->packed = engine_arena_take(scratch, count, 2);
    bench->out = engine_arena_take(scratch, ENGINE_BLOCK_ROWS, sizeof(float));
    bench->expected = engine_arena_take(scratch, ENGINE_BLOCK_ROWS, sizeof(float));
    return bench->expected != NULL;
}

static void
multiply(const struct bench *bench, const struct engine_kernel *kernel, float *out)
{
    struct engine_rows rows = {.values = bench->packed};
    struct engine_vectors vectors = {.count = 1,
                                     .columns = bench->tensor->columns,
                                     .group = bench->tensor->group,
                                     .integers = bench->integers,
                                     .singles = bench->singles,
                                     .integer_scales = bench->integer_scales,
                                     .bases = &bench->base};
    kernel->multiply(&rows, 0, ENGINE_BLOCK_ROWS, &vectors, &out);
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

static bool
is_exact(struct bench *bench, const struct engine_kernel *kernel)
{
    struct engine_rows rows = {bench->rows, bench->scales, bench->tensor->group};
    kernel->layout->pack(&rows, ENGINE_BLOCK_ROWS, bench->tensor->columns, bench->packed);
    multiply(bench, scalar_of(kernel->layout), bench->expected);
    multiply(bench, kernel, bench->out);
    return memcmp(bench->out, bench->expected, ENGINE_BLOCK_ROWS * sizeof(float)) == 0;
}

/* The best of a few runs, each long enough for the clock. */
static void
measure(const struct bench *bench, const struct engine_machine *machine, struct engine_trial *trial)
{
    uint64_t once = (uint64_t)ENGINE_BLOCK_ROWS * bench->tensor->columns;
    for (int run = 0; run < RUNS; run++) {
        uint64_t start = machine->now_ns(machine->context), time = 0, macs = 0;
        while (time < RUN_NS) {
            for (int i = 0; i < BLOCKS; i++)
                multiply(bench, trial->kernel, bench->out);
            macs += BLOCKS * once;
            time = machine->now_ns(machine->context) - start;
        }
        if (trial->macs == 0 ||
            (double)macs / (double)time > (double)trial->macs / (double)trial->time_ns) {
            trial->macs = macs;
            trial->time_ns = time;
        }
    }
}

static bool
is_faster(const struct engine_trial *trial, const struct engine_trial *best)
{
    return best->kernel == NULL || trial->time_ns == 0 ||
           (double)trial->macs / (double)trial->time_ns >
               (double)best->macs / (double)best->time_ns;
}

static bool
begins_with(const char *text, const char *start)
{
    return start == NULL || strncmp(text, start, strlen(start)) == 0;
}

static bool
fits(const struct engine_kernel *kernel, const struct engine_tensor *tensor,
     const struct engine_machine *machine, const char *forced)
{
    const struct engine_layout *layout = kernel->layout;
    return layout->format == tensor->format &&
           (layout->group == 0 || tensor->group % layout->group == 0) &&
           (kernel->features & ~machine->features) == 0 &&
           (kernel->vector_bytes == 0 || kernel->vector_bytes == machine->vector_bytes) &&
           begins_with(kernel->name, forced);
}

/* Where the trials of all kinds of tensors go. */
struct trials {
    struct engine_trial *list;
    uint32_t count, max;
};

/* Tries one kernel; returns what was found out. */
static struct engine_trial
try_kernel(struct bench *bench, const struct engine_machine *machine,
           const struct engine_kernel *kernel)
{
    struct engine_trial trial = {
        .kernel = kernel, .format = bench->tensor->format, .columns = bench->tensor->columns};
    trial.differs = !is_exact(bench, kernel);
    if (!trial.differs && machine->now_ns != NULL)
        measure(bench, machine, &trial);
    return trial;
}

/* The best kernel for a kind of tensor, or the reference. */
static const struct engine_kernel *
choose_kernel(struct bench *bench, const struct engine_machine *machine, const char *forced,
              struct trials *trials)
{
    uint32_t count, first = trials->count, best_at = UINT32_MAX;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    struct engine_trial best = {.kernel = NULL};
    for (uint32_t i = 0; i < count; i++) {
        if (!fits(kernels[i], bench->tensor, machine, forced))
            continue;
        struct engine_trial trial = try_kernel(bench, machine, kernels[i]);
        if (!trial.differs && is_faster(&trial, &best)) {
            best = trial;
            best_at = trials->count;
        }
        if (trials->count < trials->max)
            trials->list[trials->count] = trial;
        trials->count++;
    }
    if (best_at >= first && best_at < trials->max)
        trials->list[best_at].chosen = true;
    return best.kernel != NULL ? best.kernel : engine_kernel_reference(bench->tensor->format);
}

/* An earlier tensor of the same kind, or the tensor itself. */
static const struct engine_tensor *
first_of_kind(const struct engine_model *model, const struct engine_tensor *tensor)
{
    const struct engine_tensor *first = model->tensors;
    while (first->format != tensor->format || first->columns != tensor->columns ||
           first->group != tensor->group)
        first++;
    return first;
}

int64_t
engine_choose(const struct engine_model *model, const struct engine_machine *machine,
              const char *forced, const struct engine_kernel **kernels, struct engine_trial *list,
              uint32_t trials_max, struct engine_arena *scratch)
{
    struct trials trials = {list, 0, trials_max};
    size_t used_bytes = scratch->used_bytes;
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        const struct engine_tensor *tensor = &model->tensors[i];
        const struct engine_tensor *first = first_of_kind(model, tensor);
        struct bench bench;
        if (first != tensor || tensor->group % ENGINE_INTEGER_GROUP != 0) {
            kernels[i] =
                first != tensor ? kernels[first->index] : engine_kernel_reference(tensor->format);
            continue;
        }
        scratch->used_bytes = used_bytes;
        if (!take_bench(&bench, tensor, scratch))
            return ENGINE_E_SPACE;
        fill(&bench);
        kernels[i] = choose_kernel(&bench, machine, forced, &trials);
    }
    scratch->used_bytes = used_bytes;
    return trials.count;
}

const struct engine_kernel *
engine_attention_kernel(const struct engine_model *model,
                        const struct engine_kernel *const *kernels)
{
    const struct engine_kernel *kernel = kernels[model->classifier->index];
    return kernel->sums != NULL && model->shape.window == 0 ? kernel : NULL;
}
