/*
 * Products of whole tensors, as steps go through them: each block with all vectors, by one worker.
 * They are timed piece by piece, a few times, and the best time of each piece counts: a busy host
 * is in the way of few.
 */
#include "bench_private.h"

#define PIECES 32u
#define ROUNDS 5u

/* Vectors in all forms that kernels take, and where their products go. */
struct vectors {
    struct engine_vectors of;
    float *out[BENCH_STREAMS];
};

static bool
take_vectors(struct bench_run *run, const struct engine_tensor *tensor, struct vectors *vectors)
{
    uint32_t columns = tensor->columns, group = tensor->group;
    size_t count = (size_t)BENCH_STREAMS * columns, groups = count / ENGINE_INTEGER_GROUP;
    float *values = bench_take(run, count, sizeof *values);
    float *scales = bench_take(run, count / group, sizeof *scales);
    float *bases = bench_take(run, BENCH_STREAMS, sizeof *bases);
    int8_t *quants = bench_take(run, count, sizeof *quants);
    int16_t *integers = bench_take(run, count, sizeof *integers);
    int16_t *fine = bench_take(run, count, sizeof *fine);
    struct engine_single_group *singles = bench_take(run, groups, sizeof *singles);
    int32_t *integer_scales = bench_take(run, groups, sizeof *integer_scales);
    float *out = bench_take(run, (size_t)BENCH_STREAMS * tensor->rows, sizeof *out);
    if (values == NULL || scales == NULL || bases == NULL || quants == NULL || integers == NULL ||
        fine == NULL || singles == NULL || integer_scales == NULL || out == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(int32_t)(i * 7919 % 2001) - 1000;
    engine_quantise(values, (uint32_t)count, group, quants, scales);
    for (uint32_t v = 0; v < BENCH_STREAMS; v++)
        engine_quantise_fine(values + (size_t)v * columns, columns, integers + (size_t)v * columns,
                             fine + (size_t)v * columns,
                             integer_scales + (size_t)v * columns / ENGINE_INTEGER_GROUP,
                             &bases[v]);
    engine_single_quants(integers, (uint32_t)count, singles);
    vectors->of = (struct engine_vectors){.columns = columns,
                                          .group = group,
                                          .values = values,
                                          .quants = quants,
                                          .scales = scales,
                                          .integers = integers,
                                          .fine = fine,
                                          .singles = singles,
                                          .integer_scales = integer_scales,
                                          .bases = bases};
    for (uint32_t v = 0; v < BENCH_STREAMS; v++)
        vectors->out[v] = out + (size_t)v * tensor->rows;
    return true;
}

static bool
multiply(const struct bench_run *run, const struct engine_tensor *tensor,
         const struct vectors *vectors, uint32_t first, uint32_t end)
{
    const struct engine_source *source = run->subject->source;
    struct engine_rows rows;
    for (uint32_t block = first; block < end; block++) {
        if (!source->rows(source->context, 0, tensor, block, &rows))
            return false;
        run->subject->kernels[tensor->index]->multiply(&rows, block * ENGINE_BLOCK_ROWS,
                                                       engine_block_rows(tensor, block),
                                                       &vectors->of, vectors->out);
    }
    return true;
}

/* The time of a whole tensor; 0: its rows cannot be had. */
static uint64_t
measure(const struct bench_run *run, const struct engine_tensor *tensor,
        const struct vectors *vectors)
{
    uint64_t least_ns[PIECES], sum_ns = 0;
    uint32_t blocks = engine_tensor_blocks(tensor), pieces = blocks < PIECES ? blocks : PIECES;
    for (uint32_t i = 0; i < ROUNDS * pieces; i++) {
        uint32_t piece = i % pieces, first = blocks * piece / pieces;
        uint64_t start_ns = bench_now_ns(run);
        if (!multiply(run, tensor, vectors, first, blocks * (piece + 1) / pieces))
            return 0;
        uint64_t ns = bench_now_ns(run) - start_ns;
        if (i < pieces || ns < least_ns[piece])
            least_ns[piece] = ns;
    }
    for (uint32_t i = 0; i < pieces; i++)
        sum_ns += least_ns[i];
    return sum_ns;
}

static int
bench_tensor(struct bench_run *run, const char *what, const struct engine_tensor *tensor)
{
    const struct engine_kernel *kernel = run->subject->kernels[tensor->index];
    struct vectors vectors;
    if (kernel == engine_kernel_reference(tensor->format))
        return ENGINE_OK;
    if (!take_vectors(run, tensor, &vectors))
        return ENGINE_E_SPACE;
    for (uint32_t count = 1; count <= BENCH_STREAMS; count *= 2) {
        uint64_t macs = (uint64_t)tensor->rows * tensor->columns * count;
        vectors.of.count = count;
        uint64_t ns = measure(run, tensor, &vectors);
        if (ns == 0)
            return engine_fail(run->error, ENGINE_E_WEIGHTS, "llm: weights could not be had");
        bench_say(run, "products: %-10s %-16s %2u %s: %u.%02u GMAC/s, %u us", what, kernel->name,
                  count, count == 1 ? "vector " : "vectors", (unsigned)(macs / ns),
                  (unsigned)(macs * 100 / ns % 100), (unsigned)(ns / 1000));
    }
    return ENGINE_OK;
}

int
bench_products(struct bench_run *run)
{
    const struct engine_model *model = run->subject->model;
    int status = ENGINE_OK;
    if (run->subject->kernels == NULL)
        return status;
    if (model->shape.layers > 0)
        status = bench_tensor(run, "gate", model->layers[0].gate);
    if (status == ENGINE_OK && model->shape.layers > 0)
        status = bench_tensor(run, "down", model->layers[0].down);
    return status == ENGINE_OK ? bench_tensor(run, "classifier", model->classifier) : status;
}
