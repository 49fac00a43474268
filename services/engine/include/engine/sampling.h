/*
 * Choosing a word from its logits. The choice depends on the logits, the settings and the seed
 * alone: not on the machine, on other requests, or on how many were answered before.
 */
#ifndef ENGINE_SAMPLING_H
#define ENGINE_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

#define ENGINE_RECENT_MAX 64 /* tokens that the repetition penalty looks back */

/* All zero is greedy: the word with the greatest logit, the first of equal ones. */
struct engine_sampling {
    float temperature;        /* logits are divided by it; 0: greedy */
    float repetition_penalty; /* of recent words: positive logits are divided by it, others
                                 multiplied; 0 or 1: none */
    uint32_t top_k;           /* only so many most likely words; 0: all */
    float min_p;              /* only words with that part of the greatest probability; 0: all */
    float top_p;              /* only the most likely words that make up so much together; 0: all */
    uint64_t seed;
};

struct engine_sampler {
    struct engine_sampling settings;
    uint64_t state; /* of the random numbers */
    uint32_t recent[ENGINE_RECENT_MAX];
    uint32_t recent_count; /* of all that were seen */
};

/* A word that may be drawn. */
struct engine_candidate {
    uint32_t weight; /* its probability, but for a common factor */
    uint32_t token;
};

/* Settings out of range (negative, no number) count as the nearest that makes sense. */
void engine_sampler_begin(struct engine_sampler *sampler, const struct engine_sampling *settings);

/* A token of the text, of the prompt or of the answer, for the repetition penalty. */
void engine_sampler_saw(struct engine_sampler *sampler, uint32_t token);

/*
 * Draws a word. The penalty comes first, then the temperature; a word has to be within each of the
 * limits top-k, min-p and top-p, which look at the probabilities of all words. Changes logits where
 * there is a penalty. `candidates` has room for `count`, and half as many more for
 * the weights of all words. Words with less than 2^-30 of the greatest
 * probability are never drawn; that of others is within 1e-3 of what it is.
 */
uint32_t engine_sample(struct engine_sampler *sampler, float *logits, uint32_t count,
                       struct engine_candidate *candidates);

/* The logarithm of the probability of `token`, at temperature 1: within 1e-4 of what it is. */
float engine_log_probability(const float *logits, uint32_t count, uint32_t token);

#endif
