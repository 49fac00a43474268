/*
 * Weights of words: e^((logit - greatest) / temperature), in integers, since there are tens of
 * thousands of words for each token, and floats cost much where they are emulated.
 */
#ifndef ENGINE_WORD_WEIGHTS_H
#define ENGINE_WORD_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#define WEIGHTS_ONE (1 << 30) /* the greatest word's */

/*
 * Each within 5e-4 of what it is, and 2^-29; below 2^-30 it is 0, as it is for what is no number.
 * False: the temperature is so low, less than around a ten-thousandth of the greatest logit, that
 * only the greatest word counts.
 */
bool word_weights_of(const float *logits, uint32_t count, float temperature, int32_t *weights);

/*
 * The sum of all words' weights at temperature 1, where `most` is the greatest logit: within 1e-4
 * of what it is, and 2^-29 a word. False: logits are too large, or no numbers.
 */
bool word_weights_sum(const float *logits, uint32_t count, float most, uint64_t *sum);

/* What those that are `least` (1 at least) or more make up, and how many they are. */
struct word_weights_part {
    uint64_t sum;
    uint32_t count;
};
struct word_weights_part word_weights_from(const int32_t *weights, uint32_t count, int32_t least);

#endif
