/*
 * Kernels in a table of the test's own, with a clock of theirs. Wrong ones: the fastest has one
 * wrong bit in the integer sum of one row; it is dropped, llmd says so, and texts are what they
 * were. And right ones that are as slow as they ever were: choosing takes no longer than it may.
 */
#include "rows16.h"

#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "random_model.h"
#include "tap.h"

#define STEPS       24
#define WORDS       301
#define TABLE_MAX   6
#define ARENA_BYTES ((size_t)16 << 20)
#define LOG_BYTES   4096

/* tests/engine/built_kernels.c */
const struct engine_kernel *const *built_kernels(uint32_t *count);

/* --- The table -------------------------------------------------------------------------------- */

static uint64_t ticks; /* of a clock that the kernels of the table push on */
static const struct engine_kernel *table[TABLE_MAX];
static uint32_t table_count;

const struct engine_kernel *const *
engine_kernels(uint32_t *count)
{
    *count = table_count;
    return table;
}

static const struct engine_kernel *
built(const char *name)
{
    uint32_t count, i = 0;
    const struct engine_kernel *const *kernels = built_kernels(&count);
    while (i < count && strcmp(kernels[i]->name, name) != 0)
        i++;
    CHECK(i < count);
    return kernels[i];
}

static void
multiply_slowly(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out)
{
    ticks += 10000;
    built("scalar-int-q8")->multiply(rows, first_row, row_count, vectors, out);
}

static void
multiply_faster(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                const struct engine_vectors *vectors, float *const *out)
{
    ticks += 1000;
    built("lanes-int16-q8")->multiply(rows, first_row, row_count, vectors, out);
}

static void
multiply_fast(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
              const struct engine_vectors *vectors, float *const *out)
{
    ticks += 100;
    built("lanes-int16-q8")->multiply(rows, first_row, row_count, vectors, out);
}

/* The last vector's first row. */
static void
multiply_fast_and_wrong(const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
                        const struct engine_vectors *vectors, float *const *out)
{
    uint32_t last = vectors->count - 1;
    const struct rows16_group *groups = rows->values;
    const float *bases = (const void *)&groups[vectors->columns / ROWS16_GROUP];
    float unit = bases[0] * vectors->bases[last] * 0x1p23f, *at = &out[last][first_row];
    _Static_assert(ROWS16_UNIT_BITS == 23, "a sum of 1 is that much");
    multiply_fast(rows, first_row, row_count, vectors, out);
    *at = (float)((int32_t)(*at / unit) ^ 1) * unit;
}

/* The layout's scalar kernel comes first, as in every table. */
static struct engine_kernel slow, faster, fast;

static void
fill_table(bool fast_is_wrong, bool with_faster)
{
    slow = faster = fast = *built("scalar-int-q8");
    slow.multiply = multiply_slowly;
    faster.name = "faster-int16-q8";
    faster.multiply = multiply_faster;
    fast.name = "fast-int16-q8";
    fast.multiply = fast_is_wrong ? multiply_fast_and_wrong : multiply_fast;
    table[0] = &slow;
    table[1] = &fast;
    table[2] = &faster;
    table_count = with_faster ? 3 : 2;
}

/* --- A text ----------------------------------------------------------------------------------- */

static char lines[LOG_BYTES]; /* that llmd says */

static void
keep_line(const char *line)
{
    size_t used = strlen(lines);
    snprintf(lines + used, sizeof lines - used, "%s\n", line);
}

static uint64_t
now_ns(void *context)
{
    (void)context;
    return ticks += 1;
}

/* What a choice led to. */
struct text {
    struct kernels kernels;
    uint32_t words[STEPS];
    float logits[WORDS]; /* behind the last one */
};

static void
write_text(struct text *text, const struct engine_model *model, const struct engine_source *source,
           struct engine_arena *arena)
{
    const struct engine_options options = {.kernels = text->kernels.of_tensor,
                                           .attention = text->kernels.attention};
    struct engine *engine;
    struct engine_sequence sequence;
    uint32_t token = 1;
    CHECK_EQ(engine_open(&engine, model, source, &options, arena, NULL), 0);
    engine_sequence_begin(&sequence, STEPS,
                          engine_arena_take(arena, 1, engine_sequence_bytes(engine, STEPS)));
    for (uint32_t i = 0; i < STEPS; i++) {
        struct engine_item item = {&sequence, &token, 1, text->logits};
        CHECK_EQ(engine_step(engine, &item, 1, NULL), 0);
        text->words[i] = token = engine_greedy(text->logits, WORDS);
    }
}

/* The text of a small model, with what is chosen of the table; `at`: with this one of it at once.
 */
static void
make_text(struct text *text, const char *forced, const struct engine_kernel *at)
{
    static const struct random_shape shape = {64, 96, 2, 4, 2, WORDS, STEPS, true};
    const struct engine_machine machine = {.now_ns = now_ns};
    size_t bytes;
    uint8_t *plain = random_model(&shape, 42, &bytes);
    uint8_t *file = random_model_quantised(plain, 32, &bytes);
    struct engine_arena arena = {aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    struct engine_model model;
    struct engine_packed packed;
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, &arena, NULL), 0);
    struct engine_mapping mapping = {file, bytes};
    struct engine_source mapped = engine_mapping_source(&mapping), source;
    memset(text, 0, sizeof *text);
    CHECK(kernels_choose(&text->kernels, &model, &machine, forced, NULL));
    for (uint32_t i = 0; at != NULL && i < model.tensor_count; i++)
        if (text->kernels.of_tensor[i]->layout == at->layout)
            text->kernels.of_tensor[i] = at;
    CHECK_EQ(engine_pack(&packed, &model, &mapped, text->kernels.of_tensor, &arena, NULL), 0);
    source = engine_packed_source(&packed);
    write_text(text, &model, &source, &arena);
    lines[0] = '\0';
    kernels_report(&text->kernels, "llmd", keep_line);
    free(text->kernels.of_tensor);
    free(arena.base);
    free(file);
    free(plain);
}

static bool
is_chosen(const struct text *text, const char *name)
{
    uint32_t chosen = 0, of_name = 0;
    for (uint32_t i = 0; i < text->kernels.trial_count; i++) {
        const struct engine_trial *trial = &text->kernels.trials[i];
        chosen += trial->chosen;
        of_name += trial->chosen && strcmp(trial->kernel->name, name) == 0;
        CHECK_EQ(trial->differs, trial->kernel->multiply == multiply_fast_and_wrong);
    }
    return of_name > 0 && of_name == chosen;
}

static bool
are_same(const struct text *a, const struct text *b)
{
    return memcmp(a->words, b->words, sizeof a->words) == 0 &&
           memcmp(a->logits, b->logits, sizeof a->logits) == 0;
}

static struct text right, other;

/* Of the layout, by its scalar kernel. */
static void
make_right_text(void)
{
    fill_table(false, true);
    make_text(&right, "scalar-int", NULL);
    CHECK(is_chosen(&right, "scalar-int-q8"));
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void
the_fastest_kernel_is_chosen_when_it_is_right(void)
{
    make_right_text();
    make_text(&other, NULL, NULL);
    CHECK(is_chosen(&other, "fast-int16-q8"));
    CHECK(are_same(&other, &right));
    CHECK(strstr(lines, "differs") == NULL);
}

/* Or the tests below would show nothing. */
static void
one_wrong_bit_would_be_seen_in_a_text(void)
{
    make_right_text();
    fill_table(true, true);
    make_text(&other, NULL, &fast);
    CHECK(!are_same(&other, &right));
}

static void
a_kernel_with_one_wrong_bit_is_dropped_and_named_and_the_text_is_right(void)
{
    make_right_text();
    fill_table(true, true);
    make_text(&other, NULL, NULL);
    CHECK(is_chosen(&other, "faster-int16-q8"));
    CHECK(are_same(&other, &right));
    CHECK(strstr(lines, "llmd: kernel fast-int16-q8, 64 columns: 0.00 GMAC/s: differs from the "
                        "scalar one, not used\n") != NULL);
    CHECK(strstr(lines, "llmd: kernel fast-int16-q8, 96 columns: 0.00 GMAC/s: differs from the "
                        "scalar one, not used\n") != NULL);
    CHECK(strstr(lines, "kernel faster-int16-q8, 64 columns") != NULL);
    CHECK(strstr(lines, "reference") == NULL);
}

static void
where_every_other_kernel_is_wrong_the_scalar_one_computes(void)
{
    make_right_text();
    fill_table(true, false);
    make_text(&other, NULL, NULL);
    CHECK(is_chosen(&other, "scalar-int-q8"));
    CHECK(are_same(&other, &right));
}

static void
a_wrong_kernel_that_is_forced_leaves_the_reference_and_llmd_says_so(void)
{
    fill_table(true, true);
    make_text(&right, "abacus", NULL);
    CHECK_EQ(right.kernels.trial_count, 0);
    CHECK(strstr(lines, "llmd: kernel reference: this machine and these weights fit no abacus\n") !=
          NULL);
    make_text(&other, "fast-int16", NULL);
    CHECK_EQ(other.kernels.trial_count, 2);
    CHECK(!is_chosen(&other, "fast-int16-q8"));
    CHECK(other.kernels.attention == NULL);
    CHECK(are_same(&other, &right));
    CHECK(strstr(lines, "kernel fast-int16-q8, 64 columns: 0.00 GMAC/s: differs from the scalar "
                        "one, not used\n") != NULL);
    CHECK(strstr(lines, "llmd: kernel reference, 64 columns: no other one is left\n") != NULL);
    CHECK(strstr(lines, "llmd: kernel reference, 96 columns: no other one is left\n") != NULL);
}

/* --- How long it takes ------------------------------------------------------------------------
 */

#define CHOICE_MAX_US 50000

/* Millions of products a second, of the emulated machine on a busy host: the slowest seen there. */
enum rate { SCALAR = 130, DOT = 1200, BEST = 2700, SECOND = 2500 };

static void
multiply_at(enum rate rate, const struct engine_rows *rows, uint32_t first_row, uint32_t row_count,
            const struct engine_vectors *vectors, float *const *out)
{
    ticks += (uint64_t)row_count * vectors->columns * vectors->count * 1000 / rate;
    built("lanes-int16-q8")->multiply(rows, first_row, row_count, vectors, out);
}

#define MULTIPLY_AT(rate)                                                                    \
    static void multiply_at_##rate(const struct engine_rows *rows, uint32_t first_row,       \
                                   uint32_t row_count, const struct engine_vectors *vectors, \
                                   float *const *out)                                        \
    {                                                                                        \
        multiply_at(rate, rows, first_row, row_count, vectors, out);                         \
    }
MULTIPLY_AT(SCALAR)
MULTIPLY_AT(DOT)
MULTIPLY_AT(BEST)
MULTIPLY_AT(SECOND)

/* As many kernels as any format has, of which two are scalar ones. */
static void
fill_table_with_slow_ones(void)
{
    static struct engine_kernel all[TABLE_MAX];
    table_count = TABLE_MAX;
    for (uint32_t i = 0; i < TABLE_MAX; i++) {
        all[i] = *built("scalar-int-q8");
        all[i].multiply = multiply_at_DOT;
        table[i] = &all[i];
    }
    all[0].multiply = all[2].multiply = multiply_at_SCALAR;
    all[1].multiply = multiply_at_SECOND;
    all[5].multiply = multiply_at_BEST;
}

static void
choosing_is_over_within_its_time(void)
{
    static const uint32_t columns[][2] = {{288, 768}, {2048, 5632}};
    const struct engine_machine machine = {.now_ns = now_ns};
    fill_table_with_slow_ones();
    for (int i = 0; i < 2; i++) {
        struct engine_tensor tensors[2] = {{.rows = 64, .columns = columns[i][0], .group = 32},
                                           {.rows = 64, .columns = columns[i][1], .group = 32}};
        tensors[0].format = tensors[1].format = ENGINE_Q8_SPLIT;
        tensors[1].index = 1;
        const struct engine_model model = {.tensors = tensors, .tensor_count = 2};
        struct kernels kernels;
        CHECK(kernels_choose(&kernels, &model, &machine, NULL, NULL));
        printf("# %u and %u columns: %llu us\n", columns[i][0], columns[i][1],
               (unsigned long long)kernels.choice_us);
        CHECK_EQ(kernels.trial_count, 2 * TABLE_MAX);
        CHECK(kernels.of_tensor[0] == table[5] && kernels.of_tensor[1] == table[5]);
        CHECK(kernels.choice_us < CHOICE_MAX_US);
        free(kernels.of_tensor);
    }
}

static void
metrics_count_what_was_dropped(void)
{
    static char memory[METRICS_BYTES];
    for (int wrong = 0; wrong < 2; wrong++) {
        struct metrics_text text = {memory, sizeof memory};
        fill_table(wrong != 0, true);
        make_text(&other, NULL, NULL);
        kernels_count(&text, &other.kernels);
        CHECK(strstr(memory, wrong ? "\nllmd_kernels_differ 2\n" : "\nllmd_kernels_differ 0\n") !=
              NULL);
        CHECK(strstr(memory, wrong ? "{kernel=\"fast-int16-q8\",columns=\"64\",chosen=\"0\"} 0"
                                   : "{kernel=\"fast-int16-q8\",columns=\"64\",chosen=\"1\"} ") !=
              NULL);
    }
}

static const struct tap_test tests[] = {
    TAP(the_fastest_kernel_is_chosen_when_it_is_right),
    TAP(one_wrong_bit_would_be_seen_in_a_text),
    TAP(a_kernel_with_one_wrong_bit_is_dropped_and_named_and_the_text_is_right),
    TAP(where_every_other_kernel_is_wrong_the_scalar_one_computes),
    TAP(a_wrong_kernel_that_is_forced_leaves_the_reference_and_llmd_says_so),
    TAP(metrics_count_what_was_dropped),
    TAP(choosing_is_over_within_its_time),
};
TAP_MAIN(tests)
