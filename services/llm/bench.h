/* What a model is computed with, and how fast: the same on the host and in the machine. */
#ifndef LLM_BENCH_H
#define LLM_BENCH_H

#include "engine/choice.h"
#include "engine/engine.h"

struct bench_subject {
    const struct engine_model *model;
    const struct engine_source *source;
    const struct engine_kernel *const *kernels; /* these three as engine_open takes them */
    const struct engine_kernel *attention;
    const struct engine_team *team; /* NULL: the caller alone */
    const struct engine_trial *trials;
    uint32_t trial_count;
    const struct engine_machine *machine; /* its clock */
    void (*put)(const char *line);
    void *(*take)(size_t bytes); /* memory, aligned to ENGINE_ARENA_ALIGN, for good; or NULL */
};

/*
 * Says what each kernel does, and with each number of workers how many tokens a second the model
 * reads (a prompt of 104) and writes (from position 128 on, or what the context has room for; and
 * with 16 texts at once), how long the parts of a step take, what choosing a word costs, and how
 * fast products with whole tensors are.
 * The status is the engine's.
 */
int bench(const struct bench_subject *subject, struct engine_error *error);

#endif
