/* How well a model knows a text. */
#ifndef TESTS_ENGINE_PERPLEXITY_H
#define TESTS_ENGINE_PERPLEXITY_H

#include "engine/engine.h"

/*
 * The mean log probability of the words of a text, each given those in front of it. `kernels` and
 * `attention` as in struct engine_options. Memory is taken from `arena`, a copy.
 */
double mean_log_probability(const struct engine_model *model, struct engine_source *source,
                            const struct engine_kernel *const *kernels,
                            const struct engine_kernel *attention, const uint32_t *tokens,
                            uint32_t count, struct engine_arena arena);

#endif
