/*
 * Small models of the architectures that GGUF files have, with random weights: the file, and the
 * logits by the published architecture in double precision, from the same numbers and without a
 * line of the engine.
 */
#ifndef TESTS_ENGINE_VARIANT_H
#define TESTS_ENGINE_VARIANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types of matrices, as GGUF numbers them. */
enum variant_type {
    VARIANT_F32 = 0,
    VARIANT_Q4_1 = 3,
    VARIANT_Q5_0 = 6,
    VARIANT_Q8_0 = 8,
    VARIANT_Q4_K = 12,
    VARIANT_Q5_K = 13,
    VARIANT_Q6_K = 14,
};

enum variant_factors { VARIANT_NO_FACTORS, VARIANT_ONE_LIST, VARIANT_TWO_LISTS };

struct variant_shape {
    const char *architecture;
    uint32_t dim, hidden, layers, heads, kv_heads, head_dim, vocabulary, context;
    uint32_t window;              /* 0: none */
    uint32_t rope_dim;            /* 0: head_dim */
    float rope_base;              /* 0: not in the file */
    float rope_linear;            /* 0: not scaled so */
    enum variant_factors factors; /* TWO_LISTS: longrope, with ... */
    float magnitude;              /* ... this factor, and the second list for contexts ... */
    uint32_t original_context;    /* ... longer than this */
    bool halves, biases, fused;   /* as the architecture has it */
    bool untied;
    enum variant_type type;
    enum variant_type second; /* of keys, values and 'up', which read what another matrix reads; 0:
                                 the same */
};

struct variant;

struct variant *variant_make(const struct variant_shape *shape, uint64_t seed);
void variant_free(struct variant *variant);

/* The file, without a vocabulary; valid until variant_free. */
const uint8_t *variant_file(const struct variant *variant, size_t *bytes);

/* Logits behind `count` tokens, with the engine opened for `context` positions. */
void variant_evaluate(const struct variant *variant, uint32_t context, const uint32_t *tokens,
                      uint32_t count, double *logits);

#endif
