#include "perplexity.h"

#include "engine/sampling.h"

#include "tap.h"

double
mean_log_probability(const struct engine_model *model, struct engine_source *source,
                     const struct engine_kernel *const *kernels,
                     const struct engine_kernel *attention, const uint32_t *tokens, uint32_t count,
                     struct engine_arena arena)
{
    const struct engine_options options = {.kernels = kernels, .attention = attention};
    const uint32_t vocabulary = model->shape.vocabulary;
    struct engine_error error = {""};
    struct engine_sequence sequence;
    struct engine *engine;
    double sum = 0;
    CHECK_EQ(engine_open(&engine, model, source, &options, &arena, &error), 0);
    void *memory = engine_arena_take(&arena, 1, engine_sequence_bytes(engine, count));
    float *logits = engine_arena_take(&arena, vocabulary, sizeof *logits);
    engine_sequence_begin(&sequence, count, memory);
    for (uint32_t i = 0; i + 1 < count; i++) {
        struct engine_item item = {&sequence, &tokens[i], 1, logits};
        CHECK_EQ(engine_step(engine, &item, 1, &error), 0);
        sum += engine_log_probability(logits, vocabulary, tokens[i + 1]);
    }
    return sum / (count - 1);
}
