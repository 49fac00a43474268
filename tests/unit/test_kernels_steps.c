/*
 * Steps of whole models with the kernels of this build: how near their logits are, and that they
 * depend on the layout alone.
 */
#include "rows16.h"

#include "engine/choice.h"
#include "engine/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evaluate.h"
#include "random_model.h"
#include "tap.h"

/* Of the CPU that the test is run on. */
#define ALL_FEATURES (ENGINE_NEON | ENGINE_SVE2 | ENGINE_DOTPROD | ENGINE_I8MM)

/* A model in Q8_0, weights packed for what was chosen. */
struct setting {
    uint8_t *file;
    struct engine_arena arena;
    struct engine_model model;
    struct engine_mapping mapping;
    struct engine_source file_source, source;
    const struct engine_kernel **kernels;
    struct engine_packed packed;
    struct engine *engine;
    struct engine_error error;
};

static void
open_setting(struct setting *s, const struct random_shape *shape, const char *forced)
{
    const struct engine_machine machine = {.features = ALL_FEATURES, .vector_bytes = 32};
    size_t bytes, arena_bytes = (size_t)64 << 20;
    uint8_t *plain = random_model(shape, 42, &bytes);
    memset(s, 0, sizeof *s);
    s->file = random_model_quantised(plain, 32, &bytes);
    free(plain);
    s->arena =
        (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, arena_bytes), arena_bytes, 0};
    CHECK_EQ(engine_checkpoint_read(&s->model, s->file, bytes, bytes, &s->arena, &s->error), 0);
    s->mapping = (struct engine_mapping){s->file, bytes};
    s->file_source = engine_mapping_source(&s->mapping);
    s->kernels = engine_arena_take(&s->arena, s->model.tensor_count, sizeof *s->kernels);
    struct engine_trial trials[16];
    CHECK(engine_choose(&s->model, &machine, forced, s->kernels, trials, 16, &s->arena) >= 0);
    CHECK_EQ(engine_pack(&s->packed, &s->model, &s->file_source, s->kernels, &s->arena, &s->error),
             0);
    s->source = engine_packed_source(&s->packed);
    struct engine_options options = {.kernels = s->kernels,
                                     .batch = 4,
                                     .attention = engine_attention_kernel(&s->model, s->kernels)};
    CHECK_EQ(engine_open(&s->engine, &s->model, &s->source, &options, &s->arena, &s->error), 0);
}

static void
close_setting(struct setting *s)
{
    free(s->file);
    free(s->arena.base);
}

static void
step(struct setting *s, struct engine_sequence *sequence, const uint32_t *tokens, uint32_t count,
     float *logits)
{
    struct engine_item item = {sequence, tokens, count, logits};
    CHECK_EQ(engine_step(s->engine, &item, 1, &s->error), 0);
}

/* The rounding of activations moves logits by as much as it does in floats, and no more. */
static void
logits_of_a_15m_shape_in_integers_are_near_those_of_double_precision(void)
{
    struct setting s;
    const struct random_shape shape = RANDOM_15M;
    open_setting(&s, &shape, NULL);
    struct engine_sequence sequence;
    engine_sequence_begin(&sequence, 16,
                          engine_arena_take(&s.arena, 1, engine_sequence_bytes(s.engine, 16)));
    struct evaluation *exact = evaluate_begin(s.file, false),
                      *rounds = evaluate_begin(s.file, true);
    float *logits = engine_arena_take(&s.arena, shape.vocabulary, sizeof *logits);
    double ours = 0, theirs = 0;
    uint64_t draws = 1;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t token = tap_random(&draws, shape.vocabulary);
        const double *expected = evaluate_token(exact, token);
        const double *rounded = evaluate_token(rounds, token);
        step(&s, &sequence, &token, 1, logits);
        for (uint32_t w = 0; w < shape.vocabulary; w++) {
            ours += pow(logits[w] - expected[w], 2);
            theirs += pow(rounded[w] - expected[w], 2);
        }
    }
    printf("# mean error in integers %g, in floats %g\n", sqrt(ours / 4 / shape.vocabulary),
           sqrt(theirs / 4 / shape.vocabulary));
    CHECK(sqrt(ours) < 1.3 * sqrt(theirs));
    evaluate_end(exact);
    evaluate_end(rounds);
    close_setting(&s);
}

/* Attention alone: weights in the file's layout, keys and values in 8 bits or in floats. */
static void
keys_and_values_in_8_bits_move_logits_little(void)
{
    static const struct random_shape shape = {96, 64, 3, 2, 1, 300, 80, true};
    float logits[2][300];
    double difference = 0, size = 0;
    struct setting s;
    open_setting(&s, &shape, "no such kernel");
    for (int i = 0; i < 2; i++) {
        struct engine_options options = {.attention = i ? &rows16_scalar[0] : NULL};
        struct engine_sequence sequence;
        CHECK_EQ(engine_open(&s.engine, &s.model, &s.file_source, &options, &s.arena, &s.error), 0);
        size_t bytes = engine_sequence_bytes(s.engine, 77);
        CHECK(i == 0 || bytes < 77 * 3 * 2 * 48 * 2);
        engine_sequence_begin(&sequence, 77, engine_arena_take(&s.arena, 1, bytes));
        for (uint32_t t = 0; t < 77; t++) {
            uint32_t token = t * 7 % 300;
            step(&s, &sequence, &token, 1, logits[i]);
        }
    }
    for (int w = 0; w < 300; w++) {
        difference += pow(logits[0][w] - logits[1][w], 2);
        size += pow(logits[0][w], 2);
    }
    printf("# relative difference %g\n", sqrt(difference / size));
    CHECK(difference > 0 && sqrt(difference / size) < 0.05);
    struct engine_options wrong = {.attention = engine_kernel_reference(ENGINE_F32)};
    CHECK_EQ(engine_open(&s.engine, &s.model, &s.file_source, &wrong, &s.arena, &s.error),
             ENGINE_E_ARGUMENT);
    close_setting(&s);
}

/* Vocabulary and hidden size leave the last block short, and its last strip too. */
static void
steps_in_integers_do_not_depend_on_the_kernel_or_the_batch(void)
{
    static const struct random_shape odd = {64, 96, 2, 4, 2, 301, 32, true};
    static const char *const forced[] = {"scalar", "neon", "sve256", "no such kernel"};
    const uint32_t tokens[] = {1, 300, 7, 12};
    float logits[5][301];
    for (int i = 0; i < 4; i++) {
        struct setting s;
        struct engine_sequence one, other;
        open_setting(&s, &odd, forced[i]);
        size_t bytes = engine_sequence_bytes(s.engine, 8);
        engine_sequence_begin(&one, 8, engine_arena_take(&s.arena, 1, bytes));
        engine_sequence_begin(&other, 8, engine_arena_take(&s.arena, 1, bytes));
        step(&s, &one, tokens, 4, logits[i]);
        for (int t = 0; t < 4; t++)
            step(&s, &other, &tokens[t], 1, logits[4]);
        CHECK_EQ(memcmp(logits[i], logits[4], sizeof logits[4]), 0);
        bool has_kernel = s.kernels[s.model.classifier->index]->layout == &rows16_layouts[0];
        CHECK_EQ(memcmp(logits[0], logits[i], sizeof logits[0]) == 0, has_kernel);
        close_setting(&s);
    }
}

/* A vector that several tensors read is made into the forms of all of them. */
static void
tensors_with_kernels_of_different_forms_share_a_vector(void)
{
    static const struct random_shape shape = {64, 96, 2, 4, 2, 301, 32, true};
    const uint32_t tokens[] = {1, 300, 7, 12};
    float logits[2][301];
    double difference = 0, size = 0;
    for (int i = 0; i < 2; i++) {
        struct setting s;
        struct engine_sequence sequence;
        open_setting(&s, &shape, i == 0 ? "no such kernel" : NULL);
        for (uint32_t layer = 0; i == 1 && layer < 2; layer++) {
            s.kernels[s.model.layers[layer].query->index] =
                engine_kernel_reference(ENGINE_Q8_SPLIT);
            s.kernels[s.model.layers[layer].up->index] = engine_kernel_reference(ENGINE_Q8_SPLIT);
        }
        size_t bytes = engine_sequence_bytes(s.engine, 8);
        engine_sequence_begin(&sequence, 8, engine_arena_take(&s.arena, 1, bytes));
        CHECK_EQ(engine_pack(&s.packed, &s.model, &s.file_source, s.kernels, &s.arena, &s.error),
                 0);
        step(&s, &sequence, tokens, 4, logits[i]);
        close_setting(&s);
    }
    for (int w = 0; w < 301; w++) {
        difference += pow(logits[0][w] - logits[1][w], 2);
        size += pow(logits[0][w], 2);
    }
    CHECK(difference > 0 && sqrt(difference / size) < 0.05);
}

static uint64_t
fake_clock(void *ticks)
{
    return *(uint64_t *)ticks += 1000;
}

/* Of those for the test's format. */
static uint32_t
count_kernels(uint32_t features)
{
    uint32_t count, found = 0;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    for (uint32_t i = 0; i < count; i++)
        found += kernels[i]->layout->format == ENGINE_Q8_SPLIT &&
                 (kernels[i]->features & ~features) == 0;
    return found;
}

static void
every_kernel_that_fits_is_tried_and_one_is_chosen(void)
{
    struct setting s;
    static const struct random_shape shape = {64, 96, 1, 4, 2, 301, 32, true};
    uint64_t ticks = 0;
    struct engine_machine machine = {
        .features = ALL_FEATURES, .vector_bytes = 32, .now_ns = fake_clock, .context = &ticks};
    struct engine_trial trials[16];
    uint32_t count = count_kernels(ALL_FEATURES), chosen = 0;
    open_setting(&s, &shape, NULL);
    CHECK_EQ(engine_choose(&s.model, &machine, NULL, s.kernels, trials, 16, &s.arena), 2 * count);
    for (uint32_t i = 0; i < 2 * count; i++) {
        CHECK(!trials[i].differs && trials[i].macs > 0 && trials[i].time_ns > 0);
        chosen += trials[i].chosen;
    }
    CHECK_EQ(chosen, 2);
    machine.features = 0;
    CHECK_EQ(engine_choose(&s.model, &machine, NULL, s.kernels, trials, 1, &s.arena),
             2 * count_kernels(0));
    CHECK_EQ(s.kernels[s.model.classifier->index]->features, 0);
    CHECK(s.kernels[s.model.final_norm->index] == engine_kernel_reference(ENGINE_F32));
    struct engine_arena none = {.base = NULL};
    CHECK_EQ(engine_choose(&s.model, &machine, NULL, s.kernels, trials, 1, &none), ENGINE_E_SPACE);
    close_setting(&s);
}

static const struct tap_test tests[] = {
    TAP(logits_of_a_15m_shape_in_integers_are_near_those_of_double_precision),
    TAP(keys_and_values_in_8_bits_move_logits_little),
    TAP(steps_in_integers_do_not_depend_on_the_kernel_or_the_batch),
    TAP(tensors_with_kernels_of_different_forms_share_a_vector),
    TAP(every_kernel_that_fits_is_tried_and_one_is_chosen),
};
TAP_MAIN(tests)
