/*
 * The published architecture of llama, evaluated in double precision, one token at a time, straight
 * from a llama2.c checkpoint (version 0 or 2). Slow and plain: what the engine is compared with.
 */
#ifndef TESTS_ENGINE_EVALUATE_H
#define TESTS_ENGINE_EVALUATE_H

#include <stdbool.h>
#include <stdint.h>

struct evaluation;

/*
 * Begins a text for a model that is valid. With `quantises`, what is multiplied with a matrix of
 * int8 is rounded to int8 in groups first, as the engine does; else only the weights are.
 */
struct evaluation *evaluate_begin(const uint8_t *model, bool quantises);

/* Appends a token; returns the logits of what follows, valid until the next call. */
const double *evaluate_token(struct evaluation *evaluation, uint32_t token);

void evaluate_end(struct evaluation *evaluation);

#endif
