/*
 * Architectures and types of GGUF files: the engine's logits are those of the published
 * architecture, evaluated in double precision on the same numbers.
 */
#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "variant.h"

#define VOCABULARY  40
#define CONTEXT     32
#define TOKENS      24
#define ARENA_BYTES ((size_t)16 << 20)
#define ERROR_MAX   2e-5 /* of the greatest logit: sums of floats, in another order */
#define QUANTS_MAX  0.05 /* where vectors are rounded to 8 bits */

#define SMALL                                                                          \
    .dim = 256, .hidden = 512, .layers = 2, .heads = 8, .kv_heads = 4, .head_dim = 32, \
    .vocabulary = VOCABULARY, .context = CONTEXT

static struct engine_error error;
static struct engine_model model;
static bool packs; /* and kernels are chosen: else the reference computes */

/* Weights packed for kernels that are chosen, into what is left of the arena. */
static struct engine_source
pack(struct engine_packed *packed, const struct engine_source *file, struct engine_arena *arena,
     struct engine_options *options)
{
    const struct engine_machine machine = {.features = 0};
    const struct engine_kernel **kernels =
        engine_arena_take(arena, model.tensor_count, sizeof *kernels);
    CHECK(engine_choose(&model, &machine, NULL, kernels, NULL, 0, arena) > 0);
    CHECK_EQ(engine_pack(packed, &model, file, kernels, arena, &error), 0);
    options->kernels = kernels;
    options->attention = engine_attention_kernel(&model, kernels);
    return engine_packed_source(packed);
}

/* Logits behind the tokens, taken in two steps, with the engine opened for `context`. */
static void
run(const struct variant *variant, uint32_t context, const uint32_t *tokens, float *logits)
{
    size_t bytes;
    const uint8_t *file = variant_file(variant, &bytes);
    struct engine_arena arena = {.base = aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES),
                                 .size_bytes = ARENA_BYTES};
    struct engine_mapping mapping = {file, bytes};
    struct engine_source source = engine_mapping_source(&mapping);
    struct engine_options options = {.batch = TOKENS, .context = context};
    struct engine_packed packed;
    struct engine_sequence sequence;
    struct engine *engine;
    CHECK_EQ(engine_gguf_read(&model, file, bytes, &arena, &error), 0);
    struct engine_source mapped = source;
    if (packs)
        source = pack(&packed, &mapped, &arena, &options);
    CHECK_EQ(engine_open(&engine, &model, &source, &options, &arena, &error), 0);
    engine_sequence_begin(&sequence, context,
                          engine_arena_take(&arena, 1, engine_sequence_bytes(engine, context)));
    struct engine_item prompt = {&sequence, tokens, TOKENS - 1, NULL};
    struct engine_item last = {&sequence, tokens + TOKENS - 1, 1, logits};
    CHECK_EQ(engine_step(engine, &prompt, 1, &error), 0);
    CHECK_EQ(engine_step(engine, &last, 1, &error), 0);
    free(arena.base);
}

/* The greatest difference, as a part of the greatest logit. */
static double
difference(const float *logits, const double *expected)
{
    double most = 0, worst = 0;
    for (uint32_t i = 0; i < VOCABULARY; i++) {
        most = fmax(most, fabs(expected[i]));
        worst = fmax(worst, fabs(logits[i] - expected[i]));
    }
    return worst / most;
}

static void
compare_within(const char *what, const struct variant_shape *shape, uint32_t context,
               double error_max)
{
    struct variant *variant = variant_make(shape, 77);
    uint32_t tokens[TOKENS];
    float logits[VOCABULARY];
    double expected[VOCABULARY];
    for (uint32_t i = 0; i < TOKENS; i++)
        tokens[i] = (7 * i + 3) % VOCABULARY;
    run(variant, context, tokens, logits);
    variant_evaluate(variant, context, tokens, TOKENS, expected);
    double found = difference(logits, expected);
    if (!(found <= error_max))
        printf("# %s: %g\n", what, found);
    CHECK(found <= error_max);
    variant_free(variant);
}

static void
compare(const char *what, const struct variant_shape *shape, uint32_t context)
{
    compare_within(what, shape, context, ERROR_MAX);
}

static void
llama_with_scaled_positions(void)
{
    const struct variant_shape plain = {.architecture = "llama", SMALL};
    const struct variant_shape linear = {.architecture = "llama", SMALL, .rope_linear = 4};
    const struct variant_shape list = {
        .architecture = "llama", SMALL, .rope_base = 500000, .factors = VARIANT_ONE_LIST};
    compare("plain", &plain, CONTEXT);
    compare("linear", &linear, CONTEXT);
    compare("factors", &list, CONTEXT);
}

static void
heads_of_a_size_of_their_own(void)
{
    struct variant_shape shape = {.architecture = "llama", SMALL};
    shape.head_dim = 48;
    compare("wide heads", &shape, CONTEXT);
    shape.rope_dim = 24;
    compare("rotated in part", &shape, CONTEXT);
}

static void
mistral_with_a_window(void)
{
    const struct variant_shape shape = {
        .architecture = "llama", SMALL, .window = 9, .rope_base = 1000000, .untied = true};
    const struct variant_shape wide = {.architecture = "mistral", SMALL, .window = CONTEXT + 1};
    compare("window", &shape, CONTEXT);
    compare("window as wide as the context", &wide, CONTEXT);
}

static void
qwen2_with_biases(void)
{
    const struct variant_shape shape = {
        .architecture = "qwen2", SMALL, .rope_base = 1000000, .halves = true, .biases = true};
    compare("biases", &shape, CONTEXT);
}

static void
phi3_with_fused_tensors(void)
{
    const struct variant_shape shape = {
        .architecture = "phi3", SMALL, .halves = true, .fused = true, .window = 20, .untied = true};
    compare("fused", &shape, CONTEXT);
}

static void
phi3_with_factors_for_short_and_long_contexts(void)
{
    const struct variant_shape shape = {.architecture = "phi3",
                                        SMALL,
                                        .halves = true,
                                        .fused = true,
                                        .factors = VARIANT_TWO_LISTS,
                                        .magnitude = 1.19f,
                                        .original_context = 28};
    compare("short", &shape, 28);
    compare("long", &shape, CONTEXT);
}

static void
each_type_in_each_way_of_lying_there(void)
{
    static const enum variant_type types[] = {VARIANT_Q4_1, VARIANT_Q5_0, VARIANT_Q4_K,
                                              VARIANT_Q5_K, VARIANT_Q6_K};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct variant_shape apart = {.architecture = "llama", SMALL, .type = types[i]};
        const struct variant_shape fused = {
            .architecture = "phi3", SMALL, .halves = true, .fused = true, .type = types[i]};
        char what[32];
        snprintf(what, sizeof what, "type %u", types[i]);
        compare(what, &apart, CONTEXT);
        compare(what, &fused, CONTEXT);
    }
}

/* What one matrix reads in quants, another one of the same layer reads as it is. */
static void
types_that_read_one_vector_in_different_forms(void)
{
    static const enum variant_type types[] = {VARIANT_F32, VARIANT_Q4_1, VARIANT_Q6_K};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct variant_shape shape = {
            .architecture = "llama", SMALL, .type = types[i], .second = VARIANT_Q8_0};
        char what[32];
        snprintf(what, sizeof what, "type %u, and Q8_0", types[i]);
        compare_within(what, &shape, CONTEXT, QUANTS_MAX);
        if (types[i] == VARIANT_F32)
            continue;
        shape.type = VARIANT_Q8_0;
        shape.second = types[i];
        snprintf(what, sizeof what, "Q8_0, and type %u", types[i]);
        compare_within(what, &shape, CONTEXT, QUANTS_MAX);
    }
}

/* As files in 4 bits have them: the most of one type, some of another one. */
static void
types_that_are_packed_for_kernels(void)
{
    static const struct {
        enum variant_type type, second;
        double most;
    } types[] = {
        {VARIANT_F32, 0, 1e-3},
        {VARIANT_Q4_1, 0, QUANTS_MAX},
        {VARIANT_Q5_0, 0, QUANTS_MAX},
        {VARIANT_Q4_K, 0, QUANTS_MAX},
        {VARIANT_Q5_K, 0, QUANTS_MAX},
        {VARIANT_Q8_0, 0, QUANTS_MAX},
        {VARIANT_Q6_K, 0, 2 * QUANTS_MAX},
        {VARIANT_Q4_K, VARIANT_Q6_K, QUANTS_MAX},
    };
    packs = true;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct variant_shape shape = {.architecture = "llama", SMALL, .type = types[i].type};
        char what[48];
        shape.second = types[i].second;
        snprintf(what, sizeof what, "packed type %u, and %u", types[i].type, types[i].second);
        compare_within(what, &shape, CONTEXT, types[i].most);
        shape = (struct variant_shape){
            .architecture = "phi3", SMALL, .halves = true, .fused = true, .type = types[i].type};
        compare_within(what, &shape, CONTEXT, types[i].most);
    }
    packs = false;
}

/* The file with the text `from` changed to `to`, which is as long; how it is refused. */
static void
refuse(const struct variant_shape *shape, const char *from, const char *to, int status,
       const char *text)
{
    static uint8_t memory[1 << 16] __attribute__((aligned(ENGINE_ARENA_ALIGN)));
    struct engine_arena arena = {.base = memory, .size_bytes = sizeof memory};
    struct variant *variant = variant_make(shape, 5);
    size_t bytes;
    const uint8_t *file = variant_file(variant, &bytes);
    uint8_t *copy = malloc(bytes);
    memcpy(copy, file, bytes);
    memcpy(memmem(copy, bytes, from, strlen(from)), to, strlen(to));
    CHECK_EQ(engine_gguf_read(&model, copy, bytes, &arena, &error), status);
    if (strcmp(error.text, text) != 0)
        printf("# %s\n", error.text);
    CHECK(strcmp(error.text, text) == 0);
    free(copy);
    variant_free(variant);
}

static void
what_is_not_supported_is_named(void)
{
    struct variant_shape shape = {.architecture = "phi3",
                                  SMALL,
                                  .halves = true,
                                  .fused = true,
                                  .factors = VARIANT_TWO_LISTS,
                                  .magnitude = 1,
                                  .original_context = 8};
    refuse(&shape, "longrope", "lungrope", ENGINE_E_UNSUPPORTED,
           "gguf: phi3.rope.scaling.type is lungrope, not none, linear or longrope");
    refuse(&shape, "original_context", "ariginal_context", ENGINE_E_FILE,
           "gguf: phi3.rope.scaling.original_context_length is missing");
    refuse(&shape, "blk.1.attn_qkv", "blk.1.attn_qkw", ENGINE_E_FILE,
           "gguf: blk.1.attn_qkv.weight is missing");
    refuse(&shape, "rope_factors_long", "rape_factors_long", ENGINE_E_FILE,
           "gguf: phi3.rope.scaling.type is longrope, and a list of factors is missing");
    shape.head_dim = 34;
    shape.rope_dim = 36;
    refuse(&shape, "phi3", "phi3", ENGINE_E_FILE, "gguf: 36 of a head's 34 dimensions are rotated");
    shape = (struct variant_shape){.architecture = "qwen2", SMALL, .halves = true};
    refuse(&shape, "qwen2", "qwen2", ENGINE_E_FILE, "gguf: blk.0.attn_q.bias is missing");
}

static const struct tap_test tests[] = {
    TAP(llama_with_scaled_positions),
    TAP(heads_of_a_size_of_their_own),
    TAP(mistral_with_a_window),
    TAP(qwen2_with_biases),
    TAP(phi3_with_fused_tensors),
    TAP(phi3_with_factors_for_short_and_long_contexts),
    TAP(each_type_in_each_way_of_lying_there),
    TAP(types_that_read_one_vector_in_different_forms),
    TAP(types_that_are_packed_for_kernels),
    TAP(what_is_not_supported_is_named),
};
TAP_MAIN(tests)
