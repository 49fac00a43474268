/*
 * Every kernel of this build against the scalar one of its layout, bit for bit; the scalar one
 * against its definition; and what packing and quantising lose.
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

#define COLUMNS_MAX 5632
#define VECTORS_MAX 17
#define BLOCK_BYTES (2 * (COLUMNS_MAX / 32 * 544 + 64))
/* Of the CPU that the test is run on. */
#define ALL_FEATURES (ENGINE_NEON | ENGINE_SVE2 | ENGINE_DOTPROD | ENGINE_I8MM)
#define ALIGNED      __attribute__((aligned(ENGINE_ARENA_ALIGN)))

static uint64_t state = 1;
static int8_t quants[ENGINE_BLOCK_ROWS * COLUMNS_MAX];
static float scales[ENGINE_BLOCK_ROWS * COLUMNS_MAX / 32];
static uint8_t packed[BLOCK_BYTES] ALIGNED;
static int16_t integers[VECTORS_MAX * COLUMNS_MAX] ALIGNED;
static int32_t integer_scales[VECTORS_MAX * COLUMNS_MAX / 32] ALIGNED;
static float bases[VECTORS_MAX];
/* Results go behind those of a first block, as in a step. */
static float results[2][VECTORS_MAX][2 * ENGINE_BLOCK_ROWS];

/* As engine_quantise_integers leaves them. */
static void
pair_up(uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 2)
        integers[i + 1] = (int16_t)(integers[i + 1] - 256 * integers[i]);
}

static int16_t
quant_of(const int16_t *paired, uint32_t i)
{
    return i % 2 ? engine_second_quant(paired + i - 1) : paired[i];
}

static void
fill(uint32_t columns)
{
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns; i++)
        quants[i] = (int8_t)tap_extreme(&state, -128, 127);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns / 32; i++)
        scales[i] = (float)tap_extreme(&state, 0, 4095);
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        integers[i] = (int16_t)tap_extreme(&state, -127, 127);
    pair_up(VECTORS_MAX * columns);
    for (uint32_t i = 0; i < VECTORS_MAX * columns / 32; i++)
        integer_scales[i] = tap_extreme(&state, 0, 4095);
    for (uint32_t v = 0; v < VECTORS_MAX; v++)
        bases[v] = ldexpf(1, -(int)v);
}

/* With `vectors` of them from `first` on. */
static void
run_kernel_from(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns, uint32_t first,
                uint32_t vectors, float out[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS])
{
    const struct engine_rows packed_rows = {.values = packed};
    const struct engine_vectors v = {.count = vectors,
                                     .columns = columns,
                                     .group = 32,
                                     .integers = integers + (size_t)first * columns,
                                     .integer_scales =
                                         integer_scales + (size_t)first * columns / 32,
                                     .bases = bases + first};
    float *pointers[VECTORS_MAX];
    for (uint32_t i = 0; i < VECTORS_MAX; i++)
        pointers[i] = out[i];
    memset(out, 0x55, sizeof results[0]);
    kernel->multiply(&packed_rows, ENGINE_BLOCK_ROWS, rows, &v, pointers);
}

static void
run_kernel(const struct engine_kernel *kernel, uint32_t rows, uint32_t columns, uint32_t vectors,
           float out[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS])
{
    run_kernel_from(kernel, rows, columns, 0, vectors, out);
}

static void
pack(uint32_t rows, uint32_t columns)
{
    const struct engine_rows from = {quants, scales, 32};
    CHECK(rows16_layouts[0].block_bytes(rows, columns) <= sizeof packed);
    memset(packed, 0x77, sizeof packed);
    rows16_layouts[0].pack(&from, rows, columns, packed);
}

/* Of the formats one will do: it is packed into the same. */
static bool
is_for_q8(const struct engine_kernel *kernel)
{
    return kernel->layout == &rows16_layouts[0];
}

/* All of this layout and the scalar one, on what is packed. */
static void
compare_kernels(uint32_t rows, uint32_t columns, uint32_t vectors)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    run_kernel(&rows16_scalar[0], rows, columns, vectors, results[0]);
    for (uint32_t k = 0; k < count; k++) {
        if (!is_for_q8(kernels[k]))
            continue;
        run_kernel(kernels[k], rows, columns, vectors, results[1]);
        bool same = memcmp(results[0], results[1], sizeof results[0]) == 0;
        if (!same)
            printf("# %s differs: %u rows, %u columns, %u vectors\n", kernels[k]->name, rows,
                   columns, vectors);
        CHECK(same);
    }
}

static void
each_kernel_is_bit_for_bit_the_scalar_one(void)
{
    static const uint32_t columns[] = {32, 64, 96, 288, 768, 2048, COLUMNS_MAX};
    static const uint32_t rows[] = {1, 15, 16, 17, 31, 32};
    for (size_t i = 0; i < sizeof columns / sizeof *columns * sizeof rows / sizeof *rows; i++) {
        fill(columns[i / 6]);
        pack(rows[i % 6], columns[i / 6]);
        compare_kernels(rows[i % 6], columns[i / 6], 1 + i % 5);
    }
}

static void fill_with_extremes(uint32_t columns, int8_t quant);

static void
each_kernel_takes_any_number_of_vectors(void)
{
    static const uint32_t rows[] = {5, 16, 27, 32};
    for (uint32_t vectors = 1; vectors <= VECTORS_MAX; vectors++)
        for (uint32_t i = 0; i < 8; i++) {
            fill(i < 4 ? 96 : 288);
            bases[i % vectors] = i % 2 ? NAN : 1; /* and that of a row */
            scales[0] = i % 3 ? NAN : 1;
            pack(rows[i % 4], i < 4 ? 96 : 288);
            compare_kernels(rows[i % 4], i < 4 ? 96 : 288, vectors);
        }
    for (uint32_t vectors = 1; vectors <= VECTORS_MAX; vectors++) {
        fill(2048);
        fill_with_extremes(2048, vectors % 2 ? -128 : 127);
        pack(32, 2048);
        compare_kernels(32, 2048, vectors);
    }
}

/* Each vector's results are those that it has alone, whoever is multiplied with it. */
static void
results_do_not_depend_on_the_other_vectors(void)
{
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    static float alone[VECTORS_MAX][2 * ENGINE_BLOCK_ROWS];
    fill(96);
    pack(27, 96);
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t first = 0; is_for_q8(kernels[k]) && first < VECTORS_MAX; first++) {
            run_kernel_from(kernels[k], 27, 96, first, 1, alone);
            for (uint32_t from = 0; from <= first; from++) {
                run_kernel_from(kernels[k], 27, 96, from, VECTORS_MAX - from, results[0]);
                CHECK_EQ(memcmp(results[0][first - from], alone[0], sizeof alone[0]), 0);
            }
        }
}

/* The definition, in 64 bits: what overflows 32, or a dot 16, shows here. */
static int64_t
sum_of_row(uint32_t r, uint32_t columns)
{
    uint32_t groups = columns / 32;
    int64_t sum = 0;
    for (uint32_t g = 0; g < groups; g++) {
        int64_t dot = 8;
        for (uint32_t i = g * 32; i < g * 32 + 32; i += 2) {
            int64_t pair = 0;
            for (uint32_t j = i; j < i + 2; j++) {
                int8_t quant = quants[r * columns + j];
                pair += (quant == -128 ? -127 : quant) * quant_of(integers, j);
            }
            dot += pair >> 4;
        }
        CHECK(dot >= INT16_MIN && dot <= INT16_MAX);
        sum += (((dot * (int64_t)scales[r * groups + g]) >> 12) * integer_scales[g]) >> 7;
    }
    return sum;
}

static void
fill_with_extremes(uint32_t columns, int8_t quant)
{
    memset(quants, quant, ENGINE_BLOCK_ROWS * columns);
    for (uint32_t i = 0; i < VECTORS_MAX * columns; i++)
        integers[i] = -127;
    pair_up(VECTORS_MAX * columns);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns / 32; i++)
        scales[i] = 4095;
    for (uint32_t g = 0; g < VECTORS_MAX * columns / 32; g++)
        integer_scales[g] = 4095;
}

static void
the_scalar_kernel_is_its_definition_and_never_overflows(void)
{
    uint32_t columns = COLUMNS_MAX;
    for (int round = 0; round < 3; round++) {
        fill(columns);
        if (round > 0)
            fill_with_extremes(columns, round == 1 ? -128 : 127);
        for (uint32_t r = 0; r < ENGINE_BLOCK_ROWS; r++)
            scales[r * (columns / 32)] = 4095; /* so that a scale is itself */
        pack(ENGINE_BLOCK_ROWS, columns);
        run_kernel(&rows16_scalar[0], ENGINE_BLOCK_ROWS, columns, 1, results[0]);
        for (uint32_t r = 0; r < ENGINE_BLOCK_ROWS; r++)
            CHECK(results[0][0][ENGINE_BLOCK_ROWS + r] == (float)sum_of_row(r, columns) * 0x1p23f);
    }
}

/* What attention uses; fine parts are at most half a quant. */
static void
each_kernel_for_attention_is_bit_for_bit_the_scalar_one(void)
{
    static const uint32_t groups[] = {1, 2, 3, 17, 64};
    static int16_t fine[VECTORS_MAX * COLUMNS_MAX];
    uint32_t count;
    const struct engine_kernel *const *kernels = engine_kernels(&count);
    for (size_t i = 0; i < 20 * sizeof groups / sizeof *groups; i++) {
        int32_t expected[16], out[16];
        uint32_t n = groups[i / 20];
        for (uint32_t j = 0; j < n * 32; j++)
            integers[j] = (int16_t)tap_extreme(&state, -64, 64);
        pair_up(n * 32);
        memcpy(fine, integers, n * 32 * sizeof *fine);
        fill(n * 32);
        pack(16, n * 32);
        rows16_scalar[0].sums(packed, integers, fine, integer_scales, n, expected);
        for (uint32_t k = 0; k < count; k++) {
            memset(out, 0x55, sizeof out);
            if (kernels[k]->sums != NULL)
                kernels[k]->sums(packed, integers, fine, integer_scales, n, out);
            CHECK(kernels[k]->sums == NULL || memcmp(out, expected, sizeof out) == 0);
        }
    }
}

/* The definition, in 64 bits: what overflows shows here. */
static void
the_scalar_kernel_for_attention_is_its_definition(void)
{
    static int16_t fine[32];
    for (int round = 0; round < 2000; round++) {
        int32_t out[16];
        fill(32);
        for (uint32_t j = 0; j < 32; j++)
            fine[j] = (int16_t)tap_extreme(&state, -64, 64);
        for (uint32_t j = 1; j < 32; j += 2)
            fine[j] = (int16_t)(fine[j] - 256 * fine[j - 1]);
        if (round == 0)
            fill_with_extremes(32, 127);
        pack(16, 32);
        rows16_scalar[0].sums(packed, integers, fine, integer_scales, 1, out);
        for (uint32_t r = 0; r < 16; r++) {
            int64_t dot = 0;
            for (uint32_t i = 0; i < 32; i += 2) {
                int64_t part = 0;
                for (uint32_t j = i; j < i + 2; j++) {
                    int8_t quant = quants[r * 32 + j] == -128 ? -127 : quants[r * 32 + j];
                    dot += quant * quant_of(integers, j);
                    part += quant * quant_of(fine, j);
                }
                dot += (part + 64) >> 7;
            }
            CHECK_EQ(out[r], (dot * integer_scales[0]) >> 11);
        }
    }
}

static void
packed_rows_are_those_of_the_file(void)
{
    uint32_t columns = 288;
    float row[288];
    fill(columns);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * columns / 32; i++)
        scales[i] = (float)tap_extreme(&state, -3000, 3000) * 1e-4f;
    pack(20, columns);
    for (uint32_t r = 0; r < 20; r++) {
        float most = 0;
        for (uint32_t g = 0; g < 9; g++)
            most = fmaxf(most, fabsf(scales[r * 9 + g]));
        rows16_q8_expand(&(struct engine_rows){.values = packed}, r, columns, 32, row);
        for (uint32_t i = 0; i < columns; i++) {
            float scale = scales[r * 9 + i / 32], expected = quants[r * columns + i] * scale;
            float bound = 127 * most / 4095 * 1.001f + (scale < 0 ? -scale : scale);
            CHECK(fabsf(row[i] - expected) <= bound);
        }
    }
}

/* llama2.c's tools make groups of 64 where the model is wide enough. */
static void
longer_groups_are_packed_as_groups_of_32_with_one_scale(void)
{
    static uint8_t expected[8192] ALIGNED;
    float shared[ENGINE_BLOCK_ROWS * 2];
    struct engine_rows rows = {quants, shared, 64};
    fill(128);
    for (uint32_t i = 0; i < ENGINE_BLOCK_ROWS * 4; i++)
        shared[i / 2] = scales[i & ~1u], scales[i] = scales[i & ~1u];
    CHECK(rows16_layouts[0].block_bytes(20, 128) <= sizeof expected);
    rows16_layouts[0].pack(&rows, 20, 128, expected);
    pack(20, 128);
    CHECK_EQ(memcmp(packed, expected, rows16_layouts[0].block_bytes(20, 128)), 0);
}

static void
scales_that_are_no_numbers_stay_in_their_row(void)
{
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        fill(64);
        scales[2 * 3 + 1] = bad[i]; /* of row 3 */
        pack(16, 64);
        run_kernel(&rows16_scalar[0], 16, 64, 1, results[0]);
        for (uint32_t r = 0; r < 16; r++)
            CHECK_EQ(isnan(results[0][0][ENGINE_BLOCK_ROWS + r]) != 0, r == 3);
    }
}

static void
rows_of_zeros_are_zero(void)
{
    fill(64);
    memset(scales, 0, sizeof scales);
    pack(16, 64);
    run_kernel(&rows16_scalar[0], 16, 64, 1, results[0]);
    for (uint32_t r = 0; r < 16; r++)
        CHECK(results[0][0][ENGINE_BLOCK_ROWS + r] == 0);
}

static void
integers_of_a_vector_are_as_near_as_is_said(void)
{
    float values[288], base;
    for (int round = 0; round < 2000; round++) {
        float most = 0;
        for (int i = 0; i < 288; i++) {
            float size = (i / 32 % 3 == 0) ? 1e-4f : 10.0f;
            values[i] = size * ((float)tap_random(&state, 20001) / 10000.0f - 1);
            most = fmaxf(most, fabsf(values[i]));
        }
        engine_quantise_integers(values, 288, integers, integer_scales, &base);
        for (int i = 0; i < 288; i++) {
            float group = 0;
            for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++)
                group = fmaxf(group, fabsf(values[j]));
            CHECK(abs(quant_of(integers, (uint32_t)i)) <= 127);
            CHECK(integer_scales[i / 32] >= 0 && integer_scales[i / 32] <= 4095);
            float quant = quant_of(integers, (uint32_t)i);
            float error = fabsf(quant * (float)integer_scales[i / 32] * base - values[i]);
            CHECK(error <= (group + most / 2047) / 200);
        }
    }
}

static void
vectors_of_zeros_and_of_no_numbers_are_taken(void)
{
    float values[32] = {0}, base;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK(base == 0 && integers[5] == 0 && integer_scales[0] == 0);
    values[4] = 2;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK_EQ(integers[3], 0);
    CHECK_EQ(integers[4], 127);
    for (int i = 0; i < 2; i++) {
        values[3] = i ? NAN : -INFINITY;
        engine_quantise_integers(values, 32, integers, integer_scales, &base);
        CHECK(isnan(base) && integers[4] == 0);
    }
    values[3] = 0x1p58f;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK(base > 0 && quant_of(integers, 3) == 127);
    values[3] = 0x1p59f;
    engine_quantise_integers(values, 32, integers, integer_scales, &base);
    CHECK(isnan(base));
}

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
    TAP(each_kernel_is_bit_for_bit_the_scalar_one),
    TAP(each_kernel_takes_any_number_of_vectors),
    TAP(results_do_not_depend_on_the_other_vectors),
    TAP(the_scalar_kernel_is_its_definition_and_never_overflows),
    TAP(each_kernel_for_attention_is_bit_for_bit_the_scalar_one),
    TAP(the_scalar_kernel_for_attention_is_its_definition),
    TAP(packed_rows_are_those_of_the_file),
    TAP(longer_groups_are_packed_as_groups_of_32_with_one_scale),
    TAP(scales_that_are_no_numbers_stay_in_their_row),
    TAP(rows_of_zeros_are_zero),
    TAP(integers_of_a_vector_are_as_near_as_is_said),
    TAP(vectors_of_zeros_and_of_no_numbers_are_taken),
    TAP(logits_of_a_15m_shape_in_integers_are_near_those_of_double_precision),
    TAP(keys_and_values_in_8_bits_move_logits_little),
    TAP(steps_in_integers_do_not_depend_on_the_kernel_or_the_batch),
    TAP(tensors_with_kernels_of_different_forms_share_a_vector),
    TAP(every_kernel_that_fits_is_tried_and_one_is_chosen),
};
TAP_MAIN(tests)
