/*
 * Model files with random weights: right for speed and for comparing numbers, not for language. The
 * same shape and seed give the same bytes on every machine.
 */
#ifndef TESTS_ENGINE_RANDOM_MODEL_H
#define TESTS_ENGINE_RANDOM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random_shape {
    uint32_t dim, hidden, layers, heads, kv_heads, vocabulary, context;
    bool untied; /* the classifier is a tensor of its own */
};

/* stories15M's. */
#define RANDOM_15M ((struct random_shape){288, 768, 6, 6, 6, 32000, 256, false})

/* A llama2.c checkpoint of version 0, from malloc. */
uint8_t *random_model(const struct random_shape *shape, uint64_t seed, size_t *bytes);

/* The same model as version 2, from malloc: matrices as int8 in groups. The header says the shape.
 */
uint8_t *random_model_quantised(const uint8_t *model, uint32_t group, size_t *bytes);

/*
 * What such a file begins with, from malloc: header and norms. The rest, up to `bytes`, may be
 * zeros: a model of any size for measuring how one is loaded.
 */
uint8_t *model_head(const struct random_shape *shape, uint32_t group, size_t *head_bytes,
                    size_t *bytes);

#endif
